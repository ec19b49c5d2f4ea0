"""The GitHub connector keeps the promises of the port, as far as an organisation can, against a
server written from GitHub's OpenAPI description (`github_server`). It was not tried with GitHub."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import pytest

from tenure.connectors.base import (
    AlreadyExists,
    Connector,
    ConnectorConfig,
    DeletesEntitlements,
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
from tests.connectors.github_server import TOKEN, Organisation, Refused
from tests.connectors.servers import http_server

ATTRIBUTES = frozenset({"userName", "role", "state", "externalId"})


@pytest.fixture
def organisation() -> Organisation:
    made = Organisation()
    made.members[made.person("owner")] = ("admin", "active")
    return made


@asynccontextmanager
async def connected(
    organisation: Organisation, *, token: str = TOKEN, **settings: Any
) -> AsyncIterator[Connector]:
    async with http_server(organisation.serve) as address:
        given = {"organisation": "acme", "base_url": address, "create_groups": True, **settings}
        config = ConnectorConfig("code", given, {"token": token}, ATTRIBUTES)
        async with open_connector("github", config) as opened:
            yield opened


@pytest.fixture
async def connector(organisation: Organisation) -> AsyncIterator[Connector]:
    async with connected(organisation, page_size=10) as opened:
        yield opened


class TestGithub(ConnectorConformance):
    """Accounts are their people's: they have no names and no switch here, and what the suite asks
    of these is asked below in the way that an organisation can answer."""

    mapped: ClassVar[frozenset[str]] = frozenset({"userName", "role"})
    test_an_account_can_be_created_disabled = None  # type: ignore[assignment]
    test_accounts_are_found_whatever_the_case = None  # type: ignore[assignment]
    test_an_update_leaves_the_rest_alone = None  # type: ignore[assignment]
    test_a_rename_keeps_the_account = None  # type: ignore[assignment]
    test_a_cleared_attribute_is_gone = None  # type: ignore[assignment]
    test_disable_and_enable_may_be_repeated = None  # type: ignore[assignment]
    test_an_update_does_not_enable = None  # type: ignore[assignment]
    test_a_deleted_account_is_gone = None  # type: ignore[assignment]
    test_the_fingerprint_tells_changes = None  # type: ignore[assignment]
    test_names_are_kept_as_they_are = None  # type: ignore[assignment]

    @pytest.fixture(autouse=True)
    def people(self, organisation: Organisation) -> None:
        self.organisation = organisation

    def sample(self, name: str | None = None) -> dict[str, Value]:
        name = name or f"user-{uuid.uuid4().hex[:12]}"
        if name.lower() not in map(str.lower, self.organisation.people.values()):
            self.organisation.person(name)
        return {"userName": name, "role": "member"}


async def invited(organisation: Organisation, connector: Connector, login: str = "ada") -> str:
    organisation.person(login)
    made = await connector.create({"userName": login}, external_id="1", active=True)
    return made.remote_id


async def listed(connector: Connector) -> dict[str, dict[str, Value]]:
    found = [one.load() async for page in connector.accounts() for one in page]
    return {one.remote_id: dict(one.attributes) for one in found}


async def test_an_invitation_is_an_account_that_stays_the_same_when_it_is_accepted(
    organisation: Organisation, connector: Connector
) -> None:
    one = await invited(organisation, connector)
    assert (await listed(connector))[one] == {
        "userName": "ada",
        "role": "member",
        "state": "pending",
    }
    before = (await connector.read(one)).fingerprint
    organisation.accept(int(one))
    account = await connector.read(one)
    assert (await listed(connector))[one] == account.attributes
    assert (account.attributes["state"], account.active) == ("active", True)
    assert account.fingerprint != before
    assert [a.remote_id for a in await connector.find("userName", "ADA")] == [one]


async def test_a_handle_may_change_and_the_account_stays(
    organisation: Organisation, connector: Connector
) -> None:
    one = await invited(organisation, connector)
    organisation.people[int(one)] = "countess"
    assert (await connector.read(one)).attributes["userName"] == "countess"
    await connector.update(one, {"role": "admin"})
    assert organisation.members[int(one)][0] == "admin"
    with pytest.raises(Rejected, match="only its person can change that"):
        await connector.update(one, {"userName": "ada"})
    await connector.delete(one)
    assert int(one) not in organisation.members


async def test_roles_are_changed(organisation: Organisation, connector: Connector) -> None:
    one = await invited(organisation, connector)
    organisation.accept(int(one))
    for role in ("admin", "admin", "member"):
        await connector.update(one, {"role": role})
        assert (await connector.read(one)).attributes == {
            "userName": "ada",
            "role": role,
            "state": "active",
        }
    for wrong, told in (({"role": "boss"}, "member or admin"), ({"state": "active"}, "accept")):
        with pytest.raises(Rejected, match=told):
            await connector.update(one, wrong)


async def test_who_is_taken_out_is_gone(organisation: Organisation, connector: Connector) -> None:
    for accepted in (True, False):
        one = await invited(organisation, connector, f"user-{accepted}")
        if accepted:
            organisation.accept(int(one))
        await connector.delete(one)
        for again in (
            connector.delete(one),
            connector.read(one),
            connector.update(one, {"role": "admin"}),
        ):
            with pytest.raises(NotFound):
                await again
        assert one not in await listed(connector)


async def test_there_is_no_switch(organisation: Organisation, connector: Connector) -> None:
    one = await invited(organisation, connector)
    assert (connector.capabilities.disable, connector.capabilities.enable) == (False, False)
    for verb in (connector.disable(one), connector.enable(one)):
        with pytest.raises(Unsupported, match="belongs to its person") as told:
            await verb
        assert "then: delete" in told.value.instructions
    organisation.person("grace")
    with pytest.raises(Unsupported, match="kept out"):
        await connector.create({"userName": "grace"}, external_id="1", active=False)


async def test_who_is_not_on_github_is_named(connector: Connector) -> None:
    for login in ("nobody", "", "a b", "x/y"):
        with pytest.raises(Rejected, match="nobody's handle") as told:
            await connector.create({"userName": login}, external_id="1", active=True)
        assert told.value.fields == ("userName",)


async def test_who_is_invited_already_is_not_invited_again(
    organisation: Organisation, connector: Connector
) -> None:
    await invited(organisation, connector)
    with pytest.raises(AlreadyExists):
        await connector.create({"userName": "ADA"}, external_id="1", active=True)


async def test_outside_collaborators_are_taken_out_where_they_count(
    organisation: Organisation, connector: Connector
) -> None:
    one = str(organisation.person("guest"))
    organisation.outside.add(int(one))
    assert one not in await listed(connector)
    with pytest.raises(NotFound):
        await connector.delete(one)
    async with connected(organisation, outside=True) as wider:
        assert (await listed(wider))[one] == {"userName": "guest", "state": "outside"}
        assert [a.remote_id for a in await wider.find("userName", "guest")] == [one]
        await wider.delete(one)
        with pytest.raises(NotFound):
            await wider.read(one)
    assert organisation.outside == set()


async def test_maintainers_stay_and_members_of_teams_below_are_not_ours(
    organisation: Organisation, connector: Connector
) -> None:
    one, two = [await invited(organisation, connector, name) for name in ("ada", "grace")]
    for number in (one, two):
        organisation.accept(int(number))
    team = await connector.create_entitlement("group", "Core team")
    organisation.inside["core-team"][int(one)] = "maintainer"
    organisation.inherited["core-team"] = {int(two)}
    await connector.change_members("group", team.remote_id, add=[one])
    assert organisation.inside["core-team"] == {int(one): "maintainer"}
    assert [t.members async for t in connector.entitlements()] == [frozenset({one})]
    with pytest.raises(AlreadyExists):
        await connector.create_entitlement("group", "core TEAM")


@pytest.mark.parametrize(
    "said", ["API rate limit exceeded for user ID 1.", "You have exceeded a secondary rate limit."]
)
async def test_a_403_that_means_slower_stops_nothing(
    organisation: Organisation, connector: Connector, said: str
) -> None:
    one = await invited(organisation, connector)
    for verb in (connector.read(one), connector.delete(one), connector.find("userName", "ada")):
        organisation.trouble = [Refused(403, said)]
        with pytest.raises(RetryLater) as told:
            await verb
        assert told.value.after == 60
    assert int(one) in organisation.members


async def test_the_last_owner_stays(connector: Connector) -> None:
    own = await connector.own_account()
    assert own is not None
    with pytest.raises(Rejected, match="last owner"):
        await connector.delete(own)


async def test_the_check_says_who_we_are(organisation: Organisation, connector: Connector) -> None:
    organisation.by_mail = ["x@y.example"]
    lines = {line.what: line.detail for line in await connector.check()}
    assert lines["Sign-in"] == "As owner."
    assert lines["Invitations"].startswith("1 by e-mail")
    organisation.members[1001] = ("admin", "active")
    organisation.members[1000] = ("member", "active")
    assert [line.what for line in await connector.check() if not line.ok] == ["Owner"]
    assert await connector.own_account() == "1000"


async def test_a_wrong_token_stops_the_application_and_is_not_told(
    organisation: Organisation,
) -> None:
    async with connected(organisation, token="not-the-token") as connector:
        with pytest.raises(StopApplication, match="401") as told:
            await connector.read("1000")
        (line,) = await connector.check()
    assert not line.ok
    assert "not-the-token" not in f"{told.value}{line.detail}"


async def test_a_server_error_in_a_write_leaves_it_open(
    organisation: Organisation, connector: Connector
) -> None:
    one = await invited(organisation, connector)

    class OnThird(list[Refused]):
        """The two reads before the write go well."""

        calls = 0

        def __bool__(self) -> bool:
            self.calls += 1
            return self.calls == 3

    organisation.trouble = OnThird([Refused(502, "Server Error")])
    with pytest.raises(OutcomeUnknown):
        await connector.delete(one)


@pytest.mark.parametrize(
    ("settings", "attributes", "told"),
    [
        ({"organisation": "acme/code"}, set(), "organisation"),
        ({}, {"emails.work"}, "nothing of emails.work"),
    ],
)
def test_a_wrong_setting_is_named(
    settings: dict[str, Any], attributes: set[str], told: str
) -> None:
    given = {"organisation": "acme", **settings}
    config = ConnectorConfig("code", given, {"token": "t"}, frozenset(attributes))
    with pytest.raises(ValueError, match=told):
        open_connector("github", config)


async def test_who_owns_it_is_told(organisation: Organisation, connector: Connector) -> None:
    assert isinstance(connector, KnowsOwners)
    organisation.members[organisation.person("ada")] = ("member", "active")
    (owner,) = [str(key) for key, (role, _) in organisation.members.items() if role == "admin"]
    assert await connector.owners() == frozenset({owner})


async def test_a_team_that_goes_while_all_are_read_stops_no_reading(
    organisation: Organisation, connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is known of it stays; the next reading does not list it."""
    await connector.create_entitlement("group", "Sales")

    def gone(*args: Any) -> Any:
        raise Refused(404, "Not Found")

    monkeypatch.setattr(organisation, "_team", gone)
    found = [one async for one in connector.entitlements() if one.kind == "group"]
    assert [(one.name, one.members) for one in found] == [("Sales", None)]


