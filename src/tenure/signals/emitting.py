"""Telling streams, in the transaction of what they are told of. What comes about by itself (an
account that is open again, one that is deleted) is found by a sweep and told once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from tenure.applications.models import Account
from tenure.core.model import LifecycleState, OperationKind, OperationState, Situation
from tenure.infra.clock import now
from tenure.people.endings import CLOSED
from tenure.people.models import Person
from tenure.provisioning.models import Operation
from tenure.signals import events, pushing, subjects
from tenure.signals.events import EventType
from tenure.signals.models import Delivery, Signal, Status, Stream, Told
from tenure.sso.models import ApplicationSession

_BATCH: Final = 500
_CLOSING: Final = (OperationKind.DISABLE.value, OperationKind.DELETE.value)
_OVER: Final = (
    OperationState.DONE.value,
    OperationState.CANCELLED.value,
    OperationState.REJECTED.value,
)


@dataclass(frozen=True, slots=True)
class Said:
    """One event of one person, before it is known who is told."""

    kind: EventType
    person: Person
    members: Mapping[str, Any]
    #: Our name of the session that it is about; "" for all of them.
    session: str = ""


def access_ended(people: Sequence[Person]) -> None:
    """For `people.endings`: no session of theirs lives, and their accounts are being closed."""
    for stream in _open_streams():
        _closed(stream, people, "access has ended")


def accounts_lost(people: Sequence[int]) -> None:
    """For `records.losses`: a stored plan takes accounts from them. What waits for approval is not
    told yet."""
    for stream in _open_streams():
        if stream.receiver.application_id is None:
            continue
        losing = Person.objects.filter(
            Exists(_closings(stream, "pk").filter(state=OperationState.PLANNED.value)),
            pk__in=people,
        )
        _closed(stream, list(losing), "no rule gives the application any more")


def sessions_closed(sessions: Sequence[int], because: str) -> None:
    """For `signin.closings`: what was begun from these sessions, told to the application where it
    was, by the name that the application knows it by."""
    for stream in _open_streams():
        if stream.receiver.application_id is None:
            continue
        rows = ApplicationSession.objects.filter(
            portal_session__in=sessions, application=stream.receiver.application_id
        )
        members = events.session_revoked(now(), because)
        send(
            stream,
            [
                Said(EventType.SESSION_REVOKED, row.person, members, session=row.sid)
                for row in rows.select_related("person")
            ],
        )


def keys_were_reset(person: Person, because: str) -> None:
    """For `signin.closings`: their passkeys may be somebody else's."""
    at = now()
    for stream in _open_streams():
        send(
            stream,
            [
                Said(EventType.CREDENTIAL_CHANGE, person, events.keys_revoked(at, because)),
                Said(EventType.SESSION_REVOKED, person, events.session_revoked(at, because)),
            ],
        )


def follow() -> int:
    """Tell of accounts that are open again, and of those that are deleted for good, where their
    closing was told. Returns how many signals that makes."""
    count = 0
    for stream in _open_streams():
        for rows, kind in (
            (_reopened(stream), EventType.ACCOUNT_ENABLED),
            (_purged(stream), EventType.ACCOUNT_PURGED),
        ):
            while (told := _follow(stream, rows, kind)) is not None:
                count += told
    return count


@transaction.atomic
def _follow(stream: Stream, rows: QuerySet[Told], kind: EventType) -> int | None:
    """Some of them: what is told, and that it was, are kept together. None: there are no more."""
    batch = _take(rows, kind)
    return send(stream, [Said(kind, row.person, {}) for row in batch]) if batch else None


@transaction.atomic
def send(stream: Stream, said: Sequence[Said]) -> int:
    """To one stream, what it asked for, of those whom it is told of. Returns how many signals that
    makes."""
    wanted = [item for item in said if item.kind.uri in stream.requested]
    if not wanted or stream.status == Status.DISABLED:
        return 0
    people = [item.person.pk for item in wanted]
    left_out = set(stream.left_out.filter(person__in=people).values_list("person_id", flat=True))
    accounts = _accounts(stream, people)
    bound = stream.receiver.application_id is not None
    at, rows = now(), []
    for item in wanted:
        person = item.person
        if person.pk in left_out or (bound and person.pk not in accounts):
            continue
        subject = subjects.named(person, stream.receiver, accounts.get(person.pk))
        if subject is None:
            continue
        if item.session:
            session = {"format": "opaque", "id": item.session}
            subject = {"format": "complex", "user": subject, "session": session}
        rows.append(signal(stream, item.kind, subject, item.members, at, person=person))
    return _store(stream, rows)


def signal(
    stream: Stream,
    kind: EventType,
    subject: Mapping[str, Any],
    members: Mapping[str, Any],
    at: datetime,
    *,
    person: Person | None = None,
) -> Signal:
    """One that is not stored yet."""
    held = stream.status == Status.PAUSED
    return Signal(
        stream=stream,
        kind=kind.value,
        person=person,
        subject=dict(subject),
        members=dict(members),
        issued_at=at,
        state=Signal.State.HELD if held else Signal.State.WAITING,
    )


