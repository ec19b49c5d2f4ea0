"""The Microsoft connector keeps the promises of the port against a server written from Graph's
documentation (`graph_server`). It was not tried with a tenant of Microsoft's."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from tenure.connectors.base import (
    AlreadyExists,
    Connector,
    ConnectorConfig,
    ConnectorError,
    KnowsOwners,
    NotFound,
    OutcomeUnknown,
    Rejected,
    RetryLater,
    StopApplication,
    Unsupported,
)
from tenure.connectors.registry import open_connector
from tenure.connectors.testing import ConnectorConformance
from tenure.core.model import Value
from tests.connectors.graph_server import TOKEN, Tenant, missing
from tests.connectors.servers import http_server

E3, F1 = str(uuid.UUID(int=3)), str(uuid.UUID(int=1))
ATTRIBUTES = ConnectorConformance.mapped | {
    "externalId",
    "displayName",
    "phoneNumbers.work",
    "phoneNumbers.mobile",
    "usageLocation",
    "extensionAttribute1",
    "otherMails",
}


@pytest.fixture
def tenant() -> Tenant:
    return Tenant(skus={E3: "ENTERPRISEPACK", F1: "DESKLESSPACK"}, seats={E3: 2, F1: 100})


@asynccontextmanager
async def connected(
    tenant: Tenant, *, token: str = TOKEN, **settings: Any
) -> AsyncIterator[Connector]:
    async with http_server(tenant.serve) as address:
        config = ConnectorConfig(
            "tenant",
            {
                "base_url": f"{address}/v1.0",
                "page_size": 10,
                "create_groups": True,
                "external_id": "extensionAttribute15",
                **settings,
            },
            {"token": token},
            ATTRIBUTES,
        )
        async with open_connector("microsoft", config) as opened:
            yield opened


@pytest.fixture
async def connector(tenant: Tenant) -> AsyncIterator[Connector]:
    async with connected(tenant) as opened:
        yield opened


class TestMicrosoft(ConnectorConformance):
    def sample(self, name: str | None = None) -> dict[str, Value]:
        name = name or f"user-{uuid.uuid4().hex[:12]}"
        return super().sample(name if "@" in name else f"{name}@example.com")

    async def test_a_rename_keeps_the_account(self, connector: Connector) -> None:
        made, other = await self.made(connector), await self.made(connector)
        name = f"renamed-{uuid.uuid4().hex[:12]}@example.com"
        await connector.update(made.remote_id, {"userName": name})
        assert [one.remote_id for one in await connector.find("userName", name)] == [made.remote_id]
        with pytest.raises(AlreadyExists):
            await connector.update(other.remote_id, {"userName": name})


async def new(connector: Connector, name: str = "ada", **other: Any) -> str:
    wanted = {"userName": f"{name}@example.com", **other}
    return (await connector.create(wanted, external_id="e1", active=True)).remote_id


async def holders(connector: Connector, remote_id: str) -> set[str] | None:
    for_it = [one async for one in connector.entitlements() if one.remote_id == remote_id]
    return None if for_it[0].members is None else set(for_it[0].members)


async def test_every_kind_of_property_is_set_changed_and_cleared(connector: Connector) -> None:
    first: dict[str, Value | None] = {
        "phoneNumbers.work": "+41 1",
        "phoneNumbers.mobile": "+41 2",
        "usageLocation": "CH",
        "extensionAttribute1": "x",
        "otherMails": ["a@b.example", "c@d.example"],
    }
    one = await new(connector)
    before = (await connector.read(one)).attributes
    assert before == {
        "userName": "ada@example.com",
        "displayName": "ada@example.com",
        "externalId": "e1",
    }
    for changes in (first, {**first, "phoneNumbers.work": "+41 3", "otherMails": ["e@f.example"]}):
        await connector.update(one, changes)
        shown = (await connector.read(one)).attributes
        assert shown["phoneNumbers.work"] == changes["phoneNumbers.work"]
        assert shown["extensionAttribute1"] == "x"
        assert (await connector.find("phoneNumbers.work", str(changes["phoneNumbers.work"])))[0]
    await connector.update(one, dict.fromkeys(first))
    assert (await connector.read(one)).attributes == before


async def test_who_is_switched_off_is_signed_out(tenant: Tenant, connector: Connector) -> None:
    one = await new(connector)
    await connector.disable(one)
    assert tenant.revoked == [one]
    async with connected(tenant, revoke_sessions=False) as other:
        await other.disable(one)
    assert tenant.revoked == [one]


async def test_guests_are_left_alone_unless_they_are_asked_for(
    tenant: Tenant, connector: Connector
) -> None:
    one = await new(connector)
    tenant.users[one]["userType"] = "Guest"
    assert await connector.find("userName", "ada@example.com") == []
    assert [listed async for page in connector.accounts() for listed in page] == []
    async with connected(tenant, guests=True) as other:
        assert [a.remote_id for a in await other.find("userName", "ada@example.com")] == [one]


async def test_a_licence_needs_a_country(tenant: Tenant, connector: Connector) -> None:
    one = await new(connector)
    with pytest.raises(Rejected, match="usage location: map usageLocation") as told:
        await connector.change_members("licence", E3, add=[one])
    assert told.value.fields == ("usageLocation",)
    async with connected(tenant, usage_location="CH") as other:
        await other.change_members("licence", E3, add=[one])
    assert (await connector.read(one)).attributes["usageLocation"] == "CH"
    assert await holders(connector, E3) == {one}


async def test_licences_are_given_and_taken(tenant: Tenant, connector: Connector) -> None:
    one, two, three = [await new(connector, n, usageLocation="CH") for n in ("a", "b", "c")]
    for _ in range(2):
        await connector.change_members("licence", E3, add=[one, two])
        assert await holders(connector, E3) == {one, two}
    # Parts that somebody switched off stay so.
    tenant.users[one]["assignedLicenses"][0]["disabledPlans"] = ["teams"]
    await connector.change_members("licence", E3, add=[one])
    assert tenant.users[one]["assignedLicenses"][0]["disabledPlans"] == ["teams"]
    with pytest.raises(Rejected, match="does not have any available"):
        await connector.change_members("licence", E3, add=[three])
    gone = str(uuid.uuid4())
    for _ in range(2):
        await connector.change_members("licence", E3, add=[], remove=[one, gone])
        assert await holders(connector, E3) == {two}
    with pytest.raises(NotFound, match="no subscription"):
        await connector.change_members("licence", gone, add=[one])
    with pytest.raises(Unsupported, match="SPE_E5") as told:
        await connector.create_entitlement("licence", "SPE_E5")
    assert "Buy" in told.value.instructions


async def test_groups_that_graph_cannot_change_tell_no_members(
    tenant: Tenant, connector: Connector
) -> None:
    made = [await connector.create_entitlement("group", f"g{n}") for n in range(3)]
    tenant.groups[made[0].remote_id]["groupTypes"] = ["DynamicMembership"]
    tenant.groups[made[1].remote_id]["mailEnabled"] = True
    found = {g.name: g.members async for g in connector.entitlements() if g.kind == "group"}
    assert found == {"g0": None, "g1": None, "g2": frozenset()}
    async with connected(tenant, group_prefix="g2") as other:
        names = [g.name async for g in other.entitlements() if g.kind == "group"]
    assert names == ["g2"]


async def test_what_was_just_made_and_is_not_everywhere_is_waited_for(
    tenant: Tenant, connector: Connector
) -> None:
    one = await new(connector, usageLocation="CH")
    group = await connector.create_entitlement("group", "Staff")
    for verb in (
        lambda: connector.read(one),
        lambda: connector.update(one, {"title": "Clerk"}),
        lambda: connector.change_members("licence", E3, add=[one]),
    ):
        tenant.unseen[one] = 1
        with pytest.raises(RetryLater, match="made just now") as told:
            await verb()
        assert told.value.after == 5
    connector._graph.made.forget(group.remote_id)  # type: ignore[attr-defined]
    tenant.unseen[one] = 2
    with pytest.raises(RetryLater, match="made just now"):
        await connector.change_members("group", group.remote_id, add=[one])
    await connector.change_members("group", group.remote_id, add=[one])
    assert await holders(connector, group.remote_id) == {one}


async def test_it_waits_as_long_as_it_is_asked_to(tenant: Tenant, connector: Connector) -> None:
    tenant.trouble = [(429, {"Retry-After": "40"})]
    with pytest.raises(RetryLater) as told:
        await new(connector)
    assert told.value.after == 40
    assert tenant.users == {}


@pytest.mark.parametrize(
    "name", ["zoë@example.com", "ada", "a b@example.com", "", "ada@", "a/b@example.com"]
)
async def test_a_name_that_is_not_taken_is_not_sent(
    tenant: Tenant, connector: Connector, name: str
) -> None:
    with pytest.raises(Rejected, match="no userPrincipalName") as told:
        await connector.create({"userName": name}, external_id="1", active=True)
    assert told.value.fields == ("userName",)
    assert tenant.asked == []


async def test_a_domain_that_is_not_the_tenants_is_named(connector: Connector) -> None:
    with pytest.raises(Rejected, match="domain portion of the userPrincipalName"):
        await connector.create({"userName": "a@b.example"}, external_id="1", active=True)


async def test_a_wrong_token_stops_the_application_and_is_not_told(tenant: Tenant) -> None:
    async with connected(tenant, token="not-the-token") as connector:
        with pytest.raises(StopApplication, match="401") as told:
            await connector.read(str(uuid.uuid4()))
        lines = await connector.check()
    assert [(line.what, line.ok) for line in lines] == [("Users", False)]
    assert "not-the-token" not in f"{told.value}{lines[0].detail}"


async def test_the_check_names_products(connector: Connector) -> None:
    lines = {line.what: line.detail for line in await connector.check()}
    assert lines["Licences"] == "ENTERPRISEPACK, DESKLESSPACK"


async def test_who_agreed_is_told(tenant: Tenant, connector: Connector) -> None:
    assert await connector.own_account() is None
    tenant.me = await new(connector)
    assert await connector.own_account() == tenant.me


@pytest.mark.parametrize(
    "link", ["https://elsewhere.example/v1.0/users?x", "{base}/v1.0/users?$select=id", ""]
)
async def test_a_next_page_that_leads_elsewhere_is_not_the_end(link: str) -> None:
    async def serve(request: web.Request) -> web.StreamResponse:
        target = link.format(base=request.url.origin())
        return web.json_response({"value": [], "@odata.nextLink": target} if link else {})

    async with http_server(serve) as address:
        config = ConnectorConfig("t", {"base_url": f"{address}/v1.0"}, {"token": "t"}, ATTRIBUTES)
        async with open_connector("microsoft", config) as connector:
            with pytest.raises((StopApplication, RetryLater)) as told:
                [page async for page in connector.accounts()]
    assert isinstance(told.value, ConnectorError)


@pytest.mark.parametrize(
    ("settings", "attributes", "told"),
    [
        ({"usage_location": "Switzerland"}, set(), "usage_location"),
        ({"external_id": "displayName"}, set(), "external_id"),
        ({"base_url": "graph.microsoft.com"}, set(), "not a URL"),
        ({}, {"name.middleName"}, "'name.middleName' is no property of a user"),
    ],
)
def test_a_wrong_setting_is_named(
    settings: dict[str, Any], attributes: set[str], told: str
) -> None:
    config = ConnectorConfig("t", settings, {"token": "t"}, frozenset(attributes))
    with pytest.raises(ValueError, match=told):
        open_connector("microsoft", config)


async def test_who_comes_back_within_thirty_days_gets_their_account_again(
    tenant: Tenant, connector: Connector
) -> None:
    one = await new(connector)
    stranger = {"userName": "eve@example.com"}
    other = (await connector.create(stranger, external_id="e2", active=True)).remote_id
    for gone in (one, other):
        await connector.delete(gone)
    wanted = {"userName": "ada.king@example.com", "title": "Countess"}
    back = await connector.create(wanted, external_id="e1", active=False)
    assert back.remote_id == one
    assert back.active is False
    assert (back.attributes["userName"], back.attributes["title"]) == tuple(wanted.values())
    assert set(tenant.deleted) == {other}
    # By our own id only: a name may be somebody else's by now.
    made = await connector.create(stranger, external_id="e3", active=True)
    assert made.remote_id != other
    with pytest.raises(Rejected, match="the name that they had is somebody else's"):
        await connector.create({"userName": "e@example.com"}, external_id="e2", active=True)
    async with connected(tenant, restore=False) as plain:
        second = await plain.create({"userName": "e@example.com"}, external_id="e2", active=True)
        assert second.remote_id != other
    # Whoever was deleted twice comes back as they were last.
    await connector.delete(second.remote_id)
    again = await connector.create({"userName": "f@example.com"}, external_id="e2", active=True)
    assert again.remote_id == second.remote_id


async def test_who_is_back_but_not_as_they_should_be_is_looked_for(
    tenant: Tenant, connector: Connector
) -> None:
    one = await new(connector)
    await connector.delete(one)
    await connector.create({"userName": "grace@example.com"}, external_id="e9", active=True)
    with pytest.raises(OutcomeUnknown, match="is brought back, but not"):
        await connector.create({"userName": "grace@example.com"}, external_id="e1", active=True)
    assert [a.remote_id for a in await connector.find("externalId", "e1")] == [one]


async def test_global_administrators_own_the_tenant(tenant: Tenant, connector: Connector) -> None:
    assert isinstance(connector, KnowsOwners)
    one = await new(connector)
    # Nobody has ever held the role by its template: it is not there to be asked for.
    assert await connector.owners() is None
    tenant.roles["62e90394-69f5-4237-9190-012177145e10"] = [one]
    assert await connector.owners() == frozenset({one})
    tenant.reads_roles = False
    assert await connector.owners() is None


async def test_a_group_that_goes_while_all_are_read_stops_no_reading(
    tenant: Tenant, connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is known of it stays; the next reading does not list it."""
    await connector.create_entitlement("group", "Sales")

    def gone(*args: Any) -> Any:
        raise missing("Sales")

    monkeypatch.setattr(tenant, "_one_group", gone)
    found = [one async for one in connector.entitlements() if one.kind == "group"]
    assert [(one.name, one.members) for one in found] == [("Sales", None)]
