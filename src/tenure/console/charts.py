"""Charts as plain numbers for SVG attributes: no style, no script, and the same said in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from tenure.people.selectors import Coming

WIDTH: Final = 560
_UP: Final = 84
_DOWN: Final = 44
_BAR: Final = 18
_UNIT: Final = 14.0
#: What is hardly anything of a bar is this much of it, in hundredths.
_LEAST_PART: Final = 1.2


@dataclass(frozen=True, slots=True)
class Bar:
    """A day's bars: above the line who joins, below it who leaves. `left`: where the day begins."""

    day: date
    left: float
    x: float
    joins: int
    leaves: int
    up: float
    down: float
    label: str

    @property
    def weekend(self) -> bool:
        return self.day.weekday() >= 5

    @property
    def middle(self) -> float:
        return self.x + _BAR / 2

    @property
    def top(self) -> float:
        return _UP - self.up

    @property
    def under(self) -> float:
        return _UP + 1

    @property
    def number_up(self) -> float:
        return self.top - 4

    @property
    def number_down(self) -> float:
        return _UP + self.down + 12


@dataclass(frozen=True, slots=True)
class DayChart:
    """Joiners and leavers by day."""

    bars: tuple[Bar, ...]
    joins: int
    leaves: int
    words: str
    slot: float
    width: int = WIDTH
    line: int = _UP
    bar: int = _BAR


@dataclass(frozen=True, slots=True)
class Share:
    """One line of a chart of bars: `width` in hundredths of the longest."""

    label: str
    count: int
    width: float
    meaning: str = ""
    url: str = ""
    about: object = None


def shares(rows: Sequence[tuple[str, int, str, str, object]]) -> list[Share]:
    """Bars on one scale: label, number, meaning, address, and whatever the page shows beside it."""
    most = max((count for _, count, _, _, _ in rows), default=0)
    return [
        Share(
            label,
            count,
            round(max(100 * count / most, 0.6 if count else 0), 1) if most else 0,
            meaning,
            url,
            about,
        )
        for label, count, meaning, url, about in rows
    ]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar that is cut up: where it begins and how wide it is, in hundredths of the bar;
    nothing of either where it is only told beside it."""

    label: str
    count: int
    meaning: str
    url: str
    x: float = 0
    width: float = 0


def split(rows: Sequence[tuple[str, int, str, str, bool]]) -> list[Part]:
    """One bar cut into parts, in this order: label, number, meaning, address, and whether it is a
    part of the bar at all. The smallest can still be seen, at the cost of the others."""
    whole = sum(count for _, count, _, _, inside in rows if inside)
    wide = [
        max(100 * count / whole, _LEAST_PART) if inside and count else 0.0
        for _, count, _, _, inside in rows
    ]
    unit = 100 / sum(wide) if whole else 0
    parts, x = [], 0.0
    for (label, count, meaning, url, _), width in zip(rows, wide, strict=True):
        parts.append(Part(label, count, meaning, url, round(x * unit, 2), round(width * unit, 2)))
        x += width
    return parts


@dataclass(frozen=True, slots=True)
class Cost:
    """One line of a chart of costs: widths in hundredths of the dearest, `idle` is the part of it
    that is paid for nobody."""

    label: str
    url: str
    about: object
    amount: Decimal
    wasted: Decimal
    width: float
    idle: float

    @property
    def idle_from(self) -> float:
        """Where that part begins: it is the end of the bar."""
        return round(self.width - self.idle, 1)


def costs(rows: Sequence[tuple[str, str, object, Decimal, Decimal]]) -> list[Cost]:
    """Bars on one scale, the dearest first: label, address, whatever the page shows beside it, the
    amount, and how much of it is wasted."""
    paid = sorted((row for row in rows if row[3] > 0), key=lambda row: -row[3])
    most = paid[0][3] if paid else Decimal(1)
    return [
        Cost(
            label,
            url,
            about,
            amount,
            wasted,
            round(max(float(100 * amount / most), 0.6), 1),
            round(float(100 * min(wasted, amount) / most), 1),
        )
        for label, url, about, amount, wasted in paid
    ]


def days(coming: Sequence[Coming], start: date, count: int) -> DayChart:
    """One pair of bars for each day from `start` on."""
    every = [start + timedelta(days=i) for i in range(count)]
    joins = {day: sum(1 for c in coming if c.day == day and c.joins) for day in every}
    leaves = {day: sum(1 for c in coming if c.day == day and not c.joins) for day in every}
    most_up, most_down = max(joins.values(), default=0), max(leaves.values(), default=0)
    # One scale for both, so that a bar's length means the same on either side of the line.
    unit = min(
        (_UP - 16) / most_up if most_up else _UNIT,
        (_DOWN - 16) / most_down if most_down else _UNIT,
        _UNIT,
    )
    slot = WIDTH / count
    bars = tuple(
        Bar(
            day=day,
            left=round(slot * i, 1),
            x=round(slot * i + (slot - _BAR) / 2, 1),
            joins=joins[day],
            leaves=leaves[day],
            up=round(max(unit * joins[day], 3 if joins[day] else 0), 1),
            down=round(max(unit * leaves[day], 3 if leaves[day] else 0), 1),
            label=f"{day:%a}"[:2] if i else "Now",
        )
        for i, day in enumerate(every)
    )
    return DayChart(
        bars,
        sum(joins.values()),
        sum(leaves.values()),
        _words(joins, leaves, start, count),
        round(slot, 1),
    )


def _words(joins: dict[date, int], leaves: dict[date, int], start: date, count: int) -> str:
    total_in, total_out = sum(joins.values()), sum(leaves.values())
    text = f"In the {count} days from {start.day} {start:%B}: {total_in} join, {total_out} leave."
    if total_in + total_out:
        busiest = max(joins, key=lambda day: joins[day] + leaves[day])
        text += (
            f" Most on {busiest:%A} {busiest.day} {busiest:%B}: "
            f"{joins[busiest]} join, {leaves[busiest]} leave."
        )
    return text
