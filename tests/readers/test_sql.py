"""The SQL reader on the tests' own PostgreSQL: values as texts, only what changed, read only."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection

from tenure.readers.base import CursorExpired, Gone, ReaderBusy, ReaderError, Row
from tenure.readers.registry import open_reader
from tenure.readers.sql import SqlReader

ALL_KINDS = """
    SELECT '00123' AS id, 7::bigint AS whole, 7.50::numeric AS exact, 3.0::float8 AS "Share 100%",
        DATE '2026-02-01' AS day, TIMESTAMP '2026-02-01' AS midnight,
        TIMESTAMPTZ '2026-02-01 09:30+00' AS instant, true AS yes, NULL AS nothing,
        ARRAY['a', 'b'] AS many, '{"b": 1}'::jsonb AS document, '\\x00ff'::bytea AS bytes;
"""


@pytest.fixture
def table(django_db_setup: None) -> Iterator[tuple[dict[str, Any], str, psycopg.Connection[Any]]]:
    """Settings and password of the tests' server, and a connection that commits; with people."""
    facts = connection.settings_dict
    settings = {
        "host": facts["HOST"],
        "port": int(facts["PORT"] or 5432),
        "database": facts["NAME"],
        "user": facts["USER"],
    }
    name = f"people_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(
        host=facts["HOST"],
        port=settings["port"],
        dbname=facts["NAME"],
        user=facts["USER"],
        password=facts["PASSWORD"],
        autocommit=True,
    ) as admin:
        admin.execute(f"CREATE TABLE {name} (id int, name text, changed timestamptz)")
        settings["query"] = f"SELECT * FROM {name} WHERE name NOT LIKE 'x%' -- of HR\n;"
        try:
            yield settings, str(facts["PASSWORD"]), admin
        finally:
            admin.execute(f"DROP TABLE {name}")


def opened(settings: dict[str, Any], password: str, **more: Any) -> SqlReader:
    reader = open_reader("sql", {**settings, **more}, secrets={"password": password})
    assert isinstance(reader, SqlReader)
    return reader


def test_what_a_query_gives(table: tuple[dict[str, Any], str, Any]) -> None:
    settings, password, _ = table
    reader = opened(settings, password, query=ALL_KINDS, id="id")
    assert list(reader.columns())[:4] == ["id", "whole", "exact", "Share 100%"]
    (row,) = reader.rows()
    assert row == Row(
        1,
        {
            "id": "00123",
            "whole": "7",
            "exact": "7.50",
            "Share 100%": "3",
            "day": "2026-02-01",
            "midnight": "2026-02-01",
            "instant": "2026-02-01T09:30:00+00:00",
            "yes": "true",
            "nothing": "",
            "many": "a,b",
            "document": '{"b":1}',
            "bytes": "00ff",
        },
        "00123",
    )
    assert reader.cursor() == ""
    assert [line.ok for line in reader.check()] == [True, True]


def test_only_what_changed(table: tuple[dict[str, Any], str, psycopg.Connection[Any]]) -> None:
    settings, password, admin = table
    name = settings["query"].split()[3]
    admin.execute(
        f"INSERT INTO {name} SELECT n, 'P' || n, TIMESTAMPTZ '2026-01-01Z' + n * interval '1 hour'"
        " FROM generate_series(1, 2500) n"
    )
    reader = opened(settings, password, id="id", changed="changed", overlap=60)
    assert len(list(reader.rows())) == 2500
    cursor = reader.cursor()
    again = opened(settings, password, id="id", changed="changed", overlap=60)
    assert [row.id for row in again.changes(cursor) if isinstance(row, Row)] == ["2500"]
    assert again.cursor() == cursor
    admin.execute(f"UPDATE {name} SET name = 'Q', changed = now() WHERE id = 7")
    changed = [row for row in again.changes(cursor) if isinstance(row, Row)]
    assert {row.id: row.values["name"] for row in changed} == {"2500": "P2500", "7": "Q"}
    assert list(again.changes(again.cursor()))
    found = again.fetch("7")
    assert isinstance(found, Row)
    assert found.values["name"] == "Q"
    assert again.fetch("9999") == Gone("9999")
    with pytest.raises(CursorExpired):
        list(opened(settings, password, changed="id").changes(cursor))
    numbered = opened(settings, password, id="id", changed="id")
    assert len(list(numbered.rows())) == 2500
    assert [r.id for r in numbered.changes(numbered.cursor()) if isinstance(r, Row)] == ["2500"]


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"query": "SELECT * FROM nowhere"}, ReaderError, r"42P01: .*nowhere.* Correct the query"),
        ({"query": "SELECT 1 AS a, 2 AS a"}, ReaderError, "gives a twice"),
        ({"query": "SELECT lo_create(0) AS id"}, ReaderError, "only reads"),
        ({"id": "number"}, ReaderError, "no column number, but id, name, changed"),
        ({"user": "nobody"}, ReaderError, "Check the role"),
        ({"host": "127.0.0.1", "port": 1}, ReaderBusy, "Check the address"),
        ({"query": "SELECT pg_sleep(3)::text AS id", "seconds": 1}, ReaderError, "longer than 1 s"),
    ],
)
def test_what_is_wrong_is_said(
    table: tuple[dict[str, Any], str, Any],
    change: dict[str, Any],
    error: type[ReaderError],
    said: str,
) -> None:
    settings, password, _ = table
    reader = opened(settings, password, **change)
    with pytest.raises(error, match=said) as raised:
        list(reader.rows())
    assert password not in str(raised.value)
    assert not reader.check()[-1].ok or "longer" in said or "only reads" in said


def test_a_query_that_is_none_is_refused() -> None:
    given = {"host": "db.example.com", "user": "hr", "query": "DELETE FROM people"}
    with pytest.raises(ReaderError, match="begins with SELECT or WITH"):
        open_reader("sql", given, secrets={"password": "x"})
    with pytest.raises(ReaderError, match="password: Field required"):
        open_reader("sql", {**given, "query": "select 1"})
