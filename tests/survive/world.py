"""A small company that lives through anything: its applications with faults, by seed, and what was
said to the engine, kept a second time so that it is judged by something else than itself.

What happens in it: `lives` (people), `office` and `keepers` (administrators),
`strangers` (in applications).
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tenure.applications.models import Application, Entitlement
from tenure.connectors import faults as f
from tenure.connectors.base import Rejected, Unsupported
from tenure.connectors.memory import MemoryApplication, MemoryUser
from tenure.people.models import Company, Person, PlanMode
from tests.survive import truth
from tests.survive.claims import Claim
from tests.survive.watching import READS, WRITES, Target, is_theirs

Event = Callable[[], None]

#: Days before clocks change in Europe and in Chile, in spring and in autumn.
STARTS = (
    datetime(2026, 3, 26, 20, tzinfo=UTC),
    datetime(2026, 4, 2, 22, tzinfo=UTC),
    datetime(2026, 10, 22, 5, tzinfo=UTC),
)
DEPARTMENTS = ("Sales", "Engineering", "Support", "Finance")
ZONES = ("UTC", "Europe/Berlin", "Pacific/Kiritimati", "America/Santiago")
GROUPS = ("group:all", "group:sales", "group:tech")
MAPPING = {
    "userName": "user.email",
    "displayName": "user.display_name",
    "title": 'has(user.title) ? user.title : ""',
}
#: Faults that a person has to do something about.
_BY_HAND = f.Fault(lambda: Unsupported("Not by us.", "Do it there."))
_REFUSED = f.Fault(lambda: Rejected("The application refuses this today."))


class World:
    """Everything that exists. `slow`: applications take their time, one request after the other, so
    that much is still to come whenever something happens. `lossy`: many removals get lost, and what
    became of them can be known. `told`: what happened, for whoever reads of a failure. `claims`:
    what workers took in hand."""

    def __init__(self, seed: int, *, slow: bool = False, lossy: bool = False) -> None:
        self.seed, self.slow, self.lossy = seed, slow, lossy
        self.random = random.Random(seed)
        self.targets: dict[str, Target] = {}
        self.rules: dict[str, truth.Rule] = {}
        self.groups: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
        self.timeline = truth.Timeline()
        self.numbers = 0
        self.told: list[str] = []
        self.claims: list[Claim] = []

    def begin(self) -> None:
        dice = self.random
        mode = dice.choice([PlanMode.REVIEW, PlanMode.AUTOMATIC])
        grace = dice.choice([None, None, None, timedelta(days=1)])
        Company.objects.update_or_create(pk=1, defaults={"plan_mode": mode, "leaver_grace": grace})
        slugs = ("mail", "chat", "wiki")[: dice.choice([1, 2, 2, 3])]
        for slug in slugs:
            needs = ["mail"] if slug != "mail" and dice.random() < 0.3 else []
            self.make_application(slug, needs)
        self.told.append(f"mode {mode}, grace {grace}")

    def look(self) -> truth.Truth:
        """What is said now; kept when it was last said otherwise."""
        self.timeline.add(truth.look(self.rules, self.groups))
        return self.timeline.last

    def make_application(self, slug: str, requires: list[str]) -> None:
        """One that is connected, run and broken as the seed says."""
        dice = self.random
        memory = MemoryApplication.named(f"{slug}-{uuid.uuid4().hex}")
        target = self.targets[slug] = Target(slug, memory)
        memory.unique = dice.random() < 0.6
        memory.shown_after = dice.choice([0.0, 0.0, 2.0])
        # Several changes in one request, in some.
        bulk = random.Random(f"{self.seed} {slug}").choice([0, 0, 2, 100])
        removal = dice.choice(["disable", "disable", "disable", "delete", "delete", "keep"])
        later = [None, timedelta(hours=1), timedelta(days=2)] if removal == "disable" else [None]
        limit = dice.choice([{"percent": 100, "floor": 100}, {"percent": 10, "floor": 1}])
        row = Application.objects.create(
            slug=slug,
            name=slug.title(),
            connector="memory",
            settings={
                "name": memory.name,
                "page_size": dice.choice([2, 100]),
                "bulk": bulk,
                "sessions": dice.random() < 0.3,
            },
            mapping=[{"attribute": a, "expression": e} for a, e in MAPPING.items()],
            matching=[{"account": "userName", "person": "email"}] if memory.unique else [],
            limits={"concurrency": 1 if self.slow else dice.choice([1, 4, 16])},
            mode="live",
            guard={"removals": limit},
            removal=removal,
            delete_after=dice.choice(later),
            leave=dice.choice(["keep", "disable", "free"]),
            lead=dice.choice([timedelta(0), timedelta(days=2)]),
            closed_ahead=dice.random() < 0.3,
            requires=requires,
            recreate=dice.choice(["ask", "always", "never"]),
            orphans=dice.choice(["report", "report", "disable", "delete"]),
            on_rename=dice.choice(["change", "change", "keep"]),
            transfer_to=dice.choice(["", "", "manager"]) if removal != "keep" else "",
            drift=dice.choice(
                [{}, {}, {"default": "keep"}, {"title": "report"}, {"entitlements": "keep"}]
            ),
        )
        for key in GROUPS:
            kind, _, name = key.partition(":")
            Entitlement.objects.create(application=row, kind=kind, name=name, key=key)
        self._weather(target)
        self.told.append(
            f"{slug}: removal {row.removal} after {row.delete_after}, leave {row.leave}, lead "
            f"{row.lead}, ahead {row.closed_ahead}, requires {requires}, recreate {row.recreate}, "
            f"orphans {row.orphans}, rename {row.on_rename}, transfer {row.transfer_to!r}, "
            f"drift {row.drift}, bulk {bulk}, guard {limit}"
        )

    def _weather(self, target: Target) -> None:
        """How often what goes wrong."""
        dice = self.random
        plan = target.memory.faults
        plan._random.seed(dice.random())
        often = dice.choice([0.0, 0.02, 0.06, 0.12])
        if self.lossy:
            for fault in (f.lost_before(), f.timeout(30.0), f.retry_later()):
                for verb in ("disable", "bulk"):
                    plan.sometimes(verb, 0.25, fault)
        kinds = [
            (WRITES, f.lost_before()),
            (WRITES, f.lost_after()),
            (WRITES, f.timeout(30.0)),
            (WRITES, f.timeout(30.0, after=True)),
            (WRITES, f.retry_later()),
            (WRITES, f.retry_later(after=float(dice.randint(1, 90)))),
            (READS, f.retry_later()),
            (READS, f.retry_later(after=3.0)),
            (READS, f.slow(10.0)),
            (WRITES, f.stopped()),
            (("update", "enable", "disable", "delete", "change_members"), _REFUSED),
            (("disable", "delete", "transfer", "change_members"), _BY_HAND),
        ]
        for verbs, fault in dice.sample(kinds, dice.randint(2, len(kinds))):
            for verb in verbs:
                plan.sometimes(verb, often, fault)
        if dice.random() < 0.2 and not self.lossy:
            target.honest = False
            for verb in WRITES:
                seconds = float(dice.choice([1, 10, 100]))
                if verb == "create" and not target.memory.unique:
                    # Nobody can tell one that is made minutes late from one that never is.
                    seconds = min(seconds, 30.0)
                plan.sometimes(verb, often, f.late(seconds))
        if dice.random() < 0.3 and not self.lossy:
            target.honest = False
            plan.sometimes("find", 0.5, f.blind())
        plan.sometimes(f.ANY, 0.1, f.slow(0.7))
        pace = dice.choice([0.5, 2.0] if self.slow else [0.05, 0.05, 0.5, 2.0])
        plan.sometimes(f.ANY, 1.0, f.slow(pace))
        self.told.append(
            f"{target.slug}: faults {often}, pace {pace}, unique {target.memory.unique}, "
            f"shown after {target.memory.shown_after}, honest {target.honest}"
        )

    def clear_weather(self) -> None:
        """Nothing goes wrong any more, except that everything takes its time."""
        for target in self.targets.values():
            target.memory.faults.clear()
            target.memory.faults.sometimes(f.ANY, 1.0, f.slow(0.05))

    def accounts(self, person: Person, slug: str) -> list[MemoryUser]:
        """Every account there that is this person's, by any mark."""
        users = self.targets[slug].memory.users.values()
        return [user for user in users if is_theirs(user, str(person.uid), person.email)]
