"""The LDAP connector keeps the promises of the port against an Active Directory domain controller:
Samba's, which enforces what Microsoft documents (passwords in `unicodePwd`, the bits of
`userAccountControl`, unique `sAMAccountName`)."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tenure.connectors.base import (
    AlreadyExists,
    Connector,
    ConnectorConfig,
    Limits,
    NotFound,
    Rejected,
    StopApplication,
)
from tenure.connectors.ldap.directory import REPLACE, Directory, text
from tenure.connectors.ldap.filters import equal
from tenure.connectors.ldap.settings import LdapSettings
from tenure.connectors.registry import open_connector
from tenure.connectors.testing import ConnectorConformance
from tenure.core.model import Value
from tenure.readers.base import CursorExpired, Gone, Row
from tenure.readers.ldap import LdapReader
from tenure.readers.registry import open_reader
from tests.connectors.directories import (
    AD_ADMIN,
    AD_SUFFIX,
    PASSWORD,
    Slapd,
    can_be_domain_controller,
    domain_controller,
)

pytestmark = pytest.mark.skipif(
    not can_be_domain_controller(), reason="Samba is not here, or we are not root"
)
ATTRIBUTES = ConnectorConformance.mapped | {"externalId", "userPrincipalName", "ou"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with domain_controller(tmp_path_factory.mktemp("dc")) as running:
        yield running


def settings(server: Slapd, people_dn: str, **other: Any) -> dict[str, Any]:
    return {
        "kind": "active_directory",
        "url": server.ldaps,
        "ca_file": str(server.certificate),
        "bind_dn": AD_ADMIN,
        "people_dn": people_dn,
        "groups_dn": people_dn,
        "create_groups": True,
        "create_units": True,
        "page_size": 10,
        "timeouts": {"connect": 30},
        **other,
    }


async def config(server: Slapd, *, password: str = PASSWORD, **other: Any) -> ConnectorConfig:
    """A unit of one's own."""
    name = f"t{uuid.uuid4().hex[:12]}"
    dn = f"OU={name},{AD_SUFFIX}"
    given = LdapSettings.model_validate(settings(server, AD_SUFFIX))
    directory = Directory(given, PASSWORD, Limits())
    await directory.add(dn, {"objectClass": ["organizationalUnit"], "ou": [name]})
    await directory.close()
    return ConnectorConfig(
        application="domain",
        settings=settings(server, dn, **other),
        secrets={"password": password},
        attributes=ATTRIBUTES,
    )


class TestActiveDirectory(ConnectorConformance):
    @pytest.fixture
    async def connector(self, server: Slapd) -> AsyncIterator[Connector]:
        async with open_connector("ldap", await config(server)) as opened:
            yield opened

    def sample(self, name: str | None = None) -> dict[str, Value]:
        # sAMAccountName has at most 20 characters.
        return super().sample(name or f"u{uuid.uuid4().hex[:12]}")


@pytest.fixture
async def connector(server: Slapd) -> AsyncIterator[Connector]:
    async with open_connector("ldap", await config(server)) as opened:
        yield opened


async def new(connector: Connector, *, active: bool = True, **attributes: Value) -> str:
    wanted = {"userName": f"u{uuid.uuid4().hex[:12]}", "name.familyName": "Byron", **attributes}
    return (await connector.create(wanted, external_id="1", active=active)).remote_id


async def shown(connector: Connector, remote_id: str, name: str) -> str:
    """An attribute of the entry itself."""
    login = (await connector.read(remote_id)).attributes["userName"]
    directory: Directory = connector._directory  # type: ignore[attr-defined]
    (entry,) = await directory.search(AD_SUFFIX, equal("sAMAccountName", str(login)), [name])
    return text(entry, name) if name != "dn" else entry.dn


async def test_the_check_says_that_it_is_one(server: Slapd, connector: Connector) -> None:
    lines = {line.what: line for line in await connector.check()}
    assert lines.keys() == {"Sign-in", "Kind", "Accounts", "Groups"}
    assert "Samba" in lines["Kind"].detail
    wrong = await config(server, kind="openldap", bind_dn=f"CN=Administrator,CN=Users,{AD_SUFFIX}")
    async with open_connector("ldap", wrong) as other:
        failing = [line for line in await other.check() if not line.ok]
    assert "set kind: active_directory" in failing[0].detail


