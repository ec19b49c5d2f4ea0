"""The LDAP connector keeps the promises of the port against a real slapd, in each of the ways in
which accounts are switched off and groups are kept."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any, ClassVar

import pytest

from tenure.connectors.base import (
    AlreadyExists,
    Connector,
    ConnectorConfig,
    Limits,
    NotFound,
    Rejected,
    RetryLater,
    StopApplication,
    Unsupported,
)
from tenure.connectors.ldap.directory import BASE, REPLACE, Directory
from tenure.connectors.ldap.filters import equal, present
from tenure.connectors.ldap.settings import LdapSettings
from tenure.connectors.registry import open_connector
from tenure.connectors.testing import ConnectorConformance
from tests.connectors.directories import ADMIN, PASSWORD, SUFFIX, Slapd, slapd


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with slapd(tmp_path_factory.mktemp("slapd")) as running:
        yield running


def settings(server: Slapd, **other: Any) -> dict[str, Any]:
    return {
        "url": server.ldaps,
        "ca_file": str(server.certificate),
        "bind_dn": ADMIN,
        "people_dn": f"ou=people,{SUFFIX}",
        "create_groups": True,
        "page_size": 10,
        "timeouts": {"connect": 30},
        **other,
    }


async def tree(server: Slapd, *units: str) -> str:
    """A tree of one's own; gives the DN of its people."""
    given = LdapSettings.model_validate(settings(server))
    directory = Directory(given, PASSWORD, Limits())
    top = f"ou=t{uuid.uuid4().hex[:12]},{SUFFIX}"
    for name in ("", "ou=people,", "ou=groups,", "ou=former,", *(f"{one}," for one in units)):
        dn = f"{name}{top}"
        await directory.add(
            dn, {"objectClass": ["organizationalUnit"], "ou": [dn.split(",")[0][3:]]}
        )
    await directory.close()
    return top


async def config(
    server: Slapd,
    *units: str,
    password: str = PASSWORD,
    attributes: frozenset[str] = frozenset(),
    **other: Any,
) -> ConnectorConfig:
    top = await tree(server, *units)
    given = {name: v.replace("TOP", top) if isinstance(v, str) else v for name, v in other.items()}
    if "off" in given:
        off: Any = other["off"]
        given["off"] = {k: v.replace("TOP", top) for k, v in off.items()}
    return ConnectorConfig(
        application="directory",
        settings=settings(
            server,
            **{"people_dn": f"ou=people,{top}", "groups_dn": f"ou=groups,{top}", **given},
        ),
        secrets={"password": password},
        attributes=ConnectorConformance.mapped | attributes | {"externalId"},
    )


class LdapConformance(ConnectorConformance):
    """What every connector promises."""

    settings: ClassVar[dict[str, Any]]

    @pytest.fixture
    async def connector(self, server: Slapd) -> AsyncIterator[Connector]:
        async with open_connector("ldap", await config(server, **self.settings)) as opened:
            yield opened


class TestByLock(LdapConformance):
    settings: ClassVar[dict[str, Any]] = {"external_id": "employeeNumber"}


class TestByAttribute(LdapConformance):
    settings: ClassVar[dict[str, Any]] = {
        "off": {"by": "attribute", "attribute": "employeeType", "value": "former", "on": "staff"},
        "group_class": "groupOfUniqueNames",
    }


class TestByMove(LdapConformance):
    settings: ClassVar[dict[str, Any]] = {"off": {"by": "move", "unit": "ou=former,TOP"}}


class TestByCommonName(LdapConformance):
    """Entries named by what people are called, many of whom are called the same."""

    settings: ClassVar[dict[str, Any]] = {"rdn": "cn"}


class TestByUserName(LdapConformance):
    """Groups of user names, as Linux has them; only their members are ours."""

    settings: ClassVar[dict[str, Any]] = {"group_class": "posixGroup", "create_groups": False}


async def opened(server: Slapd, *units: str, **other: Any) -> Connector:
    return open_connector("ldap", await config(server, *units, **other))


async def new(connector: Connector, name: str = "ada", **other: Any) -> str:
    sample = ConnectorConformance().sample(name)
    made = await connector.create({**sample, **other}, external_id=name, active=True)
    return made.remote_id


def direct(connector: Connector) -> Directory:
    """Past the port, for what a directory has and an account does not show."""
    return connector._directory  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize("change", [{"url": "ldap"}, {"url": "ldap", "plain": True}])
async def test_it_is_encrypted_by_start_tls_or_not_at_all(
    server: Slapd, change: dict[str, Any]
) -> None:
    async with await opened(server, **{**change, "url": server.ldap}) as connector:
        lines = {line.what: line.detail for line in await connector.check()}
    how = "Without encryption" if "plain" in change else "Encrypted"
    assert lines["Sign-in"] == f"{how}, as {ADMIN}."
    assert lines["Switched off"] == "By pwdAccountLockedTime."
    assert lines["Accounts"].startswith("None under ou=people,")


