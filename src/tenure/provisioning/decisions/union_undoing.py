"""Taking back that two people are one, or that one is two: whole, or not at all."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from tenure.applications.models import Account
from tenure.audit.models import Action
from tenure.audit.services import actor
from tenure.core.model import OperationKind, OperationState, Situation
from tenure.core.unions import Fate
from tenure.infra.clock import now as clock_now
from tenure.people import moving
from tenure.people.models import Person, PersonChange, PersonUnion
from tenure.provisioning.decisions.unions import (
    ACCOUNTS,
    BY_HAND,
    LEFT,
    OTHER,
    WAITING,
    UnionRefused,
    idle,
    needs,
    put_together,
    tell,
)
from tenure.provisioning.models import Operation
from tenure.sources.models import SourceRecord
from tenure.sources.seen import wait_for_other_sources

#: Nobody brings back what these did.
_FINAL = [OperationKind.DELETE.value, OperationKind.TRANSFER.value]


@transaction.atomic
def undo(*, union: PersonUnion, reason: str, now: datetime | None = None) -> Person:
    """Split back what was merged, or merge what was split. Returns who is there again, or who was
    never two. Raises `UnionRefused` that names everything that cannot be taken back."""
    at = now or clock_now()
    wait_for_other_sources()
    union = PersonUnion.objects.select_for_update(of=("self",)).get(pk=union.pk)
    needs(reason)
    if union.undone_at is not None:
        raise UnionRefused(f"It was taken back already, by {union.undone_by}.")
    if union.person_id is None:
        raise UnionRefused(f"Nobody is left to take it back: {union.other_name} went on.")
    person = Person.objects.select_for_update(no_key=True).get(pk=union.person_id)
    later = PersonUnion.objects.filter(
        person=person, pk__gt=union.pk, undone_at__isnull=True
    ).first()
    if later is not None:
        raise UnionRefused(f"Take back first what came later: {later.other_name}.")
    idle(person)
    back = _unmerge if union.kind == PersonChange.MERGED else _unsplit
    found = back(union, person, at)
    union.undone_at, union.undone_by = at, actor()[:200]
    union.save(update_fields=["undone_at", "undone_by"])
    undone = union.kind == PersonChange.MERGED
    tell(Action.MERGE_UNDONE if undone else Action.SPLIT_UNDONE, union, person, reason)
    return found


def what_stays(union: PersonUnion) -> list[str]:
    """What happened since that cannot be taken back, a sentence each."""
    accounts = [int(pk) for pk in union.accounts] or union.moved.get(ACCOUNTS, [])
    done = Operation.objects.filter(
        Q(started_at__gte=union.done_at) | Q(finished_at__gte=union.done_at),
        account__in=accounts,
        kind__in=_FINAL,
        state=OperationState.DONE.value,
    ).select_related("application", "account")
    words = {"delete": "was deleted", "transfer": "has handed over what it owned"}
    found = [f"{row.account} in {row.application.name} {words[row.kind]}." for row in done]
    if union.kind == PersonChange.MERGED:
        aside = [pk for pk, one in union.accounts.items() if one["fate"] == Fate.UNDECIDED]
        rows = Account.objects.filter(pk__in=aside, person__isnull=False)
        found += [
            f"{row} in {row.application.name} was given to {row.person}: unlink it first."
            for row in rows.select_related("application", "person")
        ]
        whose = union.person_id or 0
        for fields in (union.before["person"]["fields"], union.before["other"]["fields"]):
            number = fields["employee_number"]
            holder = Person.objects.filter(employee_number=number).exclude(pk=whose)
            if number and (one := holder.first()):
                found.append(f"The employee number {number} is {one.display_name}'s now.")
    else:
        other = Person.objects.filter(uid=union.other_uid).first()
        made = Account.objects.filter(person=other).exclude(pk__in=accounts) if other else []
        found += [f"{row} was made in {row.application.name}." for row in made]
    return found


def _unmerge(union: PersonUnion, person: Person, at: datetime) -> Person:
    if stays := what_stays(union):
        raise UnionRefused(
            f"It cannot be taken back whole: {' '.join(stays)} Use `tenure person split` for their "
            "records, and say which accounts go along."
        )
    _restore(person, union.before["person"]["fields"], union.before["other"]["fields"])
    other: Person
    (other,) = moving.read([union.before["other"]])
    other.manager = Person.objects.filter(pk=other.manager_id or 0).first()
    other.save(force_insert=True)
    moving.move_back(union.moved, person, other)
    moving.bring_back(union.put_away)
    _give_back_accounts(union, person, other)
    _untie(person)
    _untie(other)
    put_together([person, other], at, f"the merge with {other.display_name} was taken back")
    return other


def _give_back_accounts(union: PersonUnion, person: Person, other: Person) -> None:
    accounts = Account.objects.in_bulk([int(pk) for pk in union.accounts])
    # Those that move first: of two that are linked the database would refuse one.
    for pk, one in sorted(union.accounts.items(), key=lambda item: item[1]["fate"]):
        account = accounts.get(int(pk))
        if account is None:
            continue
        account.person = other if one["of"] == OTHER else person
        if one["fate"] == Fate.UNDECIDED and account.situation != Situation.DELETED.value:
            account.situation, account.situation_reason = Situation.LINKED.value, ""
            account.candidates, account.decision = [], ""
        account.save(
            update_fields=["person", "situation", "situation_reason", "candidates", "decision"]
        )


def _unsplit(union: PersonUnion, person: Person, at: datetime) -> Person:
    other = Person.objects.select_for_update(no_key=True).filter(uid=union.other_uid).first()
    if other is None:
        raise UnionRefused(f"{union.other_name} is gone: there is nothing to bring together.")
    if stays := what_stays(union):
        raise UnionRefused(
            f"It cannot be taken back whole: {' '.join(stays)} Use `tenure person merge`, which "
            "says what becomes of each account."
        )
    idle(other)
    moving.sign_out(other)
    Operation.objects.filter(person=other, state__in=WAITING).update(
        state=OperationState.CANCELLED.value, finished_at=at
    )
    moving.move(other, person, but=LEFT[1:])
    other.delete()
    fields = union.before["person"]["fields"]
    Person.objects.filter(pk=person.pk).update(employee_number=fields["employee_number"])
    person.refresh_from_db()
    _untie(person)
    put_together([person], at, "the split was taken back")
    return person


def _restore(person: Person, fields: dict[str, Any], others: dict[str, Any]) -> None:
    """The person as before, where nobody decided otherwise since. Records say the rest."""
    for name in ("employee_number", "attributes", "origins", "display_name", "email"):
        setattr(person, name, fields[name])
    if others["suspended"] and not fields["suspended"]:
        person.suspended = False
    if (
        fields["legal_hold_since"] is None
        and person.legal_hold_reason == others["legal_hold_reason"]
    ):
        person.legal_hold_since, person.legal_hold_reason = None, ""
    person.save()


def _untie(person: Person) -> None:
    """Whose record it is its number says again."""
    SourceRecord.objects.filter(person=person, tied_by=BY_HAND, key=person.employee_number).update(
        tied_by=""
    )
