"""What is to come for one person, and when: the same decision as today's, asked for each instant at
which something changes by itself. Reads only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from tenure.core.foresight import carried_out
from tenure.core.model import LifecycleState, OperationKind
from tenure.core.model import Operation as Step
from tenure.infra.clock import now as clock_now
from tenure.people.models import Person
from tenure.people.services import stand
from tenure.provisioning.planning.drafting import Draft, Drafting, Scope

#: Turns that are told, however far ahead.
MOST: Final = 6
#: Instants that are looked at for them: at some, nothing turns.
_LOOKS: Final = 30


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

    def __bool__(self) -> bool:
        return bool(self.changes or self.state)

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
    """The next turns, in their order, each with the accounts as those before it leave them. What is
    due now already is in the plan, and not in them."""
    drafting = Drafting(Scope(person=person.pk), now or clock_now())
    return ahead_of(drafting, drafting.draft())


def ahead_of(drafting: Drafting, draft: Draft) -> list[Turn]:
    """The same of somebody who is drafted as of now."""
    person, at = draft.person, drafting.now
    state = stand(person, at).state
    turns: list[Turn] = []
    for _ in range(_LOOKS):
        accounts = carried_out(draft.observed, draft.decision.operations, at)
        after = replace(draft, observed=tuple(accounts), remembered=draft.decision.memory)
        later = _next(drafting, person, after, at)
        if later is None or len(turns) == MOST:
            break
        at = later
        draft = drafting.again(after, at)
        steps = draft.decision.operations
        if any(step.kind is OperationKind.TRANSFER for step in steps):
            # What waits for that alone is done in the same turn.
            accounts = carried_out(draft.observed, steps, at)
            draft = drafting.again(replace(draft, observed=tuple(accounts)), at)
            steps += draft.decision.operations
        changes = tuple(_change(drafting, step) for step in steps)
        now_in = stand(person, at).state
        if changes or now_in is not state:
            turns.append(Turn(at, now_in if now_in is not state else None, changes))
        state = now_in
    return turns


def _next(drafting: Drafting, person: Person, after: Draft, at: datetime) -> datetime | None:
    """The next instant at which anything changes by itself, once what is due at `at` is done."""
    looks = (stand(person, at).until, drafting.again(after, at).decision.next_look)
    return min((look for look in looks if look is not None and look > at), default=None)


def _change(drafting: Drafting, step: Step) -> Change:
    name = drafting.applications[step.application].name
    return Change(step.application, name, step.kind, step.reason, step.grant, step.revoke)