async def test_a_team_that_is_renamed_stays_the_one_that_it_is(
    organisation: Organisation, connector: Connector
) -> None:
    """Its address follows its name, and another one may have the old name by then."""
    one = str(organisation.person("ana"))
    await connector.create({"userName": "ana"}, external_id="", active=True)
    team = await connector.create_entitlement("group", "Core team")
    organisation.rename("core-team", "Kernel")
    await connector.create_entitlement("group", "Core team")
    await connector.change_members("group", team.remote_id, add=[one])
    assert organisation.inside == {"kernel": {int(one): "member"}, "core-team": {}}
    listed = [item async for item in connector.entitlements()]
    assert {item.name: item.remote_id for item in listed}["Kernel"] == team.remote_id
    await connector.change_members("group", team.remote_id, remove=[one])
    assert organisation.inside["kernel"] == {}
    assert isinstance(connector, DeletesEntitlements)
    await connector.delete_entitlement("group", team.remote_id)
    assert list(organisation.teams) == ["core-team"]
    with pytest.raises(NotFound):
        await connector.change_members("group", team.remote_id, add=[one])


async def test_a_team_that_was_known_by_its_slug_is_found(
    organisation: Organisation, connector: Connector
) -> None:
    one = str(organisation.person("ana"))
    await connector.create({"userName": "ana"}, external_id="", active=True)
    await connector.create_entitlement("group", "Core team")
    await connector.change_members("group", "core-team", add=[one])
    assert organisation.inside["core-team"] == {int(one): "member"}
