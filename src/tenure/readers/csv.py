"""CSV files (RFC 4180, and what Excel makes of it), a row at a time.

Holds at most a hundred lines. A broken record costs itself, never its neighbours: reading goes on
with the line after the one where it began. Knows nothing of people.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar, TextIO

from pydantic import BaseModel, Field, field_validator

from tenure.core.cleaning import clean_text
from tenure.readers.base import ReaderConfig, ReaderError, Row, RowProblem
from tenure.readers.encodings import AUTO, settle
from tenure.readers.files.places import unreadable
from tenure.readers.files.reading import TOP, FileReader, must_differ
from tenure.readers.files.settings import FileSettings
from tenure.readers.files.source import Located

#: Lines of one record. More is a quote that nobody closed.
MOST_LINES = 100
#: Characters of one line.
LONGEST_LINE = 1_000_000

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_QUOTED = re.compile(r'"(?:[^"]|"")*"?')
#: Excel's own way to say which delimiter follows.
_SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


class CsvSettings(FileSettings):
    """Where a CSV file is, and how to read it."""

    encoding: str = Field(
        AUTO,
        title="Encoding",
        description="auto: UTF-8, or what a byte order mark says. Else for example cp1252.",
    )
    delimiter: str = Field(
        AUTO, title="Delimiter", description="auto: told from the header. Else one character."
    )
    header: int = Field(
        0,
        ge=0,
        le=1000,
        title="Line with the names of the columns",
        description="0: the first that is not empty. Lines above it are passed over.",
    )

    @field_validator("encoding")
    @classmethod
    def _known(cls, value: str) -> str:
        if value.lower() == AUTO:
            return AUTO
        try:
            codec = codecs.lookup(value)
            codecs.getincrementaldecoder(codec.name)().decode(b"")
        except (LookupError, AttributeError, ValueError, TypeError):
            raise ValueError(f"there is no encoding {value!r}: use for example cp1252") from None
        if not codec._is_text_encoding:
            raise ValueError(f"{value!r} is no encoding of text: use for example cp1252")
        return codec.name

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, value: str) -> str:
        if value.lower() == AUTO:
            return AUTO
        value = {name: character for character, name in _DELIMITERS.items()}.get(value, value)
        value = "\t" if value == "\\t" else value
        if len(value) != 1 or value in '"\r\n\0':
            raise ValueError(f"{value!r} is not one character: use for example ;")
        return value


class CsvReader(FileReader):
    """One CSV file with a header."""

    Settings: ClassVar[type[BaseModel]] = CsvSettings
    #: The file is fetched once for all passes over it.
    cheap: ClassVar[bool] = True

    def __init__(self, config: ReaderConfig) -> None:
        self._settings = CsvSettings.model_validate(dict(config.settings))
        super().__init__(config, self._settings, "*.csv")
        self._codec: str | None = None

    def columns(self) -> Sequence[str]:
        with self._open() as (file, place):
            names, _ = self._header(_Lines(file), place)
        return [name for name in names if name]

    def top(self) -> Sequence[tuple[int, Sequence[str]]]:
        """The first lines as they stand, with their cells: by them somebody sees where the names
        of the columns are. Raises `ReaderError`."""
        with self._open() as (file, _):
            lines = [line for _, line in zip(range(TOP), file, strict=False)]
        delimiter = self._settings.delimiter
        if delimiter == AUTO:
            delimiter = max(_DELIMITERS, key=lambda one: sum(line.count(one) for line in lines))
        return [
            (number, [clean_text(cell) for cell in cells])
            for number, line in enumerate(lines, start=1)
            for cells in csv.reader([line], delimiter=delimiter)
        ]

    def rows(self) -> Iterator[Row | RowProblem]:
        with self._open() as (file, place):
            lines = _Lines(file)
            names, delimiter = self._header(lines, place)
            for line, record in _records(lines, delimiter):
                if isinstance(record, str):
                    yield RowProblem(line, record)
                elif len(record) == len(names):
                    if any(record):
                        values = dict(zip(names, record, strict=True))
                        values.pop("", None)
                        yield Row(line, values)
                elif record:
                    yield RowProblem(line, _miscounted(record, names, delimiter))

    @contextmanager
    def _open(self) -> Iterator[tuple[TextIO, Located]]:
        """The file as text. Everything that can go wrong with it becomes a `ReaderError`."""
        with self._file.reading() as place:
            if self._codec is None:
                self._codec = settle(place, self._settings.encoding)
            try:
                with place.path.open(encoding=self._codec, newline="") as file:
                    yield file, place
            except OSError as error:
                raise unreadable(place, error) from None
            except UnicodeError as error:
                raise ReaderError(f"{place} changed while it was read: {error}.") from None

    def _header(self, lines: _Lines, place: Located) -> tuple[list[str], str]:
        """The names of the columns ("" for one without), and the delimiter."""
        first = lines.peek()
        separator = _SEPARATOR.fullmatch(first)
        if separator:
            next(lines)
            lines.keep()
        self._pass_over(lines, place)
        delimiter = self._settings.delimiter
        if delimiter == AUTO:
            delimiter = separator[1] if separator else self._told(lines.peek_record(), place)
        for line, record in _records(lines, delimiter):
            if isinstance(record, str):
                raise ReaderError(f"{place}, line {line}: the header cannot be read: {record}")
            names = [clean_text(name) for name in record]
            if any(names):
                must_differ(names, f"{place}, line {line}")
                return names, delimiter
        raise ReaderError(f"{place} is empty: expected a first line with the names of the columns.")

    def _pass_over(self, lines: _Lines, place: Located) -> None:
        """What stands above the line that the settings say has the names."""
        wanted = self._settings.header
        while lines.number < wanted:
            if not lines.peek():
                raise ReaderError(
                    f"{place} has {lines.number - 1} lines, and the names of the columns are looked"
                    f" for in line {wanted}: correct `header`."
                )
            next(lines)
            lines.keep()

    def _told(self, header: str, place: Located) -> str:
        """The delimiter that the header uses. Raises `ReaderError` where two would do."""
        plain = _QUOTED.sub("", header)
        counts = {d: plain.count(d) for d in _DELIMITERS}
        most = max(counts.values())
        best = [d for d, count in counts.items() if count == most]
        if most and len(best) > 1:
            raise ReaderError(
                f"{place}: the header could be divided by"
                f" {' or by '.join(_DELIMITERS[d] for d in best)}: set `delimiter`."
            )
        return best[0]


class _Broken(Exception):
    """The record that is being read cannot be one. str() says why."""


class _Lines:
    """The lines of a file, those of the record being read kept until it is known to be good."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._again: deque[str] = deque()
        self._taken: list[str] = []
        #: The number of the line at which the record begins.
        self.number = 1

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if len(self._taken) >= MOST_LINES:
            raise _Broken(
                f"a quote that opens here is not closed within {MOST_LINES} lines: close it,"
                " or double it inside a text"
            )
        line = self._again.popleft() if self._again else self._read()
        if not line:
            raise StopIteration
        self._taken.append(line)
        if len(line) >= LONGEST_LINE:
            raise _Broken(f"the line is longer than {LONGEST_LINE} characters")
        if "\0" in line:
            raise _Broken("the line contains a NUL character: remove it")
        return line

    def _read(self) -> str:
        """The next line of the file, of one too long only the beginning. "" at the end."""
        line = self._file.readline(LONGEST_LINE)
        if len(line) < LONGEST_LINE:
            return line
        rest = line
        while rest and not rest.endswith(("\n", "\r")):
            rest = self._file.readline(LONGEST_LINE)
        return line

    def keep(self) -> None:
        """The record is good: its lines are done with."""
        self.number += len(self._taken)
        self._taken.clear()

    def retry(self) -> None:
        """The record is not: its first line is done with, the others are read again."""
        self._again.extendleft(reversed(self._taken[1:]))
        self.number += 1
        self._taken.clear()

    def peek(self) -> str:
        """The next line, without taking it. "" at the end."""
        if not self._again:
            line = self._read()
            if line:
                self._again.append(line)
        return self._again[0] if self._again else ""

    def peek_record(self) -> str:
        """The next record that is not blank, by its quotes, without taking it."""
        lines: list[str] = []
        text = ""
        while len(lines) < MOST_LINES:
            line = self._again.popleft() if self._again else self._read()
            if not line:
                break
            lines.append(line)
            text += line
            if text.strip() and text.count('"') % 2 == 0:
                break
        self._again.extendleft(reversed(lines))
        return text


def _records(lines: _Lines, delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """The line at which each record begins, with its cells or with what is wrong with it."""
    # Strict: a quote that is closed in the middle of the next record is an error, not a cell.
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = lines.number
        try:
            record = next(reader)
        except StopIteration:
            return
        except (_Broken, csv.Error) as error:
            lines.retry()
            yield line, _said(error)
            # What the parser holds of the broken record goes with it.
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            continue
        lines.keep()
        yield line, record


def _said(error: Exception) -> str:
    text = str(error)
    if "unexpected end of data" in text:
        return "A quote that opens here is not closed before the end of the file: close it."
    if "expected after" in text:
        return (
            "A quote that opens here is closed inside a cell: double each quote that belongs to"
            " a text, and close each that opens one."
        )
    if "field larger" in text:
        return f"A cell has more than {csv.field_size_limit()} characters: shorten it."
    return text[:1].upper() + text[1:] + "."


def _miscounted(record: Sequence[str], names: Sequence[str], delimiter: str) -> str:
    hint = (
        f"quote a cell that contains {delimiter!r}"
        if len(record) > len(names)
        else "add the cells that are missing, empty where there is nothing"
    )
    return f"The row has {len(record)} cells where the header has {len(names)}: {hint}."
