"""What a legal hold keeps: whatever would be deleted if it ended, and when. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tenure.core.instants import told
from tenure.core.model import ApplicationMode, OperationKind, OperationState
from tenure.infra.clock import now as clock_now
from tenure.people.models import Person
from tenure.people.services import zone_of
from tenure.provisioning.models import Operation
from tenure.provisioning.planning.drafting import Drafting, Scope
from tenure.provisioning.questions.ahead import ahead_of


@dataclass(frozen=True, slots=True)
class Kept:
    """Names of applications: where an account is deleted `at_once`, and where `later`, at instants
    in the person's own time zone."""

    at_once: tuple[str, ...]
    later: tuple[tuple[str, datetime], ...]

    def __bool__(self) -> bool:
        return bool(self.at_once or self.later)

    def __str__(self) -> str:
        parts = []
        if self.at_once:
            parts.append(f"at once in {' and '.join(self.at_once)}")
        parts += [f"{told(at)} in {name}" for name, at in self.later]
        return "; ".join(parts)

    @property
    def on_release(self) -> str:
        """What ending the hold means, for whoever is about to."""
        if not self:
            return "Nothing of theirs is due for deletion, now or later."
        warning = " What is deleted at once cannot be brought back." if self.at_once else ""
        return f"Their accounts are deleted: {self}.{warning}"


def kept_by_hold(person: Person, *, now: datetime | None = None) -> Kept:
    """What of theirs is deleted when the legal hold on them ends, in applications that are
    written to. Raises `LookupError` where the person is gone meanwhile."""
    drafting = Drafting(Scope(person=person.pk), now or clock_now())
    draft = drafting.draft()
    draft.person.legal_hold_since = None  # Of this copy only, which is never stored.
    freed = drafting.again(draft, drafting.now)
    live = {
        slug: row.name
        for slug, row in drafting.applications.items()
        if row.mode == ApplicationMode.LIVE.value
    }
    at_once = [
        live[step.application]
        for step in freed.decision.operations
        if step.kind is OperationKind.DELETE and step.application in live
    ]
    zone = zone_of(draft.person)
    later = [
        (change.name, turn.at.astimezone(zone))
        for turn in ahead_of(drafting, freed)
        for change in turn.changes
        if change.kind is OperationKind.DELETE and change.application in live
    ]
    return Kept(tuple(dict.fromkeys([*at_once, *_closed_by_deleting(person)])), tuple(later))


def _closed_by_deleting(person: Person) -> list[str]:
    """Where closing is deleting, so that it became a task under the hold: ours again without it."""
    rows = Operation.objects.filter(
        person=person, state=OperationState.MANUAL.value, kind=OperationKind.DISABLE.value
    )
    tasks = rows.filter(error__contains="legal hold").order_by("application__name")
    return list(tasks.values_list("application__name", flat=True))
