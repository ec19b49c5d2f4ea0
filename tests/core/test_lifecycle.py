"""The lifecycle clock: midnights where people live, and a function of time that never goes back."""

# ruff: noqa: DTZ001 - instants without a zone are refused here

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.core.lifecycle import WorkingLife, ends_sooner, midnight, standing
from tenure.core.model import LifecycleState as S

SECOND = timedelta(seconds=1)
TICK = timedelta(microseconds=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_first_day_begins_at_midnight_where_they_live() -> None:
    life = WorkingLife(start_date=date(2026, 3, 2), time_zone="Pacific/Auckland")
    turn = utc("2026-03-01 11:00")
    before, after = standing(life, turn - TICK), standing(life, turn)
    assert (before.state, before.until, before.since) == (S.UPCOMING, turn, None)
    assert (after.state, after.until, after.since) == (S.ACTIVE, None, turn)
    assert life.starts() == turn


def test_the_last_day_counts_whole() -> None:
    life = WorkingLife(end_date=date(2026, 3, 31), time_zone="America/New_York")
    turn = utc("2026-04-01 04:00")
    assert standing(life, turn - TICK).state is S.ACTIVE
    found = standing(life, turn)
    assert (found.state, found.left_at, found.since, found.until) == (S.LEFT, turn, turn, None)


@pytest.mark.parametrize(
    ("place", "day", "expected"),
    [
        # Clocks jump from 00:00 to 01:00: the day begins at 01:00.
        ("America/Santiago", date(2025, 9, 7), "2025-09-07 04:00"),
        ("Asia/Beirut", date(2022, 3, 27), "2022-03-26 22:00"),
        # Clocks go from 01:00 back to 00:00: midnight comes twice, the first counts.
        ("America/Havana", date(2025, 11, 2), "2025-11-02 04:00"),
        # A whole day that never was: 30 December 2011 in Samoa begins with the 31st.
        ("Pacific/Apia", date(2011, 12, 30), "2011-12-30 10:00"),
        ("Pacific/Apia", date(2011, 12, 31), "2011-12-30 10:00"),
        # Clocks jumped from 23:30 to 00:30: the first instant after midnight is 00:30.
        ("America/Toronto", date(1919, 3, 31), "1919-03-31 04:30"),
        ("Europe/Berlin", date(2026, 3, 29), "2026-03-28 23:00"),
        ("UTC", date(2026, 3, 29), "2026-03-29 00:00"),
    ],
)
def test_midnights_that_do_not_exist_or_come_twice(place: str, day: date, expected: str) -> None:
    assert midnight(day, ZoneInfo(place)) == utc(expected)


def test_of_termination_and_last_day_the_earlier_counts() -> None:
    """HR may have shortened what was said before; and a termination lets nobody in again."""
    terminated = utc("2026-05-05 15:30")
    for end, at in ((date(2026, 5, 1), utc("2026-05-02 00:00")), (date(2026, 5, 31), terminated)):
        life = WorkingLife(end_date=end, terminated_at=terminated)
        assert standing(life, at - TICK).state is S.ACTIVE
        assert standing(life, at).state is S.LEFT
        assert standing(life, at).left_at == at


def test_somebody_terminated_before_the_first_day_never_begins() -> None:
    life = WorkingLife(start_date=date(2026, 6, 1), terminated_at=utc("2026-05-20 10:00"))
    assert standing(life, utc("2026-05-20 09:59")).state is S.UPCOMING
    assert standing(life, utc("2026-05-20 10:00")).state is S.LEFT
    assert standing(life, utc("2026-07-01 10:00")).state is S.LEFT


def test_grace() -> None:
    life = WorkingLife(end_date=date(2026, 5, 31), grace=timedelta(hours=36))
    left, gone = utc("2026-06-01 00:00"), utc("2026-06-02 12:00")
    found = standing(life, left)
    assert (found.state, found.since, found.until) == (S.LEAVING, left, gone)
    assert standing(life, gone - TICK).state is S.LEAVING
    found = standing(life, gone)
    assert (found.state, found.since, found.left_at) == (S.LEFT, gone, left)


def test_leave_by_dates() -> None:
    life = WorkingLife(leave_from=date(2026, 5, 4), leave_until=date(2026, 5, 8))
    assert standing(life, utc("2026-05-03 23:59")).until == utc("2026-05-04 00:00")
    found = standing(life, utc("2026-05-06 12:00"))
    assert (found.state, found.since, found.until) == (
        S.ON_LEAVE,
        utc("2026-05-04 00:00"),
        utc("2026-05-09 00:00"),
    )
    assert standing(life, utc("2026-05-09 00:00")).state is S.ACTIVE
    open_ended = WorkingLife(leave_from=date(2026, 5, 4))
    assert standing(open_ended, utc("2030-01-01 00:00")).state is S.ON_LEAVE


def test_what_hr_says_holds_for_as_long_as_it_says_so() -> None:
    now = utc("2026-05-06 12:00")
    away = standing(WorkingLife(on_leave=True, leave_until=date(2026, 5, 1)), now)
    assert (away.state, away.since, away.until) == (S.ON_LEAVE, None, None)
    barred = standing(WorkingLife(on_leave=True, suspended=True, end_date=date(2026, 5, 6)), now)
    assert (barred.state, barred.until) == (S.SUSPENDED, utc("2026-05-07 00:00"))
    upcoming = WorkingLife(start_date=date(2026, 6, 1), suspended=True, on_leave=True)
    assert standing(upcoming, now).state is S.UPCOMING


@pytest.mark.parametrize("never", [date(9999, 12, 31), date(9999, 1, 1)])
def test_a_last_day_in_the_year_9999_is_none(never: date) -> None:
    found = standing(WorkingLife(end_date=never, time_zone="Asia/Tokyo"), utc("2026-01-01 00:00"))
    assert (found.state, found.until, found.left_at) == (S.ACTIVE, None, None)


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "Europe", "europe berlin"])
def test_an_unknown_zone_is_named(name: str) -> None:
    with pytest.raises(ValueError, match="There is no time zone") as caught:
        WorkingLife(time_zone=name)
    assert repr(name) in str(caught.value)


