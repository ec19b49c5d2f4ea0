"""Many rows of a table by one statement: what is not said has the default that its model gives.

The database makes the rows itself (`generate_series`): a million of them never go through Python.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, models


def fill(model: type[models.Model], rows: str, **columns: str) -> None:
    """Insert what `rows` (the part of a query after FROM) gives. `columns` are expressions of SQL
    by the names of columns; a column that is not named has its model's default."""
    table = model._meta
    unknown = columns.keys() - {field.column for field in table.concrete_fields}
    if unknown:
        raise ValueError(f"{table.db_table} has no column {', '.join(sorted(unknown))}.")
    named: dict[str, str] = {}
    parameters: list[Any] = []
    for field in table.concrete_fields:
        column = str(field.column)
        if column in columns:
            # A percent sign is one, not the place of a parameter.
            named[column] = columns[column].replace("%", "%%")
        elif not _is_left_out(field):
            named[column] = f"CAST(%s AS {field.db_type(connection)})"
            parameters.append(field.get_db_prep_save(_default(field), connection))
    into = ", ".join(f'"{name}"' for name in named)
    given, rows = ", ".join(named.values()), rows.replace("%", "%%")
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{table.db_table}" ({into}) SELECT {given} FROM {rows}', parameters
        )
        _go_on_counting(cursor, table.db_table, given="id" in columns)


@contextmanager
def indexed_afterwards(model: type[models.Model]) -> Iterator[None]:
    """The indexes of a table that hold no constraint are made once it is full, which takes a third
    of the time."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i"
            " WHERE i.indrelid = %s::regclass AND NOT i.indisunique",
            [model._meta.db_table],
        )
        found = cursor.fetchall()
        for name, _ in found:
            cursor.execute(f"DROP INDEX {name}")
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '512MB'")
        for _, statement in found:
            cursor.execute(statement)


def _is_left_out(field: models.Field[Any, Any]) -> bool:
    """The database fills it in by itself."""
    return field.primary_key or field.has_db_default() or (field.null and not field.has_default())


def _default(field: models.Field[Any, Any]) -> Any:
    if field.unique or not (field.has_default() or field.blank):
        raise ValueError(f"Say what {field.model.__name__}.{field.column} is: it has no default.")
    return field.get_default()


def _go_on_counting(cursor: Any, table: str, *, given: bool) -> None:
    """Where ids were given, the next one is after them."""
    if given:
        cursor.execute(
            "SELECT setval(pg_get_serial_sequence(%s, 'id'), (SELECT max(id) FROM " + table + "))",
            [table],
        )
