"""People from a query of a real MariaDB: values as texts, only what changed, read only."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tenure.readers.base import CursorExpired, Gone, ReaderBusy, ReaderError, Row
from tenure.readers.mysql import MysqlReader
from tenure.readers.registry import open_reader
from tests.acceptance.mariadb import PASSWORD, SERVER, Mariadb, mariadb

pytestmark = pytest.mark.skipif(
    "TENURE_ACCEPTANCE" not in os.environ or not SERVER.exists() or os.geteuid() != 0,
    reason="needs MariaDB: make acceptance",
)


@pytest.fixture(scope="module")
def server() -> Iterator[Mariadb]:
    # A socket's path is short.
    with tempfile.TemporaryDirectory(prefix="tm") as place, mariadb(Path(place)) as running:
        running.run(
            "CREATE TABLE people (id CHAR(5), name VARCHAR(50), share DOUBLE, pay DECIMAL(9, 2),"
            " day DATE, changed DATETIME, yes BOOLEAN, note BLOB)"
        )
        yield running


def opened(server: Mariadb, **more: Any) -> MysqlReader:
    query = "SELECT * FROM people WHERE name NOT LIKE 'x%' -- of HR\n;"
    password = more.pop("password", PASSWORD)
    settings = {**server.settings, "query": query, "id": "id", **more}
    reader = open_reader("mysql", settings, secrets={"password": password})
    assert isinstance(reader, MysqlReader)
    return reader


def test_what_a_query_gives_and_what_changed(server: Mariadb) -> None:
    server.run(
        "INSERT INTO people VALUES ('00001', 'Ádám 🙂', 1.0, 7.50, '2026-02-01',"
        " '2026-02-01 09:30:00', 1, x'00ff'), ('00002', 'Bea', NULL, NULL, NULL,"
        " '2026-01-01', 0, NULL), ('00003', 'xyz', 0, 0, NULL, '2027-01-01', 0, NULL)"
    )
    people = opened(server, changed="changed", overlap=60)
    rows = list(people.rows())
    assert rows[0] == Row(
        1,
        {
            "id": "00001",
            "name": "Ádám 🙂",
            "share": "1",
            "pay": "7.50",
            "day": "2026-02-01",
            "changed": "2026-02-01T09:30:00",
            "yes": "1",
            "note": "00ff",
        },
        "00001",
    )
    assert len(rows) == 2
    assert all(line.ok for line in people.check())
    cursor = people.cursor()
    server.run("UPDATE people SET name = 'Bee', changed = '2026-03-01' WHERE id = '00002'")
    found = [one for one in people.changes(cursor) if isinstance(one, Row)]
    assert {one.id: one.values["name"] for one in found} == {"00001": "Ádám 🙂", "00002": "Bee"}
    assert people.fetch("00009") == Gone("00009")
    one = people.fetch("00002")
    assert isinstance(one, Row)
    assert one.values["name"] == "Bee"
    with pytest.raises(CursorExpired):
        list(opened(server, changed="day").changes(cursor))
    # Not read to its end.
    next(opened(server).rows())


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"query": "SELECT * FROM nowhere"}, ReaderError, r"1146: .*nowhere.* Correct the query"),
        ({"query": "SELECT 1 AS a, 2 AS a"}, ReaderError, "Duplicate column name 'a'"),
        ({"id": "number"}, ReaderError, "no column number"),
        ({"password": "wrong"}, ReaderError, "Check the user"),
        ({"host": "/nowhere/socket"}, ReaderBusy, "Check the address"),
        ({"query": "SELECT SLEEP(3) AS id", "seconds": 1}, ReaderError, "longer than 1 s"),
    ],
)
def test_what_is_wrong_is_said(
    server: Mariadb, change: dict[str, Any], error: type[ReaderError], said: str
) -> None:
    people = opened(server, **change)
    with pytest.raises(error, match=said) as raised:
        list(people.rows())
    assert PASSWORD not in str(raised.value)
