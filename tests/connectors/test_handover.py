"""The hand-over by files keeps the promises of the port, in a folder and over SFTP to a real
server; the files are what the application wants, whole or not there."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from tenure.connectors.base import (
    AlreadyExists,
    Connector,
    ConnectorConfig,
    Rejected,
    RetryLater,
    StopApplication,
)
from tenure.connectors.handover.book import Book
from tenure.connectors.lease import may_write
from tenure.connectors.registry import open_connector
from tenure.connectors.testing import ConnectorConformance

PASSWORD = "a-passw0rd-that-nobody-may-see"
ATTRIBUTES = ConnectorConformance.mapped | {"externalId", "roles"}
ADA = {"userName": "ada", "name.givenName": "Ada", "roles": ["clerk", "fire warden"]}


def config(folder: Path | str, *, password: str = PASSWORD, **settings: Any) -> ConnectorConfig:
    given = {"folder": str(folder), "page_size": 10, **settings}
    secrets = {"password": password} if "sftp" in settings else {}
    return ConnectorConfig("payroll", given, secrets, ATTRIBUTES)


class Server(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("tenure", PASSWORD)


@asynccontextmanager
async def sftp_server(root: Path) -> AsyncIterator[dict[str, Any]]:
    """Yields the settings to reach it; its folder `/in` is in `root`."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    (root / "in").mkdir(exist_ok=True)
    server = await asyncssh.create_server(
        Server,
        "127.0.0.1",
        0,
        server_host_keys=[key],
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=os.fsencode(root)),
    )
    public = key.export_public_key("openssh").decode().strip()
    address = {"host": "127.0.0.1", "port": server.get_port(), "user": "tenure"}
    try:
        yield {**address, "host_key": public}
    finally:
        server.close()
        await server.wait_closed()


class TestFolder(ConnectorConformance):
    @pytest.fixture
    async def connector(self, tmp_path: Path) -> AsyncIterator[Connector]:
        async with open_connector("handover", config(tmp_path)) as opened:
            yield opened


class TestSftp(ConnectorConformance):
    @pytest.fixture
    async def connector(self, tmp_path: Path) -> AsyncIterator[Connector]:
        async with sftp_server(tmp_path) as sftp:
            given = config("/in", sftp=sftp, what="changes")
            async with open_connector("handover", given) as opened:
                yield opened


async def new(connector: Connector, **other: Any) -> str:
    made = await connector.create({**ADA, **other}, external_id="e1", active=True)
    return made.remote_id


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


async def test_the_file_is_as_the_application_wants_it(tmp_path: Path) -> None:
    wanted: dict[str, Any] = {
        "columns": {"Login": "userName", "Status": "active", "Roles": "roles", "In": "groups"},
        "delimiter": ";",
        "separator": ",",
        "on": "A",
        "off": "I",
        "quote": "all",
        "line_end": "lf",
        "encoding": "cp1252",
        "file": "staff.txt",
    }
    async with open_connector("handover", config(tmp_path, **wanted)) as connector:
        one = await new(connector, userName="zoë")
        await new(connector, userName="bob", roles=[])
        group = await connector.create_entitlement("group", "Staff")
        await connector.change_members("group", group.remote_id, add=[one])
        await connector.disable(one)
        text = (tmp_path / "staff.txt").read_bytes().decode("cp1252")
        assert text == (
            '"Login";"Status";"Roles";"In"\n'
            '"bob";"A";"";""\n'
            '"zoë";"I";"clerk,fire warden";"Staff"\n'
        )
        with pytest.raises(Rejected, match="cp1252 of the file has no '李'") as told:
            await connector.update(one, {"name.givenName": "李"})
        assert told.value.fields == ("name.givenName",)
    assert names(tmp_path) == ["staff.txt", "staff.txt.state.json"]


async def test_who_is_off_can_be_left_out(tmp_path: Path) -> None:
    given = config(tmp_path, with_disabled=False, header=False, columns={"x": "userName"})
    async with open_connector("handover", given) as connector:
        one = await new(connector)
        await new(connector, userName="bob")
        await connector.disable(one)
        assert (tmp_path / "accounts.csv").read_text() == "bob\n"
        assert (await connector.read(one)).active is False


async def test_changes_are_files_of_their_own(tmp_path: Path) -> None:
    columns = {"action": "action", "login": "userName"}
    given = config(tmp_path, what="changes", columns=columns)
    async with open_connector("handover", given) as connector:
        one = await new(connector)
        await connector.update(one, {"title": "Clerk"})
        await connector.disable(one)
        await connector.disable(one)
        await connector.enable(one)
        await connector.delete(one)
    files = [tmp_path / name for name in names(tmp_path) if name.endswith("Z.csv")]
    lines = [path.read_text().splitlines()[1].split(",") for path in files]
    wanted = ["add", "change", "off", "on", "remove"]
    assert lines == [[action, "ada"] for action in wanted]


async def test_what_comes_at_once_goes_into_few_files(tmp_path: Path) -> None:
    async with open_connector("handover", config(tmp_path, what="changes")) as connector:
        await asyncio.gather(*(new(connector, userName=f"u{number}") for number in range(200)))
        assert sum(len(page) for page in [page async for page in connector.accounts()]) == 200
    assert len(names(tmp_path)) < 6


