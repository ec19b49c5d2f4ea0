"""Writing many rows at once: updates in one statement, inserts by COPY.

Django's `bulk_update` writes a CASE for every row and field, and takes some twenty times as long
as joining the table to arrays of values; its `bulk_create` adapts every value three times, and
takes some six times as long as COPY.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from io import BytesIO
from operator import itemgetter
from types import TracebackType
from typing import Any, TypeVar, cast

import orjson
from django.db import IntegrityError, connection, models, transaction
from django.db.models import F, Func, Value
from django.db.models.expressions import DatabaseDefault, RawSQL
from psycopg import Cursor
from psycopg.copy import Copy, FileWriter, LibpqWriter

T = TypeVar("T")

#: A table that grew by so many rows at once is looked at by PostgreSQL's planner anew.
_MANY = 500
#: Between so many items more is handed over to a database that is busy.
_BETWEEN = 32


def update_rows(rows: Sequence[models.Model], fields: Sequence[str]) -> None:
    """Write these fields of these saved instances. Rows that are gone are passed over."""
    if not rows:
        return
    meta = rows[0]._meta
    key = meta.pk
    assert key is not None
    columns = [key, *(_column(meta.get_field(name)) for name in fields)]
    # One document: adapting arrays of values one by one takes ten times as long as writing it.
    labels = [f"c{number}" for number in range(len(columns))]
    attributes = [column.attname for column in columns]
    given = orjson.dumps(
        [
            {k: _written(getattr(row, a)) for k, a in zip(labels, attributes, strict=True)}
            for row in rows
        ],
        default=_spelled,
        option=orjson.OPT_NON_STR_KEYS,
    ).decode()
    names = [connection.ops.quote_name(str(column.column)) for column in columns]
    sets = ", ".join(f"{n} = given.{k}" for n, k in zip(names[1:], labels[1:], strict=True))
    shape = ", ".join(f"{k} {_type(c)}" for k, c in zip(labels, columns, strict=True))
    table = connection.ops.quote_name(meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} AS stored SET {sets} FROM json_to_recordset(%s) AS given({shape})"
            f" WHERE stored.{names[0]} = given.c0",
            [given],
        )


def among(values: Iterable[object], kind: str = "bigint") -> RawSQL:
    """For `__in`: many values as one array. Django writes a placeholder for each of a list's."""
    return RawSQL(f"SELECT unnest(%s::{kind}[])", [array(values)])


def one_of(name: str, values: Iterable[object], kind: str = "bigint") -> Func:
    """A condition: the field has one of these values. Like `among`, for a table that may be much
    larger than PostgreSQL believes: it never compares every row with every value."""
    return Func(
        F(name),
        Value(array(values)),
        arg_joiner=" = ANY(",
        template=f"%(expressions)s::{kind}[])",
        output_field=models.BooleanField(),
    )


def array(values: Iterable[object]) -> str:
    """Texts or whole numbers as PostgreSQL reads an array of them, to be cast: the driver asks for
    each value how it is written."""
    texts = [str(value) for value in values]
    joined = '","'.join(texts)
    # More quotation marks than ends of values: one of them is a value's own.
    if "\\" in joined or joined.count('"') != 2 * max(len(texts) - 1, 0):
        joined = '","'.join(map(_escaped, texts))
    return f'{{"{joined}"}}' if texts else "{}"


def insert_rows(
    model: type[models.Model],
    names: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    skip: bool = False,
    unique: Sequence[str] = (),
    update: Sequence[str] = (),
) -> None:
    """Insert rows of values for the fields that are named; the others take their defaults.

    `skip`: one that a unique constraint refuses is left out. Where `unique` names the fields of a
    constraint, a row that is there already gets the fields `update` anew. With both, none is
    expected to be there, and that is found out first.
    """
    insert_encoded(
        model, names, encoded(model, names, rows), skip=skip, unique=unique, update=update
    )


def insert_instances(
    rows: Sequence[models.Model],
    *,
    numbered: bool = False,
    skip: bool = False,
    unique: Sequence[str] = (),
    update: Sequence[str] = (),
) -> None:
    """Insert these instances, none of them saved, like `insert_rows`. `numbered`: they get their
    ids first, see `number`, unless they have them."""
    if not rows:
        return
    if numbered and rows[0].pk is None:
        number(rows)
    names, lines = _taken_apart(rows)
    insert_rows(type(rows[0]), names, lines, skip=skip, unique=unique, update=update)


