"""The source port: what a reader promises to the import, and nothing of either's insides.

A reader gives rows as texts, in the order of the source, without holding them all. It neither
maps, cleans nor judges them. A row that cannot be read is a `RowProblem` among the others; a
source that cannot be read at all is a `ReaderError`, raised before the first row wherever that can
be known.

Errors are named by what the import does next:

    ReaderError           the source as a whole cannot be used
    ├── ReaderBusy        nothing has to be mended; try again, not before `after` seconds
    ├── CursorExpired     read it whole
    ├── AccessRefused     nothing will work until somebody mends credentials or address
    └── RecordRefused     this one record is not there, or does not take what is written

What some sources can besides is a protocol of its own, asked for by `isinstance`: `Incremental`
(only what changed), `Fetching` (one record), `WritingBack`, `Topped` (lines), `Checking`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from tenure.connectors.base import Check, TokenSource


class ReaderError(Exception):
    """The source as a whole cannot be used. str() says what is wrong, where, and what to do."""


class ReaderBusy(ReaderError):
    """It cannot be used now: too many requests, or it does not answer. Nothing has to be mended;
    try again, not before `after` seconds (None: own back-off)."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class CursorExpired(ReaderError):
    """It no longer knows what changed since then: read it whole."""


class AccessRefused(ReaderError):
    """Credentials, address or permission are wrong: nothing will work until they are mended."""


class RecordRefused(ReaderError):
    """It has no such record, or does not take these values into it: the same again is refused
    again. Others may work."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record: every column with its text, as it stands in the source. `line` is the first one
    of the record, counted from 1 as an editor does, or its number in the answer. `id` is the
    source's own name for the record, which never changes; "" where it has none."""

    line: int
    values: Mapping[str, str]
    id: str = ""


@dataclass(frozen=True, slots=True)
class RowProblem:
    """A record that cannot be read, and why. Those around it can."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Gone:
    """A record that the source says was deleted, by its `Row.id`."""

    id: str


@dataclass(frozen=True, slots=True)
class ReaderConfig:
    """What a source is opened with, references resolved. `file`, where given, is read instead of
    what the settings name. `tokens`: kept fresh while reading, for sources authorised by OAuth."""

    settings: Mapping[str, object] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    tokens: TokenSource | None = None
    file: Path | None = None


class NoSecrets(BaseModel):
    """Of a reader that needs none."""

    model_config = ConfigDict(extra="forbid")


class Reader(Protocol):
    """One source, opened. May be read more than once; one of which that costs nothing (a file on
    this machine) says so by an attribute `cheap` that is true."""

    #: The source's settings as a form: JSON Schema with titles, hints and defaults.
    Settings: ClassVar[type[BaseModel]]
    #: The same of its secrets, which are configured as references.
    Secrets: ClassVar[type[BaseModel]]

    def __init__(self, config: ReaderConfig) -> None:
        """Raises `ReaderError` for settings that are not valid."""

    def columns(self) -> Sequence[str]:
        """The names of the columns, in order, each once. Raises `ReaderError`."""

    def rows(self) -> Iterator[Row | RowProblem]:
        """Every record. Raises `ReaderError`."""


@runtime_checkable
class Incremental(Protocol):
    """A source that can say what changed."""

    def changes(self, cursor: str) -> Iterator[Row | RowProblem | Gone]:
        """What changed since `cursor`, each record whole as it is now. The same record may come
        twice, and one that did not change may come. Raises `CursorExpired` and `ReaderError`."""

    def cursor(self) -> str:
        """Where to go on next time, once `rows` or `changes` was read to its end; "" where this
        source cannot say after all. What changed while it was read comes (again) next time."""


@runtime_checkable
class Fetching(Protocol):
    """A source that can be asked for one record."""

    def fetch(self, id: str) -> Row | RowProblem | Gone:
        """The record as it is now. Raises `ReaderError`."""


@runtime_checkable
class WritingBack(Protocol):
    """A source that takes values into its records."""

    def write(self, id: str, values: Mapping[str, str]) -> None:
        """Set these columns of the record. Writing what is there already changes nothing. Raises
        `ReaderError`: `ReaderBusy` where trying again helps, `RecordRefused` where it is about
        this record alone."""


@runtime_checkable
class Topped(Protocol):
    """A source with lines, of which one has the names of the columns."""

    def top(self) -> Sequence[tuple[int, Sequence[str]]]:
        """The first lines as they stand: the number of each, and its cells. Raises
        `ReaderError`."""


@runtime_checkable
class Checking(Protocol):
    """A source that can say how far a connection gets."""

    def check(self) -> Sequence[Check]:
        """What was tried, in order, up to what failed. Raises nothing of its own."""
