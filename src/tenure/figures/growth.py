"""How large the database was, day by day: what it grows by is told from that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.db import connection

from tenure.figures.models import Figure

_NAME: Final = "database bytes by day"
_DAYS_KEPT: Final = 400
#: What is less says little: the first import, and the first plan, are in it.
_LEAST: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Growth:
    """`size`: bytes now; `a_day`: bytes a day over the last `days`, None where nobody knows yet."""

    size: int
    a_day: float | None = None
    days: int = 0


def note(at: datetime) -> None:
    """Remember how large it is today."""
    row = Figure.objects.filter(name=_NAME).first()
    noted = dict(row.value) if row is not None else {}
    noted[at.date().isoformat()] = _size()
    latest = dict(sorted(noted.items())[-_DAYS_KEPT:])
    Figure.objects.update_or_create(name=_NAME, defaults={"value": latest, "counted_at": at})


def growth(at: datetime, over: timedelta = timedelta(days=30)) -> Growth:
    """As far as it was noted within that time."""
    row = Figure.objects.filter(name=_NAME).first()
    noted = {date.fromisoformat(day): int(size) for day, size in row.value.items()} if row else {}
    size = _size()
    since = min((day for day in noted if at.date() - day <= over), default=at.date())
    passed = at.date() - since
    if passed < _LEAST:
        return Growth(size)
    return Growth(size, (size - noted[since]) / passed.days, passed.days)


def _size() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        row = cursor.fetchone()
    return int(row[0]) if row else 0
