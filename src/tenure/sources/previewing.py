"""What a source's mapping makes of its first rows: each as it comes and as it would be taken.
Nothing is taken, and nothing has to be stored: a source that is only being written will do.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from tenure.core.lifecycle import WorkingLife, standing
from tenure.core.model import Value
from tenure.infra.clock import now
from tenure.readers.base import Row, RowProblem
from tenure.sources.models import Source
from tenure.sources.opening import open_source
from tenure.sources.rows import BadRow, MappedRow, RowMapping


@dataclass(frozen=True, slots=True)
class Preview:
    """One row. `attributes` are those of the person; `state` is what they would be (active,
    on_leave, left, upcoming); `problem` says why it would not be taken."""

    line: int
    id: str
    row: Mapping[str, str]
    attributes: Mapping[str, Value]
    state: str = ""
    warnings: tuple[str, ...] = ()
    problem: str = ""


def preview(source: Source, limit: int = 10) -> list[Preview]:
    """The first rows. Raises `ReaderError` where the source cannot be read, and ValueError where
    its mapping cannot be used."""
    mapping = RowMapping(source)
    reader = open_source(source, columns=mapping.columns)
    mapping.check_columns(reader.columns())
    at = now()
    rows = reader.rows()
    try:
        return [_seen(mapping, row, at) for row in islice(rows, limit)]
    finally:
        # Closed at once: whatever it holds open is not left to chance.
        if isinstance(rows, Generator):
            rows.close()


def _seen(mapping: RowMapping, row: Row | RowProblem, at: datetime) -> Preview:
    if isinstance(row, RowProblem):
        return Preview(row.line, "", {}, {}, problem=row.message)
    try:
        key = mapping.key(row)
        mapped = mapping.mapped(row, key, mapping.digest(row), None, at)
    except BadRow as error:
        return Preview(row.line, row.id, row.values, {}, problem=str(error))
    return Preview(
        row.line, row.id, row.values, mapped.attributes, _state(mapped, at), mapped.warnings
    )


def _state(mapped: MappedRow, at: datetime) -> str:
    life = WorkingLife(
        start_date=mapped.start_date,
        end_date=mapped.end_date,
        time_zone=mapped.time_zone,
        terminated_at=mapped.ended_at,
        on_leave=mapped.on_leave,
    )
    return standing(life, at).state.value
