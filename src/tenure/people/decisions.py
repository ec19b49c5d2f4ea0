"""What people decide about a person, whatever HR says: suspension, legal hold, and taking a
termination back. Each is recorded with who and why, and planned like any other change."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from tenure.audit.models import Action
from tenure.audit.services import record, record_many
from tenure.people import endings
from tenure.people.models import Person
from tenure.people.services import restand


class DecisionRefused(ValueError):
    """It cannot be decided so; `str()` says why and what to do."""


@transaction.atomic
def reinstate(*, person: Person, reason: str, now: datetime) -> Person:
    """Take back a termination: what the rules give is opened again, and made anew only where it
    was deleted. Raises `DecisionRefused` where it is HR that says they have left."""
    row = _locked(person)
    if row.terminated_at is None:
        ended = row.ended_by_source_at is not None or row.end_date is not None
        raise DecisionRefused(
            f"{row.display_name} was not terminated here"
            + (
                ": the source says that they leave. Correct it there and import again."
                if ended
                else ", and no source says that they leave."
            )
        )
    before = row.terminated_at
    row.terminated_at, row.termination_reason = None, ""
    _keep(row, now)
    _record(
        Action.PERSON_REINSTATED,
        row,
        reason,
        before={"terminated_at": before.isoformat()},
        after={"terminated_at": None, "state": row.state},
    )
    return row


@transaction.atomic
def suspend(*, person: Person, reason: str, now: datetime) -> Person:
    """Close every account until the suspension is ended; nothing is deleted, no group is left."""
    row = _locked(person)
    if row.suspended:
        raise DecisionRefused(f"{row.display_name} is suspended already.")
    _needs(reason)
    row.suspended = True
    _keep(row, now)
    _record(Action.PERSON_SUSPENDED, row, reason, after={"suspended": True})
    return row


@transaction.atomic
def end_suspension(*, person: Person, reason: str, now: datetime) -> Person:
    """Open again whatever is due."""
    row = _locked(person)
    if not row.suspended:
        raise DecisionRefused(f"{row.display_name} is not suspended.")
    row.suspended = False
    _keep(row, now)
    _record(Action.PERSON_RESUMED, row, reason, after={"suspended": False})
    return row


@transaction.atomic
def set_legal_hold(*, person: Person, reason: str, now: datetime) -> Person:
    """From now on nothing of theirs is deleted; it is closed as it would be."""
    row = _locked(person)
    _needs(reason)
    before = row.legal_hold_reason
    row.legal_hold_since, row.legal_hold_reason = row.legal_hold_since or now, reason.strip()
    _keep(row, now)
    _record(
        Action.LEGAL_HOLD_SET,
        row,
        reason,
        before={"legal_hold": before} if before else None,
        after={"legal_hold": row.legal_hold_reason},
    )
    return row


@transaction.atomic
def end_legal_hold(*, person: Person, reason: str, now: datetime) -> Person:
    """From now on what is due for deletion is deleted."""
    row = _locked(person)
    if row.legal_hold_since is None:
        raise DecisionRefused(f"{row.display_name} is under no legal hold.")
    before = row.legal_hold_reason
    row.legal_hold_since, row.legal_hold_reason = None, ""
    _keep(row, now)
    _record(Action.LEGAL_HOLD_ENDED, row, reason, before={"legal_hold": before})
    return row


def _locked(person: Person) -> Person:
    return Person.objects.select_for_update(no_key=True).get(pk=person.pk)


def _needs(reason: str) -> None:
    if not reason.strip():
        raise DecisionRefused("This needs a reason: who looks at it later must know why.")


def _keep(row: Person, now: datetime) -> None:
    row.generation += 1
    row.changed_at = now
    record_many(restand([row], now))
    row.save()
    endings.end_access([row])


def _record(
    action: Action,
    row: Person,
    reason: str,
    *,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
) -> None:
    record(
        action,
        subject_kind="person",
        subject_key=str(row.uid),
        subject_label=row.display_name,
        person=str(row.uid),
        reason=reason,
        before=before,
        after=after,
    )
