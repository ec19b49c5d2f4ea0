"""Writing many rows at once: updates in one statement, inserts by COPY.

Django's `bulk_update` writes a CASE for every row and field, and takes some twenty times as long
as joining the table to arrays of values; its `bulk_create` adapts every value three times, and
takes some six times as long as COPY.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import orjson
from django.db import IntegrityError, connection, models, transaction
from django.db.models.expressions import DatabaseDefault


def update_rows(rows: Sequence[models.Model], fields: Sequence[str]) -> None:
    """Write these fields of these saved instances. Rows that are gone are passed over."""
    if not rows:
        return
    meta = rows[0]._meta
    key = meta.pk
    assert key is not None
    columns = [key, *(_column(meta.get_field(name)) for name in fields)]
    arrays = [
        [column.get_db_prep_save(getattr(row, column.attname), connection) for row in rows]
        for column in columns
    ]
    names = [connection.ops.quote_name(str(column.column)) for column in columns]
    types = [_type(column) for column in columns]
    sets = ", ".join(f"{name} = given.{name}" for name in names[1:])
    given = ", ".join(f"%s::{kind}[]" for kind in types)
    table = connection.ops.quote_name(meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} AS stored SET {sets} FROM unnest({given}) "
            f"AS given ({', '.join(names)}) WHERE stored.{names[0]} = given.{names[0]}",
            arrays,
        )


def insert_rows(
    model: type[models.Model], names: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    """Insert rows of values for the fields that are named; the others take their defaults. One
    that a unique constraint refuses is left out, like `bulk_create(ignore_conflicts=True)`."""
    if not rows:
        return
    fields = [_column(model._meta.get_field(name)) for name in names]
    fixed = [field for field in model._meta.concrete_fields if _has_default(field, names)]
    defaults = [field.get_default() for field in fixed]
    lines = [(*_plain(fields, row), *_plain(fixed, defaults)) for row in rows]
    columns = ", ".join(connection.ops.quote_name(str(f.column)) for f in (*fields, *fixed))
    table = connection.ops.quote_name(model._meta.db_table)
    try:
        with transaction.atomic():
            _copy(f"{table} ({columns})", lines)
    except IntegrityError:
        _insert_what_is_free(table, columns, lines)


def _insert_what_is_free(table: str, columns: str, lines: Sequence[Sequence[Any]]) -> None:
    """COPY knows no ON CONFLICT: by way of a table without constraints."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE given ON COMMIT DROP AS SELECT {columns} FROM {table} LIMIT 0"
        )
        _copy(f"given ({columns})", lines)
        cursor.execute(
            f"INSERT INTO {table} ({columns}) SELECT {columns} FROM given ON CONFLICT DO NOTHING"
        )
        cursor.execute("DROP TABLE given")


def _copy(target: str, lines: Iterable[Sequence[Any]]) -> None:
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy(f"COPY {target} FROM STDIN") as copy,
    ):
        for line in lines:
            copy.write_row(line)


def _has_default(field: models.Field[Any, Any], given: Sequence[str]) -> bool:
    """Whether a column that is not given has to be filled from here."""
    if field.primary_key or field.name in given or field.attname in given:
        return False
    return field.db_default is models.NOT_PROVIDED and not field.null


def _plain(fields: Sequence[models.Field[Any, Any]], row: Sequence[Any]) -> Iterable[Any]:
    return (
        orjson.dumps(value).decode()
        if isinstance(field, models.JSONField) and value is not None
        else value
        for field, value in zip(fields, row, strict=True)
    )


def insert_instances(
    rows: Sequence[models.Model],
    *,
    numbered: bool = False,
    unique: Sequence[str] = (),
    update: Sequence[str] = (),
) -> None:
    """Insert these instances, none of them saved, as one JSON document. `numbered`: they get
    their ids first.

    Where `unique` names the fields of a constraint, a row that is there already gets the fields
    `update` anew, or stays as it is if there are none.
    """
    if not rows:
        return
    meta = rows[0]._meta
    key = meta.pk
    assert key is not None
    if numbered:
        _number(rows, meta.db_table, str(key.column))
    columns = [
        field
        for field in meta.local_concrete_fields
        if (numbered or field is not key)
        and not isinstance(getattr(rows[0], field.attname), DatabaseDefault)
    ]
    fields = [(str(column.column), column.attname) for column in columns]
    document = orjson.dumps(
        [{name: getattr(row, attribute) for name, attribute in fields} for row in rows],
        default=_spelled,
        option=orjson.OPT_NON_STR_KEYS,
    ).decode()
    quote = connection.ops.quote_name
    names = ", ".join(quote(name) for name, _ in fields)
    conflict = ""
    if unique:
        target = ", ".join(quote(str(_column(meta.get_field(name)).column)) for name in unique)
        again = [quote(str(_column(meta.get_field(name)).column)) for name in update]
        sets = ", ".join(f"{name} = excluded.{name}" for name in again)
        conflict = f" ON CONFLICT ({target}) DO {f'UPDATE SET {sets}' if again else 'NOTHING'}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(meta.db_table)} ({names}) SELECT {names} "
            f"FROM json_populate_recordset(NULL::{quote(meta.db_table)}, %s){conflict}",
            [document],
        )


def _spelled(value: object) -> str:
    if isinstance(value, bytes | memoryview):
        return "\\x" + bytes(value).hex()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no value of a column.")


def _number(rows: Sequence[models.Model], table: str, key: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
            [table, key, len(rows)],
        )
        numbers = [number for (number,) in cursor.fetchall()]
    for row, number in zip(rows, numbers, strict=True):
        row.pk = number


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
