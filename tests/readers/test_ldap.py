"""The reader of directories on a real slapd: everybody, only what changed, one entry, and values
taken back; and what values look like."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from tenure.connectors.base import Limits
from tenure.connectors.ldap.directory import REPLACE, Directory
from tenure.connectors.ldap.settings import LdapSettings
from tenure.readers.base import CursorExpired, Gone, ReaderBusy, ReaderError, Row
from tenure.readers.ldap import LdapReader
from tenure.readers.ldap.values import shown
from tenure.readers.registry import open_reader
from tests.connectors.directories import ADMIN, PASSWORD, SUFFIX, Slapd, slapd

WITH_LOG = "overlay syncprov\nsyncprov-checkpoint 1 1\nsyncprov-sessionlog 100"


@pytest.fixture(scope="module", params=["", WITH_LOG], ids=["plain", "with log"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Slapd, bool]]:
    with slapd(tmp_path_factory.mktemp("slapd"), overlays=request.param) as running:
        yield running, bool(request.param)


class Tree:
    """A place of one's own in the directory, and changes to it."""

    def __init__(self, server: Slapd) -> None:
        self.top = f"ou=t{uuid.uuid4().hex[:12]},{SUFFIX}"
        self.settings = {
            "url": server.ldaps,
            "ca_file": str(server.certificate),
            "bind_dn": ADMIN,
            "people_dn": self.top,
            "page_size": 10,
            "timeouts": {"connect": 30},
        }
        self.do("add", self.top, {"objectClass": ["organizationalUnit"]})

    def do(self, verb: str, *arguments: Any) -> None:
        async def done() -> None:
            directory = Directory(LdapSettings.model_validate(self.settings), PASSWORD, Limits())
            try:
                await getattr(directory, verb)(*arguments)
            finally:
                await directory.close()

        asyncio.run(done())

    def dn(self, name: str) -> str:
        return f"uid={name},{self.top}"

    def add(self, name: str, **more: Sequence[str]) -> None:
        usual = {"objectClass": ["inetOrgPerson"], "cn": [name.title()], "sn": ["Byron"]}
        self.do("add", self.dn(name), {**usual, **more})

    def set(self, name: str, attribute: str, *values: str) -> None:
        self.do("modify", self.dn(name), [(REPLACE, attribute, list(values))])

    def reader(self, **other: Any) -> LdapReader:
        password = other.pop("password", PASSWORD)
        reader = open_reader("ldap", {**self.settings, **other}, secrets={"password": password})
        assert isinstance(reader, LdapReader)
        return reader


@pytest.fixture
def tree(server: tuple[Slapd, bool]) -> Tree:
    return Tree(server[0])


def by_name(rows: Any) -> dict[str, Mapping[str, str]]:
    return {row.values["uid"]: row.values for row in rows if isinstance(row, Row)}


def test_everybody_is_read_page_by_page(tree: Tree) -> None:
    tree.add("boss", employeeNumber=["1"], mail=["b@acme.example", "a@acme.example"])
    for number in range(2, 25):
        # Some have one who is not there, one of another directory.
        away = "uid=ceo,dc=other,dc=test" if number == 6 else tree.dn("nobody")
        manager = [tree.dn("boss") if number % 2 else away]
        tree.add(f"u{number}", employeeNumber=[f"{number:05d}"], manager=manager)
    tree.set("u7", "pwdAccountLockedTime", "000001010000Z")
    reader = tree.reader()
    found = by_name(reader.rows())
    assert len(found) == 24
    assert set(reader.columns()) == set(found["u3"])
    assert found["boss"] == {
        **dict.fromkeys(reader.columns(), ""),
        "uid": "boss",
        "cn": "Boss",
        "sn": "Byron",
        "mail": "a@acme.example,b@acme.example",
        "employeeNumber": "1",
        "dn": tree.dn("boss"),
        "status": "active",
    }
    assert (found["u3"]["manager_number"], found["u4"]["manager_number"]) == ("1", "")
    assert found["u6"]["manager_number"] == ""
    assert found["u3"]["employeeNumber"] == "00003"
    assert (found["u7"]["status"], found["u3"]["status"]) == ("inactive", "active")
    few = tree.reader(people_filter="(employeeNumber=00003)", attributes=["uid", "entryUUID"])
    assert list(few.columns()) == ["uid", "entryUUID", "dn", "status", "manager_number"]
    (row,) = few.rows()
    assert isinstance(row, Row)
    assert row.id == row.values["entryUUID"]


