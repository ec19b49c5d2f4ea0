"""People of Google Workspace, from a server written from its discovery document (`google_server`).
It was not tried with a Workspace of Google's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tenure.readers.base import CursorExpired, Gone, ReaderBusy, ReaderError, Row
from tenure.readers.google import GoogleReader
from tenure.readers.registry import open_reader
from tests.connectors.google_server import TOKEN, Refused, Workspace
from tests.connectors.servers import http_server

ATTRIBUTES = ["userName", "name.familyName", "enterprise.employeeNumber", "custom.hr.level"]


def user(workspace: Workspace, number: int, manager: str = "", **more: Any) -> str:
    id = str(10**20 + number)
    made: dict[str, Any] = {
        "id": id,
        "primaryEmail": f"u{number}@example.com",
        "name": {"familyName": f"S{number}"},
        "externalIds": [{"type": "organization", "value": f"{number:04d}"}],
        "suspended": False,
        **more,
    }
    if manager:
        made["relations"] = [{"type": "manager", "value": manager}]
    workspace.users[id] = made
    return id


@asynccontextmanager
async def opened(workspace: Workspace, **settings: Any) -> AsyncIterator[GoogleReader]:
    async with http_server(workspace.serve) as address:
        given = {"base_url": address, "page_size": 3, "attributes": ATTRIBUTES, **settings}
        reader = open_reader("google", given, secrets={"token": TOKEN})
        assert isinstance(reader, GoogleReader)
        yield reader


async def read(reader: GoogleReader) -> dict[str, Mapping[str, str]]:
    rows = await asyncio.to_thread(lambda: list(reader.rows()))
    return {row.id: row.values for row in rows if isinstance(row, Row)}


async def test_everybody_is_read() -> None:
    workspace = Workspace()
    # The manager comes later, another one is of another company.
    ada = user(workspace, 1, manager="U8@example.com", customSchemas={"hr": {"level": 7}})
    away = user(workspace, 2, manager="ceo@other.example", suspended=True)
    kept = user(workspace, 3, manager="u1@example.com", archived=True)
    for number in range(4, 9):
        user(workspace, number)
    gone = user(workspace, 9)
    workspace.deleted[gone] = workspace.users.pop(gone)
    async with opened(workspace) as reader:
        found = await read(reader)
        assert found.keys() == workspace.users.keys()
        assert list(reader.columns()) == [*ATTRIBUTES, "status", "manager_number"]
        assert found[ada] == {
            "userName": "u1@example.com",
            "name.familyName": "S1",
            "enterprise.employeeNumber": "0001",
            "custom.hr.level": "7",
            "status": "active",
            "manager_number": "0008",
        }
        assert (found[away]["status"], found[away]["manager_number"]) == ("suspended", "")
        assert (found[kept]["status"], found[kept]["manager_number"]) == ("archived", "0001")
        (line,) = await asyncio.to_thread(reader.check)
        assert line.ok
    async with opened(workspace, deleted=True) as reader:
        assert (await read(reader))[gone]["status"] == "deleted"


async def test_whether_anybody_changed() -> None:
    workspace = Workspace()
    ada = user(workspace, 1)
    for number in range(2, 9):
        user(workspace, number)
    async with opened(workspace) as reader:
        await read(reader)
        cursor = reader.cursor()
        assert await asyncio.to_thread(lambda: list(reader.changes(cursor))) == []
        assert reader.cursor() == cursor
        workspace.users[ada]["name"]["familyName"] = "Nagy"
        with pytest.raises(CursorExpired, match="does not say who"):
            await asyncio.to_thread(reader.changes, cursor)
        one = await asyncio.to_thread(reader.fetch, ada)
        assert isinstance(one, Row)
        assert one.values["name.familyName"] == "Nagy"
        del workspace.users[ada]
        assert await asyncio.to_thread(reader.fetch, ada) == Gone(ada)


async def test_what_goes_wrong_takes_nothing() -> None:
    workspace = Workspace()
    user(workspace, 1)
    async with opened(workspace) as reader:
        workspace.trouble = [Refused(403, "rateLimitExceeded", "Slower")]
        with pytest.raises(ReaderBusy):
            await read(reader)
        workspace.trouble = [Refused(403, "forbidden", "Not Authorized to access this resource")]
        with pytest.raises(ReaderError, match="Not Authorized"):
            await read(reader)
        workspace.trouble = [Refused(403, "forbidden", "Not Authorized to access this resource")]
        (line,) = await asyncio.to_thread(reader.check)
        assert not line.ok
    with pytest.raises(ReaderError, match="nothing that a Google Workspace user has"):
        open_reader("google", {"attributes": ["shoeSize"]}, secrets={"token": TOKEN})
