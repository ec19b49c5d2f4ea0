"""What administrators do: rules, groups, policies, stops, approvals, runs, tasks, documents."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from tenure.applications.models import Application
from tenure.configuration import applying, exporting, reading
from tenure.core.model import OperationState
from tenure.people.models import Company, PlanMode
from tenure.people.services import company, raise_generation
from tenure.provisioning import services
from tenure.provisioning.decisions import byhand, steering
from tenure.provisioning.models import Operation
from tenure.provisioning.records.plan import Seen
from tenure.provisioning.records.stopping import resume_writes, stop_writes
from tenure.rules.groups import GroupDefinition, save_group
from tenure.rules.services import RuleDefinition, save_rule
from tenure.runs.models import Run
from tests.survive.hands import believed, do_there
from tests.survive.truth import Rule
from tests.survive.world import DEPARTMENTS, GROUPS, Event, World


class Office:
    """Events of administrators."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.random = world.random
        self.seen: Seen | None = None
        self.events: list[tuple[int, Event]] = [
            (4, self.edit_rule),
            (1, self.edit_group),
            (1, self.edit_policy),
            (2, self.stop_and_go),
            (2, self.stop_and_go_one),
            (1, self.only_report),
            (3, self.decide),
            (2, self.decide_some),
            (1, self.look_at_held),
            (2, self.steer),
            (1, self.retry),
            (2, self.by_hand),
            (1, self.apply_document),
        ]

    def edit_rule(self) -> None:
        dice = self.random
        slug = dice.choice(["one", "two", "three"])
        targets = list(self.world.targets)
        rule = Rule(
            departments=frozenset(dice.sample(DEPARTMENTS, dice.randint(1, 4))),
            group=dice.choice(["", "", "club"]) if self.world.groups else "",
            gives={
                target: frozenset(dice.sample(GROUPS, dice.randint(0, 3)))
                for target in dice.sample(targets, dice.randint(1, len(targets)))
            },
            grace=dice.choice([timedelta(0)] * 3 + [timedelta(hours=4), timedelta(days=2)]),
        )
        self.world.rules[slug] = rule
        save_rule(definition=definition(slug, rule))

    def edit_group(self) -> None:
        dice = self.random
        departments = frozenset(dice.sample(DEPARTMENTS, 1))
        numbers = frozenset(str(dice.randint(1, 8)) for _ in range(dice.randint(0, 2)))
        self.world.groups["club"] = departments, numbers
        save_group(
            definition=GroupDefinition(
                slug="club",
                name="Club",
                condition=f'user.department == "{min(departments)}"',
                people=sorted(numbers),
            )
        )

    def edit_policy(self) -> None:
        dice = self.random
        removal, after = dice.choice(
            [("disable", None), ("disable", timedelta(hours=5)), ("delete", None)]
        )
        with transaction.atomic():
            Application.objects.filter(slug=self._slug()).update(
                removal=removal,
                delete_after=after,
                leave=dice.choice(["keep", "disable"]),
                recreate=dice.choice(["ask", "always", "never"]),
                closed_ahead=dice.random() < 0.3,
            )
            raise_generation()

    def stop_and_go(self) -> None:
        if company().writes_stopped_at is None:
            stop_writes(reason="simulated")
        else:
            resume_writes()

    def stop_and_go_one(self) -> None:
        slug = self._slug()
        if not stop_writes(reason="simulated", application=slug):
            resume_writes(application=slug)

    def only_report(self) -> None:
        """An application only reports from here on, or is written to again."""
        row = Application.objects.get(slug=self._slug())
        self._mode(row.slug, "report" if row.mode == "live" else "live")

    def _mode(self, slug: str, mode: str) -> None:
        """As an administrator would: in the configuration's document."""
        loaded = reading.read_text(exporting.export())
        applications = dict(loaded.document.applications or {})
        applications[slug] = applications[slug].model_copy(update={"mode": mode})
        document = loaded.document.model_copy(update={"applications": applications})
        changes = applying.apply(document)
        paths = [change.path for change in changes]
        assert paths == [f"applications.{slug}.mode"], paths

    def decide(self) -> None:
        if self.random.random() < 0.7:
            services.approve(reason="simulated", seen=self.seen)
        else:
            services.reject(reason="simulated", seen=self.seen)
        self.seen = None

    def look_at_held(self) -> None:
        """Somebody looks at what is held, and decides about that later."""
        self.seen = services.preview().seen_in_all

    def decide_some(self) -> None:
        dice = self.random
        held, rejected = OperationState.HELD.value, OperationState.REJECTED.value
        rows = Operation.objects.filter(state__in=[held, rejected]).order_by("pk")
        keys = list(rows.values_list("pk", "state"))
        chosen = dice.sample(keys, dice.randint(0, len(keys)))
        if dice.random() < 0.6:
            services.approve(reason="these", operations=[pk for pk, _ in chosen])
        else:
            services.reject(reason="not these", operations=[p for p, s in chosen if s == held])

    def steer(self) -> None:
        """A run is paused, resumed or cancelled."""
        dice = self.random
        rows = Run.objects.filter(kind="execute").order_by("pk")
        found = list(rows.exclude(state="done").values_list("pk", flat=True))
        if not found:
            return
        act = dice.choice([steering.pause, steering.resume, steering.resume, steering.cancel])
        try:
            act(dice.choice(found), reason="simulated")
        except steering.RunRefused as error:
            self.world.told.append(f"  refused: {error}")

    def retry(self) -> None:
        services.retry_failed()

    def by_hand(self) -> None:
        """Somebody does what waits to be done by hand, says so without, or cannot."""
        dice = self.random
        rows = Operation.objects.filter(state=OperationState.MANUAL.value).order_by("pk")
        for row in list(rows.select_related("application", "account", "person")):
            how = dice.choice(["done", "done", "lie", "cannot", "later"])
            if how == "later":
                continue
            if how == "done":
                do_there(self.world.targets[row.application.slug], row)
            if how == "cannot":
                byhand.cannot(row.pk, note="no")
            else:
                self._say_done(row.pk)
            if how == "lie":
                believed(self.world.targets[row.application.slug], row)

    def _say_done(self, number: int) -> None:
        try:
            byhand.done(number, note="simulated")
        except byhand.TaskRefused as error:
            self.world.told.append(f"  refused: {error}")

    def finish_by_hand(self) -> None:
        """In the end somebody does all of it."""
        rows = Operation.objects.filter(state=OperationState.MANUAL.value).order_by("pk")
        for row in list(rows.select_related("application", "account", "person")):
            do_there(self.world.targets[row.application.slug], row)
            self._say_done(row.pk)

    def apply_document(self) -> None:
        """The whole configuration as it is, applied: nothing changes by that."""
        changes = applying.apply(reading.read_text(exporting.export()).document)
        assert not changes, changes

    def by_itself(self) -> None:
        """Plans go ahead from here on without anybody."""
        Company.objects.filter(pk=1).update(plan_mode=PlanMode.AUTOMATIC)

    def go_on(self) -> None:
        """In the end nothing stands still."""
        resume_writes()
        for row in Application.objects.all():
            resume_writes(application=row.slug)
            if row.mode != "live":
                self._mode(row.slug, "live")
        for run in Run.objects.filter(state="paused"):
            steering.resume(run.pk)

    def _slug(self) -> str:
        return self.random.choice(list(self.world.targets))


def definition(slug: str, rule: Rule) -> RuleDefinition:
    listed = ", ".join(f'"{name}"' for name in sorted(rule.departments))
    condition = f"user.department in [{listed}]"
    if rule.group:
        condition += f' || "{rule.group}" in user.groups'
    return RuleDefinition(
        slug=slug,
        name=slug.title(),
        condition=condition,
        gives={target: sorted(keys) for target, keys in rule.gives.items()},
        grace=rule.grace or None,
    )
