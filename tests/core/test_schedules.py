"""When something is due next, on a wall clock that summer time moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tenure.core.schedules import Schedule, check_cron, schedule_from, waits

BUDAPEST = ZoneInfo("Europe/Budapest")


def times(cron: str, start: str, count: int) -> list[str]:
    at = datetime.fromisoformat(start).replace(tzinfo=BUDAPEST)
    found = []
    for _ in range(count):
        at = Schedule(cron=cron).after(at, BUDAPEST)
        found.append(at.isoformat()[5:])
    return found


def test_times_of_cron_are_those_of_the_companys_wall_clock() -> None:
    assert times("0 6 * * 1-5", "2026-11-27T12:00", 2) == [
        "11-30T06:00:00+01:00",
        "12-01T06:00:00+01:00",
    ]
    # 2:30 does not come on one day, and comes twice on another: it is done once on each.
    assert times("30 2 * * *", "2026-03-28T12:00", 2) == [
        "03-29T03:00:00+02:00",
        "03-30T02:30:00+02:00",
    ]
    assert times("30 2 * * *", "2026-10-24T12:00", 2) == [
        "10-25T02:30:00+02:00",
        "10-26T02:30:00+01:00",
    ]


def test_intervals_and_continuous() -> None:
    at = datetime(2026, 11, 28, 12, tzinfo=UTC)
    quarter = schedule_from({"every": 900})
    assert quarter.after(at, BUDAPEST) == at + timedelta(minutes=15)
    assert str(quarter) == "every 15 minutes"
    assert str(schedule_from({"every": 60})) == "every minute"
    assert schedule_from({"continuous": True}).after(at, BUDAPEST) == at + timedelta(seconds=30)
    assert not schedule_from({})


@pytest.mark.parametrize("text", ["", "0 6 * *", "61 6 * * *", "0 6 * * mon-xyz", "0 0 6 * * *"])
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no schedule as cron has them"):
        check_cron(text)


def test_pauses_grow_and_what_is_asked_for_is_kept() -> None:
    assert [waits(n).total_seconds() / 60 for n in (1, 2, 5, 10, 99)] == [1, 2, 16, 360, 360]
    assert waits(1, 3600) == timedelta(hours=1)
    assert waits(9, 1) == timedelta(minutes=256)
