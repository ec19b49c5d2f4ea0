"""Rows that the database takes in while whoever makes them goes on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, TypeVar

from django.db import connection, models
from psycopg.copy import LibpqWriter

from tenure.infra.bulk import encoded, grown, taken_apart
from tenure.infra.copying import Target, own, statement, target_of

T = TypeVar("T")

#: Between so many items more is handed over to a database that is busy.
_BETWEEN = 32


class Aside:
    """Inserts that the database takes in while their owner goes on with what needs none.

    One begins when the one before has ended. Until `wait`, or the end of the block, nobody else may
    ask anything of the connection; what went wrong is raised there, or by the next insert. No
    thread sends them: it would wait for its turn whenever the database is ready for more. They
    leave little by little, as what is made meanwhile passes through `going_on`.
    """

    def __init__(self) -> None:
        self._open = ExitStack()
        self._flush: Callable[[], int] | None = None

    def __enter__(self) -> Aside:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._flush = None
        self._open.__exit__(kind, error, trace)

    def insert_rows(
        self, model: type[models.Model], names: Sequence[str], rows: Iterable[Sequence[Any]]
    ) -> None:
        """`bulk.insert_rows`, aside."""
        data = encoded(model, names, self.going_on(rows))
        self.wait()
        if data:
            self._begin(target_of(model, tuple(names)), data)
            grown(model, data.count(b"\n"))

    def insert_instances(self, rows: Sequence[models.Model]) -> None:
        """`bulk.insert_instances`, aside."""
        if rows:
            names, lines = taken_apart(rows)
            self.insert_rows(type(rows[0]), names, lines)

    def going_on(self, items: Iterable[T]) -> Iterator[T]:
        """These, and now and then what the database can take by then is handed over."""
        for count, item in enumerate(items):
            if self._flush is not None and not count % _BETWEEN:
                self._flush()
            yield item

    def wait(self) -> None:
        """Until everything is inserted. Raises what went wrong."""
        self._flush = None
        self._open.close()

    def _begin(self, target: Target, data: bytes) -> None:
        cursor = own(self._open.enter_context(connection.cursor()))
        self._open.enter_context(connection.wrap_database_errors)
        # It hands over what is taken at once, and waits for the rest only at its end.
        writer = LibpqWriter(cursor, flush_threshold=sys.maxsize)
        self._open.enter_context(cursor.copy(statement(target), writer=writer)).write(data)
        self._flush = cursor.connection.pgconn.flush
