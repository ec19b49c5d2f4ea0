"""What one import reads of its source: all of it, what changed since the last time, or some
records; and where the next one goes on.

What changed is asked for only where everything that was read before is known: the reader can say
it, there is a cursor, the source is read by the same settings and mapping as then, and it was read
whole not too long ago. A cursor that has expired means: whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from tenure.readers.base import (
    CursorExpired,
    Fetching,
    Incremental,
    Reader,
    ReaderError,
)
from tenure.sources.models import Source
from tenure.sources.rows import RowMapping
from tenure.sources.spooling import Item, Spool

#: Items between two signs of life.
_SIGN = 500


@dataclass(slots=True)
class Reading:
    """One reading. `ids`: these records only. `whole`: all that there is, so that what is not there
    is gone. Closed by whoever made it."""

    source: Source
    reader: Reader
    of: bytes
    whole: bool
    ids: tuple[str, ...] = ()
    _spool: Spool | None = field(default=None, init=False)

    def prepare(self, check: Callable[[], None], alive: Callable[[], None]) -> None:
        """Read everything that costs to be read into a file. `check` is called before rows are
        taken: not where nothing has changed, for a file need not even be fetched then. Raises
        `ReaderError`, and then the source as a whole is not to be used."""
        if not self.whole:
            self._spool = Spool()
            try:
                if self._fill(self._spool, self._partial(), alive):
                    check()
                return
            except CursorExpired:
                self._spool.clear()
                self.whole = True
        check()
        if getattr(self.reader, "cheap", False):
            self.close()
            return
        self._spool = self._spool or Spool()
        self._fill(self._spool, self.reader.rows(), alive)

    def items(self) -> Iterator[Item]:
        """What there is to take; as often as one likes."""
        return iter(self._spool) if self._spool is not None else iter(self.reader.rows())

    def next_cursor(self) -> str:
        """Where to go on, "" where that cannot be said. Only after everything was read."""
        if self.ids or not isinstance(self.reader, Incremental):
            return ""
        return self.reader.cursor()

    def close(self) -> None:
        if self._spool is not None:
            self._spool.close()
            self._spool = None

    def _partial(self) -> Iterator[Item]:
        if self.ids:
            if not isinstance(self.reader, Fetching):
                raise ReaderError(f"{self.source.name} cannot be asked for one record.")
            return (self.reader.fetch(id) for id in self.ids)
        if getattr(self.reader, "partial", False):
            return iter(self.reader.rows())
        assert isinstance(self.reader, Incremental)
        return iter(self.reader.changes(self.source.cursor))

    @staticmethod
    def _fill(spool: Spool, items: Iterable[Item], alive: Callable[[], None]) -> int:
        number = 0
        for number, item in enumerate(items, start=1):
            spool.keep(item)
            if number % _SIGN == 0:
                alive()
        return number


def begin(
    source: Source,
    reader: Reader,
    mapping: RowMapping,
    *,
    at: datetime,
    full: bool = False,
    ids: Collection[str] = (),
) -> Reading:
    """What is to be read now. `full`: all of it, whatever could be left out."""
    of = fingerprint(source, mapping)
    if ids or getattr(reader, "partial", False):
        return Reading(source, reader, of, whole=False, ids=tuple(ids))
    whole = full or not _may_be_partial(source, reader, of, at)
    return Reading(source, reader, of, whole=whole)


def fingerprint(source: Source, mapping: RowMapping) -> bytes:
    """Of all that decides what a record becomes, or what it means that there is none. Secrets
    are references: a new key of the same name changes nothing."""
    content = orjson.dumps(
        [source.reader, source.settings, source.absence], option=orjson.OPT_SORT_KEYS, default=str
    )
    return hashlib.blake2b(content + mapping.salt, digest_size=16).digest()


def _may_be_partial(source: Source, reader: Reader, of: bytes, at: datetime) -> bool:
    if not isinstance(reader, Incremental) or not source.cursor:
        return False
    if bytes(source.cursor_of) != of or source.read_whole_at is None:
        return False
    return at - source.read_whole_at < source.full_every