def _taken_apart(rows: Sequence[models.Model]) -> tuple[list[str], Iterator[Sequence[Any]]]:
    """The fields of these instances that are to be written, and their values."""
    first, meta = rows[0], rows[0]._meta
    names = [
        field.attname
        for field in meta.local_concrete_fields
        if (first.pk is not None or field is not meta.pk)
        and not isinstance(getattr(first, field.attname), DatabaseDefault)
    ]
    # Straight from where an instance keeps them, unless it was told not to read some.
    if len(names) > 1 and all(name in first.__dict__ for name in names):
        of = itemgetter(*names)
        return names, (of(row.__dict__) for row in rows)
    return names, ([getattr(row, name) for name in names] for row in rows)


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
            self._begin(_target(model, tuple(names)), data)
            grown(model, data.count(b"\n"))

    def insert_instances(self, rows: Sequence[models.Model]) -> None:
        """`bulk.insert_instances`, aside."""
        if rows:
            names, lines = _taken_apart(rows)
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

    def _begin(self, target: _Target, data: bytes) -> None:
        cursor = _own(self._open.enter_context(connection.cursor()))
        self._open.enter_context(connection.wrap_database_errors)
        # It hands over what is taken at once, and waits for the rest only at its end.
        writer = LibpqWriter(cursor, flush_threshold=sys.maxsize)
        self._open.enter_context(cursor.copy(_statement(target), writer=writer)).write(data)
        self._flush = cursor.connection.pgconn.flush


def number(rows: Sequence[models.Model]) -> None:
    """Give these instances of one model, none of them saved, the ids under which they will be."""
    if not rows:
        return
    meta = rows[0]._meta
    assert meta.pk is not None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval((SELECT pg_get_serial_sequence(%s, %s))::regclass)"
            " FROM generate_series(1, %s)",
            [meta.db_table, meta.pk.column, len(rows)],
        )
        numbers = [pk for (pk,) in cursor.fetchall()]
    for row, pk in zip(rows, numbers, strict=True):
        row.pk = pk


def encoded(
    model: type[models.Model], names: Sequence[str], rows: Iterable[Sequence[Any]]
) -> bytes:
    """The rows as COPY reads them, a line each: to be made in one process and inserted in
    another."""
    target = _target(model, tuple(names))
    found = BytesIO()
    with connection.cursor() as cursor, Copy(_own(cursor), writer=FileWriter(found)) as copy:
        for line in target.lines(rows):
            copy.write_row(line)
    return found.getvalue()


def insert_encoded(
    model: type[models.Model],
    names: Sequence[str],
    data: bytes,
    *,
    skip: bool = False,
    unique: Sequence[str] = (),
    update: Sequence[str] = (),
) -> None:
    """Insert what `encoded` made of the same model and names."""
    if not data:
        return
    target = _target(model, tuple(names))
    conflict = _merging(model, unique, update) if unique else "ON CONFLICT DO NOTHING"
    if skip:
        try:
            with transaction.atomic():
                _copy(target, data)
        except IntegrityError:
            _insert_beside(target, data, conflict)
    elif unique:
        _insert_beside(target, data, conflict)
    else:
        _copy(target, data)
    grown(model, data.count(b"\n"))


def grown(model: type[models.Model], rows: int) -> None:
    """Have PostgreSQL count anew what is in a table to which many rows were added and which has
    grown fourfold, once this transaction is committed. Until it does so by itself, seconds or
    minutes later, it takes a table that was just filled for an empty one, and reads all of it where
    it could have used an index."""
    if rows < _MANY:
        return
    fields = [f for f in model._meta.concrete_fields if not isinstance(f, models.JSONField)]
    job = _Analysis(model._meta.db_table, tuple(str(field.column) for field in fields))
    if all(other != job for _, other, *_ in connection.run_on_commit):
        transaction.on_commit(job)


