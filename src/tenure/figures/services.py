"""Counting at once, or reading what was counted lately. Knows nothing of what is counted: whoever
does registers a function, and says which table it goes through."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import JSONField, Value

from tenure.figures.models import Figure
from tenure.infra.clock import now

#: Of rows that are gone through: below it everything is counted when it is asked for.
FEW: Final = 50_000
#: So old may a figure become before it is counted again.
FRESH: Final = timedelta(seconds=20)

Count = Callable[[], Any]
_counts: dict[str, Count] = {}
#: Table -> when it was asked how large it is, and the answer.
_estimates: dict[str, tuple[float, int]] = {}
_ASKED: Final = 60.0


def register(name: str, count: Count) -> None:
    """`count` gives plain values, as JSON has them. Registered once, at import."""
    _counts[name] = count


def figure(name: str, *, table: str) -> Any:
    """The figure of this name: of this moment where the table is small, else of the last minute."""
    if _estimate(table) < FEW:
        return _counts[name]()
    row = Figure.objects.filter(name=name).first()
    return row.value if row is not None else _count(name)


def count_again() -> int:
    """Those that are counted ahead and have become old. Returns how many."""
    rows = Figure.objects.filter(counted_at__lte=now() - FRESH)
    names = [name for name in rows.values_list("name", flat=True) if name in _counts]
    for name in names:
        _count(name)
    return len(names)


def _count(name: str) -> Any:
    value = _counts[name]()
    # Nothing is an answer too: JSON's null, which is not SQL's.
    kept = Value(None, JSONField()) if value is None else value
    Figure.objects.update_or_create(name=name, defaults={"value": kept, "counted_at": now()})
    return value


def _estimate(table: str) -> int:
    """About how many rows it has, as the database remembers; asked once a minute."""
    asked, found = _estimates.get(table, (-_ASKED, 0))
    if time.monotonic() - asked < _ASKED:
        return found
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [table])
        (rows,) = cursor.fetchone()
    _estimates[table] = (time.monotonic(), int(rows))
    return int(rows)
