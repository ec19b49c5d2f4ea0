"""Two people who are one, and one who is two, by the word of a human.

A merge gives everything of one person to the other: records, accounts, decisions, passkeys and
history. Nothing is done to any account by that itself: what follows is planned like any other
change, and the guards judge it. Taking either back is another module's (`union_undoing`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from tenure.applications.models import Account
from tenure.audit.models import Action
from tenure.audit.services import actor, record, record_many
from tenure.core.model import OperationState, Situation
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
_KEPT, OTHER = "person", "other"
#: On their way: what comes of them has to be known first.
_BUSY = [
    OperationState.STARTED.value,
    OperationState.RETRYING.value,
    OperationState.UNKNOWN.value,
]
WAITING = [
    OperationState.PLANNED.value,
    OperationState.HELD.value,
    OperationState.MANUAL.value,
]
ACCOUNTS = "applications.Account.person"
#: Accounts are decided about one by one; what a stream of signals was told of the other one says
#: nothing of this one.
LEFT = (ACCOUNTS, "signals.Told.person")


class UnionRefused(ValueError):
    """It cannot be done, or taken back, so; `str()` says why and what to do."""


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
    needs(reason)
    idle(person, other)
    kept_before, other_before = _written(person), _written(other)
    moving.sign_out(other)
    became = _give_accounts(person, other, take)
    Operation.objects.filter(person=other, state__in=WAITING).update(
        state=OperationState.CANCELLED.value, finished_at=at
    )
    _tie_by_hand(other)
    moved, put_away = moving.move(other, person, but=LEFT)
    _decisions_of_both(person, other)
    other.delete()
    put_together([person], at, f"merged with {other.display_name}")
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
    tell(Action.PEOPLE_MERGED, union, person, reason)
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
    person = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
    needs(reason)
    chosen = _chosen(person, records)
    idle(person)
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
    moved[ACCOUNTS] = list(leaving.values_list("pk", flat=True))
    Operation.objects.filter(
        person=person, state__in=WAITING, application__slug__in=accounts
    ).update(state=OperationState.CANCELLED.value, finished_at=at)
    leaving.update(person=other)
    # In this order: whoever stays may have another number now, and the other one may have theirs.
    put_together([person, other], at, "one person was two")
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
    tell(Action.PERSON_SPLIT, union, person, reason)
    return union


def _both(person: Person, other: Person) -> tuple[Person, Person]:
    if person.pk == other.pk:
        raise UnionRefused("They are one person already.")
    rows = (
        Person.objects.select_for_update(no_key=True)
        .filter(pk__in=[person.pk, other.pk])
        .order_by("pk")
    )
    found = {row.pk: row for row in rows}
    if len(found) < 2:
        raise UnionRefused("One of them is gone meanwhile.")
    return found[person.pk], found[other.pk]


def needs(reason: str) -> None:
    """Raises `UnionRefused` without one."""
    if not reason.strip():
        raise UnionRefused("This needs a reason: who looks at it later must know why.")


def idle(*people: Person) -> None:
    """Raises `UnionRefused` while something is on its way for one of them. Nothing else is sent for
    them before the transaction ends."""
    rows = Operation.objects.filter(person__in=people)
    waiting = rows.filter(state__in=[*_BUSY, *WAITING]).order_by("pk")
    list(waiting.select_for_update(no_key=True).values_list("pk", flat=True))
    busy = rows.filter(state__in=_BUSY)
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
    found = {
        str(pk): {"of": OTHER, "fate": Fate.MOVES.value} for pk in rest.values_list("pk", flat=True)
    }
    rest.update(person=person)
    for one in held:
        of = OTHER if one.other else _KEPT
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
    person.save(update_fields=["manager", "suspended", "legal_hold_since", "legal_hold_reason"])


def put_together(people: Sequence[Person], at: datetime, why: str) -> None:
    """By their records, and planned anew whether anything is otherwise or not."""
    for person in people:
        rebuild([person], at=at, reason=why)
        row = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
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


def merges(*, person: Person | None = None, everything: bool = False) -> list[PersonUnion]:
    """Merges and splits, the latest first; those that were taken back too, if `everything`."""
    rows = PersonUnion.objects.select_related("person")
    if person is not None:
        rows = rows.filter(Q(person=person) | Q(other_uid=person.uid))
    return list(rows if everything else rows.filter(undone_at__isnull=True))


def union_numbered(number: int) -> PersonUnion:
    """Raises `LookupError`."""
    found = PersonUnion.objects.select_related("person").filter(pk=number).first()
    if found is None:
        raise LookupError(f"There is no merge or split {number}: `tenure person merges --all`.")
    return found


def tell(action: Action, union: PersonUnion, person: Person, reason: str) -> None:
    names = ("merged", "split") if action in (Action.PEOPLE_MERGED, Action.PERSON_SPLIT) else ()
    told = {
        "other": str(union.other_uid),
        "name": union.other_name,
        "employee_number": union.other_number or None,
        "accounts": union.accounts or union.moved.get(ACCOUNTS, []),
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
