"""People of Microsoft Graph, from a server written from its documentation (`graph_server`). It was
not tried with a tenant of Microsoft's."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tenure.readers.base import CursorExpired, Gone, ReaderBusy, ReaderError, Row
from tenure.readers.microsoft import MicrosoftReader
from tenure.readers.registry import open_reader
from tests.connectors.graph_server import TOKEN, Tenant
from tests.connectors.servers import http_server

ATTRIBUTES = ["employeeId", "surname", "otherMails", "employeeHireDate", "extensionAttribute1"]


def user(tenant: Tenant, number: int, **more: Any) -> str:
    id = str(uuid.UUID(int=number))
    tenant.users[id] = {
        "id": id,
        "userPrincipalName": f"u{number}@example.com",
        "userType": "Member",
        "employeeId": f"{number:04d}",
        "surname": f"S{number}",
        "accountEnabled": True,
        **more,
    }
    tenant.changed.append(id)
    return id


@asynccontextmanager
async def opened(tenant: Tenant, **settings: Any) -> AsyncIterator[MicrosoftReader]:
    async with http_server(tenant.serve) as address:
        token = settings.pop("token", TOKEN)
        given = {"base_url": f"{address}/v1.0", "page_size": 3, "attributes": ATTRIBUTES}
        reader = open_reader("microsoft", {**given, **settings}, secrets={"token": token})
        assert isinstance(reader, MicrosoftReader)
        yield reader


async def read(reader: MicrosoftReader) -> dict[str, Mapping[str, str]]:
    rows = await asyncio.to_thread(lambda: list(reader.rows()))
    return {row.id: row.values for row in rows if isinstance(row, Row)}


async def changes(reader: MicrosoftReader, cursor: str) -> list[Any]:
    return await asyncio.to_thread(lambda: list(reader.changes(cursor)))


async def test_everybody_is_read_with_their_manager() -> None:
    tenant = Tenant()
    boss = user(tenant, 1, otherMails=["a@x.example", "b@x.example"])
    ada = user(
        tenant,
        2,
        manager=boss,
        accountEnabled=False,
        employeeHireDate="2026-11-29T23:00:00Z",
        onPremisesExtensionAttributes={"extensionAttribute1": "blue"},
    )
    for number in range(3, 9):
        user(tenant, number)
    user(tenant, 9, userType="Guest")
    async with opened(tenant, time_zone="Europe/Budapest") as reader:
        found = await read(reader)
        assert len(found) == 8
        assert list(reader.columns()) == [*ATTRIBUTES, "status", "manager_number"]
        assert found[boss]["otherMails"] == "a@x.example,b@x.example"
        assert found[ada] == {
            "employeeId": "0002",
            "surname": "S2",
            "otherMails": "",
            "employeeHireDate": "2026-11-30",
            "extensionAttribute1": "blue",
            "status": "inactive",
            "manager_number": "0001",
        }
        lines = await asyncio.to_thread(reader.check)
        assert [(line.what, line.ok) for line in lines] == [("Users", True), ("Changes", True)]


async def test_only_what_changed() -> None:
    tenant = Tenant()
    ids = [user(tenant, number) for number in range(1, 6)]
    async with opened(tenant) as reader:
        await read(reader)
        cursor = reader.cursor()
        assert await changes(reader, cursor) == []
        tenant.users[ids[0]]["surname"] = "Nagy"
        tenant.users[ids[1]]["userType"] = "Guest"
        del tenant.users[ids[2]]
        new = user(tenant, 7, manager=ids[4])
        # Told more than once, as Graph does.
        tenant.changed += [ids[0], ids[1], ids[2], ids[0]]
        found = await changes(reader, cursor)
        rows = {one.id: one.values for one in found if isinstance(one, Row)}
        assert rows.keys() == {ids[0], new}
        assert rows[ids[0]]["surname"] == "Nagy"
        assert rows[new]["manager_number"] == "0005"
        assert {one.id for one in found if isinstance(one, Gone)} == {ids[1], ids[2]}
        assert await changes(reader, reader.cursor()) == []
        assert await asyncio.to_thread(reader.fetch, ids[2]) == Gone(ids[2])
        one = await asyncio.to_thread(reader.fetch, new)
        assert isinstance(one, Row)
        assert one.values == rows[new]
        tenant.forgotten = 6
        with pytest.raises(CursorExpired, match="does not know any more"):
            await changes(reader, cursor)
    async with opened(tenant, guests=True) as other:
        with pytest.raises(CursorExpired, match="set anew"):
            await changes(other, cursor)


async def test_what_goes_wrong_takes_nothing() -> None:
    tenant = Tenant()
    for number in range(1, 9):
        user(tenant, number)
    async with opened(tenant) as reader:
        tenant.trouble = [(429, {"Retry-After": "7"})]
        with pytest.raises(ReaderBusy) as busy:
            await read(reader)
        assert busy.value.after == pytest.approx(7, abs=1)
    async with opened(tenant, token="another-token-that-is-wrong") as reader:
        with pytest.raises(ReaderError, match="401"):
            await read(reader)
        (line,) = await asyncio.to_thread(reader.check)
        assert not line.ok
    async with opened(tenant, attributes=["employeeNumber"]) as reader:
        with pytest.raises(ReaderError, match="employeeNumber"):
            await read(reader)
