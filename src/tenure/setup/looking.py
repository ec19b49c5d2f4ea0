"""Looking at a source before anything of it is taken: its columns and first rows, what its mapping
makes of them, and what an import would change. Nothing is kept.

A column that a sensitive attribute is made of shows no values, from the moment that it is mapped to
one: whoever configures sources need not read what is kept private.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final

from django.db import transaction

from tenure.core.expressions import ExpressionError, compile_row_value
from tenure.core.model import Value
from tenure.core.veiling import scrubbed, texts_of
from tenure.infra.clock import now
from tenure.people.selectors import HIDDEN, sensitive_attributes
from tenure.people.services import company
from tenure.readers.base import Reader, ReaderError, Row, RowProblem, Topped
from tenure.readers.registry import reader_class
from tenure.setup import guessing, uploads
from tenure.setup.authorizing import tokens_for
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
    #: A sensitive attribute is made of it: there are no samples of it.
    private: bool = False


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

    def veiled(self, private: frozenset[str]) -> Looked:
        """The same, without what stands in these columns where it is shown."""
        columns = (
            replace(c, samples=(), private=True) if c.name in private else c for c in self.columns
        )
        return replace(self, columns=tuple(columns))


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
        try:
            yield open_source(
                source,
                file=file if takes_file(source.reader) else None,
                columns=columns,
                tokens=tokens_for(source),
            )
        except ReaderError as error:
            if file is not None:
                # Where it lies for a moment is nobody's business.
                error.args = (str(error).replace(f"{file.parent}/", ""),)
            raise


def takes_file(kind: str) -> bool:
    """Whether a source of this kind reads a file that can be handed in."""
    return "path" in reader_class(kind).Settings.model_fields and _alone(kind)


def is_handed_in(kind: str, settings: Mapping[str, Any]) -> bool:
    """Whether nothing says where the file is, so that somebody has to hand it in."""
    return takes_file(kind) and not settings.get("path") and not settings.get("url")


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


def names_line(source: Source) -> int:
    """In which line the names of the columns seem to be, where it is not the one that is taken; 0:
    in that one, or the source has no lines."""
    if source.settings.get("header"):
        return 0
    try:
        with opened(source) as reader:
            return guessing.names_line(reader.top()) if isinstance(reader, Topped) else 0
    except ReaderError:
        return 0


def private_columns(source: Source, looked: Looked) -> frozenset[str]:
    """The columns that sensitive attributes are made of, by this mapping or by the one that is in
    force: they are not shown by being mapped to something else."""
    stored = Source.objects.filter(slug=source.slug).values_list("mapping", flat=True).first()
    sensitive, names = sensitive_attributes(), {column.name for column in looked.columns}
    found: set[str] = set()
    for mapping in (source.mapping, stored or {}):
        for attribute in sensitive & mapping.keys():
            found |= _read_by(mapping[attribute], names)
    return frozenset(found)


def _read_by(expression: str, names: set[str]) -> set[str]:
    """The columns of an expression. Of one that is not right yet, all whose names stand in it."""
    try:
        return set(compile_row_value(expression).columns)
    except ExpressionError:
        return {name for name in names if name in expression}


def map_rows(source: Source, looked: Looked) -> Mapped:
    """What the source's mapping makes of these rows, without the values of columns that sensitive
    attributes are made of, nor what is made of them."""
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
    private = private_columns(source, looked)
    made = frozenset(
        name for name, text in source.mapping.items() if private & compile_row_value(text).columns
    )
    for row in looked.rows:
        sample = _mapped(mapping, row, keys)
        if private and (len(samples) < _FIRST or sample.problem):
            sample = _veiled(sample, private, made)
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
    tokens = tokens_for(source)
    with transaction.atomic(), uploads.as_file(source.slug) as file:
        kept = Source.objects.filter(slug=source.slug).first()
        source.pk = kept.pk if kept else None
        source.position = kept.position if kept else Source.objects.count()
        source.guard = kept.guard if kept else {}
        source.save()
        try:
            return import_source(
                source,
                file=file if takes_file(source.reader) else None,
                dry_run=True,
                tokens=tokens,
            )
        finally:
            transaction.set_rollback(True)


def _mapped(mapping: RowMapping, row: Row, keys: Counter[str]) -> Sample:
    try:
        key = mapping.key(row)
        keys[key] += 1
        if keys[key] > 1:
            raise BadRow(
                f"Employee number {key} is on an earlier line already: the import takes the row "
                "by which they are here now."
            )
        found = mapping.mapped(row, key, b"", None, now())
    except BadRow as error:
        return Sample(row.line, row.values, problem=str(error))
    return Sample(row.line, row.values, dict(found.attributes), warnings=found.warnings)


def _veiled(sample: Sample, private: frozenset[str], made: frozenset[str]) -> Sample:
    """Without what stands in `private` columns, and what the attributes `made` of them are."""
    texts = texts_of(sample.before.get(name) for name in private)
    return Sample(
        sample.line,
        {n: HIDDEN if text and n in private else text for n, text in sample.before.items()},
        {n: HIDDEN if n in made else value for n, value in sample.after.items()},
        scrubbed(sample.problem, texts),
        tuple(scrubbed(warning, texts) for warning in sample.warnings),
    )


def _column(name: str, rows: tuple[Row, ...]) -> Column:
    texts = [text for row in rows if (text := row.values.get(name, "").strip())]
    first = tuple(dict.fromkeys(text[:60] for text in texts))[:4]
    return Column(name, first, round(100 * len(texts) / len(rows)) if rows else 0)


def needs_domain(source: Source) -> bool:
    """Whether addresses would have to be made here and cannot be."""
    ours = company()
    return "email" not in source.mapping and not (ours.domain and ours.email_formats)
