"""Writing what waits, record after record of a source: what it is to be now, whether it may be
written, and what came of it. Never a request inside a transaction; the row says what is about to
be sent before it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import Final

from django.db import DatabaseError, connection, transaction

from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.services import company
from tenure.readers.base import Reader, ReaderError
from tenure.sources.models import Source, SourceRecord
from tenure.sources.opening import open_source
from tenure.writeback import settling
from tenure.writeback.asking import wake
from tenure.writeback.models import Pause, WriteBack
from tenure.writeback.wanting import wanted
from tenure.writeback.writing import Busy, Later, Outcome, Shut, write

_LOCK: Final = 0x7E50_0011
#: Whoever writes has so long before another one may try.
_CLAIM: Final = timedelta(minutes=5)
#: One job ends after so many records, for others to have their turn.
_MOST: Final = 500
#: After so many in a row that could not be written the source itself is taken to be the trouble.
_IN_A_ROW: Final = 3
_HOLD: Final = timedelta(hours=1)


def write_due(source: Source, *, most: int = _MOST) -> int:
    """Write what is due. Returns how many records have what they are to have now."""
    done = tried = bad = 0
    with _alone(source) as mine:
        reader: Reader | None = None
        while mine and tried < most and may_write(source):
            row = _claim(source)
            if row is None:
                return done
            if not (values := _due(row)):
                continue
            try:
                reader = reader or open_source(source)
                columns = {source.write_back[name]: value for name, value in values.items()}
                outcome = write(reader, row.record.remote_id, columns, partial(_intend, row))
            except ReaderError as error:
                outcome = Shut(str(error))
            tried += 1
            done += settling.settle(row, values, outcome)
            bad = bad + 1 if isinstance(outcome, Later) else 0
            if _is_over(source, outcome, bad):
                return done
    if tried >= most:
        wake(source.slug)
    return done


def may_write(source: Source) -> bool:
    """Whether nobody stopped all writes, and the source did not ask to be left in peace."""
    if company().writes_stopped_at is not None:
        return False
    return not Pause.objects.filter(source=source, until__gt=now()).exists()


def _is_over(source: Source, outcome: Outcome, bad: int) -> bool:
    """Whether no other record is tried now."""
    if isinstance(outcome, Shut):
        settling.pause(source, outcome.reason, refused=True)
    elif isinstance(outcome, Busy):
        settling.pause(source, outcome.reason, after=outcome.after)
    elif isinstance(outcome, Later) and bad >= _IN_A_ROW:
        settling.pause(source, outcome.reason)
    else:
        return False
    return True


@transaction.atomic
def _claim(source: Source) -> WriteBack | None:
    at = now()
    rows = WriteBack.objects.select_for_update(skip_locked=True, of=("self",)).filter(
        source=source, state=WriteBack.State.WAITING, not_before__lte=at
    )
    row = rows.select_related("record__person").order_by("not_before", "id").first()
    if row is not None:
        row.tries += 1
        row.not_before = at + _CLAIM
        row.save(update_fields=["tries", "not_before"])
        # Whose it is now: records pass to others where people are merged or split.
        row.source, row.person = source, row.record.person
    return row


def _due(row: WriteBack) -> dict[str, str]:
    """What is to be written now; nothing for who may not be touched, and then it is put away."""
    person: Person = row.person
    record: SourceRecord = row.record
    values = wanted(row.source, record, person)
    if not values:
        row.delete()
    elif person.legal_hold_since is not None:
        said = f"{person.display_name} is under legal hold: nothing of theirs is changed."
        settling.put_off(row, said, _HOLD)
        return {}
    return values


def _intend(row: WriteBack, was: Mapping[str, str]) -> None:
    """Kept before it is sent. What was there at the first try stays, as long as it is the same
    that is asked for."""
    if row.sent_at is None:
        row.was, row.sent_at = dict(was), now()
        row.save(update_fields=["was", "sent_at"])


@contextmanager
def _alone(source: Source) -> Iterator[bool]:
    """Nobody else writes to this source meanwhile; whether that is so."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_LOCK, source.pk])
        (mine,) = cursor.fetchone()
    try:
        yield bool(mine)
    finally:
        # A connection that is gone has taken its locks along.
        with suppress(DatabaseError), connection.cursor() as cursor:
            if mine:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCK, source.pk])
