"""The PostgreSQL connector keeps the promises of the port against a real server, by a role that is
no superuser."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tenure.connectors.base import (
    Connector,
    ConnectorConfig,
    NotFound,
    OutcomeUnknown,
    Rejected,
    RetryLater,
    StopApplication,
    Unsupported,
)
from tenure.connectors.lease import may_write
from tenure.connectors.registry import open_connector
from tenure.connectors.testing import ConnectorConformance
from tests.connectors.database_server import DatabaseServer, database_server
from tests.connectors.servers import raw_server

PASSWORD = "a-passw0rd-that-nobody-may-see"
ATTRIBUTES = ConnectorConformance.mapped | {"externalId", "validUntil", "connectionLimit"}


@pytest.fixture(scope="module")
def server() -> Iterator[DatabaseServer]:
    with database_server() as running:
        yield running


@pytest.fixture
def admin(server: DatabaseServer) -> Iterator[psycopg.Connection[Any]]:
    """A superuser's connection, past the connector; roles that a test made are gone afterwards."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        before = {row[0] for row in connection.execute("select rolname from pg_roles")}
        yield connection
        after = [row[0] for row in connection.execute("select rolname from pg_roles")]
        for name in after:
            if name not in before:
                for statement in ("drop owned by {}", "drop role {}"):
                    connection.execute(sql.SQL(statement).format(sql.Identifier(name)))


@pytest.fixture
def config(server: DatabaseServer, admin: psycopg.Connection[Any]) -> ConnectorConfig:
    """As a role with CREATEROLE that is no superuser."""
    name = f"tenure_{uuid.uuid4().hex[:8]}"
    admin.execute(
        sql.SQL("create role {} login createrole password {}").format(
            sql.Identifier(name), sql.Literal(PASSWORD)
        )
    )
    admin.execute(sql.SQL("grant pg_signal_backend to {}").format(sql.Identifier(name)))
    return ConnectorConfig(
        application="database",
        settings={
            "host": server.host,
            "port": server.port,
            "database": "postgres",
            "user": name,
            "create_groups": True,
            "page_size": 10,
        },
        secrets={"password": PASSWORD},
        attributes=ATTRIBUTES,
    )


@pytest.fixture
async def connector(config: ConnectorConfig) -> AsyncIterator[Connector]:
    async with open_connector("postgresql", config) as opened:
        yield opened


class TestPostgresql(ConnectorConformance):
    pass


async def new(connector: Connector, name: str = "Ada O'Byron; drop", **other: Any) -> str:
    made = await connector.create({"userName": name, **other}, external_id="e1", active=True)
    return made.remote_id


def with_settings(config: ConnectorConfig, **settings: Any) -> ConnectorConfig:
    return ConnectorConfig(
        config.application, {**config.settings, **settings}, config.secrets, config.attributes
    )


async def test_what_is_kept_is_readable_where_administrators_look(
    connector: Connector, admin: psycopg.Connection[Any]
) -> None:
    one = await new(connector, **{"name.givenName": "Ada"})
    found = admin.execute("select shobj_description(%s, 'pg_authid')", [int(one)]).fetchone()
    assert found == ('{"tenure":{"name.givenName":"Ada","externalId":"e1"}}',)


async def test_what_somebody_else_wrote_stays(
    connector: Connector, admin: psycopg.Connection[Any]
) -> None:
    admin.execute("create role grace login")
    admin.execute("comment on role grace is 'The admiral'")
    (found,) = await connector.find("userName", "grace")
    with pytest.raises(Rejected, match="lacks the right"):
        await connector.disable(found.remote_id)
    admin.execute(
        sql.SQL("grant grace to {} with admin option").format(
            sql.Identifier(connector._settings.user)  # type: ignore[attr-defined]
        )
    )
    await connector.disable(found.remote_id)
    await connector.update(found.remote_id, {"title": "Admiral"})
    account = await connector.read(found.remote_id)
    assert (account.active, account.attributes["title"]) == (False, "Admiral")
    said = admin.execute("select shobj_description('grace'::regrole, 'pg_authid')").fetchone()
    assert said == ('{"tenure":{"title":"Admiral"},"comment":"The admiral"}',)
    await connector.enable(found.remote_id)
    assert (await connector.read(found.remote_id)).active is True


