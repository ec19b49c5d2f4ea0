"""The SCIM connector keeps the promises of the port against a real server, by PATCH and by PUT."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any, ClassVar

import pytest

from tenure.connectors import leftovers, trial
from tenure.connectors.base import (
    Connector,
    ConnectorConfig,
    DescribesAttributes,
    Rejected,
    StopApplication,
    Unsupported,
)
from tenure.connectors.registry import open_connector
from tenure.connectors.steps import Step
from tenure.connectors.testing import ConnectorConformance
from tenure.core.model import Value
from tests.connectors.servers import TOKEN, scim2_server

RICH = frozenset(
    {
        "displayName",
        "emails.home",
        "phoneNumbers.mobile",
        "addresses.work.locality",
        "addresses.work.country",
        "roles",
        "enterprise.department",
        "enterprise.manager",
    }
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with scim2_server(tmp_path_factory.mktemp("scim2-server") / "log") as address:
        yield address


def config(server: str, *, token: str = TOKEN, **settings: Any) -> ConnectorConfig:
    """A tenant of its own, with nobody in it."""
    return ConnectorConfig(
        application="scim2-server",
        settings={
            "base_url": f"{server}/t{uuid.uuid4().hex}/v2",
            "page_size": 10,
            "create_groups": True,
            **settings,
        },
        secrets={"token": token},
        attributes=ConnectorConformance.mapped | RICH,
    )


class ScimConformance(ConnectorConformance):
    """What every connector promises, and what is SCIM's own."""

    update_with: ClassVar[str]

    @pytest.fixture
    async def connector(self, server: str) -> AsyncIterator[Connector]:
        opened = open_connector(
            "scim", config(server, dialect={"changes": {"by": self.update_with}})
        )
        async with opened:
            yield opened

    async def test_every_kind_of_attribute_is_set_changed_and_cleared(
        self, connector: Connector
    ) -> None:
        first: dict[str, Value | None] = {
            "displayName": "Ada B.",
            "emails.home": "home@example.com",
            "phoneNumbers.mobile": "+41 1",
            "addresses.work.locality": "Bern",
            "addresses.work.country": "CH",
            "roles": ["clerk", "fire warden"],
            "enterprise.department": "Finance",
            "enterprise.manager": "m1",
        }
        assert first.keys() == RICH
        second = {name: ["z"] if name == "roles" else f"new {name}" for name in first}
        made = await self.made(connector)
        for changes in (first, second, first):
            await connector.update(made.remote_id, changes)
            read = await connector.read(made.remote_id)
            assert read.attributes == {**made.attributes, **changes}
        for _ in range(2):
            await connector.update(made.remote_id, dict.fromkeys(first))
            assert (await connector.read(made.remote_id)).attributes == made.attributes

    async def test_what_is_refused_names_the_attribute(self, connector: Connector) -> None:
        with pytest.raises(Rejected, match=r"POST /Users was answered 400: .*userName") as told:
            await connector.create({"userName": ""}, external_id="1", active=True)
        assert told.value.fields == ("userName",)


class TestScimByPatch(ScimConformance):
    update_with = "patch"


class TestScimByPut(ScimConformance):
    update_with = "put"


async def test_a_wrong_token_stops_the_application(server: str) -> None:
    async with open_connector("scim", config(server, token="not-the-token")) as connector:
        with pytest.raises(StopApplication, match=r"GET /Users/1 was answered 401.*enter new"):
            await connector.read("1")
        lines = await connector.check()
    assert [(line.what, line.ok) for line in lines] == [("Users", False)]
    assert "credentials are wrong" in lines[0].detail


async def test_a_wrong_path_is_named(server: str) -> None:
    wrong = config(server, base_url=f"{server}/a/b/c")
    async with open_connector("scim", wrong) as connector:
        lines = await connector.check()
        with pytest.raises(StopApplication, match="often in /scim/v2"):
            [page async for page in connector.accounts()]
    assert [line.ok for line in lines] == [False]
    assert "often in /scim/v2" in lines[0].detail


async def test_the_check_says_what_it_found(server: str) -> None:
    async with open_connector("scim", config(server)) as connector:
        lines = {line.what: line.detail for line in await connector.check()}
    assert lines.keys() == {"Users", "What it says it can do", "Schemas", "Groups"}
    assert lines["Users"] == "0 there."
    assert "patch yes" in lines["What it says it can do"]
    assert "core:2.0:User" in lines["Schemas"]


async def test_groups_can_be_left_alone(server: str) -> None:
    async with open_connector("scim", config(server, groups=False)) as connector:
        assert connector.capabilities.entitlements == frozenset()
        assert [one async for one in connector.entitlements()] == []
        with pytest.raises(Unsupported):
            await connector.change_members("group", "1", add=["2"])


async def test_groups_are_made_only_when_allowed(server: str) -> None:
    async with open_connector("scim", config(server, create_groups=False)) as connector:
        assert connector.capabilities.create_entitlements is False
        with pytest.raises(Unsupported, match="'Staff' is missing") as told:
            await connector.create_entitlement("group", "Staff")
        assert "Staff" in told.value.instructions


async def test_members_are_not_told_where_they_are_not_shown(server: str) -> None:
    async with open_connector(
        "scim", config(server, dialect={"members": {"shown": "never"}})
    ) as connector:
        made = await connector.create_entitlement("group", "Staff")
        assert [one.members async for one in connector.entitlements()] == [None]
        assert made.members is None


async def test_a_server_by_the_standard_needs_no_dialect(server: str) -> None:
    async def tell(step: Step) -> None:
        pass

    mark = leftovers.mark()
    given = ConnectorConformance().sample(mark)
    async with open_connector("scim", config(server)) as connector:
        found = await trial.run(connector, tell, canary=given, name=mark)
    assert found.ok
    assert (dict(found.settings), list(found.notes)) == ({"dialect": {}}, [])


async def test_attributes_are_told_by_the_schemas(server: str) -> None:
    async with open_connector("scim", config(server)) as connector:
        assert isinstance(connector, DescribesAttributes)
        found = {one.name: one for one in await connector.attributes()}
    assert found["userName"].required
    assert found["emails.work"].type == "string"
    assert {"work", "home", "other"} <= {n.split(".")[1] for n in found if n.startswith("emails.")}
    assert found["addresses.work.locality"].mutability == "readWrite"
    assert found["roles"].many
    assert found["enterprise.manager"].name == "enterprise.manager"
    assert "enterprise.department" in found
    assert not {"id", "meta", "groups", "password"} & found.keys()