def test_dates_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match=r"start date \(2026-02-02\) is after the end date"):
        WorkingLife(start_date=date(2026, 2, 2), end_date=date(2026, 2, 1))
    with pytest.raises(ValueError, match="leave's first day"):
        WorkingLife(leave_from=date(2026, 2, 2), leave_until=date(2026, 2, 1))
    with pytest.raises(ValueError, match="no time zone"):
        WorkingLife(terminated_at=datetime(2026, 2, 2))
    with pytest.raises(ValueError, match="negative"):
        WorkingLife(grace=-SECOND)
    with pytest.raises(ValueError, match="no time zone"):
        standing(WorkingLife(), datetime(2026, 2, 2))


DAYS = st.dates(date(2024, 1, 1), date(2026, 12, 31))
INSTANTS = st.datetimes(
    datetime(2023, 6, 1), datetime(2027, 6, 1), timezones=st.sampled_from([UTC])
)
ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/Santiago", "America/Havana", "Africa/Cairo",
     "Pacific/Kiritimati", "Pacific/Pago_Pago", "Australia/Lord_Howe", "Asia/Kathmandu"]
)  # fmt: skip


@st.composite
def lives(draw: st.DrawFn) -> WorkingLife:
    days = sorted(draw(st.lists(DAYS, min_size=2, max_size=2)))
    leave = sorted(draw(st.lists(DAYS, min_size=2, max_size=2)))
    maybe = st.booleans()
    return WorkingLife(
        start_date=days[0] if draw(maybe) else None,
        end_date=days[1] if draw(maybe) else None,
        time_zone=draw(ZONES),
        on_leave=draw(maybe),
        leave_from=leave[0] if draw(maybe) else None,
        leave_until=leave[1] if draw(maybe) else None,
        suspended=draw(maybe),
        terminated_at=draw(st.none() | INSTANTS),
        grace=draw(st.sampled_from([timedelta(0), timedelta(hours=5), timedelta(days=30)])),
    )


@given(lives(), INSTANTS, st.floats(0, 0.99))
@settings(max_examples=300, deadline=None)
def test_the_state_holds_until_it_is_said_to_change_and_then_does(
    life: WorkingLife, now: datetime, part: float
) -> None:
    found = standing(life, now)
    if found.until is None:
        assert standing(life, now + timedelta(days=36_500) * part).state is found.state
    else:
        assert found.until > now
        assert standing(life, now + (found.until - now) * part).state is found.state
        assert standing(life, found.until - TICK).state is found.state
        assert standing(life, found.until).state is not found.state


@given(lives(), INSTANTS)
@settings(max_examples=200, deadline=None)
def test_since_is_when_it_began(life: WorkingLife, now: datetime) -> None:
    found = standing(life, now)
    if found.since is not None:
        assert found.since <= now
        assert standing(life, found.since).state is found.state
        assert standing(life, found.since - TICK).state is not found.state


ORDER = {S.UPCOMING: 0, S.ACTIVE: 1, S.ON_LEAVE: 1, S.SUSPENDED: 1, S.LEAVING: 2, S.LEFT: 3}


@given(lives(), st.lists(INSTANTS, min_size=2, max_size=8))
@settings(max_examples=200, deadline=None)
def test_a_life_never_goes_back(life: WorkingLife, instants: list[datetime]) -> None:
    stages = [ORDER[standing(life, instant).state] for instant in sorted(instants)]
    assert stages == sorted(stages)
    assert len({standing(life, instant).left_at for instant in instants}) == 1


@given(DAYS, st.sampled_from(sorted(["America/Santiago", "Africa/Cairo", "Asia/Beirut", "UTC"])))
def test_a_midnight_is_the_first_instant_of_its_day(day: date, name: str) -> None:
    place = ZoneInfo(name)
    instant = midnight(day, place)
    assert instant is not None
    assert instant.astimezone(place).date() == day
    assert (instant - TICK).astimezone(place).date() < day


LAST_DAYS = st.none() | st.just(date.max) | st.dates(date(2024, 1, 1), date(2026, 12, 31))


@given(LAST_DAYS, LAST_DAYS, LAST_DAYS, st.sampled_from(["UTC", "Pacific/Apia", "America/Havana"]))
def test_a_last_day_lets_go_sooner_where_it_takes_days_and_only_there(
    before: date | None, after: date | None, later: date | None, place: str
) -> None:
    sooner = ends_sooner(before, after)
    lives = [WorkingLife(end_date=day, time_zone=place) for day in (before, after)]
    turns = {at for life in lives if (at := standing(life, utc("2020-01-01")).left_at)}
    lost = any(
        [standing(life, turn).state for life in lives] == [S.ACTIVE, S.LEFT] for turn in turns
    )
    assert sooner == lost
    assert not (sooner and ends_sooner(after, before))
    if sooner and ends_sooner(after, later):
        assert ends_sooner(before, later)
