"""The Google connector keeps the promises of the port against a server written from Google's
discovery documents (`google_server`). It was not tried with a Workspace of Google's."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tenure.connectors.base import (
    AlreadyExists,
    Connector,
    ConnectorConfig,
    KnowsOwners,
    NotFound,
    OutcomeUnknown,
    Rejected,
    RetryLater,
    StopApplication,
    Transferring,
    Unsupported,
)
from tenure.connectors.registry import open_connector
from tenure.connectors.testing import ConnectorConformance
from tenure.core.model import Value
from tests.connectors.google_server import TOKEN, Refused, Workspace, missing
from tests.connectors.servers import http_server

PLUS = "Google-Apps/1010020025"
ATTRIBUTES = ConnectorConformance.mapped | {
    *("externalId", "ou", "phoneNumbers.work", "phoneNumbers.mobile", "enterprise.department"),
    *("enterprise.employeeNumber", "custom.HR.badge", "displayName"),
}


@pytest.fixture
def workspace() -> Workspace:
    return Workspace(licences={PLUS: set()}, seats={PLUS: 2})


@asynccontextmanager
async def connected(
    workspace: Workspace, *, token: str = TOKEN, **settings: Any
) -> AsyncIterator[Connector]:
    async with http_server(workspace.serve) as address:
        given = {
            "base_url": address,
            "licensing_url": address,
            "page_size": 10,
            "create_groups": True,
            "group_domain": "example.com",
            "licences": {"business-plus": PLUS},
            **settings,
        }
        config = ConnectorConfig("workspace", given, {"token": token}, ATTRIBUTES)
        async with open_connector("google", config) as opened:
            yield opened


@pytest.fixture
async def connector(workspace: Workspace) -> AsyncIterator[Connector]:
    async with connected(workspace) as opened:
        yield opened


class TestGoogle(ConnectorConformance):
    def sample(self, name: str | None = None) -> dict[str, Value]:
        name = name or f"user-{uuid.uuid4().hex[:12]}"
        return super().sample(name if "@" in name else f"{name}@example.com")

    async def test_a_rename_keeps_the_account(self, connector: Connector) -> None:
        made, other = await self.made(connector), await self.made(connector)
        name = f"renamed-{uuid.uuid4().hex[:12]}@example.com"
        await connector.update(made.remote_id, {"userName": name})
        assert [one.remote_id for one in await connector.find("userName", name)] == [made.remote_id]
        # The old address is an alias now, and nobody's user name.
        assert await connector.find("userName", str(made.attributes["userName"])) == []
        with pytest.raises(AlreadyExists):
            await connector.update(other.remote_id, {"userName": name})


async def new(connector: Connector, name: str = "ada", **other: Any) -> str:
    wanted = {"userName": f"{name}@example.com", **other}
    return (await connector.create(wanted, external_id="e1", active=True)).remote_id


async def holders(connector: Connector, remote_id: str) -> set[str]:
    (found,) = [one async for one in connector.entitlements() if one.remote_id == remote_id]
    assert found.members is not None
    return set(found.members)


async def test_every_kind_of_attribute_is_set_changed_and_cleared(
    workspace: Workspace, connector: Connector
) -> None:
    first: dict[str, Value | None] = {
        "phoneNumbers.work": "+41 1",
        "phoneNumbers.mobile": "+41 2",
        "enterprise.department": "Finance",
        "enterprise.employeeNumber": "17",
        "custom.HR.badge": "b1",
        "ou": "Europe/Sales",
    }
    one = await new(connector)
    before = (await connector.read(one)).attributes
    workspace.users[one]["phones"] = [{"type": "home", "value": "+41 9"}]
    for changes in (first, {**first, "phoneNumbers.work": "+41 3", "custom.HR.badge": "b2"}):
        await connector.update(one, changes)
        shown = (await connector.read(one)).attributes
        assert shown == {**before, **changes, "ou": "/Europe/Sales"}
        assert {"type": "home", "value": "+41 9"} in workspace.users[one]["phones"]
    await connector.update(one, dict.fromkeys(first))
    assert (await connector.read(one)).attributes == before
    assert workspace.users[one]["phones"] == [{"type": "home", "value": "+41 9"}]


async def test_addresses_that_google_adds_are_not_sent_back(
    workspace: Workspace, connector: Connector
) -> None:
    one = await new(connector, **{"emails.work": "ada@work.example"})
    await connector.update(one, {"userName": "grace@example.com", "emails.work": "g@work.example"})
    assert workspace.users[one]["emails"] == [{"type": "work", "address": "g@work.example"}]


async def test_who_is_switched_off_is_signed_out(
    workspace: Workspace, connector: Connector
) -> None:
    one = await new(connector)
    await connector.disable(one)
    assert workspace.signed_out == [one]
    async with connected(workspace, sign_out=False) as other:
        await other.disable(one)
    assert workspace.signed_out == [one]


async def test_an_archived_account_is_not_on(workspace: Workspace, connector: Connector) -> None:
    one = await new(connector)
    workspace.users[one]["archived"] = True
    assert (await connector.read(one)).active is False


async def test_licences_are_given_and_taken(workspace: Workspace, connector: Connector) -> None:
    one, two, three = [await new(connector, name) for name in ("a", "b", "c")]
    for _ in range(2):
        await connector.change_members("licence", PLUS, add=[one, two])
        assert await holders(connector, PLUS) == {one, two}
    with pytest.raises(RetryLater, match="no licenses left"):
        await connector.change_members("licence", PLUS, add=[three])
    for _ in range(2):
        await connector.change_members("licence", PLUS, remove=[one, "999"])
        assert await holders(connector, PLUS) == {two}
    with pytest.raises(NotFound, match="none of the licences"):
        await connector.change_members("licence", "Google-Apps/1", add=[one])
    lines = {line.what: line.detail for line in await connector.check()}
    assert lines["Licences"] == "business-plus: 1"


async def test_a_licence_that_was_not_bought_is_named(workspace: Workspace) -> None:
    async with connected(workspace, licences={"vault": "Google-Vault/Vault"}) as connector:
        one = await new(connector)
        with pytest.raises(Rejected, match="may not have bought Google-Vault/Vault"):
            await connector.change_members("licence", "Google-Vault/Vault", add=[one])


async def test_owners_of_a_group_stay_owners(workspace: Workspace, connector: Connector) -> None:
    one = await new(connector)
    group = await connector.create_entitlement("group", "Sales & more")
    assert workspace.groups[group.remote_id]["email"] == "sales-more@example.com"
    workspace.members[group.remote_id] = {one: "OWNER"}
    workspace.groups[group.remote_id]["directMembersCount"] = "1"
    await connector.change_members("group", group.remote_id, add=[one])
    assert workspace.members[group.remote_id] == {one: "OWNER"}
    async with connected(workspace, group_domain="") as other:
        with pytest.raises(Unsupported, match="has no address"):
            await other.create_entitlement("group", "Other")


@pytest.mark.parametrize("reason", ["userRateLimitExceeded", "quotaExceeded"])
async def test_a_403_that_means_slower_stops_nothing(
    workspace: Workspace, connector: Connector, reason: str
) -> None:
    for verb in (lambda: new(connector), lambda: connector.find("userName", "a@example.com")):
        workspace.trouble = [Refused(403, reason, "Quota exceeded for quota metric.")]
        with pytest.raises(RetryLater, match=reason):
            await verb()
    assert workspace.users == {}


async def test_a_server_error_leaves_it_open(workspace: Workspace, connector: Connector) -> None:
    workspace.trouble = [Refused(503, "backendError", "Service unavailable. Please try again")]
    with pytest.raises(RetryLater):
        await new(connector)
    workspace.trouble = [Refused(500, "backendError", "Backend Error")]
    with pytest.raises(OutcomeUnknown):
        await new(connector)


async def test_what_was_just_made_and_is_not_everywhere_is_waited_for(
    workspace: Workspace, connector: Connector
) -> None:
    one = await new(connector)
    group = await connector.create_entitlement("group", "Staff")
    for verb in (
        lambda: connector.read(one),
        lambda: connector.update(one, {"title": "Clerk"}),
        lambda: connector.change_members("licence", PLUS, add=[one]),
        lambda: connector.change_members("group", group.remote_id, add=[one]),
    ):
        workspace.unseen[one] = 1
        with pytest.raises(RetryLater, match="made just now"):
            await verb()
    await connector.change_members("group", group.remote_id, add=[one])
    assert await holders(connector, group.remote_id) == {one}


async def test_what_google_refuses_is_named(connector: Connector) -> None:
    one = await new(connector)
    for changes, told in (
        ({"ou": "Nowhere"}, "INVALID_OU_ID"),
        ({"name.givenName": "x" * 61}, "longer than 60"),
        ({"name.familyName": None}, "given and a family name"),
    ):
        with pytest.raises(Rejected, match=told):
            await connector.update(one, changes)
    for name in ("ada", ""):
        with pytest.raises(Rejected, match="is no address: map userName") as refused:
            await connector.create({"userName": name}, external_id="1", active=True)
        assert refused.value.fields == ("userName",)


async def test_an_address_of_another_domain_is_nobody_here(connector: Connector) -> None:
    assert await connector.find("userName", "ada@elsewhere.example") == []


async def test_a_wrong_token_stops_the_application_and_is_not_told(workspace: Workspace) -> None:
    async with connected(workspace, token="not-the-token") as connector:
        with pytest.raises(StopApplication, match="401") as told:
            await connector.read("1")
        lines = await connector.check()
    assert [(line.what, line.ok) for line in lines] == [("Users", False)]
    assert "not-the-token" not in f"{told.value}{lines[0].detail}"


@pytest.mark.parametrize(
    ("settings", "attributes", "told"),
    [
        ({"customer": "example.com"}, set(), "customer"),
        ({"licences": {"plus": "1010020025"}}, set(), "licences.plus"),
        ({}, {"nickName"}, "'nickName' is nothing that a Google Workspace user has"),
    ],
)
def test_a_wrong_setting_is_named(
    settings: dict[str, Any], attributes: set[str], told: str
) -> None:
    config = ConnectorConfig("w", settings, {"token": "t"}, frozenset(attributes))
    with pytest.raises(ValueError, match=told):
        open_connector("google", config)


async def test_who_administers_it_is_told(workspace: Workspace, connector: Connector) -> None:
    assert isinstance(connector, KnowsOwners)
    one, _ = await new(connector), await new(connector, "bob")
    assert await connector.owners() == frozenset()
    workspace.users[one]["isAdmin"] = True
    assert await connector.owners() == frozenset({one})


async def test_what_a_leaver_owns_is_handed_over_once_and_waited_for(
    workspace: Workspace, connector: Connector
) -> None:
    assert isinstance(connector, Transferring)
    leaver, heir = await new(connector), await new(connector, "grace")
    workspace.takes = 2
    for _ in range(2):
        with pytest.raises(RetryLater, match="inprogress") as told:
            await connector.transfer(leaver, heir)
        assert told.value.after == 120
    await connector.transfer(leaver, heir)
    await connector.transfer(leaver, heir)
    (done,) = workspace.transfers.values()
    files, events, reports = done["applicationDataTransfers"]
    (everything,) = files["applicationTransferParams"]
    assert everything == {"key": "PRIVACY_LEVEL", "value": ["PRIVATE", "SHARED"]}
    # Rooms stay with the events.
    assert events["applicationTransferParams"] == []
    assert reports["applicationId"] == "810260081642"
    # Who comes back and leaves once more has something anew.
    done["requestTime"] = "2020-01-01T00:00:00.000Z"
    await connector.transfer(leaver, heir)
    assert len(workspace.transfers) == 2


async def test_a_transfer_that_fails_is_asked_for_again_and_then_by_hand(
    workspace: Workspace, connector: Connector
) -> None:
    assert isinstance(connector, Transferring)
    leaver, heir = await new(connector), await new(connector, "grace")
    workspace.becomes = "failed"
    for _ in range(3):
        with pytest.raises(RetryLater):
            await connector.transfer(leaver, heir)
    with pytest.raises(Rejected, match="given up 3 times"):
        await connector.transfer(leaver, heir)
    assert len(workspace.transfers) == 3


async def test_a_token_that_may_not_hand_over_stops_nothing_else(workspace: Workspace) -> None:
    workspace.may_transfer = False
    async with connected(workspace) as connector:
        assert isinstance(connector, Transferring)
        leaver, heir = await new(connector), await new(connector, "grace")
        with pytest.raises(Unsupported) as told:
            await connector.transfer(leaver, heir)
        assert "admin.datatransfer" in told.value.instructions
    async with connected(workspace, transfers=False) as other:
        assert not other.capabilities.transfer
        assert isinstance(other, Transferring)
        with pytest.raises(Unsupported, match="switched off"):
            await other.transfer(leaver, heir)


async def test_a_group_that_goes_while_all_are_read_stops_no_reading(
    workspace: Workspace, connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is known of it stays; the next reading does not list it."""
    made = await connector.create_entitlement("group", "Sales")
    workspace.groups[made.remote_id]["directMembersCount"] = "1"

    def gone(*args: Any) -> Any:
        raise missing("groupKey")

    monkeypatch.setattr(workspace, "_group", gone)
    found = [one async for one in connector.entitlements() if one.kind == "group"]
    assert [(one.name, one.members) for one in found] == [("Sales", None)]
