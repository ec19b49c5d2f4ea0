"""Writing one record: what is there is read first, and read again afterwards. No database.

Written     it has the values now; `was` says what it had, or that it had them already
Later       the same again may work
Busy        so may the same again, and no other record should be tried before
Refused     this record does not take it
Shut        the source does not accept us
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from tenure.readers.base import (
    AccessRefused,
    Fetching,
    Reader,
    ReaderBusy,
    ReaderError,
    RecordRefused,
    Row,
    RowProblem,
    WritingBack,
)
from tenure.writeback.wanting import lacking


@dataclass(frozen=True, slots=True)
class Written:
    """Columns and what they held, before and after. `sent`: something had to be written."""

    was: Mapping[str, str] = field(default_factory=dict)
    found: Mapping[str, str] = field(default_factory=dict)
    sent: bool = False


@dataclass(frozen=True, slots=True)
class Later:
    reason: str


@dataclass(frozen=True, slots=True)
class Busy:
    reason: str
    after: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    reason: str


@dataclass(frozen=True, slots=True)
class Shut:
    reason: str


Outcome: TypeAlias = Written | Later | Busy | Refused | Shut


def write(
    reader: Reader,
    id: str,
    values: Mapping[str, str],
    intend: Callable[[Mapping[str, str]], None],
) -> Outcome:
    """Have the record hold these columns. `intend` is told what was there before anything is
    sent. Raises nothing that has to do with the source."""
    if not isinstance(reader, WritingBack):
        return Shut("This kind of source takes nothing back: take write_back out.")
    try:
        was = _read(reader, id, values)
        missing = lacking(values, was)
        if was and not missing:
            return Written(was, was)
        intend(was)
        reader.write(id, missing)
        found = _read(reader, id, values)
    except ReaderBusy as error:
        return Busy(str(error), error.after)
    except AccessRefused as error:
        return Shut(str(error))
    except RecordRefused as error:
        return Refused(str(error))
    except (ReaderError, OSError) as error:
        return Later(str(error) or type(error).__name__)
    if found and (others := lacking(values, found)):
        names = ", ".join(f"{name} is {found.get(name) or 'empty'!r}" for name in others)
        return Later(f"It took what was written, and does not have it: {names}.")
    return Written(was, found or dict(values), sent=True)


def _read(reader: Reader, id: str, values: Mapping[str, str]) -> dict[str, str]:
    """What the columns hold; nothing of a source that cannot be asked for one record."""
    if not isinstance(reader, Fetching):
        return {}
    found = reader.fetch(id)
    if isinstance(found, Row):
        unknown = sorted(values.keys() - found.values.keys())
        if unknown:
            raise AccessRefused(
                f"It has no column {', '.join(unknown)}: correct write_back, which says where "
                "names are written."
            )
        return {name: found.values[name] for name in values}
    if isinstance(found, RowProblem):
        raise RecordRefused(found.message)
    raise RecordRefused("The record is not there any more.")
