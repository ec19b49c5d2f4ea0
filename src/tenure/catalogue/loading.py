"""Reading entries, each when it is asked for; what was read stays in memory. What lists and search
need of all of them is in the `index`."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tenure.catalogue.entry import Entry
from tenure.catalogue.index import Listed, listed, listed_sources
from tenure.catalogue.parts import Common
from tenure.catalogue.search import search
from tenure.catalogue.source_entry import SourceEntry

ENTRIES = Path(__file__).parent / "entries"
#: The same of sources of people.
SOURCES = Path(__file__).parent / "sources"
E = TypeVar("E", bound=Common)


class UnknownEntry(LookupError):
    """There is no such entry. `str()` says which are like it."""


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
