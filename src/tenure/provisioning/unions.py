"""Two people who are one, and one who is two, by the word of a human.

A merge gives everything of one person to the other: records, accounts, decisions, passkeys, history.
Nothing is done to any account by that itself: what follows is planned like any other change, and the
guards judge it. It is taken back whole, as long as nothing happened that cannot be taken back.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from tenure.applications.models import Account
from tenure.audit.models import Action
from tenure.audit.services import actor, record, record_many
from tenure.core.model import OperationKind, OperationState, Situation
from tenure.core.unions import Fate, Held, fates
from tenure.infra.clock import now as clock_now
from tenure.people import endings, moving
from tenure.people.models import Person, PersonChange, PersonUnion
from tenure.people.services import admitted_at_first, company, restand
from tenure.provisioning.models import Operation
from tenure.sources.models import SourceRecord
from tenure.sources.rebuilding import rebuild
from tenure.sources.seen import wait_for_other_sources

BY_HAND = "somebody said so"
_KEPT, _OTHER = "person", "other"
#: On their way: what comes of them has to be known first.
_BUSY = [
    OperationState.STARTED.value,
    OperationState.RETRYING.value,
    OperationState.UNKNOWN.value,
]
_WAITING = [
    OperationState.PLANNED.value,
    OperationState.HELD.value,
    OperationState.MANUAL.value,
]
#: Nobody brings back what these did.
_FINAL = [OperationKind.DELETE.value, OperationKind.TRANSFER.value]
_ACCOUNTS = "applications.Account.person"
#: Accounts are decided about one by one; what a stream of signals was told of the other one says
#: nothing of this one.
_LEFT = (_ACCOUNTS, "signals.Told.person")


class UnionRefused(ValueError):
    """It cannot be done, or taken back, so; `str()` says why and what to do."""


@dataclass(frozen=True, slots=True)
class AccountFate:
    """One account, and what a merge makes of it."""

    application: str
    account: str
    fate: Fate


@transaction.atomic
def merge(
    *,
    person: Person,
    other: Person,
    reason: str,
    take: Collection[str] = (),
    now: datetime | None = None,
) -> PersonUnion:
    """`other` is `person`. In the applications `take` (slugs) the account of `other` is the one to
    go on with where both have one. Raises `UnionRefused`."""
    at = now or clock_now()
    wait_for_other_sources()
    person, other = _both(person, other)
    _needs(reason)
    _idle(person, other)
    kept_before, other_before = _written(person), _written(other)
    moving.sign_out(other)
    became = _give_accounts(person, other, take)
    Operation.objects.filter(person=other, state__in=_WAITING).update(
        state=OperationState.CANCELLED.value, finished_at=at
    )
    _tie_by_hand(other)
    moved, put_away = moving.move(other, person, but=_LEFT)
    _decisions_of_both(person, other)
    other.delete()
    _put_together([person], at, f"merged with {other.display_name}")
    union = PersonUnion.objects.create(
        kind=PersonChange.MERGED,
        person=person,
        other_uid=other.uid,
        other_name=other.display_name,
        other_number=other.employee_number or "",
        before={"person": kept_before, "other": other_before},
        moved=moved,
        put_away=put_away,
        accounts=became,
        reason=reason.strip(),
        done_by=actor()[:200],
        done_at=at,
    )
    _tell(Action.PEOPLE_MERGED, union, person, reason)
    return union


@transaction.atomic
def split(
    *,
    person: Person,
    records: Sequence[SourceRecord],
    reason: str,
    accounts: Collection[str] = (),
    now: datetime | None = None,
) -> PersonUnion:
    """These records are somebody else's, who is new. Accounts stay, but for those in the
    applications `accounts` (slugs). Raises `UnionRefused`."""
    at = now or clock_now()
    wait_for_other_sources()
    person = Person.objects.select_for_update().get(pk=person.pk)
    _needs(reason)
    chosen = _chosen(person, records)
    _idle(person)
    before = _written(person)
    other = Person(
        display_name=person.display_name,
        admitted=admitted_at_first(company()) if person.admitted is None else person.admitted,
        changed_at=at,
    )
    record_many(restand([other], at))
    other.save(force_insert=True)
    moved = _give_records(chosen, other)
    leaving = Account.objects.filter(
        person=person, situation=Situation.LINKED.value, application__slug__in=accounts
    )
    lacking = set(accounts) - set(leaving.values_list("application__slug", flat=True))
    if lacking:
        raise UnionRefused(f"{person.display_name} has no account in {', '.join(sorted(lacking))}.")
    moved[_ACCOUNTS] = list(leaving.values_list("pk", flat=True))
    Operation.objects.filter(
        person=person, state__in=_WAITING, application__slug__in=accounts
    ).update(state=OperationState.CANCELLED.value, finished_at=at)
    leaving.update(person=other)
    # In this order: whoever stays may have another number now, and the other one may have theirs.
    _put_together([person, other], at, "one person was two")
    union = PersonUnion.objects.create(
        kind=PersonChange.SPLIT,
        person=person,
        other_uid=other.uid,
        other_name=other.display_name,
        other_number=other.employee_number or "",
        before={"person": before},
        moved=moved,
        reason=reason.strip(),
        done_by=actor()[:200],
        done_at=at,
    )
    _tell(Action.PERSON_SPLIT, union, person, reason)
    return union


def _both(person: Person, other: Person) -> tuple[Person, Person]:
    if person.pk == other.pk:
        raise UnionRefused("They are one person already.")
    rows = Person.objects.select_for_update().filter(pk__in=[person.pk, other.pk]).order_by("pk")
    found = {row.pk: row for row in rows}
    if len(found) < 2:
        raise UnionRefused("One of them is gone meanwhile.")
    return found[person.pk], found[other.pk]


def _needs(reason: str) -> None:
    if not reason.strip():
        raise UnionRefused("This needs a reason: who looks at it later must know why.")


def _idle(*people: Person) -> None:
    busy = Operation.objects.filter(person__in=people, state__in=_BUSY)
    names = sorted(set(busy.values_list("application__name", flat=True)))
    if names:
        raise UnionRefused(
            f"Something is on its way to {', '.join(names)} for them. Wait until it is done, and "
            "try again."
        )


def _written(person: Person) -> dict[str, Any]:
    return moving.written([person])[0]


def _give_accounts(
    person: Person, other: Person, take: Collection[str]
) -> dict[str, dict[str, str]]:
    """Id -> whose it was and what became of it, of the accounts of both; tombstones go along."""
    linked = list(
        Account.objects.select_for_update(of=("self",))
        .filter(person__in=[person, other], situation=Situation.LINKED.value)
        .select_related("application")
        .order_by("pk")
    )
    held = [Held(a.pk, a.application.slug, a.person_id == other.pk) for a in linked]
    unknown = set(take) - {one.application for one in held if one.other}
    if unknown:
        raise UnionRefused(f"{other.display_name} has no account in {', '.join(sorted(unknown))}.")
    became = fates(held, take)
    # Those that are put aside first: of two that are linked the database would refuse one.
    for account in sorted(linked, key=lambda a: became[a.pk] is not Fate.UNDECIDED):
        if became[account.pk] is Fate.UNDECIDED:
            account.person, account.situation = None, Situation.DISPUTED.value
            account.candidates = [str(person.pk)]
            account.situation_reason = "The person whose it could be has another account here."
        elif became[account.pk] is Fate.MOVES:
            account.person = person
        account.save(update_fields=["person", "situation", "candidates", "situation_reason"])
    rest = Account.objects.filter(person=other)
    found = {str(pk): {"of": _OTHER, "fate": Fate.MOVES.value} for pk in rest.values_list("pk", flat=True)}
    rest.update(person=person)
    for one in held:
        of = _OTHER if one.other else _KEPT
        found[str(one.account)] = {"of": of, "fate": became[one.account].value}
    return found


def _tie_by_hand(person: Person) -> None:
    SourceRecord.objects.filter(person=person, tied_by="").update(tied_by=BY_HAND)


def _decisions_of_both(person: Person, other: Person) -> None:
    """What keeps people out or their data here counts for both. A termination does not: it is
    often how somebody tried to be rid of the second one."""
    person.refresh_from_db()
    if person.manager_id == person.pk:
        person.manager = None
    person.suspended = person.suspended or other.suspended
    if person.legal_hold_since is None:
        person.legal_hold_since = other.legal_hold_since
        person.legal_hold_reason = other.legal_hold_reason
    person.save(
        update_fields=["manager", "suspended", "legal_hold_since", "legal_hold_reason"]
    )


def _put_together(people: Sequence[Person], at: datetime, why: str) -> None:
    """By their records, and planned anew whether anything is otherwise or not."""
    for person in people:
        rebuild([person], at=at, reason=why)
        row = Person.objects.select_for_update().get(pk=person.pk)
        row.generation += 1
        row.changed_at = at
        record_many(restand([row], at))
        row.save()
        endings.end_access([row])
        person.refresh_from_db()


def _chosen(person: Person, records: Sequence[SourceRecord]) -> list[SourceRecord]:
    every = list(SourceRecord.objects.filter(person=person))
    wanted = {one.pk for one in records}
    chosen = [one for one in every if one.pk in wanted]
    if not chosen or len(chosen) != len(wanted):
        raise UnionRefused(f"Say which records of {person.display_name} are another's.")
    if len(chosen) == len(every):
        raise UnionRefused(
            f"These are all the records that {person.display_name} has: nobody would be left. Keep "
            "one of them."
        )
    return chosen


def _give_records(records: Sequence[SourceRecord], other: Person) -> moving.Moved:
    """With whatever belongs to a record and names its person."""
    keys = [one.pk for one in records]
    moved: moving.Moved = {"sources.SourceRecord.person": keys}
    SourceRecord.objects.filter(pk__in=keys, tied_by="").update(tied_by=BY_HAND)
    SourceRecord.objects.filter(pk__in=keys).update(person=other)
    for relation in SourceRecord._meta.related_objects:
        model: Any = relation.related_model
        if any(field.name == "person" for field in model._meta.get_fields()):
            rows = model._default_manager.filter(**{f"{relation.field.name}__in": keys})
            moved[f"{model._meta.label}.person"] = list(rows.values_list("pk", flat=True))
            rows.update(person=other)
    return moved


def _tell(action: Action, union: PersonUnion, person: Person, reason: str) -> None:
    names = ("merged", "split") if action in (Action.PEOPLE_MERGED, Action.PERSON_SPLIT) else ()
    told = {
        "other": str(union.other_uid),
        "name": union.other_name,
        "employee_number": union.other_number or None,
        "accounts": union.accounts or union.moved.get(_ACCOUNTS, []),
    }
    # Both are found under either of them.
    for uid in (str(person.uid), str(union.other_uid)):
        record(
            action,
            subject_kind="person",
            subject_key=str(person.uid),
            subject_label=person.display_name,
            person=uid,
            reason=reason.strip(),
            before=None if names else told,
            after=told if names else None,
        )


# -- taking it back ---------------------------------------------------------------------------


@transaction.atomic
def undo(*, union: PersonUnion, reason: str, now: datetime | None = None) -> Person:
    """Split back what was merged, or merge what was split. Returns who is there again, or who was
    never two. Raises `UnionRefused` that names everything that cannot be taken back."""
    at = now or clock_now()
    wait_for_other_sources()
    union = PersonUnion.objects.select_for_update(of=("self",)).get(pk=union.pk)
    _needs(reason)
    if union.undone_at is not None:
        raise UnionRefused(f"It was taken back already, by {union.undone_by}.")
    if union.person_id is None:
        raise UnionRefused(f"Nobody is left to take it back: {union.other_name} went on.")
    person = Person.objects.select_for_update().get(pk=union.person_id)
    later = PersonUnion.objects.filter(
        person=person, pk__gt=union.pk, undone_at__isnull=True
    ).first()
    if later is not None:
        raise UnionRefused(f"Take back first what came later: {later.other_name}.")
    _idle(person)
    back = _unmerge if union.kind == PersonChange.MERGED else _unsplit
    found = back(union, person, at)
    union.undone_at, union.undone_by = at, actor()[:200]
    union.save(update_fields=["undone_at", "undone_by"])
    undone = union.kind == PersonChange.MERGED
    _tell(Action.MERGE_UNDONE if undone else Action.SPLIT_UNDONE, union, person, reason)
    return found


def what_stays(union: PersonUnion) -> list[str]:
    """What happened since that cannot be taken back, a sentence each."""
    accounts = [int(pk) for pk in union.accounts] or union.moved.get(_ACCOUNTS, [])
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
        for fields in (union.before["person"]["fields"], union.before["other"]["fields"]):
            number = fields["employee_number"]
            holder = Person.objects.filter(employee_number=number).exclude(pk=union.person_id)
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
    other.manager = Person.objects.filter(pk=other.manager_id).first()
    other.save(force_insert=True)
    moving.move_back(union.moved, person, other)
    moving.bring_back(union.put_away)
    _give_back_accounts(union, person, other)
    _untie(person)
    _untie(other)
    _put_together([person, other], at, f"the merge with {other.display_name} was taken back")
    return other


def _give_back_accounts(union: PersonUnion, person: Person, other: Person) -> None:
    accounts = Account.objects.in_bulk([int(pk) for pk in union.accounts])
    # Those that move first: of two that are linked the database would refuse one.
    for pk, one in sorted(union.accounts.items(), key=lambda item: item[1]["fate"]):
        account = accounts.get(int(pk))
        if account is None:
            continue
        account.person = other if one["of"] == _OTHER else person
        if one["fate"] == Fate.UNDECIDED and account.situation != Situation.DELETED.value:
            account.situation, account.situation_reason = Situation.LINKED.value, ""
            account.candidates, account.decision = [], ""
        account.save(
            update_fields=["person", "situation", "situation_reason", "candidates", "decision"]
        )


def _unsplit(union: PersonUnion, person: Person, at: datetime) -> Person:
    other = Person.objects.select_for_update().filter(uid=union.other_uid).first()
    if other is None:
        raise UnionRefused(f"{union.other_name} is gone: there is nothing to bring together.")
    if stays := what_stays(union):
        raise UnionRefused(
            f"It cannot be taken back whole: {' '.join(stays)} Use `tenure person merge`, which "
            "says what becomes of each account."
        )
    _idle(other)
    moving.sign_out(other)
    Operation.objects.filter(person=other, state__in=_WAITING).update(
        state=OperationState.CANCELLED.value, finished_at=at
    )
    moving.move(other, person, but=_LEFT[1:])
    other.delete()
    fields = union.before["person"]["fields"]
    Person.objects.filter(pk=person.pk).update(employee_number=fields["employee_number"])
    person.refresh_from_db()
    _untie(person)
    _put_together([person], at, "the split was taken back")
    return person


def _restore(person: Person, fields: dict[str, Any], others: dict[str, Any]) -> None:
    """The person as before, where nobody decided otherwise since. Records say the rest."""
    for name in ("employee_number", "attributes", "origins", "display_name", "email"):
        setattr(person, name, fields[name])
    if others["suspended"] and not fields["suspended"]:
        person.suspended = False
    if fields["legal_hold_since"] is None and person.legal_hold_reason == others["legal_hold_reason"]:
        person.legal_hold_since, person.legal_hold_reason = None, ""
    person.save()


def _untie(person: Person) -> None:
    """Whose record it is its number says again."""
    SourceRecord.objects.filter(person=person, tied_by=BY_HAND, key=person.employee_number).update(
        tied_by=""
    )
