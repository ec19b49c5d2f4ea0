"""When something that is done again and again is due next: after a while, at times of the day as
cron writes them, or as soon as the last time has ended.

Times of cron are those of a wall clock: a job at 2:30 is done once on the day on which that hour
comes twice, and right after it on the day on which it does not come.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

#: Between two of what is done continuously.
PAUSE = timedelta(seconds=30)
LEAST = timedelta(minutes=1)
#: How often an application is read at most, and at least unless it is never read by itself.
OFTENEST = timedelta(minutes=15)
SELDOMEST = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Schedule:
    """One of the three. `cron`: minute, hour, day of the month, month, day of the week."""

    every: timedelta | None = None
    cron: str = ""
    continuous: bool = False

    def __bool__(self) -> bool:
        return self.every is not None or bool(self.cron) or self.continuous

    def after(self, at: datetime, zone: ZoneInfo) -> datetime:
        """The first time after `at`; times of cron are of `zone`."""
        if self.every is not None:
            return at + self.every
        if self.cron:
            return next(CronSim(self.cron, at.astimezone(zone)))
        return at + PAUSE

    def __str__(self) -> str:
        if self.every is not None:
            minutes = self.every.total_seconds() / 60
            if minutes == 1:
                return "every minute"
            return (
                f"every {minutes:g} minutes" if minutes < 120 else f"every {minutes / 60:g} hours"
            )
        return self.cron or ("continuously" if self.continuous else "by hand")


def check_cron(text: str) -> None:
    """Raises `ValueError` that says what is expected."""
    try:
        if len(text.split()) != 5:
            raise CronSimError("there are not five fields")
        CronSim(text, datetime(2024, 1, 1))  # noqa: DTZ001 - any day will do
    except CronSimError as error:
        raise ValueError(
            f"{text!r} is no schedule as cron has them ({error}). Expected minute, hour, day of "
            'the month, month and day of the week, such as "0 6 * * 1-5".'
        ) from None


def schedule_from(stored: Mapping[str, Any]) -> Schedule:
    """From `{"every": seconds}`, `{"cron": text}`, `{"continuous": true}` or `{}`."""
    seconds = stored.get("every")
    return Schedule(
        every=timedelta(seconds=float(seconds)) if seconds else None,
        cron=str(stored.get("cron", "")),
        continuous=bool(stored.get("continuous")),
    )


def waits(failures: int, asked: float | None = None) -> timedelta:
    """How long to wait after so many failures in a row: a minute, doubled each time, at most six
    hours; and never less than the other side asked for, in seconds."""
    own = timedelta(minutes=min(360, 2 ** min(failures - 1, 9)))
    return max(own, timedelta(seconds=asked or 0))