async def test_an_end_and_a_limit_are_set_changed_and_cleared(connector: Connector) -> None:
    given: dict[str, Any] = {"validUntil": "2027-03-31T22:00:00Z", "connectionLimit": 3}
    one = await new(connector, **given)
    later: dict[str, Any] = {"validUntil": "2028-01-01T00:00:00Z", "connectionLimit": 0}
    for changes in (given, later):
        await connector.update(one, changes)
        assert changes.items() <= (await connector.read(one)).attributes.items()
    await connector.update(one, {"validUntil": None, "connectionLimit": None})
    assert (await connector.read(one)).attributes.keys() == {"userName", "externalId"}
    for name, value in (("validUntil", "2027-03-31"), ("connectionLimit", "many")):
        with pytest.raises(Rejected) as told:
            await connector.update(one, {name: value})
        assert told.value.fields == (name,)


async def test_sessions_end_with_the_account(
    server: DatabaseServer, connector: Connector, admin: psycopg.Connection[Any]
) -> None:
    one = await new(connector, "ada")
    admin.execute("alter role ada password 'x'")
    theirs = await psycopg.AsyncConnection.connect(server.url("ada", "x"))
    await connector.disable(one)
    with pytest.raises(psycopg.OperationalError):
        await theirs.execute("select 1")
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        await psycopg.AsyncConnection.connect(server.url("ada", "x"))


async def test_what_somebody_owns_is_handed_over_by_a_person(
    connector: Connector, admin: psycopg.Connection[Any]
) -> None:
    one = await new(connector, 'a"da')
    admin.execute('create table theirs (id int); alter table theirs owner to "a""da"')
    with pytest.raises(Unsupported, match=r"2BP01.*cannot sign in any more") as told:
        await connector.delete(one)
    assert 'REASSIGN OWNED BY "a""da" TO' in told.value.instructions
    assert (await connector.read(one)).active is False
    admin.execute('reassign owned by "a""da" to postgres; drop owned by "a""da"')
    admin.execute("drop table theirs")
    await connector.delete(one)
    with pytest.raises(NotFound):
        await connector.read(one)


async def test_memberships_that_others_gave_are_taken_too(
    connector: Connector, admin: psycopg.Connection[Any]
) -> None:
    """Since version 16 a REVOKE of ours would leave them, and say so in a warning only."""
    one = await new(connector, "ada")
    group = await connector.create_entitlement("group", "staff")
    admin.execute("grant staff to ada")
    await connector.change_members("group", group.remote_id, add=[one])
    grants = "select count(*) from pg_auth_members where member = 'ada'::regrole and roleid = {}"
    count = grants.format("'staff'::regrole")
    assert admin.execute(count).fetchone() == (2,)
    with pytest.raises(Rejected, match="lacks the right"):
        await connector.change_members("group", group.remote_id, remove=[one])
    assert admin.execute(count).fetchone() == (2,)
    admin.execute(
        sql.SQL("grant postgres to {}").format(
            sql.Identifier(connector._settings.user)  # type: ignore[attr-defined]
        )
    )
    await connector.change_members("group", group.remote_id, remove=[one])
    assert admin.execute(count).fetchone() == (0,)


async def test_roles_that_come_with_the_server_can_be_given(connector: Connector) -> None:
    names = {group.name async for group in connector.entitlements()}
    assert {"pg_read_all_data", "pg_monitor"} <= names


async def test_we_do_not_lock_ourselves_out(connector: Connector) -> None:
    own = await connector.own_account()
    assert own is not None
    for verb in (connector.disable(own), connector.delete(own)):
        with pytest.raises(Rejected, match="lock ourselves out"):
            await verb


