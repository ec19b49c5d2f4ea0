"""Lengths of time as ISO 8601 writes them (`P30D`, `P2W`, `PT12H`), exactly.

Weeks, days, hours, minutes and seconds in whole numbers. Years and months are refused: how long
they are depends on when they start.
"""

from __future__ import annotations

import re
from datetime import timedelta

_FORM = re.compile(
    r"P(?:(?P<weeks>\d{1,4})W|(?:(?P<days>\d{1,5})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,8})M)?(?:(?P<seconds>\d{1,9})S)?)?)",
    re.ASCII,
)
#: Nothing that is configured in days lasts longer than this.
LONGEST = timedelta(days=36_500)


def parse_duration(text: str) -> timedelta:
    """`P30D` and the like. Raises `ValueError` that says what was expected."""
    found = _FORM.fullmatch(text)
    parts = {k: int(v) for k, v in found.groupdict().items() if v is not None} if found else {}
    if not parts:
        raise ValueError(
            f"{text!r} is not a length of time. Expected ISO 8601 with whole numbers: P30D is "
            "30 days, P2W two weeks, PT12H twelve hours. Years and months are not taken, because "
            "they vary in length."
        )
    length = timedelta(**parts)
    if length > LONGEST:
        raise ValueError(f"{text!r} is longer than {LONGEST.days} days.")
    return length


def format_duration(length: timedelta) -> str:
    """The shortest exact form, in days and below: `P30D`, `PT12H`, `P1DT30M`, `P0D`.

    Raises `ValueError` for a negative length and for fractions of a second.
    """
    if length < timedelta(0) or length.microseconds:
        raise ValueError(f"{length} cannot be written in whole seconds from zero up.")
    hours, rest = divmod(length.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    clock = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if n)
    days = f"{length.days}D" if length.days or not clock else ""
    return f"P{days}" + (f"T{clock}" if clock else "")
