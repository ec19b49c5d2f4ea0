"""Whether this machine's clock is the database's. Many machines work on one database, and what one
of them does by a clock that is hours ahead cannot be taken back: last days end early, and what was
just sent counts as sent long ago. Knows nothing of what is done by the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import connection

from tenure.infra.clock import now

TOLERATED: Final = timedelta(seconds=30)


class ClockWrong(RuntimeError):
    """The machine's clock is not the database's; `str()` says by how much and what to do."""


def require_right() -> None:
    """Raises `ClockWrong`. Asked by whatever ends somebody's access, or deletes, by the clock."""
    off = _ahead()
    if off:
        word = "ahead of" if off > timedelta(0) else "behind"
        raise ClockWrong(
            f"This machine's clock is {abs(off).total_seconds():.0f} seconds {word} the "
            "database's: nobody's last day would end at the right moment, so nothing is done here. "
            "Set both machines by NTP."
        )


def now_for_all() -> datetime:
    """The present moment; of a machine whose clock is wrong by the database's. For what must be
    done at once whatever the clock says, as somebody wants it: who is terminated here is terminated
    everywhere else too."""
    return now() - _ahead()


def _ahead() -> timedelta:
    """By how much this machine's clock is ahead of the database's, nothing where that is little.
    How long the answer takes is no difference of clocks."""
    before = _machine()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    after = _machine()
    assert row is not None
    there: datetime = row[0]
    if before - there > TOLERATED:
        return before - there
    return after - there if there - after > TOLERATED else timedelta(0)


def _machine() -> datetime:
    return datetime.now(UTC)
