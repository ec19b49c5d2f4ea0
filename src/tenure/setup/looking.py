"""Looking at a source before anything of it is taken: its columns and first rows, what its mapping
makes of them, and what an import would change. Nothing is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from django.db import transaction

from tenure.core.expressions import ExpressionError
from tenure.core.model import Value
from tenure.infra.clock import now
from tenure.people.services import company
from tenure.readers.base import Reader, ReaderError, Row, RowProblem
from tenure.readers.registry import reader_class
from tenure.setup import uploads
from tenure.sources.importing import ImportResult, import_source
from tenure.sources.models import Source
from tenure.sources.opening import open_source
from tenure.sources.rows import BadRow, RowMapping

#: Rows that are looked through for what a column holds, and for problems.
LOOKED: Final = 2_000
_FIRST: Final = 5
_PROBLEMS: Final = 12


@dataclass(frozen=True, slots=True)
class Column:
    """A column with some of what stands in it, and in how many of a hundred rows it is filled."""

    name: str
    samples: tuple[str, ...]
    filled: int


@dataclass(frozen=True, slots=True)
class Looked:
    """The first rows of a source. `more`: there are others behind them."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    problems: tuple[RowProblem, ...] = ()
    more: bool = False

    def values(self, column: str) -> list[str]:
        """Everything in this column."""
        return [row.values.get(column, "") for row in self.rows]


@dataclass(frozen=True, slots=True)
class Sample:
    """One row before and after, or what is wrong with it."""

    line: int
    before: Mapping[str, str]
    after: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a mapping makes of the rows: the first ones, the first that are wrong, and how many."""

    samples: tuple[Sample, ...] = ()
    wrong: tuple[Sample, ...] = ()
    bad: int = 0
    looked: int = 0
    #: What is wrong with the mapping as a whole.
    problem: str = ""


@contextmanager
def opened(source: Source, *, columns: tuple[str, ...] = ()) -> Iterator[Reader]:
    """The reader of a source, of the file that was handed in if there is one. Raises
    `ReaderError`."""
    with uploads.as_file(source.slug) as file:
        yield open_source(source, file=file if takes_file(source.reader) else None, columns=columns)


def takes_file(kind: str) -> bool:
    """Whether a source of this kind reads a file that can be handed in."""
    return "path" in reader_class(kind).Settings.model_fields and _alone(kind)


def _alone(kind: str) -> bool:
    """Whether a path is all that it needs: not a server as well."""
    fields = reader_class(kind).Settings.model_fields
    return not any(info.is_required() for info in fields.values())


def look(source: Source, *, limit: int = LOOKED) -> Looked:
    """The first rows. Raises `ReaderError`."""
    with opened(source) as reader:
        names = tuple(reader.columns())
        found = list(islice(reader.rows(), limit + 1))
    rows = tuple(row for row in found[:limit] if isinstance(row, Row))
    columns = tuple(_column(name, rows) for name in names)
    problems = tuple(row for row in found[:limit] if isinstance(row, RowProblem))
    return Looked(columns, rows, problems, more=len(found) > limit)


def map_rows(source: Source, looked: Looked) -> Mapped:
    """What the source's mapping makes of these rows."""
    try:
        mapping = RowMapping(source)
        mapping.check_columns([column.name for column in looked.columns])
    except (ReaderError, ExpressionError, ValueError) as error:
        return Mapped(problem=str(error))
    samples: list[Sample] = []
    wrong: list[Sample] = [
        Sample(item.line, {}, problem=item.message) for item in looked.problems[:_PROBLEMS]
    ]
    bad = len(looked.problems)
    keys: Counter[str] = Counter()
    for row in looked.rows:
        sample = _mapped(mapping, row, keys)
        if len(samples) < _FIRST:
            samples.append(sample)
        if sample.problem:
            bad += 1
            if len(wrong) < _PROBLEMS:
                wrong.append(sample)
    return Mapped(tuple(samples), tuple(wrong), bad, len(looked.rows) + len(looked.problems))


def mapped(source: Source, *, limit: int) -> list[tuple[str, Mapping[str, Value]]]:
    """The first rows that can be taken, as employee number and attributes. Raises `ReaderError`,
    and `ValueError` where the mapping cannot be used."""
    mapping = RowMapping(source)
    found: dict[str, Mapping[str, Value]] = {}
    for row in look(source, limit=limit).rows:
        try:
            key = mapping.key(row)
            found.setdefault(key, mapping.mapped(row, key, b"", None, now()).attributes)
        except BadRow:
            continue
    return list(found.items())


def dry_run(source: Source) -> ImportResult:
    """What importing it would change, as it is configured here and not as it is stored. Raises
    `ReaderError`. Everything, the run among it, is rolled back."""
    with transaction.atomic(), uploads.as_file(source.slug) as file:
        kept = Source.objects.filter(slug=source.slug).first()
        source.pk = kept.pk if kept else None
        source.position = kept.position if kept else Source.objects.count()
        source.guard = kept.guard if kept else {}
        source.save()
        try:
            return import_source(
                source, file=file if takes_file(source.reader) else None, dry_run=True
            )
        finally:
            transaction.set_rollback(True)


def _mapped(mapping: RowMapping, row: Row, keys: Counter[str]) -> Sample:
    try:
        key = mapping.key(row)
        keys[key] += 1
        if keys[key] > 1:
            raise BadRow(f"Employee number {key} is on an earlier line already.")
        found = mapping.mapped(row, key, b"", None, now())
    except BadRow as error:
        return Sample(row.line, row.values, problem=str(error))
    return Sample(row.line, row.values, dict(found.attributes), warnings=found.warnings)


def _column(name: str, rows: tuple[Row, ...]) -> Column:
    texts = [text for row in rows if (text := row.values.get(name, "").strip())]
    first = tuple(dict.fromkeys(text[:60] for text in texts))[:4]
    return Column(name, first, round(100 * len(texts) / len(rows)) if rows else 0)


def needs_domain(source: Source) -> bool:
    """Whether addresses would have to be made here and cannot be."""
    ours = company()
    return "email" not in source.mapping and not (ours.domain and ours.email_formats)