def test_only_what_changed(tree: Tree, server: tuple[Slapd, bool]) -> None:
    for name in ("ada", "bea", "cyd", "dee"):
        tree.add(name)
    reader = tree.reader(people_filter="(&(objectClass=inetOrgPerson)(!(employeeType=robot)))")
    ids = {row.values["uid"]: row.id for row in reader.rows() if isinstance(row, Row)}
    if not server[1]:
        assert reader.cursor() == ""
        assert "syncprov" in reader.check()[-1].detail
        return
    cursor = reader.cursor()
    assert list(reader.changes(cursor)) == []
    tree.add("eve")
    tree.set("ada", "title", "Countess")
    tree.set("bea", "employeeType", "robot")
    tree.do("delete", tree.dn("cyd"))
    changes = list(reader.changes(reader.cursor()))
    assert {name: row["title"] for name, row in by_name(changes).items()} == {
        "ada": "Countess",
        "eve": "",
    }
    assert {one.id for one in changes if isinstance(one, Gone)} == {ids["bea"], ids["cyd"]}
    assert list(reader.changes(reader.cursor())) == []
    other = tree.reader(attributes=["uid"])
    with pytest.raises(CursorExpired, match="set anew"):
        list(other.changes(cursor))
    # Further back than its log goes.
    for number in range(110):
        tree.set("ada", "title", f"Countess {number}")
    tree.do("delete", tree.dn("dee"))
    with pytest.raises(CursorExpired, match="keeps no log"):
        list(reader.changes(cursor))


def test_one_entry_and_values_taken_back(tree: Tree) -> None:
    tree.add("ada", mail=["old@acme.example"])
    reader = tree.reader()
    (row,) = reader.rows()
    assert isinstance(row, Row)
    reader.write(row.id, {"mail": "ada@acme.example", "preferredLanguage": ""})
    found = reader.fetch(row.id)
    assert isinstance(found, Row)
    assert found.values == {**row.values, "mail": "ada@acme.example"}
    reader.write(row.id, {"mail": "ada@acme.example"})
    with pytest.raises(ReaderError, match="status cannot be written"):
        reader.write(row.id, {"status": "inactive"})
    tree.do("delete", tree.dn("ada"))
    assert reader.fetch(row.id) == Gone(row.id)
    assert reader.fetch("no id of anything") == Gone("no id of anything")
    with pytest.raises(ReaderError, match="nobody with the id"):
        reader.write(row.id, {"mail": ""})


def test_what_is_wrong_is_named(tree: Tree, server: tuple[Slapd, bool]) -> None:
    tree.add("ada")
    assert [(line.what, line.ok) for line in tree.reader().check()] == [
        ("Sign-in", True),
        ("Kind", True),
        ("People", True),
        ("Changes", True),
    ]
    for wrong, error, said in (
        ({"people_dn": f"ou=nowhere,{SUFFIX}"}, ReaderError, "correct people_dn"),
        ({"password": "wrong"}, ReaderError, "invalidCredentials"),
        ({"kind": "active_directory"}, None, "set kind: openldap"),
        ({"people_filter": "(uid=nobody)"}, None, "Nobody under"),
        ({"page_size": 500}, ReaderError, "make page_size smaller"),
        ({"url": "ldap://127.0.0.1:1", "plain": True, "ca_file": ""}, ReaderBusy, "cannot be"),
    ):
        reader = tree.reader(**wrong)
        line = reader.check()[-1]
        assert not line.ok
        assert said in line.detail
        if error is not None:
            with pytest.raises(error, match=said):
                list(reader.rows())
    for settings, said in (
        ({"attributes": ["mail", "Mail"]}, "mail is there twice"),
        ({"time_zone": "Mars"}, "IANA name"),
        ({"people_filter": "(uid=1"}, r"expected '\)'"),
    ):
        with pytest.raises(ReaderError, match=said):
            tree.reader(**settings)


@pytest.mark.parametrize(
    ("name", "values", "text"),
    [
        ("objectGUID", [bytes(range(16))], "03020100-0504-0706-0809-0a0b0c0d0e0f"),
        ("objectSid", [bytes.fromhex("010200000000000520000000 20020000")], "S-1-5-32-544"),
        ("accountExpires", [b"0"], ""),
        ("accountExpires", [b"9223372036854775807"], ""),
        ("accountExpires", [b"134245908000000000"], "2026-05-30"),
        ("pwdLastSet", [b"134245908000000000"], "2026-05-30T05:00:00Z"),
        ("whenCreated", [b"20261130121500.0Z"], "2026-11-30T12:15:00Z"),
        ("hireDate", [b"202611300000+0200"], "2026-11-29T22:00:00Z"),
        ("employeeNumber", [b"00123"], "00123"),
        ("birthday", [b"20261399000000Z"], "20261399000000Z"),
        ("hidden", [b"TRUE"], "true"),
        ("photo", [b"\xff\xd8"], "/9g="),
        ("mail", [b"b", b"a"], "a,b"),
        ("mail", [], ""),
    ],
)
def test_values_as_people_write_them(name: str, values: list[bytes], text: str) -> None:
    assert shown(name, values, "UTC") == text


def test_a_last_day_is_that_of_the_zone() -> None:
    from datetime import UTC, datetime
    from zoneinfo import ZoneInfo

    for zone in ("Europe/Budapest", "America/New_York", "UTC"):
        midnight = datetime(2026, 12, 1, tzinfo=ZoneInfo(zone))
        ticks = int((midnight - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()) * 10**7
        assert shown("accountExpires", [str(ticks).encode()], zone) == "2026-11-30"