async def test_a_wrong_password_says_what_windows_means(server: Slapd) -> None:
    async with open_connector("ldap", await config(server, password="wrong-word")) as wrong:
        with pytest.raises(StopApplication, match=r"49 \(invalidCredentials\)"):
            await wrong.read(str(uuid.uuid4()))


async def test_a_new_account_can_be_signed_in_to_only_by_who_sets_a_password(
    connector: Connector,
) -> None:
    """It has one that nobody knows, or the domain would not let it be switched on."""
    one = await new(connector)
    assert await shown(connector, one, "userAccountControl") == "512"
    assert await shown(connector, one, "pwdLastSet") != "0"
    closed = await new(connector, active=False)
    assert await shown(connector, closed, "userAccountControl") == "514"
    await connector.enable(closed)
    assert await shown(connector, closed, "userAccountControl") == "512"


async def test_an_account_that_never_had_a_password_gets_one_when_it_is_opened(
    connector: Connector,
) -> None:
    """As an attempt that was cut off leaves it."""
    directory: Directory = connector._directory  # type: ignore[attr-defined]
    people = connector._settings.people_dn  # type: ignore[attr-defined]
    name = f"u{uuid.uuid4().hex[:12]}"
    entry = {"objectClass": ["user"], "sAMAccountName": [name], "userAccountControl": ["514"]}
    await directory.add(f"cn=half,{people}", entry)
    (account,) = await connector.find("userName", name)
    assert account.active is False
    await connector.enable(account.remote_id)
    assert (await connector.read(account.remote_id)).active is True


async def test_it_wants_to_be_encrypted(server: Slapd) -> None:
    plain = await config(server, url=server.ldap, plain=True)
    async with open_connector("ldap", plain) as connector:
        with pytest.raises(StopApplication, match=r"8 \(strongerAuthRequired\).*without plain"):
            await new(connector)
    async with open_connector("ldap", await config(server, url=server.ldap)) as connector:
        await new(connector)


async def test_only_the_one_bit_is_changed(connector: Connector) -> None:
    one = await new(connector)
    directory: Directory = connector._directory  # type: ignore[attr-defined]
    dn = await shown(connector, one, "dn")
    await directory.modify(dn, [(REPLACE, "userAccountControl", [str(0x200 | 0x10000)])])
    await connector.disable(one)
    assert await shown(connector, one, "userAccountControl") == str(0x200 | 0x10000 | 0x2)
    await connector.enable(one)
    assert await shown(connector, one, "userAccountControl") == str(0x200 | 0x10000)


async def test_namesakes_have_entries_of_their_own(connector: Connector) -> None:
    first, second = [await new(connector, displayName="Ada Byron") for _ in range(2)]
    assert (await shown(connector, first, "dn")).startswith("CN=Ada Byron,")
    login = (await connector.read(second)).attributes["userName"]
    assert (await shown(connector, second, "dn")).startswith(f"CN=Ada Byron ({login}),")


async def test_accounts_are_placed_and_moved_with_their_groups(connector: Connector) -> None:
    one = await new(connector, ou="Europe/Sales, north")
    group = await connector.create_entitlement("group", f"g{uuid.uuid4().hex[:12]}")
    await connector.change_members("group", group.remote_id, add=[one])
    for unit in ("Europe", None, "Asia/Tokyo"):
        await connector.update(one, {"ou": unit})
        assert (await connector.read(one)).attributes.get("ou") == unit
        assert [g.members async for g in connector.entitlements()] == [frozenset({one})]


async def test_an_address_to_sign_in_with_is_given_once(connector: Connector) -> None:
    address = f"{uuid.uuid4().hex[:12]}@ad.example.test"
    one = await new(connector, userPrincipalName=address)
    assert [a.remote_id for a in await connector.find("userPrincipalName", address)] == [one]
    with pytest.raises(AlreadyExists):
        await new(connector, userPrincipalName=address)


@pytest.mark.parametrize("name", ["a" * 21, "a@b", "a/b", "ada."])
async def test_a_name_that_windows_does_not_take_is_not_sent(
    connector: Connector, name: str
) -> None:
    with pytest.raises(Rejected, match=r"no sAMAccountName.*and userPrincipalName") as told:
        await connector.create({"userName": name}, external_id="1", active=True)
    assert told.value.fields == ("userName",)


