"""COPY: where rows go, how their values are written, and what becomes of those already there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, cast

import orjson
from django.db import connection, models, transaction
from psycopg import Cursor


class Target:
    """Where rows of named fields go, and how their values are written."""

    def __init__(self, model: type[models.Model], names: Sequence[str]) -> None:
        fields = [column_of(model._meta.get_field(name)) for name in names]
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
        """The rows with what else their columns need, documents as texts."""
        for row in rows:
            line = [*row, *self._rest]
            for position in self._documents:
                if line[position] is not None:
                    line[position] = _document(line[position])
            yield line


@lru_cache(maxsize=64)
def target_of(model: type[models.Model], names: tuple[str, ...]) -> Target:
    """Worked out once for a model and names."""
    return Target(model, names)


def copy_into(target: Target, data: bytes, table: str = "") -> None:
    """Rows that are written as COPY reads them, into the target's table or one like it."""
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy(statement(target, table)) as copy,
    ):
        copy.write(data)


def statement(target: Target, table: str = "") -> str:
    """What begins the copy."""
    return f"COPY {table or target.table} ({target.columns}) FROM STDIN"


def insert_beside(target: Target, data: bytes, conflict: str) -> None:
    """COPY knows no ON CONFLICT: by way of a table without constraints."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE given ON COMMIT DROP AS "
            f"SELECT {target.columns} FROM {target.table} LIMIT 0"
        )
        copy_into(target, data, "given")
        cursor.execute(
            f"INSERT INTO {target.table} ({target.columns}) SELECT {target.columns} FROM given"
            f" {conflict}"
        )
        cursor.execute("DROP TABLE given")


def merging(model: type[models.Model], unique: Sequence[str], update: Sequence[str]) -> str:
    """The clause for a row that has what `unique` names already: it gets `update` anew."""

    def columns(names: Sequence[str]) -> list[str]:
        fields = (column_of(model._meta.get_field(name)) for name in names)
        return [connection.ops.quote_name(str(field.column)) for field in fields]

    sets = ", ".join(f"{name} = excluded.{name}" for name in columns(update))
    does = f"UPDATE SET {sets}" if update else "NOTHING"
    return f"ON CONFLICT ({', '.join(columns(unique))}) DO {does}"


def own(cursor: object) -> Cursor[Any]:
    """The driver's cursor inside of Django's."""
    return cast("Cursor[Any]", getattr(cursor, "cursor", cursor))


def _has_default(field: models.Field[Any, Any], given: Sequence[str]) -> bool:
    """Whether a column that is not given has to be filled from here."""
    if field.primary_key or field.name in given or field.attname in given:
        return False
    return field.db_default is models.NOT_PROVIDED and not field.null


def _document(value: object) -> str:
    return orjson.dumps(value, default=spelled, option=orjson.OPT_NON_STR_KEYS).decode()


def spelled(value: object) -> str:
    """What JSON has no form for, as PostgreSQL reads it."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, timedelta):
        return f"{value.total_seconds():f} seconds"
    raise TypeError(f"{type(value).__name__} is no value of a document.")


def column_of(field: object) -> models.Field[Any, Any]:
    """A field that is a column, as all are of which rows are written."""
    assert isinstance(field, models.Field)
    return field
