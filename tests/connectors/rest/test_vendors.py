"""The specifications of the catalogue and of the examples do what they say, on applications that
answer as the vendors' documentation says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tenure.connectors.base import AlreadyExists, NotFound, StopApplication, Unsupported
from tenure.connectors.rest import RestConnector
from tenure.connectors.testing import ConnectorConformance
from tests.connectors.rest.vendors.box import Box
from tests.connectors.rest.vendors.every import VENDORS, Vendor, named
from tests.connectors.rest.vendors.gitea import Gitea
from tests.connectors.rest.vendors.grafana import Grafana
from tests.connectors.rest.vendors.harbor import Harbor
from tests.connectors.rest.vendors.hubspot import Hubspot
from tests.connectors.rest.vendors.launchdarkly import LaunchDarkly
from tests.connectors.rest.vendors.mattermost import Mattermost
from tests.connectors.rest.vendors.odoo import Odoo
from tests.connectors.rest.vendors.okta import Okta
from tests.connectors.rest.vendors.pagerduty import Pagerduty
from tests.connectors.rest.vendors.redash import Redash
from tests.connectors.rest.vendors.rocket_chat import RocketChat
from tests.connectors.rest.vendors.sendgrid import Sendgrid
from tests.connectors.rest.vendors.snipe_it import SnipeIt
from tests.connectors.rest.vendors.zabbix import Zabbix
from tests.connectors.rest.vendors.zendesk import Zendesk

every_vendor = pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
with_groups = pytest.mark.parametrize(
    "vendor",
    [
        one
        for one in VENDORS
        if one.name not in {"harbor", "nexus", "hubspot", "rocket-chat", "odoo", "sendgrid"}
    ],
    ids=lambda vendor: vendor.name,
)


@every_vendor
async def test_the_check_finds_nothing_wrong(vendor: Vendor) -> None:
    async with vendor.opened(vendor.application()) as connector:
        await connector.create(vendor.sample(), external_id="1", active=True)
        lines = await connector.check()
    assert [line for line in lines if not line.ok] == []


@every_vendor
async def test_a_whole_life(vendor: Vendor) -> None:
    async with vendor.opened(vendor.application()) as connector:
        wanted = vendor.sample()
        made = await connector.create(wanted, external_id="1", active=True)
        assert (made.attributes, made.active) == (wanted, True if vendor.closes else None)
        for name in sorted(connector.capabilities.searchable & wanted.keys()):
            found = await connector.find(name, str(wanted[name]))
            assert [one.remote_id for one in found] == [made.remote_id], name
            assert await connector.find(name, f"x{wanted[name]}") == []
        for changes in ({vendor.changed: "Grace"}, {vendor.changed: None})[: 1 + vendor.clears]:
            await connector.update(made.remote_id, changes)
            shown = (await connector.read(made.remote_id)).attributes
            kept = {**wanted, **changes}
            assert shown == {name: value for name, value in kept.items() if value is not None}
        verbs = ((connector.disable, False), (connector.enable, True)) if vendor.closes else ()
        for verb, active in verbs:
            for _ in range(2):
                await verb(made.remote_id)
                assert (await connector.read(made.remote_id)).active is active
        if not vendor.deletes:
            with pytest.raises(Unsupported):
                await connector.delete(made.remote_id)
            return
        await connector.delete(made.remote_id)
        with pytest.raises(NotFound):
            await connector.read(made.remote_id)
        with pytest.raises(NotFound):
            await connector.delete(made.remote_id)
        with pytest.raises(NotFound if vendor.closes else Unsupported):
            await connector.disable(made.remote_id)
        with pytest.raises(NotFound):
            await connector.update(made.remote_id, {vendor.changed: "Nobody"})


@every_vendor
async def test_names_are_unique_and_renames_keep_the_account(vendor: Vendor) -> None:
    async with vendor.opened(vendor.application()) as connector:
        wanted, other = vendor.sample(), vendor.sample()
        made = await connector.create(wanted, external_id="1", active=True)
        await connector.create(other, external_id="2", active=not vendor.closes)
        with pytest.raises(AlreadyExists):
            await connector.create(wanted, external_id="3", active=True)
        if not vendor.renames:
            return
        with pytest.raises(AlreadyExists):
            await connector.update(made.remote_id, {"userName": other["userName"]})
        await connector.update(
            made.remote_id, {"userName": vendor.renamed, vendor.changed: "Grace"}
        )
        shown = (await connector.read(made.remote_id)).attributes
        assert shown == {**wanted, "userName": vendor.renamed, vendor.changed: "Grace"}


@every_vendor
async def test_a_listing_is_complete(vendor: Vendor) -> None:
    async with vendor.opened(vendor.application()) as connector:
        made = [
            await connector.create(
                vendor.sample(), external_id=str(n), active=n % 3 != 0 or not vendor.closes
            )
            for n in range(60)
        ]
        listed = {one.remote_id: one async for page in connector.accounts() for one in page}
        assert listed.keys() == {one.remote_id for one in made}
        for one in made:
            assert listed[one.remote_id].fingerprint == one.fingerprint


@with_groups
async def test_groups_are_made_filled_emptied_and_deleted(vendor: Vendor) -> None:
    async with vendor.opened(vendor.application()) as connector:
        people = [
            (await connector.create(vendor.sample(), external_id="1", active=True)).remote_id
            for _ in range(3)
        ]
        group = await connector.create_entitlement("group", "Sales Team")

        async def members() -> set[str]:
            found = {one.remote_id: one async for one in connector.entitlements()}
            assert found[group.remote_id].name == "Sales Team"
            return set(found[group.remote_id].members or ())

        for _ in range(2):
            await connector.change_members("group", group.remote_id, add=people)
            assert await members() == set(people)
        for _ in range(2):
            await connector.change_members("group", group.remote_id, remove=people[1:])
            assert await members() == {people[0]}
        await connector.delete_entitlement("group", group.remote_id)
        assert group.remote_id not in {one.remote_id async for one in connector.entitlements()}


@pytest.mark.parametrize(
    ("name", "role", "usual"),
    [
        ("mattermost", "system_admin", None),
        ("zabbix", "3", "1"),
        ("harbor", "sysadmin", None),
        ("nexus", "developers", "nx-anonymous"),
        ("pagerduty", "admin", "limited_user"),
        ("box", "coadmin", None),
        ("rocket-chat", "admin", "user"),
        ("sendgrid", "admin", None),
        ("zendesk", "admin", None),
    ],
)
async def test_roles_are_given_and_taken(name: str, role: str, usual: str | None) -> None:
    vendor = named(name)
    async with vendor.opened(vendor.application()) as connector:
        made = await connector.create(vendor.sample(), external_id="1", active=True)

        async def holders(of: str) -> frozenset[str]:
            found = {(o.kind, o.remote_id): o.members async for o in connector.entitlements()}
            return found["role", of] or frozenset()

        await connector.change_members("role", role, add=[made.remote_id])
        assert made.remote_id in await holders(role)
        await connector.change_members("role", role, remove=[made.remote_id])
        assert made.remote_id not in await holders(role)
        if usual is not None:
            assert made.remote_id in await holders(usual)


async def test_mattermost_ends_sessions_and_says_what_it_may_not_delete() -> None:
    vendor = named("mattermost")
    application = Mattermost()
    application.deletes = False
    async with vendor.opened(application) as connector:
        made = await connector.create(vendor.sample(), external_id="1", active=True)
        assert connector.capabilities.ends_sessions
        await connector.end_sessions(made.remote_id)
        assert (await connector.read(made.remote_id)).active
        await connector.disable(made.remote_id)
        assert application.sessions_ended == [made.remote_id] * 2
        with pytest.raises(Unsupported, match="not enabled") as told:
            await connector.delete(made.remote_id)
        assert "mmctl user delete" in told.value.instructions
        assert await connector.find("userName", "robot") == []


async def test_gitea_says_why_somebody_cannot_be_deleted() -> None:
    vendor = named("gitea")
    async with vendor.opened(Gitea()) as connector:
        wanted = {**vendor.sample(), "displayName": "Owner"}
        made = await connector.create(wanted, external_id="1", active=True)
        with pytest.raises(Unsupported, match="ownership of repositories") as told:
            await connector.delete(made.remote_id)
        assert "Hand them over" in told.value.instructions


async def test_grafana_leaves_whoever_came_by_single_sign_on_to_a_person() -> None:
    vendor = named("grafana")
    application = Grafana()
    async with vendor.opened(application) as connector:
        made = await connector.create(vendor.sample(), external_id="1", active=True)
        application.external.add(int(made.remote_id))
        with pytest.raises(Unsupported, match="external user") as told:
            await connector.disable(made.remote_id)
        assert "End the access there" in told.value.instructions.replace("\n", " ")


async def test_zabbix_is_signed_in_to_again_and_out_of() -> None:
    vendor = named("zabbix")
    application = Zabbix()
    async with vendor.opened(application) as connector:
        made = await connector.create(vendor.sample(), external_id="1", active=True)
        application.signed_in = False
        assert (await connector.read(made.remote_id)).active is True
        assert application.sign_ins == 2
    assert application.signed_in is False


async def test_snipe_it_says_what_somebody_still_has() -> None:
    vendor = named("snipe-it")
    application = SnipeIt()
    async with vendor.opened(application) as connector:
        made = await connector.create(vendor.sample(), external_id="1", active=True)
        application.holding.add(int(made.remote_id))
        with pytest.raises(Unsupported, match="still has an asset") as told:
            await connector.delete(made.remote_id)
        assert "Check in" in told.value.instructions


async def test_redash_counts_closed_accounts_and_leaves_those_that_were_used() -> None:
    vendor = named("redash")
    application = Redash()
    async with vendor.opened(application) as connector:
        made = await connector.create(vendor.sample(), external_id="1", active=False)
        assert application.invited
        listed = [one.remote_id async for page in connector.accounts() for one in page]
        assert listed == [made.remote_id]
        application.users[int(made.remote_id)]["is_invitation_pending"] = False
        with pytest.raises(Unsupported, match="cannot delete activated users"):
            await connector.delete(made.remote_id)
    async with replace(vendor, settings={"invite": "no"}).opened(application) as connector:
        await connector.create(vendor.sample(), external_id="2", active=True)
        assert len(application.invited) == 1


async def test_pagerduty_keeps_whoever_has_incidents() -> None:
    vendor = named("pagerduty")
    application = Pagerduty()
    async with vendor.opened(application) as connector:
        made = await connector.create(vendor.sample(), external_id="1", active=True)
        application.busy.add(made.remote_id)
        with pytest.raises(Unsupported, match="incident") as told:
            await connector.delete(made.remote_id)
        assert "schedules" in told.value.instructions


async def test_box_ends_sessions_and_keeps_what_somebody_owns() -> None:
    vendor = named("box")
    application = Box()
    async with vendor.opened(application) as connector:
        made = await connector.create(vendor.sample(), external_id="1", active=True)
        await connector.disable(made.remote_id)
        assert application.sessions_ended == [made.remote_id]
        application.owners.add(made.remote_id)
        with pytest.raises(Unsupported, match="still owns content") as told:
            await connector.delete(made.remote_id)
        assert "Transfer it" in told.value.instructions


async def test_okta_ends_sessions_and_suspends_only_who_is_active() -> None:
    vendor = named("okta")
    application = Okta()
    async with vendor.opened(application) as connector:
        made = await connector.create(vendor.sample(), external_id="1", active=True)
        await connector.disable(made.remote_id)
        assert application.sessions_ended == [made.remote_id]
        application.at_once = False
        waits = await connector.create(vendor.sample(), external_id="2", active=True)
        with pytest.raises(Unsupported) as told:
            await connector.disable(waits.remote_id)
        assert "Deactivate the user" in told.value.instructions
        # Deactivated by somebody else, they are gone for us.
        application.users[waits.remote_id]["status"] = "DEPROVISIONED"
        with pytest.raises(NotFound):
            await connector.read(waits.remote_id)


async def test_rocket_chat_asks_before_a_room_loses_its_owner() -> None:
    vendor = named("rocket-chat")
    application = RocketChat()
    async with vendor.opened(application) as connector:
        made = await connector.create(vendor.sample(), external_id="1", active=True)
        application.owners.add(made.remote_id)
        with pytest.raises(Unsupported, match="last-owner") as told:
            await connector.disable(made.remote_id)
        assert "somebody else an owner" in told.value.instructions
        application.second_factor = True
        with pytest.raises(StopApplication, match="Ignore Two Factor"):
            await connector.update(made.remote_id, {"displayName": "Grace"})
    async with replace(vendor, settings={"relinquish": "yes"}).opened(application) as connector:
        await connector.disable(made.remote_id)
        assert (await connector.read(made.remote_id)).active is False


async def test_odoo_invites_who_is_open_and_sets_groups_as_a_whole() -> None:
    vendor = named("odoo")
    application = Odoo()
    async with vendor.opened(application) as connector:
        made = await connector.create(vendor.sample(), external_id="1", active=True)
        closed = await connector.create(vendor.sample(), external_id="2", active=False)
        assert closed.active is False
        assert application.invited == [int(made.remote_id)]
        await connector.change_members("group", "2", add=[made.remote_id])
        assert application.users[int(made.remote_id)]["group_ids"] == [1, 2]
        held = {one.name: one.members async for one in connector.entitlements()}
        assert held["Sales / Administrator"] == frozenset([made.remote_id])
        await connector.change_members("group", "2", remove=[made.remote_id])
        assert application.users[int(made.remote_id)]["group_ids"] == [1]
        # A customer of the portal is none of ours.
        assert await connector.find("userName", "customer") == []
        with pytest.raises(NotFound):
            await connector.update("7", {"displayName": "Nobody"})


async def test_sendgrid_keeps_what_somebody_may_do_and_leaves_the_owner_out() -> None:
    vendor = named("sendgrid")
    application = Sendgrid()
    async with vendor.opened(application) as connector:
        made = await connector.create(vendor.sample(), external_id="1", active=True)
        application.users[made.remote_id]["scopes"] = ["mail.send", "stats.read"]
        await connector.update(made.remote_id, {"name.givenName": "Grace"})
        assert application.users[made.remote_id]["scopes"] == ["mail.send", "stats.read"]
        await connector.change_members("role", "admin", add=[made.remote_id])
        await connector.update(made.remote_id, {"name.givenName": "Ada"})
        assert application.users[made.remote_id]["is_admin"] is True
        listed = [one.remote_id async for page in connector.accounts() for one in page]
        assert listed == [made.remote_id]


async def test_launchdarkly_invites_gives_base_roles_and_deletes() -> None:
    account = {"userName": "{}@acme.example", "name.givenName": "Ada", "name.familyName": "Byron"}
    vendor = Vendor("launchdarkly", LaunchDarkly, account, "")
    application = LaunchDarkly()
    async with vendor.opened(application) as connector:
        wanted = vendor.sample()
        made = await connector.create(wanted, external_id="1", active=True)
        assert (made.attributes, made.active) == (wanted, None)
        assert application.members[made.remote_id]["role"] == "reader"
        with pytest.raises(AlreadyExists):
            await connector.create(wanted, external_id="2", active=True)
        (found,) = await connector.find("userName", str(wanted["userName"]))
        assert found.remote_id == made.remote_id
        assert await connector.find("userName", "nobody@acme.example") == []
        for _ in range(60):
            await connector.create(vendor.sample(), external_id="3", active=True)
        listed = [one.remote_id async for page in connector.accounts() for one in page]
        assert len(listed) == len(set(listed)) == 61
        await connector.change_members("role", "writer", add=[made.remote_id])
        held = {one.name: one.members async for one in connector.entitlements()}
        assert held["Writer"] == frozenset([made.remote_id])
        with pytest.raises(Unsupported, match="update") as told:
            await connector.update(made.remote_id, {"name.givenName": "Grace"})
        assert "Ask them to" in told.value.instructions
        assert [line for line in await connector.check() if not line.ok] == []
        application.scim = True
        with pytest.raises(Unsupported, match="SCIM"):
            await connector.delete(made.remote_id)
        application.scim = False
        await connector.delete(made.remote_id)
        with pytest.raises(NotFound):
            await connector.read(made.remote_id)


async def test_hubspot_keeps_what_is_not_changed() -> None:
    vendor = named("hubspot")
    application = Hubspot()
    async with vendor.opened(application) as connector:
        made = await connector.create(vendor.sample(), external_id="1", active=True)
        assert application.welcomed == [made.remote_id]
        application.users[made.remote_id] |= {"roleId": "3", "primaryTeamId": "7"}
        for teams in (["8"], []):
            changes = {"add": [made.remote_id]} if teams else {"remove": [made.remote_id]}
            await connector.change_members("group", "8", **changes)
            held = {one.name: one.members async for one in connector.entitlements()}
            assert held["Support"] == frozenset([made.remote_id] if teams else [])
        await connector.update(made.remote_id, {"name.givenName": "Grace"})
        shown = application.users[made.remote_id]
        assert (shown["roleId"], shown["primaryTeamId"], shown["lastName"]) == ("3", "7", "Byron")


async def test_harbor_that_takes_people_from_elsewhere_makes_nobody() -> None:
    vendor = named("harbor")
    application = Harbor()
    application.mode = "oidc_auth"
    async with vendor.opened(application) as connector:
        with pytest.raises(Unsupported, match="auth mode") as told:
            await connector.create(vendor.sample(), external_id="1", active=True)
        assert "sign in once" in told.value.instructions


class TestMattermostKeepsEveryPromise(ConnectorConformance):
    @pytest.fixture
    async def connector(self) -> AsyncIterator[RestConnector]:
        vendor = named("mattermost")
        async with vendor.opened(Mattermost()) as opened:
            yield opened


async def test_zendesk_leaves_customers_alone_and_ends_sessions() -> None:
    vendor = named("zendesk")
    application = Zendesk()
    async with vendor.opened(application) as connector:
        for _ in range(120):
            made = await connector.create(vendor.sample(), external_id="1", active=True)
        listed = {one.remote_id async for page in connector.accounts() for one in page}
        assert len(listed) == 120
        customer = {"userName": "customer@elsewhere.example", "displayName": "Customer"}
        with pytest.raises(AlreadyExists, match="used by another user"):
            await connector.create(customer, external_id="2", active=True)
        assert await connector.find("userName", customer["userName"]) == []
        await connector.end_sessions(made.remote_id)
        assert application.sessions_ended == [int(made.remote_id)]
