"""Where a person stands in their working life at an instant, and when that next changes.

Days belong to people, instants to machines: a first or last day is a day in the person's own zone,
and here it becomes the instant of a midnight. The clock is an argument. Knows nothing of accounts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tenure.core.model import LifecycleState

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class WorkingLife:
    """What HR, and whoever may overrule it, say about one person.

    `end_date` and `leave_until` are last days and count whole. `terminated_at` is an instant, past
    or to come. Of that and the end of the last day the earlier counts: neither keeps anybody whom
    the other lets go. `on_leave` and `suspended` hold for as long as they are said. `grace` is how
    long the state is `leaving` before it is `left`. No start date: they are here already; no end
    date, or one in the year 9999 (an HR system's `never`): no end.

    Raises `ValueError` for dates in the wrong order, an unknown zone or an instant without one.
    """

    start_date: date | None = None
    end_date: date | None = None
    time_zone: str = "UTC"
    on_leave: bool = False
    leave_from: date | None = None
    leave_until: date | None = None
    suspended: bool = False
    terminated_at: datetime | None = None
    grace: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        zone(self.time_zone)
        _ordered("start date", self.start_date, "end date", self.end_date)
        _ordered("leave's first day", self.leave_from, "leave's last day", self.leave_until)
        if self.terminated_at is not None:
            _aware(self.terminated_at, "terminated_at")
        if self.grace < timedelta(0):
            raise ValueError(f"The grace period {self.grace} is negative.")

    def starts(self) -> datetime | None:
        """The instant at which their first day begins, in UTC. None: no start date."""
        return midnight(self.start_date, zone(self.time_zone)) if self.start_date else None


@dataclass(frozen=True, slots=True)
class Standing:
    """The state now; since when, None if that is not known; the next instant at which it changes
    by itself, None if never; and the instant from which they are gone, None if none is set."""

    state: LifecycleState
    since: datetime | None
    until: datetime | None
    left_at: datetime | None


def standing(life: WorkingLife, now: datetime) -> Standing:
    """The standing at `now`, in UTC. A function of time: upcoming, then here (active, on leave or
    suspended), then leaving, then left; never back."""
    moment = _aware(now, "now").astimezone(UTC)
    turns = _turns(life)
    state = turns.state(moment)
    return Standing(
        state,
        turns.since(moment, state),
        turns.until(moment, state),
        left_at=turns.left,
    )


def ends_sooner(before: date | None, after: date | None) -> bool:
    """Whether a last day takes days of work from somebody who had the other one, or none: whom it
    lets go some day it lets go sooner, and so is as grave as letting them go at once."""
    if after is None or after.year == date.max.year:
        return False
    return before is None or before.year == date.max.year or after < before


def zone(name: str) -> ZoneInfo:
    """The zone of that name in the IANA database. Raises `ValueError` that names it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"There is no time zone {name!r}: use a name such as Europe/Berlin or UTC."
        ) from None


@lru_cache(maxsize=4096)
def midnight(day: date, place: ZoneInfo) -> datetime | None:
    """The instant (UTC) at which the day begins there: where clocks skip midnight the first one
    after it, where midnight comes twice the first. None beyond the calendar's ends."""
    local = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - the zone comes next
    try:
        instant = local.replace(tzinfo=place).astimezone(UTC)
        if instant.astimezone(place).replace(tzinfo=None) == local:
            return instant
        # Read with the offset from before the gap, an instant in the gap is at or after its end.
        return _first_at_or_after(local, place, instant - _DAY, instant)
    except OverflowError:
        return None


def _first_at_or_after(
    local: datetime, place: ZoneInfo, before: datetime, after: datetime
) -> datetime:
    """Between two instants, the first whole second whose local time has reached `local`."""
    low, high = 0, int((after - before).total_seconds())
    while low < high:
        middle = (low + high) // 2
        there = (before + timedelta(seconds=middle)).astimezone(place).replace(tzinfo=None)
        low, high = (low, middle) if there >= local else (middle + 1, high)
    return before + timedelta(seconds=low)


@dataclass(frozen=True, slots=True)
class _Turns:
    """The instants at which a state can change. Between two of them it cannot."""

    life: WorkingLife
    start: datetime | None
    leave: datetime | None
    back: datetime | None
    left: datetime | None
    gone: datetime | None
    #: All of them, each once, in order.
    every: Sequence[datetime]

    def state(self, at: datetime) -> LifecycleState:
        if self.left is not None and at >= self.left:
            over = self.gone is None or at >= self.gone
            return LifecycleState.LEFT if over else LifecycleState.LEAVING
        if self.start is not None and at < self.start:
            return LifecycleState.UPCOMING
        if self.life.suspended:
            return LifecycleState.SUSPENDED
        if self.life.on_leave or self._within_leave(at):
            return LifecycleState.ON_LEAVE
        return LifecycleState.ACTIVE

    def _within_leave(self, at: datetime) -> bool:
        if self.life.leave_from is None and self.life.leave_until is None:
            return False
        begun = self.leave is None or at >= self.leave
        return begun and (self.back is None or at < self.back)

    def until(self, now: datetime, state: LifecycleState) -> datetime | None:
        return next((i for i in self.every if i > now and self.state(i) != state), None)

    def since(self, now: datetime, state: LifecycleState) -> datetime | None:
        # Nobody says when HR began to say so.
        if state is LifecycleState.SUSPENDED or (
            state is LifecycleState.ON_LEAVE and self.life.on_leave
        ):
            return None
        began: datetime | None = None
        for instant in reversed([i for i in self.every if i <= now]):
            if self.state(instant) != state:
                return began
            began = instant
        # Before the first turn of all: has it always been so?
        if began is not None and self.state(began - timedelta(microseconds=1)) == state:
            return None
        return began


def _turns(life: WorkingLife) -> _Turns:
    place = zone(life.time_zone)
    terminated = life.terminated_at.astimezone(UTC) if life.terminated_at is not None else None
    ends = (terminated, _day_after(life.end_date, place))
    left = min((at for at in ends if at is not None), default=None)
    start = midnight(life.start_date, place) if life.start_date else None
    leave = midnight(life.leave_from, place) if life.leave_from else None
    back = _day_after(life.leave_until, place)
    gone = _later(left, life.grace)
    every = sorted({at for at in (start, leave, back, left, gone) if at is not None})
    return _Turns(life, start, leave, back, left, gone, every)


def _later(instant: datetime | None, span: timedelta) -> datetime | None:
    if instant is None:
        return None
    try:
        return instant + span
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def _day_after(day: date | None, place: ZoneInfo) -> datetime | None:
    if day is None or day.year == date.max.year:
        return None
    return midnight(day + _DAY, place)


def _ordered(first_name: str, first: date | None, last_name: str, last: date | None) -> None:
    if first is not None and last is not None and first > last:
        raise ValueError(f"The {first_name} ({first}) is after the {last_name} ({last}).")


def _aware(instant: datetime, name: str) -> datetime:
    if instant.tzinfo is None or instant.utcoffset() is None:
        raise ValueError(f"{name} ({instant}) has no time zone: give one, for example UTC.")
    return instant
