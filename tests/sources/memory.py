"""An HR system in memory that says what changed, and a source that reads it."""

from __future__ import annotations

from tenure.readers.memory import MemorySource, memory_source
from tenure.sources.models import Source
from tests.sources.hr import MAPPING, source

COLUMNS = tuple(text.split('"')[1] for text in MAPPING.values())


def put(there: MemorySource, number: int | str, **values: str) -> None:
    """A record whose own id is `id-NUMBER`."""
    known = there.records.get(f"id-{number}")
    fresh = {
        **dict.fromkeys(COLUMNS, ""),
        "Number": str(number),
        "Given": f"Given{number}",
        "Family": "Kovács",
        "Status": "Active",
        "Start": "2024-01-01",
    }
    there.put(
        f"id-{number}", **({} if known else fresh), **{k.title(): v for k, v in values.items()}
    )


def live(size: int = 30, **more: object) -> tuple[Source, MemorySource]:
    """A source with so many people, not imported yet."""
    there = memory_source("live")
    for number in range(1, size + 1):
        put(there, number)
    given = {"reader": "memory", "settings": {"name": "live"}, **more}
    return source(**given), there
