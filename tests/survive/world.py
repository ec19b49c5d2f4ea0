"""A small company that lives through anything: people, rules and applications with faults, by seed.

What HR says and what rules give is kept here a second time, in plain Python, so that what the
applications hold in the end is judged by something else than the engine.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db import transaction

from tenure.applications.models import Application, Entitlement
from tenure.connectors import faults as f
from tenure.connectors.memory import MemoryApplication, MemoryUser
from tenure.core.model import LifecycleState
from tenure.infra.clock import now
from tenure.people.models import Company, Person, PlanMode
from tenure.people.services import raise_generation, restand
from tenure.provisioning import services
from tenure.rules.services import RuleDefinition, save_rule

#: Three days before clocks change in Europe.
START = datetime(2026, 3, 26, 20, tzinfo=UTC)
DEPARTMENTS = ("Sales", "Engineering", "Support", "Finance")
ZONES = ("UTC", "Europe/Berlin", "Pacific/Kiritimati", "America/Santiago")
GROUPS = ("group:all", "group:sales", "group:tech")
WRITES = ("create", "update", "disable", "enable", "delete", "change_members", "bulk")
READS = ("read", "find", "accounts", "entitlements")
MAPPING = {
    "userName": "user.email",
    "displayName": "user.display_name",
    "title": 'has(user.title) ? user.title : ""',
}


@dataclass
class Target:
    """One application, and how it goes wrong."""

    slug: str
    memory: MemoryApplication
    #: The engine can know everything without listing it: nobody changes it behind our back, no
    #: write lands after it was given up, and searches see what is there.
    honest: bool = True
    #: Entries of the history that are not ours.
    theirs: set[int] = field(default_factory=set)
    orphans: set[str] = field(default_factory=set)

    @property
    def taken(self) -> set[str]:
        """Remote ids of what somebody else deleted there."""
        history = self.memory.history
        return {history[n].remote_id for n in self.theirs if history[n].what == "deleted"}

    def by_them(self, act: Callable[[], object]) -> None:
        """Something is done there by somebody else."""
        before = len(self.memory.history)
        act()
        self.theirs |= set(range(before, len(self.memory.history)))
        self.honest = False


class World:
    """Everything that exists, and everything that can happen to it."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.targets: dict[str, Target] = {}
        self.rules: dict[str, tuple[set[str], dict[str, set[str]]]] = {}
        self.numbers = 0
        self.told: list[str] = []

    def begin(self) -> None:
        dice = self.random
        mode = dice.choice([PlanMode.REVIEW, PlanMode.AUTOMATIC])
        Company.objects.update_or_create(pk=1, defaults={"plan_mode": mode})
        for slug in ("mail", "chat")[: dice.choice([1, 2, 2])]:
            self._application(slug)
        self.edit_rule()
        self.edit_rule()
        for _ in range(dice.randint(3, 6)):
            self.join()
        self.told.append(f"mode {mode}")

    def _application(self, slug: str) -> None:
        dice = self.random
        memory = MemoryApplication.named(f"{slug}-{uuid.uuid4().hex}")
        target = self.targets[slug] = Target(slug, memory)
        memory.unique = dice.random() < 0.6
        memory.shown_after = dice.choice([0.0, 0.0, 2.0])
        # Several changes in one request, in some.
        bulk = random.Random(f"{self.seed} {slug}").choice([0, 0, 2, 100])
        limit = dice.choice([{"percent": 100, "floor": 100}, {"percent": 10, "floor": 1}])
        row = Application.objects.create(
            slug=slug,
            name=slug.title(),
            connector="memory",
            settings={
                "name": memory.name,
                "page_size": dice.choice([2, 100]),
                "bulk": bulk,
            },
            mapping=[{"attribute": a, "expression": e} for a, e in MAPPING.items()],
            limits={"concurrency": dice.choice([1, 4, 16])},
            mode="live",
            guard={"removals": limit},
            removal=dice.choice(["disable", "disable", "delete"]),
            delete_after=dice.choice([None, timedelta(hours=1), timedelta(days=2)]),
            leave=dice.choice(["keep", "disable"]),
            lead=dice.choice([timedelta(0), timedelta(days=2)]),
        )
        for key in GROUPS:
            kind, _, name = key.partition(":")
            Entitlement.objects.create(application=row, kind=kind, name=name, key=key)
        self._weather(target)

    def _weather(self, target: Target) -> None:
        """How often what goes wrong."""
        dice = self.random
        plan = target.memory.faults
        plan._random.seed(dice.random())
        often = dice.choice([0.0, 0.02, 0.06, 0.12])
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
        ]
        for verbs, fault in dice.sample(kinds, dice.randint(2, len(kinds))):
            for verb in verbs:
                plan.sometimes(verb, often, fault)
        if dice.random() < 0.2:
            target.honest = False
            for verb in WRITES:
                seconds = float(dice.choice([1, 10, 100]))
                if verb == "create" and not target.memory.unique:
                    # Nobody can tell one that is made minutes late from one that never is.
                    seconds = min(seconds, 30.0)
                plan.sometimes(verb, often, f.late(seconds))
        if dice.random() < 0.3:
            target.honest = False
            plan.sometimes("find", 0.5, f.blind())
        plan.sometimes(f.ANY, 0.1, f.slow(0.7))
        plan.sometimes(f.ANY, 1.0, f.slow(0.05))
        self.told.append(
            f"{target.slug}: faults {often}, unique {target.memory.unique}, "
            f"shown after {target.memory.shown_after}, honest {target.honest}"
        )

    # What HR says.

    def join(self) -> None:
        self.numbers += 1
        number, dice = self.numbers, self.random
        person = Person(
            employee_number=str(number),
            start_date=(now() + timedelta(days=dice.choice([-100, -100, 0, 1, 3]))).date(),
            time_zone=dice.choice(ZONES),
        )
        self._say(
            person,
            email=f"p{number}@acme.example",
            display_name=f"Person {number}",
            department=dice.choice(DEPARTMENTS),
        )
        person.save()

    def move(self) -> None:
        dice = self.random
        self._with_somebody(
            lambda person: self._say(
                person, department=dice.choice(DEPARTMENTS), title=f"Title {dice.randint(1, 9)}"
            )
        )

    def rename(self) -> None:
        word = uuid.UUID(int=self.random.getrandbits(128)).hex[:8]

        def marry(person: Person) -> None:
            self._say(person, email=f"p{word}@acme.example", display_name=f"Person {word}")

        self._with_somebody(marry)

    def leave(self) -> None:
        days = self.random.randint(0, 3)

        def end(person: Person) -> None:
            last = (now() + timedelta(days=days)).date()
            if person.start_date is None or person.start_date <= last:
                person.end_date = last

        self._with_somebody(end)

    def leave_unsaid(self) -> None:
        self._with_somebody(lambda person: setattr(person, "ended_by_source_at", now()))

    def terminate(self) -> None:
        key = self._somebody()
        if key is not None:
            services.terminate_now(Person.objects.get(pk=key), reason="simulated")

    def rehire(self) -> None:
        def again(person: Person) -> None:
            person.end_date = person.terminated_at = person.ended_by_source_at = None

        self._with_somebody(again, gone=True)

    def absent(self) -> None:
        name = self.random.choice(["on_leave", "suspended"])
        self._with_somebody(lambda person: setattr(person, name, not getattr(person, name)))

    # What administrators do.

    def edit_rule(self) -> None:
        dice = self.random
        slug = dice.choice(["one", "two", "three"])
        departments = set(dice.sample(DEPARTMENTS, dice.randint(1, 4)))
        gives = {
            target: set(dice.sample(GROUPS, dice.randint(0, 3)))
            for target in self.targets
            if dice.random() < 0.7
        }
        self.rules[slug] = (departments, gives)
        listed = ", ".join(f'"{name}"' for name in sorted(departments))
        definition = RuleDefinition(
            slug=slug,
            name=slug.title(),
            condition=f"user.department in [{listed}]",
            gives={target: sorted(keys) for target, keys in gives.items()},
        )
        save_rule(definition=definition)

    def edit_policy(self) -> None:
        dice = self.random
        with transaction.atomic():
            Application.objects.filter(slug=dice.choice(list(self.targets))).update(
                removal=dice.choice(["disable", "delete"]),
                delete_after=dice.choice([None, timedelta(hours=5)]),
                leave=dice.choice(["keep", "disable"]),
            )
            raise_generation()

    def stop_and_go(self) -> None:
        if services.people.company().writes_stopped_at is None:
            services.stop_writes(reason="simulated")
        else:
            services.resume_writes()

    def decide(self) -> None:
        if self.random.random() < 0.7:
            services.approve(reason="simulated")
        else:
            services.reject(reason="simulated")

    # What happens in applications.

    def meddle(self) -> None:
        """Somebody changes, opens, closes or deletes an account, or a membership, there."""
        dice = self.random
        target = self.targets[dice.choice(list(self.targets))]
        memory = target.memory
        users = [user for user in memory.users.values() if user.remote_id not in target.orphans]
        if not users:
            return
        user = dice.choice(sorted(users, key=lambda one: str(one.attributes["userName"])))
        groups = sorted(memory.groups.values(), key=lambda one: one.name)
        key = user.remote_id
        acts: list[Callable[[], object]] = [
            lambda: memory.change_user(key, {"title": "King"}),
            lambda: memory.set_active(key, not user.active),
            lambda: memory.delete_user(key),
        ]
        if groups:
            group = dice.choice(groups)
            acts.append(lambda: memory.change_group(group.remote_id, [key], []))
            acts.append(lambda: memory.change_group(group.remote_id, [], [key]))
        target.by_them(dice.choice(acts))

    def stray(self) -> None:
        """An account of nobody's appears there."""
        dice = self.random
        target = self.targets[dice.choice(list(self.targets))]
        name = f"robot{len(target.orphans)}"
        honest = target.honest
        target.by_them(
            lambda: target.orphans.add(target.memory.add_user({"userName": name}).remote_id)
        )
        target.honest = honest

    def outage(self) -> None:
        dice = self.random
        plan = self.targets[dice.choice(list(self.targets))].memory.faults
        if plan._always:
            plan._always.clear()
        else:
            plan.always(f.ANY, dice.choice([f.retry_later(), f.stopped(), f.timeout(30.0)]))

    def clear_weather(self) -> None:
        """Nothing goes wrong any more, except that everything takes its time."""
        for target in self.targets.values():
            target.memory.faults.clear()
            target.memory.faults.sometimes(f.ANY, 1.0, f.slow(0.05))

    # What should be.

    def due(self, person: Person, slug: str) -> set[str] | None:
        """The groups that the person should have there; None: no open account."""
        department = person.attributes.get("department")
        holding = [gives for where, gives in self.rules.values() if department in where]
        giving = [gives[slug] for gives in holding if slug in gives]
        state = LifecycleState(person.state)
        policy = Application.objects.get(slug=slug)
        if not giving or state in (LifecycleState.LEFT, LifecycleState.SUSPENDED):
            return None
        if state is LifecycleState.ON_LEAVE and policy.leave != "keep":
            return None
        assert state in (LifecycleState.ACTIVE, LifecycleState.ON_LEAVE), state
        return set().union(*giving)

    def accounts(self, person: Person, slug: str) -> list[MemoryUser]:
        """Every account there that is this person's, by any mark."""
        return [
            user
            for user in self.targets[slug].memory.users.values()
            if user.external_id == str(person.uid)
            or str(user.attributes["userName"]).casefold() == person.email.casefold()
        ]

    def _somebody(self, *, gone: bool = False) -> int | None:
        """The id of somebody who left, or of somebody who did not."""
        left = LifecycleState.LEFT.value
        rows = Person.objects.filter(state=left) if gone else Person.objects.exclude(state=left)
        found = list(rows.order_by("pk").values_list("pk", flat=True))
        return self.random.choice(found) if found else None

    def _with_somebody(self, act: Callable[[Person], None], *, gone: bool = False) -> None:
        """HR says something new of somebody, as an import would store it."""
        with transaction.atomic():
            key = self._somebody(gone=gone)
            if key is None:
                return
            person = Person.objects.select_for_update().get(pk=key)
            act(person)
            restand([person], now())
            person.generation += 1
            person.save()

    def _say(self, person: Person, **attributes: str) -> None:
        person.attributes = {
            "employee_number": person.employee_number,
            **person.attributes,
            **attributes,
        }
        person.email = str(person.attributes["email"])
        person.display_name = str(person.attributes["display_name"])
        restand([person], now())
