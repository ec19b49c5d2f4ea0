"""Text from outside made plain: white space, invisible characters, dates.

Never guesses. A date that two formats read differently is an error, because a wrong last day is
worse than a row that waits for a person.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from functools import lru_cache

_SPACES = re.compile(r"\s+")

#: What a date format is written with, longer names first; then as `strptime` writes it.
_TOKENS = {
    "YYYY": r"(?P<year>\d{4})",
    "MMMM": r"(?P<name>[A-Za-z]+)",
    "MMM": r"(?P<name>[A-Za-z]{3})",
    "MM": r"(?P<month>\d{2})",
    "DD": r"(?P<day>\d{2})",
    "M": r"(?P<month>\d{1,2})",
    "D": r"(?P<day>\d{1,2})",
    "%Y": r"(?P<year>\d{4})",
    "%B": r"(?P<name>[A-Za-z]+)",
    "%b": r"(?P<name>[A-Za-z]{3})",
    "%m": r"(?P<month>\d{1,2})",
    "%d": r"(?P<day>\d{1,2})",
    # Of the time of a day nothing is kept.
    "%H": r"\d{2}",
    "%M": r"\d{2}",
    "%S": r"\d{2}",
}
#: The last day of 2026, in each of them.
_EXAMPLE = {
    "YYYY": "2026", "MMMM": "December", "MMM": "Dec", "MM": "12", "DD": "31", "M": "12", "D": "31",
    "%Y": "2026", "%B": "December", "%b": "Dec", "%m": "12", "%d": "31",
    "%H": "00", "%M": "00", "%S": "00",
}  # fmt: skip
_TOKEN = re.compile("|".join(_TOKENS))
_MONTHS = (  # noqa: SIM905
    "january february march april may june july august september october november december"
).split()


def clean_text(text: str) -> str:
    """NFC, without control and invisible formatting characters, trimmed, with runs of white space
    (no-break spaces, tabs and line ends too) as one space. Joiners inside words stay."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    plain = unicodedata.normalize("NFC", text)
    if not plain.isprintable():
        plain = "".join(c for c in plain if _visible(c))
    return _SPACES.sub(" ", plain).strip()


def _visible(character: str) -> bool:
    # Zero-width joiners change how Persian and Indic names are written.
    if character in "\u200c\u200d" or character.isspace():
        return True
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs")


def parse_date(text: str, formats: Sequence[str]) -> date:
    """The date that the text is, by formats such as `YYYY-MM-DD`, `D.M.YYYY`, `DD MMM YYYY`.

    `YYYY` is four digits, `MM` and `DD` two, `M` and `D` one or two, `MMM` and `MMMM` an English
    month. `%Y-%m-%d` and its like are read too. Raises `ValueError` for a text that no format
    fits, that is no day of the calendar, or that two formats read as different days.
    """
    if not formats:
        raise ValueError("No date format is given: name at least one, for example YYYY-MM-DD.")
    plain = clean_text(text)
    found: dict[date, str] = {}
    impossible = ""
    for form in formats:
        match = _pattern(form).fullmatch(plain)
        if match is None:
            continue
        try:
            found.setdefault(_date(match.groupdict()), form)
        except ValueError:
            impossible = form
    if len(found) == 1:
        return next(iter(found))
    if found:
        readings = " and ".join(f"{day} (as {example(f)})" for day, f in found.items())
        raise ValueError(
            f"The date {plain!r} could be {readings}: keep the one format that the source uses."
        )
    if impossible:
        raise ValueError(
            f"The date {plain!r}, read like {example(impossible)}, is no day of the calendar."
        )
    like = " or ".join(map(example, formats))
    raise ValueError(f"The date {plain!r} is not written like {like}.")


def example(form: str) -> str:
    """The last day of 2026 as the format writes it: `31.12.2026` of `%d.%m.%Y`."""
    return _TOKEN.sub(lambda token: _EXAMPLE[token.group()], form)


@lru_cache(maxsize=256)
def _pattern(form: str) -> re.Pattern[str]:
    pieces: list[str] = []
    at = 0
    for token in _TOKEN.finditer(form):
        pieces += [re.escape(form[at : token.start()]), _TOKENS[token.group()]]
        at = token.end()
    pieces.append(re.escape(form[at:]))
    try:
        pattern = re.compile("".join(pieces), re.ASCII)
    except re.error:
        raise ValueError(f"The date format {form!r} names a part twice.") from None
    parts = set(pattern.groupindex)
    if parts not in ({"year", "month", "day"}, {"year", "name", "day"}):
        raise ValueError(
            f"The date format {form!r} needs a year (YYYY), a month (MM, M, MMM or MMMM)"
            f" and a day (DD or D)."
        )
    return pattern


def _date(parts: dict[str, str]) -> date:
    month = int(parts["month"]) if "month" in parts else _month(parts["name"])
    return date(int(parts["year"]), month, int(parts["day"]))


def _month(name: str) -> int:
    for number, month in enumerate(_MONTHS, start=1):
        if name.lower() in (month, month[:3]):
            return number
    raise ValueError(name)
