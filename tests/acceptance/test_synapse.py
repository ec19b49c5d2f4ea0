"""Accounts of Matrix Synapse are managed by a specification alone, on Synapse itself."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tenure.connectors.base import AlreadyExists, ConnectorConfig, NotFound, StopApplication
from tenure.connectors.registry import open_connector
from tenure.connectors.rest import RestConnector
from tests.acceptance.synapse import SERVER, Synapse, synapse

SPECIFICATION = Path(__file__).parents[2] / "examples" / "connectors" / "synapse.yaml"
MAPPED = frozenset({"userName", "displayName", "emails.work"})

pytestmark = pytest.mark.skipif(
    "TENURE_ACCEPTANCE" not in os.environ, reason="needs Synapse: make acceptance"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synapse]:
    binaries = Path(os.environ["TENURE_ACCEPTANCE"]) / "synapse" / "bin"
    with synapse(tmp_path_factory.mktemp("synapse"), binaries) as running:
        yield running


def config(server: Synapse, token: str = "") -> ConnectorConfig:
    return ConnectorConfig(
        "chat",
        {"spec_file": str(SPECIFICATION), "url": server.address, "server": SERVER},
        {"token": token or server.token},
        MAPPED,
    )


@pytest.fixture
async def connector(server: Synapse) -> AsyncIterator[RestConnector]:
    opened = open_connector("rest", config(server))
    assert isinstance(opened, RestConnector)
    async with opened:
        yield opened


def person(name: str = "") -> dict[str, str]:
    name = name or f"ada-{uuid.uuid4().hex[:8]}"
    return {"userName": name, "displayName": "Ada Byron", "emails.work": f"{name}@example.com"}


async def test_the_check_finds_nothing_wrong(connector: RestConnector) -> None:
    lines = await connector.check()
    assert [line for line in lines if not line.ok] == []
    assert await connector.own_account() == f"@root:{SERVER}"


async def test_a_whole_life(connector: RestConnector) -> None:
    wanted = person()
    made = await connector.create(wanted, external_id="1", active=True)
    assert (made.attributes, made.active) == (wanted, True)
    assert await connector.read(made.remote_id) == made
    for name in ("userName", "emails.work"):
        for value in (wanted[name], wanted[name].upper()):
            assert [a.remote_id for a in await connector.find(name, value)] == [made.remote_id]
    await connector.update(made.remote_id, {"displayName": "Ada Lovelace"})
    await connector.update(made.remote_id, {"emails.work": None})
    shown = (await connector.read(made.remote_id)).attributes
    assert shown == {"userName": wanted["userName"], "displayName": "Ada Lovelace"}
    for verb, active in ((connector.disable, False), (connector.enable, True)):
        for _ in range(2):
            await verb(made.remote_id)
            assert (await connector.read(made.remote_id)).active is active
    await connector.change_members("role", "true", add=[made.remote_id])
    (role,) = [one async for one in connector.entitlements()]
    assert made.remote_id in (role.members or ())
    await connector.change_members("role", "true", remove=[made.remote_id])
    (role,) = [one async for one in connector.entitlements()]
    assert made.remote_id not in (role.members or ())
    await connector.delete(made.remote_id)
    for again in (
        connector.read(made.remote_id),
        connector.delete(made.remote_id),
        connector.disable(made.remote_id),
        connector.update(made.remote_id, {"displayName": "Nobody"}),
    ):
        with pytest.raises(NotFound):
            await again


async def test_a_name_or_an_address_that_is_taken_is_refused(connector: RestConnector) -> None:
    """Synapse itself would change the account that is there: its PUT makes or changes."""
    wanted = person()
    made = await connector.create(wanted, external_id="1", active=True)
    other = {**person(wanted["userName"].upper()), "displayName": "Somebody else"}
    with pytest.raises(AlreadyExists):
        await connector.create(other, external_id="2", active=True)
    assert (await connector.read(made.remote_id)).attributes == wanted


async def test_an_account_can_be_made_closed(connector: RestConnector) -> None:
    made = await connector.create(person(), external_id="1", active=False)
    assert made.active is False


async def test_a_listing_is_complete(connector: RestConnector) -> None:
    made = await asyncio.gather(
        *(connector.create(person(), external_id=str(n), active=n % 5 != 0) for n in range(120))
    )
    listed = {one.remote_id: one async for page in connector.accounts() for one in page}
    assert {one.remote_id for one in made} <= listed.keys()
    assert all(listed[one.remote_id].fingerprint == one.fingerprint for one in made)


async def test_a_wrong_token_stops_the_application(server: Synapse) -> None:
    async with open_connector("rest", config(server, "not-the-token")) as opened:
        with pytest.raises(StopApplication, match="answered 401"):
            await opened.read("@a:b")
        lines = await opened.check()
        assert lines[-1].ok is False
