"""People from a SCIM service that nobody here wrote (`scim2-server`), and from odd ones."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tenure.connectors.base import Connector, ConnectorConfig
from tenure.connectors.registry import open_connector
from tenure.connectors.scim import declared
from tenure.readers.base import CursorExpired, Gone, ReaderError, Row
from tenure.readers.registry import open_reader
from tenure.readers.scim import ScimReader
from tests.connectors.servers import TOKEN, http_server, scim2_server

ATTRIBUTES = ["userName", "name.familyName", "enterprise.employeeNumber", "enterprise.manager"]
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with scim2_server(tmp_path_factory.mktemp("scim") / "log") as address:
        yield address


@pytest.fixture(autouse=True)
def _nothing_is_known() -> Iterator[None]:
    declared.forget()
    yield
    declared.forget()


def reader(address: str, **settings: Any) -> ScimReader:
    given = {"base_url": address, "page_size": 3, "attributes": ATTRIBUTES, **settings}
    opened = open_reader("scim", given, secrets={"token": TOKEN})
    assert isinstance(opened, ScimReader)
    return opened


def by_id(rows: Any) -> dict[str, Row]:
    return {one.id: one for one in rows if isinstance(one, Row)}


def test_everybody_one_and_who_is_gone(server: str, tmp_path: Path) -> None:
    address = f"{server}/{uuid.uuid4().hex}/v2"
    config = ConnectorConfig(
        "scim", {"base_url": address}, {"token": TOKEN}, frozenset({*ATTRIBUTES, "externalId"})
    )

    async def made() -> list[str]:
        async with open_connector("scim", config) as connector:
            boss = await new(connector, 1)
            others = [await new(connector, number, boss) for number in range(2, 9)]
            await connector.disable(others[0])
            return [boss, *others]

    async def deleted(one: str) -> None:
        async with open_connector("scim", config) as connector:
            await connector.delete(one)

    ids = asyncio.run(made())
    people = reader(address)
    found = by_id(people.rows())
    assert found.keys() == set(ids)
    assert list(people.columns()) == [*ATTRIBUTES, "status", "manager_number"]
    assert found[ids[1]].values == {
        "userName": "u2",
        "name.familyName": "S2",
        "enterprise.employeeNumber": "0002",
        "enterprise.manager": ids[0],
        "status": "inactive",
        "manager_number": "0001",
    }
    assert [line.ok for line in people.check()] == [True, True]
    one = people.fetch(ids[2])
    assert isinstance(one, Row)
    assert one.values == found[ids[2]].values
    asyncio.run(deleted(ids[2]))
    assert people.fetch(ids[2]) == Gone(ids[2])


async def new(connector: Connector, number: int, manager: str = "") -> str:
    attributes = {
        "userName": f"u{number}",
        "name.familyName": f"S{number}",
        "enterprise.employeeNumber": f"{number:04d}",
        **({"enterprise.manager": manager} if manager else {}),
    }
    made = await connector.create(attributes, external_id=str(number), active=True)
    return made.remote_id


class Service:
    """One with filters that work, are ignored or are refused."""

    def __init__(self, filters: str) -> None:
        self.filters = filters
        self.users = {str(n): f"2026-01-0{n}T00:00:00Z" for n in range(1, 6)}
        self.asked: list[str] = []
        self.total: int | None = None

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/ServiceProviderConfig"):
            supported = {"supported": self.filters != "none"}
            return web.json_response({"filter": supported, "patch": supported})
        wanted = request.query.get("filter", "")
        found = dict(self.users)
        if wanted:
            self.asked.append(wanted)
            if self.filters == "refused":
                error = "urn:ietf:params:scim:api:messages:2.0:Error"
                return web.json_response({"schemas": [error], "status": "400"}, status=400)
            if self.filters == "work":
                since = wanted.split('"')[1]
                found = {one: at for one, at in found.items() if at >= since}
        start, count = int(request.query.get("startIndex", 1)), int(request.query.get("count", 2))
        page = list(found.items())[start - 1 : start - 1 + count]
        listed = [
            {"id": one, "userName": f"u{one}", "meta": {"lastModified": at}} for one, at in page
        ]
        total = self.total if self.total is not None else len(found)
        return web.json_response({"totalResults": total, "Resources": listed})


async def test_only_what_changed() -> None:
    service = Service("work")
    async with http_server(service.serve) as address:
        people = reader(address, overlap=3600)
        assert len(await asyncio.to_thread(lambda: list(people.rows()))) == 5
        cursor = people.cursor()
        service.users |= {"2": "2026-01-07T00:00:00Z", "6": "2026-01-06T00:00:00+00:00"}
        found = by_id(await asyncio.to_thread(lambda: list(people.changes(cursor))))
        assert found.keys() == {"2", "5", "6"}
        assert service.asked[0] == 'meta.lastModified ge "2026-01-04T23:00:00Z"'
        again = await asyncio.to_thread(lambda: list(people.changes(people.cursor())))
        assert by_id(again).keys() == {"2"}
        other = reader(address, attributes=["userName"])
        with pytest.raises(CursorExpired, match="set anew"):
            await asyncio.to_thread(lambda: list(other.changes(cursor)))


@pytest.mark.parametrize("filters", ["ignored", "refused"])
async def test_a_service_that_cannot_be_asked_for_changes_is_read_whole(filters: str) -> None:
    service = Service(filters)
    async with http_server(service.serve) as address:
        people = reader(address)
        await asyncio.to_thread(lambda: list(people.rows()))
        with pytest.raises(CursorExpired, match="asked for"):
            await asyncio.to_thread(lambda: list(people.changes(people.cursor())))


async def test_one_that_says_so_gives_no_cursor() -> None:
    async with http_server(Service("none").serve) as address:
        people = reader(address)
        assert len(await asyncio.to_thread(lambda: list(people.rows()))) == 5
        assert people.cursor() == ""
        lines = await asyncio.to_thread(people.check)
        assert "read whole each time" in lines[-1].detail


async def test_a_part_is_nothing() -> None:
    """It says that there are more than it shows, and shows them on no page."""
    service = Service("work")
    service.total = 9
    async with http_server(service.serve) as address:
        people = reader(address, dialect={"pages": {"by": "none"}})
        with pytest.raises(ReaderError, match="nothing is concluded from a part"):
            await asyncio.to_thread(lambda: list(people.rows()))
        assert people.cursor() == ""