@pytest.mark.parametrize("name", ["", "x" * 64, "ä" * 32, "pg_ada", "public"])
async def test_a_name_that_would_become_another_is_not_sent(
    connector: Connector, name: str
) -> None:
    with pytest.raises(Rejected) as told:
        await new(connector, name)
    assert told.value.fields == ("userName",)


async def test_the_check_names_what_is_missing(
    config: ConnectorConfig, admin: psycopg.Connection[Any]
) -> None:
    user = sql.Identifier(config.settings["user"])
    admin.execute(sql.SQL("alter role {} nocreaterole").format(user))
    admin.execute(sql.SQL("revoke pg_signal_backend from {}").format(user))
    async with open_connector("postgresql", config) as connector:
        lines = {line.what: line for line in await connector.check()}
        assert [name for name, line in lines.items() if not line.ok] == ["Roles", "Sessions"]
        assert "CREATEROLE" in lines["Roles"].detail
        with pytest.raises(Rejected, match=r"42501.*lacks the right"):
            await new(connector)


async def test_a_wrong_password_stops_the_application_and_is_not_told(
    config: ConnectorConfig,
) -> None:
    wrong = ConnectorConfig("db", config.settings, {"password": "not-this-one"}, ATTRIBUTES)
    async with open_connector("postgresql", wrong) as connector:
        with pytest.raises(StopApplication, match="Nothing was sent") as told:
            await connector.read("1")
        (line,) = await connector.check()
    assert not line.ok
    assert "not-this-one" not in f"{told.value}{line.detail}"


@pytest.mark.parametrize("times", [0, 1])
async def test_a_process_that_stood_still_changes_nothing(connector: Connector, times: int) -> None:
    """Another one may be at it by now: what was said so far is taken back."""
    ada = await new(connector)
    asked = iter([True] * times)
    may_write.set(lambda: next(asked, False))
    with pytest.raises(RetryLater, match="was not sent: this process stood still"):
        await connector.disable(ada)
    assert (await connector.read(ada)).active


async def test_a_server_that_is_down_is_tried_later(config: ConnectorConfig) -> None:
    away = with_settings(config, host="127.0.0.1", port=1)
    async with open_connector("postgresql", away) as connector:
        with pytest.raises(RetryLater, match="Nothing was sent"):
            await new(connector)


async def test_an_unencrypted_server_elsewhere_is_refused(config: ConnectorConfig) -> None:
    async def no_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)
        writer.write(b"N")
        await writer.drain()
        await reader.read(8)

    async with raw_server(no_tls) as address:
        port = int(address.rpartition(":")[2])
        ca = "/etc/ssl/certs/ca-certificates.crt"
        strict = with_settings(config, host="127.0.0.1", port=port, ca_file=ca)
        async with open_connector("postgresql", strict) as connector:
            with pytest.raises(StopApplication, match="SSL"):
                await connector.read("1")


async def test_a_connection_that_breaks_in_a_write_leaves_it_open(
    server: DatabaseServer, connector: Connector, admin: psycopg.Connection[Any]
) -> None:
    one = await new(connector, "ada")
    await connector.disable(one)
    with psycopg.connect(server.url()) as blocking:
        blocking.execute("lock pg_authid in access exclusive mode")
        # A read waits for that lock, too; what the connector knows of the role is from before.
        going = asyncio.ensure_future(connector.create_entitlement("group", "staff"))
        waiting = "application_name = 'tenure' and wait_event_type = 'Lock'"
        end = f"select pg_terminate_backend(pid) from pg_stat_activity where {waiting}"
        async with asyncio.timeout(60):
            while not blocking.execute(end).fetchall():
                blocking.execute("select pg_stat_clear_snapshot()")
                await asyncio.sleep(0.02)
        with pytest.raises(OutcomeUnknown, match=r"CREATE ROLE staff was sent.*looked at before"):
            await going
    assert (await connector.read(one)).attributes["userName"] == "ada"
