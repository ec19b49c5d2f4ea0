"""Records made ready to be taken while the database is busy with those before: told apart by their
keys, and mapped where they will have to be. Asks no database.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TypeAlias

from tenure.readers.base import Gone, Row, RowProblem
from tenure.sources.models import SourceRecord
from tenure.sources.rows import BadRow, MappedRow, RowMapping
from tenure.sources.spooling import Item


@dataclass(frozen=True, slots=True)
class Prepared:
    """A row, its employee number and digest. `mapped` is there already where it was expected to be
    nobody's yet."""

    row: Row
    key: str
    digest: bytes
    mapped: MappedRow | BadRow | None = None


#: What an import takes one after the other.
Taken: TypeAlias = Prepared | RowProblem | Gone


@contextmanager
def _taking_turns() -> Iterator[None]:
    """Whoever has an answer from the database is let go on soon. Python lets a thread that works
    keep at it for 5 ms, which is longer than most answers take."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, 0.0005))
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@dataclass(frozen=True, slots=True)
class Preparing:
    """How records are made ready. `at`: the instant of the import. `strangers`: they are expected
    to be nobody's yet."""

    mapping: RowMapping
    at: datetime
    strangers: bool

    def chunks(self, items: Iterable[Item], size: int) -> Iterator[list[Taken]]:
        """So many records at a time; while one chunk is taken, a thread makes the next one ready:
        who waits for a database leaves a processor to it. They are read in the thread that asks,
        for some come from the database."""
        iterator = iter(items)
        with _taking_turns(), ThreadPoolExecutor(1, "import") as pool:
            coming = pool.submit(self._prepare, list(islice(iterator, size)))
            while chunk := coming.result():
                coming = pool.submit(self._prepare, list(islice(iterator, size)))
                yield chunk

    def _prepare(self, items: Sequence[Item]) -> list[Taken]:
        return [self._prepared(item) for item in items]

    def _prepared(self, item: Item) -> Taken:
        if not isinstance(item, Row):
            return item
        try:
            key = self.mapping.key(item)
        except BadRow as error:
            return RowProblem(item.line, str(error))
        digest = self.mapping.digest(item)
        if not self.strangers:
            return Prepared(item, key, digest)
        return Prepared(item, key, digest, self._mapped(item, key, digest))

    def _mapped(self, row: Row, key: str, digest: bytes) -> MappedRow | BadRow:
        try:
            return self.mapping.mapped(row, key, digest, None, self.at)
        except BadRow as error:
            return error

    def as_mapped(self, given: Prepared, record: SourceRecord | None) -> MappedRow:
        """The row as attributes, given what is known of it. Raises `BadRow`."""
        if record is not None or given.mapped is None:
            return self.mapping.mapped(given.row, given.key, given.digest, record, self.at)
        if isinstance(given.mapped, BadRow):
            raise given.mapped
        return given.mapped
