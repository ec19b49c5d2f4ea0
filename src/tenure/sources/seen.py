"""What one import has seen of its source, outside its memory, and that it is the only import of it.

The keys are in a temporary table: a row of a million costs the process nothing, a record that did
not change is not written to, and what an import that died had seen dies with its connection. So
does the lock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress

from django.db import DatabaseError, connection
from django.db.models import QuerySet

from tenure.infra.bulk import among, array
from tenure.readers.base import ReaderError
from tenure.sources.models import Source, SourceRecord

SOURCE_LOCK = 0x7E50_0003
_MERGE_LOCK = 0x7E50_0004


class AlreadyImporting(ReaderError):
    """Somebody else imports the source at this moment."""


@contextmanager
def alone(source: Source) -> Iterator[None]:
    """Nobody else imports this source meanwhile. Raises `AlreadyImporting`."""
    if not _asked("SELECT pg_try_advisory_lock(%s, %s)", [SOURCE_LOCK, source.pk]):
        raise AlreadyImporting(
            f"Another import of {source.name} is running. Wait until it has ended; "
            "nothing was read."
        )
    try:
        yield
    finally:
        # A connection that is gone has taken its locks along.
        with suppress(DatabaseError):
            _asked("SELECT pg_advisory_unlock(%s, %s)", [SOURCE_LOCK, source.pk])


def wait_for_other_sources() -> None:
    """Until this transaction ends no other source changes people: two sources that have the same
    new person would both make them, and each would wait for names that the other has reserved."""
    _asked("SELECT pg_advisory_xact_lock(%s)::text", [_MERGE_LOCK])


def need_not_be_on_disk_yet() -> None:
    """This transaction is over before it is on the disk. What is committed later takes it along, be
    it the end of its import or a plan made of it: nobody builds on what a power cut loses."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit TO off")


def begin() -> None:
    """Nothing was seen yet."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.import_seen")
        cursor.execute("CREATE TEMPORARY TABLE import_seen (key text PRIMARY KEY, line bigint)")


def end() -> None:
    """Forget what was seen."""
    with suppress(DatabaseError), connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.import_seen")


def repeated(lines: Mapping[str, int]) -> dict[str, int]:
    """Note these keys. Returns those that were seen before, with the line where that was."""
    keys = array(lines)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO import_seen SELECT * FROM unnest(%s::text[], %s::bigint[])"
            " ON CONFLICT DO NOTHING",
            [keys, array(lines.values())],
        )
        if cursor.rowcount == len(lines):
            return {}
        cursor.execute("SELECT key, line FROM import_seen WHERE key = ANY(%s::text[])", [keys])
        return {key: line for key, line in cursor.fetchall() if line != lines[key]}


def marks(source: Source, keys: Collection[str]) -> dict[str, tuple[bytes, bool]]:
    """Key -> digest of the row when it was last taken, and whether it is in the source; for those
    of the keys that have a record. All that a row costs which did not change."""
    rows = SourceRecord.objects.filter(source=source, key__in=among(keys, "text"))
    found = rows.values_list("key", "digest", "present")
    return {key: (bytes(digest), present) for key, digest, present in found}


def records(source: Source, keys: Collection[str]) -> dict[str, SourceRecord]:
    """Key -> record, with its person."""
    if not keys:
        return {}
    rows = SourceRecord.objects.filter(source=source, key__in=among(keys, "text"))
    return {row.key: row for row in rows.select_related("person")}


def absent(source: Source) -> QuerySet[SourceRecord]:
    """The records of which no row was seen."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE import_seen")
    return _present(source).extra(
        where=[
            "NOT EXISTS (SELECT 1 FROM import_seen"
            " WHERE import_seen.key = sources_sourcerecord.key)"
        ]
    )


def deleted(source: Source, ids: Collection[str]) -> QuerySet[SourceRecord]:
    """The records by the source's own names for them."""
    return _present(source).filter(remote_id__in=ids)


def _present(source: Source) -> QuerySet[SourceRecord]:
    rows = SourceRecord.objects.filter(source=source, present=True)
    return rows.select_related("person").order_by("pk")


def _asked(query: str, arguments: list[int]) -> object:
    with connection.cursor() as cursor:
        cursor.execute(query, arguments)
        row = cursor.fetchone()
    return row[0] if row else None