@dataclass(frozen=True, slots=True)
class _Analysis:
    """Plain columns alone: documents, and what indexes make of them, cost thrice as much for thirty
    thousand rows. PostgreSQL looks at those by itself later."""

    table: str
    columns: tuple[str, ...]

    def __call__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_relation_size(oid) > 4.0 * relpages"
                " * current_setting('block_size')::integer FROM pg_class WHERE oid = %s::regclass",
                [self.table],
            )
            row = cursor.fetchone()
            if row and row[0]:
                quote = connection.ops.quote_name
                columns = ", ".join(map(quote, self.columns))
                cursor.execute(f"ANALYZE {quote(self.table)} ({columns})")


def check_at_once() -> None:
    """In this transaction foreign keys are checked by each statement, and not all of them when it
    ends. A long one that others work for has that done while they do."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


class _Target:
    """Where rows of named fields go, and how their values are written."""

    def __init__(self, model: type[models.Model], names: Sequence[str]) -> None:
        fields = [_column(model._meta.get_field(name)) for name in names]
        fixed = [field for field in model._meta.concrete_fields if _has_default(field, names)]
        quote = connection.ops.quote_name
        self.table = quote(model._meta.db_table)
        self.columns = ", ".join(quote(str(field.column)) for field in (*fields, *fixed))
        self._documents = [i for i, f in enumerate(fields) if isinstance(f, models.JSONField)]
        self._rest = [
            _document(field.get_default())
            if isinstance(field, models.JSONField)
            else field.get_default()
            for field in fixed
        ]

    def lines(self, rows: Iterable[Sequence[Any]]) -> Iterator[list[Any]]:
        for row in rows:
            line = [*row, *self._rest]
            for position in self._documents:
                if line[position] is not None:
                    line[position] = _document(line[position])
            yield line


@lru_cache(maxsize=64)
def _target(model: type[models.Model], names: tuple[str, ...]) -> _Target:
    return _Target(model, names)


def _copy(target: _Target, data: bytes, table: str = "") -> None:
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy(_statement(target, table)) as copy,
    ):
        copy.write(data)


def _statement(target: _Target, table: str = "") -> str:
    return f"COPY {table or target.table} ({target.columns}) FROM STDIN"


def _insert_beside(target: _Target, data: bytes, conflict: str) -> None:
    """COPY knows no ON CONFLICT: by way of a table without constraints."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE given ON COMMIT DROP AS "
            f"SELECT {target.columns} FROM {target.table} LIMIT 0"
        )
        _copy(target, data, "given")
        cursor.execute(
            f"INSERT INTO {target.table} ({target.columns}) SELECT {target.columns} FROM given"
            f" {conflict}"
        )
        cursor.execute("DROP TABLE given")


def _merging(model: type[models.Model], unique: Sequence[str], update: Sequence[str]) -> str:
    def columns(names: Sequence[str]) -> list[str]:
        fields = (_column(model._meta.get_field(name)) for name in names)
        return [connection.ops.quote_name(str(field.column)) for field in fields]

    sets = ", ".join(f"{name} = excluded.{name}" for name in columns(update))
    does = f"UPDATE SET {sets}" if update else "NOTHING"
    return f"ON CONFLICT ({', '.join(columns(unique))}) DO {does}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _own(cursor: object) -> Cursor[Any]:
    """The driver's cursor inside of Django's."""
    return cast("Cursor[Any]", getattr(cursor, "cursor", cursor))


def _has_default(field: models.Field[Any, Any], given: Sequence[str]) -> bool:
    """Whether a column that is not given has to be filled from here."""
    if field.primary_key or field.name in given or field.attname in given:
        return False
    return field.db_default is models.NOT_PROVIDED and not field.null


def _document(value: object) -> str:
    return orjson.dumps(value, default=_spelled, option=orjson.OPT_NON_STR_KEYS).decode()


def _written(value: Any) -> Any:
    """Bytes as PostgreSQL reads them; everything else is as JSON has it."""
    if isinstance(value, (bytes, memoryview, bytearray)):
        return f"\\x{bytes(value).hex()}"
    return value


def _spelled(value: object) -> str:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, timedelta):
        return f"{value.total_seconds():f} seconds"
    raise TypeError(f"{type(value).__name__} is no value of a document.")


def _column(field: object) -> models.Field[Any, Any]:
    assert isinstance(field, models.Field)
    return field


def _type(column: models.Field[Any, Any]) -> str:
    kind = (
        column.rel_db_type(connection)
        if isinstance(column, models.ForeignKey)
        else column.cast_db_type(connection)
    )
    assert kind is not None
    return kind.split("(")[0]