async def test_we_are_told_which_account_we_are(server: Slapd) -> None:
    for name in (AD_ADMIN, "ADTEST\\Administrator", f"CN=Administrator,CN=Users,{AD_SUFFIX}"):
        given = await config(server, bind_dn=name)
        whole = ConnectorConfig(
            "domain", {**given.settings, "people_dn": AD_SUFFIX}, given.secrets, ATTRIBUTES
        )
        async with open_connector("ldap", whole) as opened:
            own = await opened.own_account()
            assert own is not None
            assert (await opened.read(own)).attributes["userName"] == "Administrator"


async def test_what_is_under_an_account_goes_with_it(connector: Connector) -> None:
    """Phones that sync mail leave entries under accounts, so a plain deletion is refused."""
    one = await new(connector)
    directory: Directory = connector._directory  # type: ignore[attr-defined]
    dn = await shown(connector, one, "dn")
    await directory.add(f"CN=Devices,{dn}", {"objectClass": ["classStore"], "cn": ["Devices"]})
    await connector.delete(one)
    with pytest.raises(NotFound):
        await connector.read(one)


async def test_many_verbs_at_once_share_one_connection(connector: Connector) -> None:
    made = await asyncio.gather(*(new(connector) for _ in range(10)))
    await asyncio.gather(*(connector.disable(one) for one in made))
    assert [(await connector.read(one)).active for one in made] == [False] * 10


async def test_people_are_read_from_it_too(server: Slapd, connector: Connector) -> None:
    """Here, and not with the reader's other tests: a domain takes long to be made."""
    unit = connector._settings.people_dn  # type: ignore[attr-defined]
    names = {"url", "ca_file", "bind_dn", "kind", "page_size", "timeouts"}
    given = {k: v for k, v in settings(server, unit).items() if k in names}
    more = {"attributes": ["sAMAccountName", "mail", "accountExpires", "title", "objectSid"]}
    reader = open_reader(
        "ldap", {**given, **more, "people_dn": unit}, secrets={"password": PASSWORD}
    )
    assert isinstance(reader, LdapReader)
    number: dict[str, Any] = {"enterprise.employeeNumber": "1"}
    boss = await new(connector, **number)
    ada = await new(connector)
    directory: Directory = connector._directory  # type: ignore[attr-defined]
    await directory.modify(
        await shown(connector, ada, "dn"),
        [
            (REPLACE, "manager", [await shown(connector, boss, "dn")]),
            (REPLACE, "accountExpires", ["134245908000000000"]),
        ],
    )

    def read() -> dict[str, Row]:
        return {row.id: row for row in reader.rows() if isinstance(row, Row)}

    def changes(cursor: str) -> tuple[dict[str, str], set[str]]:
        found = list(reader.changes(cursor))
        gone = {one.id for one in found if isinstance(one, Gone)}
        return {row.id: row.values["status"] for row in found if isinstance(row, Row)}, gone

    found = await asyncio.to_thread(read)
    assert found.keys() == {boss, ada}
    values = found[ada].values
    assert (values["manager_number"], values["status"]) == ("1", "active")
    assert values["accountExpires"] == "2026-05-30"
    assert values["objectSid"].startswith("S-1-5-21-")
    cursor = reader.cursor()
    assert await asyncio.to_thread(changes, cursor) == ({}, set())
    late = await new(connector)
    await connector.disable(boss)
    await connector.delete(ada)
    moved = await shown(connector, late, "dn")
    await asyncio.to_thread(reader.write, late, {"mail": "late@acme.example"})
    rows, gone = await asyncio.to_thread(changes, cursor)
    assert rows == {boss: "inactive", late: "active"}
    assert ada in gone
    cursor = reader.cursor()
    await directory.rename(moved, moved.partition(",")[0], f"CN=Users,{AD_SUFFIX}")
    assert await asyncio.to_thread(changes, cursor) == ({}, {late})
    assert await asyncio.to_thread(reader.fetch, late) == Gone(late)
    other = cursor.replace('"controller":"', '"controller":"x')
    with pytest.raises(CursorExpired, match="Another domain controller"):
        await asyncio.to_thread(changes, other)
    lines = await asyncio.to_thread(reader.check)
    assert [line.ok for line in lines] == [True] * 4
    assert "deleted people too" in lines[-1].detail