def about_the_stream(stream: Stream, kind: EventType, members: Mapping[str, Any]) -> None:
    """A verification, or that its status was changed here. Sent whatever it asked for."""
    subject = {"format": "opaque", "id": stream.uid}
    _store(stream, [signal(stream, kind, subject, members, now())])


def release(stream: Stream) -> int:
    """What was held back while it was paused goes out. Returns how many."""
    rows = list(stream.signals.filter(state=Signal.State.HELD).order_by("id"))
    for row in rows:
        row.state = Signal.State.WAITING
    Signal.objects.filter(pk__in=[row.pk for row in rows]).update(state=Signal.State.WAITING)
    if rows and stream.method == Delivery.PUSH:
        pushing.post(stream, rows)
    return len(rows)


def drop(stream: Stream, because: str) -> None:
    """Nothing of what waits goes out any more."""
    rows = stream.signals.filter(state__in=[Signal.State.HELD, Signal.State.WAITING])
    pushing.withdraw(rows)
    rows.update(state=Signal.State.DROPPED, settled_at=now(), answer=because[:500])


def _store(stream: Stream, rows: list[Signal]) -> int:
    stored = Signal.objects.bulk_create(rows, batch_size=_BATCH)
    waiting = [row for row in stored if row.state == Signal.State.WAITING]
    if waiting and stream.method == Delivery.PUSH:
        pushing.post(stream, waiting)
    return len(stored)


def _closed(stream: Stream, people: Sequence[Person], because: str) -> None:
    """Their sessions and account, told once until the account is open again; and of whoever came
    back and is closed anew before that was seen, once more."""
    keys = [person.pk for person in people]
    before = dict(stream.told.filter(person__in=keys).values_list("person_id", "since"))
    since = {person.pk: _closed_since(person) for person in people}
    fresh = [
        person
        for person in people
        if person.pk not in before or since[person.pk] not in (None, before[person.pk])
    ]
    revoked = events.session_revoked(now(), because)
    said = [
        item
        for person in fresh
        for item in (
            Said(EventType.SESSION_REVOKED, person, revoked),
            Said(EventType.ACCOUNT_DISABLED, person, {}),
        )
    ]
    if send(stream, said):
        rows = [Told(stream=stream, person=one, since=since[one.pk]) for one in fresh]
        Told.objects.bulk_create(
            rows,
            batch_size=_BATCH,
            update_conflicts=True,
            unique_fields=["stream", "person"],
            update_fields=["since"],
        )


def _closed_since(person: Person) -> datetime | None:
    return person.state_since if person.state in CLOSED else None


def _open_streams() -> Iterable[Stream]:
    return Stream.objects.exclude(status=Status.DISABLED).select_related("receiver")


def _accounts(stream: Stream, people: Sequence[int]) -> dict[int, Account]:
    """Each one's account in the application of the receiver: the newest, deleted ones too."""
    if stream.receiver.application_id is None:
        return {}
    rows = Account.objects.filter(application=stream.receiver.application_id, person__in=people)
    found: dict[int, list[Account]] = defaultdict(list)
    for row in rows.order_by("id"):
        if row.person_id is not None:
            found[row.person_id].append(row)
    return {
        person: min(own, key=lambda row: (row.situation == Situation.DELETED, -row.pk))
        for person, own in found.items()
    }


def _closings(stream: Stream, person: str) -> QuerySet[Operation]:
    """Removals of the account of the person that the outer query is at, by its column."""
    return Operation.objects.filter(
        application=stream.receiver.application_id, person=OuterRef(person), kind__in=_CLOSING
    )


def _reopened(stream: Stream) -> QuerySet[Told]:
    rows = stream.told.exclude(person__state__in=CLOSED)
    if stream.receiver.application_id is None:
        return rows
    own = Account.objects.filter(
        application=stream.receiver.application_id, person=OuterRef("person")
    )
    live = own.filter(situation=Situation.LINKED.value, active=True)
    return rows.filter(Exists(live)).exclude(
        Exists(_closings(stream, "person").exclude(state__in=_OVER))
    )


def _purged(stream: Stream) -> QuerySet[Told]:
    rows = stream.told.filter(purged=False)
    own = Account.objects.filter(person=OuterRef("person"))
    if stream.receiver.application_id is None:
        rows = rows.filter(person__state=LifecycleState.LEFT.value)
    else:
        own = own.filter(application=stream.receiver.application_id)
    gone = own.filter(situation=Situation.DELETED.value)
    return rows.filter(Exists(gone)).exclude(Exists(own.exclude(situation=Situation.DELETED.value)))


def _take(rows: QuerySet[Told], kind: EventType) -> list[Told]:
    """Some of them, with what is now told of them kept."""
    batch = list(
        rows.select_for_update(of=("self",), skip_locked=True)
        .select_related("person")
        .order_by("pk")[:_BATCH]
    )
    keys = [row.pk for row in batch]
    if kind is EventType.ACCOUNT_PURGED:
        Told.objects.filter(pk__in=keys).update(purged=True)
    else:
        Told.objects.filter(pk__in=keys).delete()
    return batch