async def test_a_certificate_of_somebody_else_is_refused(server: Slapd) -> None:
    for other in ({"ca_file": ""}, {"url": server.ldaps.replace("127.0.0.1", "localhost")}):
        async with await opened(server, **other) as connector:
            (line,) = await connector.check()
            with pytest.raises(StopApplication, match="certificate"):
                await new(connector)
        assert not line.ok
        assert "Nothing was sent" in line.detail


async def test_a_wrong_password_stops_the_application_and_is_not_told(server: Slapd) -> None:
    async with await opened(server, password="not-the-password") as connector:
        with pytest.raises(StopApplication, match=r"BIND .* 49 .*invalidCredentials") as told:
            await connector.read(str(uuid.uuid4()))
        (line,) = await connector.check()
    assert "not-the-password" not in f"{told.value} {line.detail}"


async def test_a_directory_that_is_down_is_tried_later(server: Slapd) -> None:
    async with await opened(server, url="ldap://127.0.0.1:1") as connector:
        with pytest.raises(RetryLater, match="Nothing was sent"):
            await new(connector)


async def test_what_is_not_there_is_named_by_the_check(server: Slapd) -> None:
    wrong = {
        "people_dn": "ou=nowhere,TOP",
        "off": {"by": "attribute", "attribute": "noSuchThing", "value": "x"},
        "groups_dn": f"ou=none,{SUFFIX}",
    }
    async with await opened(server, **wrong) as connector:
        lines = {line.what: line for line in await connector.check()}
    assert [name for name, line in lines.items() if not line.ok] == [
        "Accounts",
        "Switched off",
        "Groups",
    ]
    async with await opened(server, kind="active_directory") as connector:
        assert [line.what for line in await connector.check() if not line.ok] == ["Kind"]


async def test_accounts_are_placed_and_moved_with_their_groups(server: Slapd) -> None:
    placed = {"attributes": frozenset({"ou"}), "create_units": True}
    async with await opened(server, **placed) as connector:
        one = await new(connector, ou="Europe/Sales, north")
        group = await connector.create_entitlement("group", "Staff")
        await connector.change_members("group", group.remote_id, add=[one])
        assert (await connector.read(one)).attributes["ou"] == "Europe/Sales, north"
        for changes in ({"ou": "Europe"}, {"userName": "grace", "ou": "Asia"}, {"ou": None}):
            await connector.update(one, changes)
            account = await connector.read(one)
            assert account.attributes.get("ou") == changes["ou"]
            assert [g.members async for g in connector.entitlements()] == [frozenset({one})]
        with pytest.raises(Rejected, match=r"spelled 'Europe' .*'europe' by the mapping"):
            await connector.update(one, {"ou": "europe"})


async def test_accounts_are_placed_by_a_dn(server: Slapd) -> None:
    where = {"attributes": frozenset({"dn_parent"})}
    async with await opened(server, "ou=Sales,ou=people", **where) as connector:
        people = connector._settings.people_dn  # type: ignore[attr-defined]
        one = await new(connector, dn_parent=f"ou=Sales,{people}")
        assert (await connector.read(one)).attributes["dn_parent"] == f"ou=Sales,{people}"
        await connector.update(one, {"dn_parent": people})
        assert (await connector.read(one)).attributes["dn_parent"] == people
        for wrong, told in (
            (f"ou=Nowhere,{people}", "switch on create_units"),
            (f"ou=sales,{people}", "write it in the same way"),
            (SUFFIX, "lost sight of"),
            ("Sales", "Give a DN"),
        ):
            with pytest.raises(Rejected, match=told) as refused:
                await connector.update(one, {"dn_parent": wrong})
            assert refused.value.fields == ("dn_parent",)


async def test_names_are_unique_in_all_units(server: Slapd) -> None:
    placed = {"attributes": frozenset({"ou"}), "create_units": True}
    async with await opened(server, **placed) as connector:
        await new(connector, ou="Europe")
        with pytest.raises(AlreadyExists, match="'ada' is taken"):
            await new(connector, ou="Asia")


async def test_who_is_gone_leaves_no_membership_to_the_next_of_that_name(server: Slapd) -> None:
    async with await opened(server) as connector:
        group = await connector.create_entitlement("group", "Staff")
        first = await new(connector)
        await connector.change_members("group", group.remote_id, add=[first])
        await connector.delete(first)
        assert [g.members async for g in connector.entitlements()] == [frozenset()]
        # Somebody else's program deleted an account and left its name in the group.
        second = await new(connector)
        await connector.change_members("group", group.remote_id, add=[second])
        await direct(connector).delete(f"uid=ada,{connector._settings.people_dn}")  # type: ignore[attr-defined]
        await new(connector)
        assert [g.members async for g in connector.entitlements()] == [frozenset()]


