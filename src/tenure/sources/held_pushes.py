"""What was pushed and waits, because a guard holds it.

It stays pushed, and its people stay as they are: until somebody approves it by an import of the
source, or what is pushed next is as it was before. Whoever pushes one by one is counted as a flood
is: people whom a source changed within the window, each once, together with those of this request.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db.models import QuerySet

from tenure.core.guard import PASSED, Limit, Verdict, judge, source_guard_from
from tenure.infra.bulk import among
from tenure.runs.models import Run, RunKind, RunState
from tenure.sources.echoes import differs
from tenure.sources.models import Source, SourceRecord
from tenure.sources.rows import MappedRow


def changes(source: Source, rows: Sequence[MappedRow]) -> set[str]:
    """The keys of those rows that make somebody who is there another."""
    return {
        row.key
        for row in rows
        if row.present
        and row.record is not None
        and row.record.present
        and differs(source, row.record, row.attributes)
    }


def judged(source: Source, keys: Collection[str], at: datetime) -> Verdict:
    """What the guard says of so many people who would be others than they were."""
    limit = source_guard_from(source.guard).changes
    if not keys or limit.unlimited:
        return PASSED
    since = at - limit.window
    changed = SourceRecord.objects.filter(source=source, moved_at__gt=since)
    recent = changed.exclude(key__in=among(keys, "text")).count()
    return judge(
        what=f"changed people in {source.name}",
        new=len(keys),
        recent=recent,
        population=_population(source, recent + len(keys), limit),
        limit=limit,
    )


def _population(source: Source, changed: int, limit: Limit) -> int:
    """How many people it has; where that is more than so many changes may be of, not all of them
    are counted: whoever pushes 100,000 people one by one would have them counted each time."""
    there = SourceRecord.objects.filter(source=source, present=True)
    if changed <= limit.allowed(0):
        return 0
    if limit.percent:
        enough = int(changed * 100 / limit.percent) + 1
        found = there.order_by()[:enough].count()
        if changed <= limit.allowed(found):
            return found
    return there.count()


def note_changes(source: Source, keys: Collection[str], at: datetime) -> None:
    """These were made others, and nobody approved it."""
    if keys:
        _of(source, keys).update(moved_at=at)


def keep(source: Source, keys: Collection[str], at: datetime) -> None:
    """What was pushed of these waits."""
    if keys:
        _of(source, keys).update(held_at=at)


def count(source: Source) -> int:
    """Of how many people what was pushed waits."""
    return _waiting(source).count()


def settle(source: Source, keys: Collection[str]) -> set[str]:
    """Of these nothing waits any more: it was taken, or taken back. Returns those that waited."""
    waited = set(_waiting(source).filter(key__in=among(keys, "text")).values_list("key", flat=True))
    if waited:
        _of(source, waited).update(held_at=None)
    return waited


def last_reason(source: Source) -> str:
    """What was said when something of this source was held last."""
    rows = Run.objects.filter(kind=RunKind.IMPORT, subject=source.slug, state=RunState.HELD)
    return rows.order_by("-pk").values_list("message", flat=True).first() or ""


def _of(source: Source, keys: Collection[str]) -> QuerySet[SourceRecord]:
    return SourceRecord.objects.filter(source=source, key__in=among(keys, "text"))


def _waiting(source: Source) -> QuerySet[SourceRecord]:
    return SourceRecord.objects.filter(source=source, held_at__isnull=False)