async def test_one_that_is_refused_does_not_stop_the_others(tmp_path: Path) -> None:
    async with open_connector("handover", config(tmp_path)) as connector:
        done = await asyncio.gather(
            *(new(connector, userName=name) for name in ("ada", "ADA", "bob")),
            return_exceptions=True,
        )
        assert [type(one) for one in done] == [str, AlreadyExists, str]
        assert len((tmp_path / "accounts.csv").read_text().splitlines()) == 3


async def test_the_application_may_take_the_file_away(tmp_path: Path) -> None:
    async with open_connector("handover", config(tmp_path)) as connector:
        one = await new(connector)
        (tmp_path / "accounts.csv").unlink()
        assert (await connector.read(one)).active is True
        await connector.disable(one)
        assert "false" in (tmp_path / "accounts.csv").read_text()


async def test_two_of_us_lose_nothing(tmp_path: Path) -> None:
    given = config(tmp_path)
    async with open_connector("handover", given) as a, open_connector("handover", given) as b:
        await asyncio.gather(
            *(new((a, b)[number % 2], userName=f"u{number}") for number in range(60))
        )
        assert len([one async for page in a.accounts() for one in page]) == 60


@pytest.mark.parametrize("before", [0, 1])
async def test_a_process_that_stood_still_writes_no_file(tmp_path: Path, before: int) -> None:
    """Another one may have written by now: neither what the application gets nor what is
    remembered is written over."""
    may_write.set(lambda: len(names(tmp_path)) < before)
    async with open_connector("handover", config(tmp_path)) as opened:
        with pytest.raises(RetryLater, match="was not sent: this process stood still"):
            await new(opened)
    assert len(names(tmp_path)) == before


async def test_a_fault_of_ours_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Book, "written", lambda self: 1 / 0)
    async with open_connector("handover", config(tmp_path)) as opened:
        async with asyncio.timeout(10):
            with pytest.raises(ZeroDivisionError):
                await new(opened)


async def test_a_folder_that_is_not_there_stops_the_application(tmp_path: Path) -> None:
    """A share that is not mounted must not look like an application without accounts."""
    async with open_connector("handover", config(tmp_path / "gone")) as connector:
        (line,) = await connector.check()
        assert not line.ok
        for verb in (new(connector), connector.read("1"), connector.find("userName", "ada")):
            with pytest.raises(StopApplication, match="gone"):
                await verb


async def test_what_is_remembered_and_damaged_is_not_taken_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "accounts.csv.state.json").write_text('{"version": 1, "acc')
    async with open_connector("handover", config(tmp_path)) as connector:
        with pytest.raises(StopApplication, match="is damaged"):
            await new(connector)
        assert [line.ok for line in await connector.check()] == [False]
    assert not (tmp_path / "accounts.csv").exists()


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        ({"user": "somebody"}, StopApplication, "not let in"),
        ({"host_key": "OTHER"}, StopApplication, "host_key"),
        ({"port": 1}, RetryLater, "tried again later"),
    ],
)
async def test_what_is_wrong_with_the_server_is_named(
    tmp_path: Path, change: dict[str, Any], error: type[Exception], told: str
) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key("openssh").decode()
    if "host_key" in change:
        change = {"host_key": other.strip()}
    async with sftp_server(tmp_path) as sftp:
        given = config("/in", sftp={**sftp, **change})
        async with open_connector("handover", given) as connector:
            with pytest.raises(error, match=told) as raised:
                await new(connector)
            (line,) = await connector.check()
    assert not line.ok
    assert PASSWORD not in f"{raised.value}{line.detail}"
    assert names(tmp_path / "in") == []


async def test_a_folder_of_the_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    async with sftp_server(tmp_path) as sftp:
        given = config("/elsewhere", sftp=sftp)
        async with open_connector("handover", given) as connector:
            with pytest.raises(StopApplication, match="/elsewhere is not on 127"):
                await connector.find("userName", "ada")


async def test_a_key_signs_in_too(tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    authorized = tmp_path / "authorized"
    authorized.write_bytes(key.export_public_key("openssh"))
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[host_key],
        authorized_client_keys=str(authorized),
        sftp_factory=True,
    )
    sftp = {"host": "127.0.0.1", "port": server.get_port(), "user": "tenure"}
    sftp["host_key"] = host_key.export_public_key("openssh").decode().strip()
    secrets = {
        "private_key": key.export_private_key("pkcs8-pem", passphrase="words").decode(),
        "password": "words",
    }
    folder = tmp_path / uuid.uuid4().hex
    folder.mkdir()
    given = ConnectorConfig("payroll", {"folder": str(folder), "sftp": sftp}, secrets, ATTRIBUTES)
    async with open_connector("handover", given) as connector:
        await new(connector)
    server.close()
    await server.wait_closed()
    assert (folder / "accounts.csv").exists()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"file": "../x.csv"}, "expected the name of a file"),
        ({"encoding": "utf-99"}, "no such encoding"),
        ({"columns": {"Mail": "emails.home"}}, "nothing is mapped to emails.home"),
        ({"columns": {"What": "action"}}, "action goes with changes only"),
        ({"on": "x", "off": "x"}, "say the same"),
        ({"state": "accounts.csv"}, "a name of its own"),
    ],
)
def test_a_wrong_setting_is_named(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        open_connector("handover", config("/srv", **wrong))
