"""Reading entries: the index at once, an entry when it is asked for. Both stay in memory.

The index is what lists and search need of every entry. It is made from the entries by
`tools/integrations`, and a test says when it is not current.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tenure.catalogue.entry import Entry
from tenure.catalogue.parts import Common
from tenure.catalogue.source_entry import SourceEntry

ENTRIES = Path(__file__).parent / "entries"
INDEX = Path(__file__).parent / "index.json"
#: The same of sources of people.
SOURCES = Path(__file__).parent / "sources"
SOURCES_INDEX = Path(__file__).parent / "sources.json"
E = TypeVar("E", bound=Common)


class UnknownEntry(LookupError):
    """There is no such entry. `str()` says which are like it."""


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


@functools.cache
def entry(slug: str) -> Entry:
    """One application. Raises `UnknownEntry`."""
    _known(slug, listed())
    return read(ENTRIES / f"{slug}.yaml")


@functools.cache
def source(slug: str) -> SourceEntry:
    """One source of people. Raises `UnknownEntry`."""
    # By the file itself: the index is made from the entries, and may be a step behind.
    path = SOURCES / f"{slug}.yaml"
    if path.parent != SOURCES or not path.is_file():
        _known(slug, listed_sources())
    return read_source(path)


def _known(slug: str, rows: tuple[Listed, ...]) -> None:
    if slug not in {row.slug for row in rows}:
        from tenure.catalogue.search import search

        near = ", ".join(row.slug for row in search(slug, rows=rows)[:3])
        hint = f" Did you mean {near}?" if near else ""
        raise UnknownEntry(f"The catalogue has no {slug!r}.{hint} `tenure catalogue search` lists.")


def read(path: Path) -> Entry:
    """An entry from its file. Raises ValueError saying everything that is wrong with it."""
    return _read(path, Entry)


def read_source(path: Path) -> SourceEntry:
    """The same of a source of people."""
    return _read(path, SourceEntry)


def _read(path: Path, kind: type[E]) -> E:
    try:
        raw: Any = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        found = kind.model_validate(raw)
    except YAMLError as error:
        raise ValueError(f"{path.name}: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'as a whole'}: {item['msg']}"
            for item in error.errors(include_url=False)
        )
        raise ValueError(f"{path.name}: {wrong}") from error
    if found.slug != path.stem:
        raise ValueError(f"{path.name}: its slug is {found.slug}. Name both alike.")
    return found


def index_text(entries: Sequence[Entry | SourceEntry]) -> str:
    """The index of these entries, one line each, so that changes are easy to see and to merge."""
    rows = sorted((Listed.of(item) for item in entries), key=lambda row: row.name.casefold())
    lines = [json.dumps(asdict(row), ensure_ascii=False) for row in rows]
    return "[\n" + ",\n".join(lines) + "\n]\n"
