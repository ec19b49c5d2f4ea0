"""Writing the audit trail, and sealing it.

Recording is a plain insert in the caller's transaction, so that what happened and the record of it
are committed together and many writers never wait for each other. Sealing gives each committed
event its place and digest seconds later, under one lock; a database trigger refuses every other
change. `verify` walks the chain.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, NamedTuple

import orjson
from django.db import connection, transaction

from tenure.audit.models import Action, Event
from tenure.infra.aside import Aside
from tenure.infra.bulk import insert_rows, update_rows

#: Who acts where nobody does.
SYSTEM: Final = "system"
_actor: ContextVar[str] = ContextVar("actor", default=SYSTEM)
_SEAL_LOCK = 0x7E50_0001
_FIRST = hashlib.sha256(b"tenure audit trail").digest()


class Entry(NamedTuple):
    """An event that is not yet stored: the fields of `Event`. No row, since there are very many."""

    action: str
    actor: str
    subject_kind: str
    subject_key: str
    subject_label: str
    application: str
    person: str
    reason: str
    before: Any
    after: Any
    run: int | None


@contextmanager
def acting(actor: str) -> Iterator[None]:
    """Everything recorded inside is by this actor: `administrator anna`, `command line (root)`."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


def actor() -> str:
    """Who is acting now."""
    return _actor.get()


def event(
    action: Action,
    *,
    subject_kind: str,
    subject_key: str,
    subject_label: str = "",
    application: str = "",
    person: str = "",
    reason: str = "",
    before: Any = None,
    after: Any = None,
    run: int | None = None,
) -> Entry:
    """An event that is not yet stored, by whoever is acting."""
    return Entry(
        action,
        _actor.get()[:200],
        subject_kind,
        subject_key[:200],
        subject_label[:300],
        application,
        person,
        reason,
        before,
        after,
        run,
    )


def record(action: Action, **details: Any) -> None:
    """Store one event; the keywords are those of `event`."""
    Event(**event(action, **details)._asdict()).save(force_insert=True)


def record_many(events: Sequence[Entry], aside: Aside | None = None) -> None:
    """Store many events in one statement; `aside` of what the caller does next."""
    if events:
        (aside.insert_rows if aside else insert_rows)(Event, Entry._fields, events)


def seal(limit: int = 20_000) -> int:
    """Chain up to `limit` committed events that are not yet chained. Returns how many."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_SEAL_LOCK])
            row = cursor.fetchone()
            if not row or not row[0]:
                return 0
        last = Event.objects.filter(position__isnull=False).order_by("-position").first()
        position, digest = (last.position or 0, bytes(last.digest or b"")) if last else (0, _FIRST)
        waiting = list(Event.objects.filter(position__isnull=True).order_by("id")[:limit])
        for item in waiting:
            position += 1
            digest = _link(digest, item, position)
            item.position, item.digest = position, digest
        update_rows(waiting, ["position", "digest"])
        return len(waiting)


class Noted(NamedTuple):
    """A place in the chain, and its digest or the beginning of it (hexadecimal), as somebody has
    kept it elsewhere."""

    position: int
    digest: str


def last() -> Noted | None:
    """How far the trail is chained."""
    item = Event.objects.filter(position__isnull=False).order_by("-position").first()
    return Noted(item.position or 0, bytes(item.digest or b"").hex()) if item else None


def verify(noted: Sequence[Noted] = ()) -> tuple[int, str]:
    """Walk the chain: how many sealed events are right, and what is wrong with the next ("").
    `noted`: what a chain that was cut off, or written anew by the owner of the database, differs
    from; by itself it is whole."""
    digest, count, known = _FIRST, 0, {item.position: item.digest.lower() for item in noted}
    for item in Event.objects.filter(position__isnull=False).order_by("position").iterator(2000):
        count += 1
        digest = _link(digest, item, count)
        if item.position != count:
            return count - 1, f"event {count} is missing: the next one is number {item.position}"
        if bytes(item.digest or b"") != digest:
            return count - 1, f"event {count} (id {item.pk}) is not as it was written"
        if count in known and not digest.hex().startswith(known[count]):
            return count - 1, f"event {count} is another one than what was noted"
    if further := max((place for place in known if place > count), default=0):
        return count, (
            f"event {count + 1} is missing: the trail ends at {count}, and {further} was noted"
        )
    return count, ""


def _link(previous: bytes, item: Event, position: int) -> bytes:
    content = [
        position,
        item.pk,
        item.at.isoformat(),
        item.action,
        item.actor,
        item.subject_kind,
        item.subject_key,
        item.subject_label,
        item.application,
        item.person,
        item.reason,
        item.before,
        item.after,
        item.run,
    ]
    return hashlib.sha256(previous + _written(content)).digest()


def _written(content: list[Any]) -> bytes:
    try:
        return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        # A number of more than 64 bits, which it does not write.
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.encode()
