"""Known people whose row could not be taken when it was read last, or may be on a line that could
not be read at all. What their source says of them now nobody knows, be it that they have left: they
stay as they are, and that is told by name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Count, QuerySet

from tenure.core.model import LifecycleState
from tenure.infra.bulk import among, array
from tenure.sources.models import Source, SourceRecord

#: So many are named.
NAMED = 3


@dataclass(frozen=True, slots=True)
class Unread:
    """People of a source who became unreadable in one import. `first`: some of them, by name.
    `why`: what is wrong with the row of the first."""

    source: Source
    since: datetime
    count: int
    first: tuple[str, ...]
    why: str

    @property
    def names(self) -> str:
        """`Anna Nagy, Ben Kiss and 12 more`."""
        return named(self.first, self.count)


def named(first: Collection[str], count: int) -> str:
    """Some of so many people."""
    more = f" and {count - len(first):,} more" if count > len(first) else ""
    return f"{', '.join(first)}{more}"


def unread() -> list[Unread]:
    """Everybody who is here and could not be read, source by source, the oldest first."""
    groups = (
        _here(SourceRecord.objects.exclude(unread=""))
        .values_list("source", "unread_at")
        .annotate(count=Count("pk"))
        .order_by("source__position", "source", "unread_at")
    )
    sources = Source.objects.in_bulk({pk for pk, _, _ in groups})
    return [_told(sources[pk], since, count) for pk, since, count in groups]


def _here(rows: QuerySet[SourceRecord]) -> QuerySet[SourceRecord]:
    return rows.filter(present=True).exclude(person__state=LifecycleState.LEFT.value)


def _told(source: Source, since: datetime, count: int) -> Unread:
    rows = SourceRecord.objects.filter(source=source, unread_at=since).exclude(unread="")
    first = _here(rows).select_related("person").order_by("pk")[:NAMED]
    names = tuple(row.person.display_name for row in first)
    return Unread(source, since, count, names, first[0].unread if first else "")


def is_any(source: Source) -> bool:
    """Whether anybody of the source is unread."""
    return SourceRecord.objects.filter(source=source).exclude(unread="").exists()


def note(source: Source, why: Mapping[str, str], at: datetime) -> None:
    """The rows of these keys could not be taken. Since when stays what it was; keys of nobody are
    passed over."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE sources_sourcerecord SET unread = given.why,"
            " unread_at = coalesce(unread_at, %s)"
            " FROM unnest(%s::text[], %s::text[]) AS given (key, why)"
            " WHERE source_id = %s AND sources_sourcerecord.key = given.key",
            [at, array(why), array(why.values()), source.pk],
        )


def note_all(rows: QuerySet[SourceRecord], why: str, at: datetime) -> None:
    """No row was read that is theirs, and there are lines of which nobody knows whose they are."""
    found = SourceRecord.objects.filter(pk__in=rows.order_by().values("pk"))
    found.filter(unread_at=None).update(unread_at=at)
    found.update(unread=why)


def over(source: Source, keys: Collection[str]) -> None:
    """The rows of these keys were taken."""
    rows = SourceRecord.objects.filter(source=source, key__in=among(keys, "text"))
    _forget(rows)


def over_for_absent(rows: QuerySet[SourceRecord]) -> None:
    """Every line was read, and none is theirs."""
    _forget(SourceRecord.objects.filter(pk__in=rows.exclude(unread="").order_by().values("pk")))


def _forget(rows: QuerySet[SourceRecord]) -> None:
    rows.exclude(unread="").update(unread="", unread_at=None)
