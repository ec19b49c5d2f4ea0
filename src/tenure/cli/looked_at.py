"""One line of what `doctor` says, and how sizes and times are written there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"))


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at, and what to do if it is not well. `warning`: it works, and
    somebody should look all the same."""

    what: str
    ok: bool
    detail: str
    warning: bool = False


def size(number: float) -> str:
    """`number` bytes, as 1.5 GB."""
    for power, unit in ((4, "TB"), (3, "GB"), (2, "MB")):
        if abs(number) >= 1000**power:
            return f"{number / 1000**power:.1f} {unit}"
    return f"{number / 1000:.0f} kB"


def length(time: timedelta) -> str:
    """The largest unit of it, as 3 hours."""
    for seconds, unit in _UNITS:
        if (count := int(time.total_seconds() // seconds)) >= 1:
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "less than a minute"
