"""Accounts of Request Tracker are managed by a specification alone, on Request Tracker itself."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tenure.connectors.base import AlreadyExists, ConnectorConfig, NotFound, Unsupported
from tenure.connectors.registry import open_connector
from tenure.connectors.rest import RestConnector
from tenure.core.model import Value
from tests.acceptance.request_tracker import PASSWORD, SERVER, USER, request_tracker

SPECIFICATION = Path(__file__).parents[2] / "examples" / "connectors" / "request-tracker.yaml"
MAPPED = frozenset({"userName", "displayName", "emails.work", "nickName"})

pytestmark = pytest.mark.skipif(
    "TENURE_ACCEPTANCE" not in os.environ or not SERVER.exists(),
    reason="needs Debian's request-tracker5 and rt5-db-sqlite: make acceptance",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with request_tracker(tmp_path_factory.mktemp("rt")) as running:
        yield running


@pytest.fixture
async def connector(server: str) -> AsyncIterator[RestConnector]:
    spec: dict[str, Any] = YAML(typ="safe", pure=True).load(SPECIFICATION.read_text())
    settings = {"spec": {**spec, "limits": {}}, "url": server, "user": USER}
    config = ConnectorConfig("tickets", settings, {"password": PASSWORD}, MAPPED)
    opened = open_connector("rest", config)
    assert isinstance(opened, RestConnector)
    async with opened:
        yield opened


def person() -> dict[str, Value]:
    name = f"ada{uuid.uuid4().hex[:8]}"
    return {"userName": name, "displayName": "Ada Byron", "emails.work": f"{name}@example.com"}


async def test_the_check_finds_nothing_wrong(connector: RestConnector) -> None:
    lines = await connector.check()
    assert [line for line in lines if not line.ok] == []
    assert await connector.own_account() is not None


async def test_a_whole_life(connector: RestConnector) -> None:
    wanted = person()
    made = await connector.create(wanted, external_id="1", active=True)
    assert (made.attributes, made.active) == (wanted, True)
    for name in ("userName", "emails.work"):
        for value in (str(wanted[name]), str(wanted[name]).upper()):
            assert [a.remote_id for a in await connector.find(name, value)] == [made.remote_id]
    await connector.update(made.remote_id, {"userName": f"{wanted['userName']}x"})
    await connector.update(made.remote_id, {"nickName": "Countess", "displayName": None})
    shown = (await connector.read(made.remote_id)).attributes
    assert shown == {
        "userName": f"{wanted['userName']}x",
        "emails.work": wanted["emails.work"],
        "nickName": "Countess",
    }
    for verb, active in ((connector.disable, False), (connector.enable, True)):
        for _ in range(2):
            await verb(made.remote_id)
            assert (await connector.read(made.remote_id)).active is active
    with pytest.raises(Unsupported, match="no way to delete") as told:
        await connector.delete(made.remote_id)
    assert "rt-shredder" in told.value.instructions
    for missing in (connector.read("99999"), connector.disable("99999")):
        with pytest.raises(NotFound):
            await missing


async def test_what_is_taken_is_refused_though_it_answers_200(connector: RestConnector) -> None:
    one, other = person(), person()
    made = await connector.create(one, external_id="1", active=True)
    await connector.create(other, external_id="2", active=True)
    with pytest.raises(AlreadyExists):
        await connector.create(one, external_id="3", active=True)
    for name in ("userName", "emails.work"):
        with pytest.raises(AlreadyExists, match="answered 200"):
            await connector.update(made.remote_id, {name: other[name]})
    assert (await connector.read(made.remote_id)).attributes == one


async def test_a_listing_is_complete(connector: RestConnector) -> None:
    made = [
        await connector.create(person(), external_id=str(n), active=n % 2 == 0) for n in range(12)
    ]
    listed = {one.remote_id: one async for page in connector.accounts() for one in page}
    for one in made:
        assert listed[one.remote_id].fingerprint == one.fingerprint
    assert "RT_System" not in {one.load().attributes["userName"] for one in listed.values()}


async def test_groups(connector: RestConnector) -> None:
    people = [
        (await connector.create(person(), external_id="1", active=True)).remote_id for _ in "12"
    ]
    group = await connector.create_entitlement("group", f"Sales {uuid.uuid4().hex[:6]}")

    async def members() -> set[str]:
        found = {one.remote_id: one async for one in connector.entitlements()}
        return set(found[group.remote_id].members or ())

    for _ in range(2):
        await connector.change_members("group", group.remote_id, add=people)
        assert await members() == set(people)
    for _ in range(2):
        await connector.change_members("group", group.remote_id, remove=people[:1])
        assert await members() == set(people[1:])
    with pytest.raises(NotFound):
        await connector.change_members("group", "99999", add=people)
    with pytest.raises(AlreadyExists):
        await connector.create_entitlement("group", group.name)
    await connector.delete_entitlement("group", group.remote_id)
    assert group.remote_id not in {one.remote_id async for one in connector.entitlements()}
