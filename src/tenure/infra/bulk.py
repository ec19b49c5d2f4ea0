"""Writing many rows at once: updates in one statement, inserts by COPY.

Django's `bulk_update` writes a CASE for every row and field, and takes some twenty times as long
as joining the table to arrays of values; its `bulk_create` adapts every value three times, and
takes some six times as long as COPY.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from django.db import IntegrityError, connection, models, transaction


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
