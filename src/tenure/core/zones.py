"""The time zone of somebody of whom only the place is known: by a table of places, else of a
country all of which keeps one time, by the zone.tab of the IANA database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

#: When clocks are compared: through two years, so that summer time is among it.
_INSTANTS = tuple(
    datetime(year, month, day, 12, tzinfo=UTC)
    for year in (2026, 2027)
    for month in range(1, 13)
    for day in (1, 15)
)


def zone_of_place(location: str, country: str, table: Mapping[str, str]) -> str:
    """An IANA name, "" where it cannot be said. `table`: location in small letters -> zone;
    `country` is ISO 3166-1 alpha-2."""
    return table.get(location.casefold(), "") or single_zone(country)


def single_zone(country: str) -> str:
    """The zone of a country where all clocks show the same, "" otherwise."""
    zones = _zones().get(country.upper(), ())
    return zones[0] if zones and len({_clock(name) for name in zones}) == 1 else ""


@lru_cache(maxsize=1)
def _zones() -> dict[str, tuple[str, ...]]:
    """Country -> its zones, the most populous first."""
    found: dict[str, tuple[str, ...]] = {}
    text = resources.files("tzdata.zoneinfo").joinpath("zone.tab").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            code, _, name = line.split("\t")[:3]
            found[code] = (*found.get(code, ()), name)
    return found


@lru_cache(maxsize=512)
def _clock(name: str) -> tuple[object, ...]:
    zone = ZoneInfo(name)
    return tuple(at.astimezone(zone).utcoffset() for at in _INSTANTS)
