"""What is to come for one person, and when: the same decision as today's, asked for each instant at
which something changes by itself. Reads only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeAlias

from tenure.core.model import LifecycleState, OperationKind
from tenure.core.model import Operation as Step
from tenure.infra.clock import now as clock_now
from tenure.people.models import Person
from tenure.people.services import stand
from tenure.provisioning.planning.drafting import Draft, Drafting, Scope

#: Turns that are looked for, however far ahead.
MOST: Final = 6
_Key: TypeAlias = tuple[str, OperationKind, tuple[str, ...], tuple[str, ...]]
_CLOSES: Final = frozenset({OperationKind.DISABLE, OperationKind.DELETE})


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a turn, by the name of the application."""

    application: str
    name: str
    kind: OperationKind
    reason: str
    grant: tuple[str, ...] = ()
    revoke: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "application": self.application,
            "kind": self.kind.value,
            "reason": self.reason,
            "grant": list(self.grant),
            "revoke": list(self.revoke),
        }


@dataclass(frozen=True, slots=True)
class Turn:
    """What happens at `at`, if nobody says otherwise. `state`: the one that begins then."""

    at: datetime
    state: LifecycleState | None
    changes: tuple[Change, ...]

    def of(self, application: str | None) -> Turn:
        """As much of it as concerns one application; None: all of it."""
        if application is None:
            return self
        changes = tuple(c for c in self.changes if c.application == application)
        return replace(self, changes=changes)

    def as_json(self) -> dict[str, Any]:
        return {
            "at": self.at.isoformat(),
            "state": self.state.value if self.state else None,
            "changes": [change.as_json() for change in self.changes],
        }


def ahead(person: Person, *, now: datetime | None = None) -> list[Turn]:
    """The next turns, in their order. What is due now already is in the plan, and not in them."""
    at = now or clock_now()
    drafting = Drafting(Scope(person=person.pk), at)
    draft = _draft(drafting, person, at)
    told = {_key(step) for step in draft.decision.operations}
    state = stand(person, at).state
    turns: list[Turn] = []
    deletions: dict[str, datetime] = {}
    for _ in range(MOST):
        looks = (stand(person, at).until, draft.decision.next_look, *deletions.values())
        later = min((look for look in looks if look is not None and look > at), default=None)
        if later is None:
            break
        at = later
        draft = _draft(drafting, person, at)
        fresh = [step for step in draft.decision.operations if _key(step) not in told]
        told.update(_key(step) for step in fresh)
        changes = [_change(drafting, step) for step in fresh]
        changes += _deleted(drafting, deletions, at, changes)
        _remember(drafting, deletions, fresh, at, held=person.legal_hold_since is not None)
        now_in = stand(person, at).state
        if changes or now_in is not state:
            turns.append(Turn(at, now_in if now_in is not state else None, tuple(changes)))
        state = now_in
    return turns


def _draft(drafting: Drafting, person: Person, at: datetime) -> Draft:
    drafting.now = at
    return drafting.drafts([person.pk])[0]


def _key(step: Step) -> _Key:
    return step.application, step.kind, tuple(step.grant), tuple(step.revoke)


def _change(drafting: Drafting, step: Step) -> Change:
    name = drafting.applications[step.application].name
    return Change(step.application, name, step.kind, step.reason, step.grant, step.revoke)


def _remember(
    drafting: Drafting,
    deletions: dict[str, datetime],
    steps: list[Step],
    at: datetime,
    *,
    held: bool,
) -> None:
    """An account that is closed then is deleted later, where its application says so."""
    for step in steps:
        after = drafting.applications[step.application].delete_after
        if step.kind is OperationKind.DISABLE and after is not None and not held:
            deletions.setdefault(step.application, at + after)


def _deleted(
    drafting: Drafting, deletions: dict[str, datetime], at: datetime, others: list[Change]
) -> list[Change]:
    """Deletions that follow from what is closed in an earlier turn."""
    found = []
    for slug in [slug for slug, due in deletions.items() if due == at]:
        del deletions[slug]
        if not any(c.application == slug and c.kind in _CLOSES for c in others):
            row = drafting.applications[slug]
            reason = "so long after it was closed"
            found.append(Change(slug, row.name, OperationKind.DELETE, reason))
    return found
