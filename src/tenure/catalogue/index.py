"""The index of the catalogue: what lists and search need of every entry, read once and kept.

It is made from the entries by `tools/integrations`, and a test says when it is not current.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenure.catalogue.entry import Entry
from tenure.catalogue.source_entry import SourceEntry

INDEX = Path(__file__).parent / "index.json"
#: The same of sources of people.
SOURCES_INDEX = Path(__file__).parent / "sources.json"


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry as a list shows it. `automatic`: Tenure manages accounts there by itself. `kind`:
    application, or source (of people)."""

    slug: str
    name: str
    aliases: tuple[str, ...]
    category: str
    summary: str
    colour: str
    monogram: str
    self_hosted: bool
    automatic: bool
    can: tuple[str, ...]
    sso: tuple[str, ...]
    kind: str = "application"

    @classmethod
    def of(cls, entry: Entry | SourceEntry) -> Listed:
        source = isinstance(entry, SourceEntry)
        sso = () if isinstance(entry, SourceEntry) else entry.sso.protocols
        confirmed = isinstance(entry, Entry) and entry.sso.confirmed
        return cls(
            slug=entry.slug,
            name=entry.name,
            aliases=entry.aliases,
            category=entry.category,
            summary=entry.summary,
            colour=entry.colour,
            monogram=entry.monogram,
            self_hosted="self-hosted" in entry.hosting,
            automatic=isinstance(entry, SourceEntry) or entry.automatic,
            can=entry.can,
            sso=sso if confirmed else (),
            kind="source" if source else "application",
        )


@functools.cache
def listed() -> tuple[Listed, ...]:
    """Every application, by name."""
    return _rows(INDEX)


@functools.cache
def listed_sources() -> tuple[Listed, ...]:
    """Every source of people, by name."""
    return _rows(SOURCES_INDEX)


def _rows(index: Path) -> tuple[Listed, ...]:
    return tuple(_listed(row) for row in json.loads(index.read_text(encoding="utf-8")))


def _listed(row: dict[str, Any]) -> Listed:
    told: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
    return Listed(**told)
