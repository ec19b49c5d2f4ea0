"""The catalogue's specification for Superset, on the software that gives Superset its interface for
users."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tenure.catalogue.loading import entry
from tenure.connectors.base import (
    AlreadyExists,
    ConnectorConfig,
    NotFound,
    OutcomeUnknown,
    StopApplication,
)
from tenure.connectors.registry import open_connector
from tenure.connectors.rest import RestConnector
from tests.acceptance.appbuilder import PASSWORD, USER, appbuilder

pytestmark = pytest.mark.skipif(
    "TENURE_ACCEPTANCE" not in os.environ, reason="needs Flask-AppBuilder: make acceptance"
)
MAPPED = frozenset({"userName", "name.givenName", "name.familyName", "emails.work"})


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    binaries = Path(os.environ["TENURE_ACCEPTANCE"]) / "flask-appbuilder" / "bin"
    with appbuilder(tmp_path_factory.mktemp("appbuilder"), binaries) as running:
        yield running


def opened(address: str, password: str = PASSWORD, role: int = 2) -> RestConnector:
    settings = {
        "spec": {**entry("superset").connector.spec, "limits": {}},
        "url": address,
        "user": USER,
        "role": role,
    }
    found = open_connector(
        "rest", ConnectorConfig("charts", settings, {"password": password}, MAPPED)
    )
    assert isinstance(found, RestConnector)
    return found


@pytest.fixture
async def connector(address: str) -> AsyncIterator[RestConnector]:
    async with opened(address) as found:
        yield found


def person(name: str = "") -> dict[str, str]:
    name = name or f"o'byron-{uuid.uuid4().hex[:8]}"
    return {
        "userName": name,
        "name.givenName": "Ada",
        "name.familyName": "O'Byron!",
        "emails.work": f"{name}@acme.example",
    }


async def test_the_check_finds_nothing_wrong(connector: RestConnector, address: str) -> None:
    lines = await connector.check()
    assert [line for line in lines if not line.ok] == []
    async with opened(address, password="wrong") as stranger:
        (line,) = await stranger.check()
        assert not line.ok
        with pytest.raises(StopApplication):
            await stranger.read("1")


async def test_a_whole_life(connector: RestConnector) -> None:
    wanted = person()
    made = await connector.create(wanted, external_id="1", active=True)
    assert (made.attributes, made.active) == (wanted, True)
    for name in ("userName", "emails.work"):
        found = await connector.find(name, wanted[name])
        assert [one.remote_id for one in found] == [made.remote_id], name
        assert await connector.find(name, f"x{wanted[name]}") == []
    await connector.update(made.remote_id, {"name.givenName": "Grace"})
    shown = (await connector.read(made.remote_id)).attributes
    assert shown == {**wanted, "name.givenName": "Grace"}
    for verb, active in ((connector.disable, False), (connector.enable, True)):
        for _ in range(2):
            await verb(made.remote_id)
            assert (await connector.read(made.remote_id)).active is active
    with pytest.raises(AlreadyExists):
        await connector.create(wanted, external_id="2", active=True)
    other = await connector.create(person(), external_id="3", active=False)
    assert other.active is False
    # It breaks there, so nobody knows: the engine looks, and finds the name as it was.
    with pytest.raises(OutcomeUnknown):
        await connector.update(other.remote_id, {"userName": wanted["userName"]})
    assert (await connector.read(other.remote_id)).attributes == other.attributes
    await connector.delete(made.remote_id)
    for again in (
        connector.read(made.remote_id),
        connector.delete(made.remote_id),
        connector.disable(made.remote_id),
        connector.update(made.remote_id, {"name.givenName": "Nobody"}),
    ):
        with pytest.raises(NotFound):
            await again


async def test_roles_are_given_and_taken(connector: RestConnector) -> None:
    made = await connector.create(person(), external_id="1", active=True)

    async def roles() -> set[str]:
        return {
            one.name
            async for one in connector.entitlements()
            if made.remote_id in (one.members or ())
        }

    ids = {one.name: one.remote_id async for one in connector.entitlements()}
    assert await roles() == {"Public"}
    await connector.change_members("role", ids["Gamma"], add=[made.remote_id])
    assert await roles() == {"Public", "Gamma"}
    await connector.change_members("role", ids["Public"], remove=[made.remote_id])
    assert await roles() == {"Gamma"}
    # Nobody is without a role there, so the one of new users is left.
    await connector.change_members("role", ids["Gamma"], remove=[made.remote_id])
    assert await roles() == {"Public"}


async def test_a_listing_is_complete(connector: RestConnector) -> None:
    made = [
        await connector.create(person(), external_id=str(n), active=n % 3 != 0) for n in range(110)
    ]
    listed = {one.remote_id: one async for page in connector.accounts() for one in page}
    assert {one.remote_id for one in made} <= listed.keys()
    for one in made:
        assert listed[one.remote_id].fingerprint == one.fingerprint
