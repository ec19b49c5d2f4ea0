"""The source port: what a reader promises to the import, and nothing of either's insides.

A reader gives rows as texts, in the order of the source, without holding them all. It neither
maps, cleans nor judges them. A row that cannot be read is a `RowProblem` among the others; a
source that cannot be read at all is a `ReaderError`, raised before the first row wherever that can
be known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from pydantic import BaseModel


class ReaderError(Exception):
    """The source as a whole cannot be used. str() says what is wrong, where, and what to do."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record: every column with its text, as it stands in the source. `line` is the first one
    of the record, counted from 1 as an editor does."""

    line: int
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RowProblem:
    """A record that cannot be read, and why. Those around it can."""

    line: int
    message: str


class Reader(Protocol):
    """One source, opened. May be read more than once."""

    #: The source's settings as a form: JSON Schema with titles, hints and defaults.
    Settings: ClassVar[type[BaseModel]]

    def __init__(self, settings: Mapping[str, object], *, file: Path | None = None) -> None:
        """`file`, where given, is read instead of what the settings name. Raises `ReaderError` for
        settings that are not valid."""

    def columns(self) -> Sequence[str]:
        """The names of the columns, in order, each once. Raises `ReaderError`."""

    def rows(self) -> Iterator[Row | RowProblem]:
        """Every record. Raises `ReaderError`."""
