"""Writing many rows at once: updates in one statement, inserts by COPY.

Django's `bulk_update` writes a CASE for every row and field, and takes some twenty times as long
as joining the table to arrays of values; its `bulk_create` adapts every value three times, and
takes some six times as long as COPY.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from operator import attrgetter, itemgetter
from typing import Any

import orjson
from django.db import IntegrityError, connection, models, transaction
from django.db.models import F, Func, Value
from django.db.models.expressions import DatabaseDefault, RawSQL
from psycopg.copy import Copy, FileWriter

from tenure.infra.copying import (
    column_of,
    copy_into,
    insert_beside,
    merging,
    own,
    spelled,
    target_of,
)

#: A table that grew by so many rows at once is looked at by PostgreSQL's planner anew.
_MANY = 500


def update_rows(rows: Sequence[models.Model], fields: Sequence[str]) -> None:
    """Write these fields of these saved instances. Rows that are gone are passed over."""
    if not rows:
        return
    meta = rows[0]._meta
    key = meta.pk
    assert key is not None
    columns = [key, *(column_of(meta.get_field(name)) for name in fields)]
    # One document: adapting arrays of values one by one takes ten times as long as writing it.
    labels = [f"c{number}" for number in range(len(columns))]
    of = _values([str(column.attname) for column in columns])
    given = orjson.dumps(
        [dict(zip(labels, of(row), strict=True)) for row in rows],
        default=_written,
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
    names, lines = taken_apart(rows)
    insert_rows(type(rows[0]), names, lines, skip=skip, unique=unique, update=update)


def taken_apart(rows: Sequence[models.Model]) -> tuple[list[str], Iterator[Sequence[Any]]]:
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
    target = target_of(model, tuple(names))
    found = BytesIO()
    with connection.cursor() as cursor, Copy(own(cursor), writer=FileWriter(found)) as copy:
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
    target = target_of(model, tuple(names))
    conflict = merging(model, unique, update) if unique else "ON CONFLICT DO NOTHING"
    if skip:
        try:
            with transaction.atomic():
                copy_into(target, data)
        except IntegrityError:
            insert_beside(target, data, conflict)
    elif unique:
        insert_beside(target, data, conflict)
    else:
        copy_into(target, data)
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
    for _, other, *_ in connection.run_on_commit:
        if isinstance(other, _Analysis) and other == job:
            other.rows += rows
            return
    job.rows = rows
    transaction.on_commit(job)


@dataclass(slots=True)
class _Analysis:
    """Plain columns alone: documents, and what indexes make of them, cost thrice as much for thirty
    thousand rows. PostgreSQL looks at those by itself later. `rows` were added."""

    table: str
    columns: tuple[str, ...]
    rows: int = field(default=0, compare=False)

    def __call__(self) -> None:
        with connection.cursor() as cursor:
            # Pages alone do not tell: PostgreSQL may have counted while the rows came. Then it
            # knows the pages, and that of what it saw nothing was committed.
            cursor.execute(
                "SELECT pg_relation_size(oid) > 4.0 * relpages"
                " * current_setting('block_size')::integer OR %s > 3.0 * reltuples"
                " FROM pg_class WHERE oid = %s::regclass",
                [self.rows, self.table],
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


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _values(names: Sequence[str]) -> Callable[[models.Model], Sequence[Any]]:
    """Two or more attributes of an instance, straight from where it keeps them, unless it was told
    not to read some."""
    kept, every = itemgetter(*names), attrgetter(*names)

    def of(row: models.Model) -> Sequence[Any]:
        try:
            found: Sequence[Any] = kept(row.__dict__)
        except KeyError:
            found = every(row)
        return found

    return of


def _written(value: Any) -> str:
    """Bytes as PostgreSQL reads them, and what else JSON has no form for."""
    if isinstance(value, (bytes, memoryview, bytearray)):
        return f"\\x{bytes(value).hex()}"
    return spelled(value)


def _type(column: models.Field[Any, Any]) -> str:
    kind = (
        column.rel_db_type(connection)
        if isinstance(column, models.ForeignKey)
        else column.cast_db_type(connection)
    )
    assert kind is not None
    return kind.split("(")[0]