async def test_a_group_without_anybody_has_the_placeholder(server: Slapd) -> None:
    async with await opened(server) as connector:
        one, two = await new(connector), await new(connector, "grace")
        group = await connector.create_entitlement("group", "Staff")
        dn = f"cn=Staff,{connector._settings.groups_dn}"  # type: ignore[attr-defined]
        # One of the administrators', which has nobody but people.
        await connector.change_members("group", group.remote_id, add=[one, two])
        people = connector._settings.people_dn  # type: ignore[attr-defined]
        only = [f"uid=ada,{people}", f"uid=grace,{people}"]
        await direct(connector).modify(dn, [(REPLACE, "member", only)])
        await connector.change_members("group", group.remote_id, remove=[one, two])
        (entry,) = await direct(connector).search(dn, present("member"), ["member"], scope=BASE)
        assert entry.attributes["member"] == [ADMIN.encode()]
        assert [g.members async for g in connector.entitlements()] == [frozenset()]


async def test_groups_of_user_names(server: Slapd) -> None:
    async with await opened(server, group_class="posixGroup", create_groups=False) as connector:
        one, two = await new(connector), await new(connector, "grace")
        base = connector._settings.groups_dn  # type: ignore[attr-defined]
        new_group = {"objectClass": ["posixGroup"], "cn": ["staff"], "gidNumber": ["5000"]}
        await direct(connector).add(f"cn=staff,{base}", new_group)
        ((remote_id, members),) = [(g.remote_id, g.members) async for g in connector.entitlements()]
        assert members == frozenset()
        for add, remove, left in (([one, two], [], {one, two}), ([one], [two], {one})):
            await connector.change_members("group", remote_id, add=add, remove=remove)
            assert [g.members async for g in connector.entitlements()] == [frozenset(left)]
        await connector.update(one, {"userName": "lovelace"})
        assert [g.members async for g in connector.entitlements()] == [frozenset({one})]
        with pytest.raises(Unsupported, match="'other' is missing"):
            await connector.create_entitlement("group", "other")


async def test_the_name_follows_and_is_not_asked_for(server: Slapd) -> None:
    async with await opened(server) as connector:
        one, people = await new(connector), connector._settings.people_dn  # type: ignore[attr-defined]
        (entry,) = await direct(connector).search(people, equal("uid", "ada"), ["cn", "sn"])
        assert entry.attributes == {"cn": [b"Ada Byron"], "sn": [b"Byron"]}
        await connector.update(one, {"name.familyName": "Lovelace"})
        await connector.update(one, {"userName": "lovelace"})
        (entry,) = await direct(connector).search(people, equal("sn", "Lovelace"), ["cn", "uid"])
        assert entry.attributes == {"cn": [b"Ada Lovelace"], "uid": [b"lovelace"]}
        await connector.delete(one)


async def test_our_own_account_is_told_where_it_is_one(server: Slapd) -> None:
    async with await opened(server) as connector:
        assert await connector.own_account() is None
    person = "(objectClass=organizationalRole)"
    async with await opened(server, people_filter=person, people_dn=SUFFIX) as connector:
        own = await connector.own_account()
        assert own is not None
        assert (await connector.read(own)).remote_id == own


async def test_what_the_schema_refuses_is_rejected(server: Slapd) -> None:
    async with await opened(server) as connector:
        one = await new(connector)
        with pytest.raises(Rejected, match=r"17 .*schema has no such attribute"):
            await connector.update(one, {"noSuchThing": "x"})
        with pytest.raises(Rejected, match=r"65 .*object classes"):
            await connector.update(one, {"uidNumber": "17"})
        with pytest.raises(Rejected, match="map userName"):
            await connector.create({"title": "Clerk"}, external_id="1", active=True)
        with pytest.raises(NotFound):
            await connector.read("not-an-id")


async def test_an_account_of_another_place_is_not_ours(server: Slapd) -> None:
    async with await opened(server) as connector, await opened(server) as other:
        one = await new(connector)
        for verb in (other.read(one), other.disable(one), other.delete(one)):
            with pytest.raises(NotFound):
                await verb
        await asyncio.gather(*(connector.read(one) for _ in range(50)))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"url": "http://directory"}, "expected ldaps://host"),
        ({"url": "ldaps://169.254.169.254"}, "never a directory's"),
        ({"people_dn": "people"}, "expected 'type=value' at place 1"),
        ({"people_filter": "(uid=*"}, r"people_filter: expected '\)'"),
        ({"plain": True}, "plain goes with ldap:// only"),
        ({"off": {"by": "attribute"}}, "off: .*needs the attribute and its value"),
        ({"bind_dn": "tenure"}, "expected a DN"),
        ({"ca_file": "/nowhere.pem"}, "no such file"),
        ({"attributes": {"title": "job title"}}, "'title' is no attribute of a directory"),
    ],
)
async def test_a_wrong_setting_is_named(server: Slapd, wrong: dict[str, Any], told: str) -> None:
    given = ConnectorConfig(
        "Directory", settings(server, **wrong), {"password": "x"}, frozenset({"title"})
    )
    with pytest.raises(ValueError, match=rf"^Directory \(ldap\): .*{told}"):
        open_connector("ldap", given)
