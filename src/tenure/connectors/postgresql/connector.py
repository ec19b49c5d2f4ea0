"""The connector for PostgreSQL: roles are accounts, LOGIN is their switch, membership in other
roles is their groups.

It writes no SQL by hand where a name is in it: `psycopg.sql` quotes. It must not know the engine.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, ClassVar, Self

from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow
from pydantic import BaseModel

from tenure.connectors.base import (
    AlreadyExists,
    Capabilities,
    Check,
    ConnectorConfig,
    ConnectorError,
    Listed,
    NotFound,
    Rejected,
    RemoteAccount,
    RemoteEntitlement,
    Unsupported,
)
from tenure.connectors.postgresql.roles import (
    COLUMNS,
    CONNECTION_LIMIT,
    NAME,
    VALID_UNTIL,
    Role,
    role,
)
from tenure.connectors.postgresql.server import Server, StillNeeded
from tenure.connectors.postgresql.settings import PostgresqlSecrets, PostgresqlSettings
from tenure.core.diff import canonical
from tenure.core.model import Attributes, Value

#: https://www.postgresql.org/docs/current/sql-syntax-lexical.html: longer names are cut off there.
_LONGEST_NAME = 63
#: Since this version a grant is taken back by who gave it, and nobody else
#: (https://www.postgresql.org/docs/16/release-16.html).
_BY_GRANTOR = 160000
_HAND_OVER = """In every database of the server, as a superuser:
    REASSIGN OWNED BY {role} TO <who takes over>;
    DROP OWNED BY {role};
Then once: DROP ROLE {role};"""


class PostgresqlConnector:
    """Roles of one server."""

    Settings: ClassVar[type[BaseModel]] = PostgresqlSettings
    Secrets: ClassVar[type[BaseModel]] = PostgresqlSecrets

    capabilities: Capabilities

    def __init__(self, config: ConnectorConfig) -> None:
        settings = PostgresqlSettings.model_validate(dict(config.settings))
        password = PostgresqlSecrets.model_validate(dict(config.secrets)).password
        self._settings = settings
        self._names = config.attributes
        self._server = Server(settings, password.get_secret_value(), config.limits)
        self.capabilities = Capabilities(
            entitlements=frozenset({"group"}) if settings.groups else frozenset(),
            create_entitlements=settings.groups and settings.create_groups,
            ends_sessions=settings.end_sessions,
            searchable=frozenset({"userName", "externalId", "emails.work"}),
        )

    @classmethod
    def ends_sessions_by(cls, settings: Mapping[str, Any]) -> bool:
        """Whether sessions can be ended by these settings."""
        return PostgresqlSettings.model_validate(dict(settings)).end_sessions

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._server.close()

    async def check(self) -> list[Check]:
        """Sign-in, whether roles can be made, and whether sessions can be ended."""
        try:
            ((name, superuser, creates, signals, standby),) = await self._server.rows(
                "Connecting",
                "select rolname, rolsuper, rolcreaterole,"
                " pg_has_role(current_user, 'pg_signal_backend', 'member'), pg_is_in_recovery()"
                " from pg_catalog.pg_roles where rolname = current_user",
            )
            ((accounts,),) = await self._server.rows(
                "Counting roles", "select count(*) from pg_catalog.pg_roles where rolcanlogin"
            )
        except ConnectorError as error:
            return [Check("Sign-in", False, str(error))]
        lines = [Check("Sign-in", True, f"As {name}.")]
        if standby:
            return [*lines, Check("Roles", False, "This server is a standby: enter the primary's.")]
        if not (superuser or creates):
            told = f"{name} may not make roles: ALTER ROLE {name} CREATEROLE."
            lines.append(Check("Roles", False, told))
        else:
            lines.append(Check("Roles", True, f"{accounts} can sign in."))
        if self._settings.end_sessions:
            told = f"{name} may not end sessions: GRANT pg_signal_backend TO {name}, or switch off "
            can = superuser or signals
            lines.append(Check("Sessions", can, "Are ended." if can else f"{told}end_sessions."))
        return lines

    async def accounts(self) -> AsyncIterator[list[Listed]]:
        async for page in self._pages():
            yield [
                Listed(str(one.oid), one.fingerprint, partial(self._account, one)) for one in page
            ]

    async def own_account(self) -> str | None:
        rows = await self._server.rows(
            "Looking for ourselves",
            "select oid from pg_catalog.pg_roles where rolname = session_user",
        )
        return str(rows[0][0]) if rows else None

    async def read(self, remote_id: str) -> RemoteAccount:
        return self._account(await self._role(remote_id))

    async def find(self, attribute: str, value: str) -> list[RemoteAccount]:
        wanted = canonical(value, caseless=True)
        return [
            self._account(one)
            async for page in self._pages()
            for one in page
            if wanted and canonical(one.attributes.get(attribute), caseless=True) == wanted
        ]

    async def create(
        self, attributes: Attributes, *, external_id: str, active: bool
    ) -> RemoteAccount:
        """Without a password: people sign in by certificate, LDAP, Kerberos or OAuth, or somebody
        with the right sets one."""
        name = _checked_name(attributes.get(NAME))
        new = Role(0, name, active, -1, "", {}, "").keeping(
            {**attributes, "externalId": external_id}
        )
        async with self._server.change(f"CREATE ROLE {name}") as connection:
            await self._must_be_free(connection, name)
            login = sql.SQL("login" if active else "nologin")
            await connection.execute(
                sql.SQL("create role {} {}").format(sql.Identifier(name), login)
            )
            await _set(connection, name, attributes)
            await _comment(connection, name, new)
            made = await connection.execute(f"{COLUMNS} where r.rolname = %s", [name])
            return self._account(role((await made.fetchall())[0]))

    async def update(self, remote_id: str, changes: Mapping[str, Value | None]) -> None:
        if not changes:
            return
        now = await self._role(remote_id)
        name = _checked_name(changes[NAME]) if NAME in changes else now.name
        async with self._server.change(f"ALTER ROLE {now.name}") as connection:
            if name != now.name:
                if name.casefold() != now.name.casefold():
                    await self._must_be_free(connection, name)
                await connection.execute(
                    sql.SQL("alter role {} rename to {}").format(
                        sql.Identifier(now.name), sql.Identifier(name)
                    )
                )
            await _set(connection, name, changes)
            await _comment(connection, name, now.keeping(changes))

    async def disable(self, remote_id: str) -> None:
        """NOLOGIN, and sessions that are open are ended."""
        now = await self._role(remote_id)
        await self._close(now)

    async def end_sessions(self, remote_id: str) -> None:
        """Connections that are open are closed; who may sign in may sign in again."""
        if not self._settings.end_sessions:
            raise Unsupported("Sessions are not ended on this server (end_sessions).")
        await self._end(await self._role(remote_id))

    async def enable(self, remote_id: str) -> None:
        now = await self._role(remote_id)
        if not now.can_login:
            async with self._server.change(f"ALTER ROLE {now.name} LOGIN") as connection:
                await connection.execute(
                    sql.SQL("alter role {} login").format(sql.Identifier(now.name))
                )

    async def delete(self, remote_id: str) -> None:
        """Switched off first, so that nobody is left with access where the role has to stay."""
        now = await self._role(remote_id)
        await self._close(now)
        try:
            async with self._server.change(f"DROP ROLE {now.name}") as connection:
                await connection.execute(sql.SQL("drop role {}").format(sql.Identifier(now.name)))
        except StillNeeded as error:
            quoted = sql.Identifier(now.name).as_string()
            raise Unsupported(
                f"{error} It cannot sign in any more.", _HAND_OVER.format(role=quoted)
            ) from None

    async def entitlements(self) -> AsyncIterator[RemoteEntitlement]:
        """Roles that nobody signs in as, those that the server comes with included."""
        if not self._settings.groups:
            return
        rows = await self._server.rows("Listing roles", COLUMNS + " order by r.rolname")
        roles = [role(row) for row in rows]
        accounts = {one.oid for one in roles if one.is_account}
        members: dict[int, set[str]] = {}
        statement = "select roleid, member from pg_catalog.pg_auth_members"
        if await self._server.version() >= _BY_GRANTOR:
            # Who makes a role may give it away from then on, and has nothing of it otherwise.
            statement += " where inherit_option or set_option"
        for group, member in await self._server.rows("Listing members", statement):
            if int(member) in accounts:
                members.setdefault(int(group), set()).add(str(member))
        for one in roles:
            if not one.is_account:
                inside = frozenset(members.get(one.oid, ()))
                yield RemoteEntitlement("group", str(one.oid), one.name, inside)

    async def create_entitlement(self, kind: str, name: str) -> RemoteEntitlement:
        self._must_be_group(kind)
        if not self.capabilities.create_entitlements:
            raise Unsupported(
                f"Roles to be a member of are not created (settings): {name!r} is missing.",
                f"CREATE ROLE {sql.Identifier(name).as_string()}, or switch on creating groups.",
            )
        name = _checked_name(name)
        async with self._server.change(f"CREATE ROLE {name}") as connection:
            await self._must_be_free(connection, name)
            await connection.execute(sql.SQL("create role {}").format(sql.Identifier(name)))
            made = await connection.execute(f"{COLUMNS} where r.rolname = %s", [name])
            found = role((await made.fetchall())[0])
        return RemoteEntitlement("group", str(found.oid), found.name, frozenset())

    async def delete_entitlement(self, kind: str, remote_id: str) -> None:
        """The role is gone. Raises `NotFound`, and `Rejected` where something is granted to it."""
        self._must_be_group(kind)
        group = await self._group(remote_id)
        async with self._server.change(f"DROP ROLE {group.name}") as connection:
            await connection.execute(sql.SQL("drop role {}").format(sql.Identifier(group.name)))

    async def change_members(
        self, kind: str, remote_id: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> None:
        """All of it or nothing."""
        self._must_be_group(kind)
        group = await self._group(remote_id)
        known = await self._by_id([*add, *remove])
        missing = [one for one in add if one not in known]
        if missing:
            raise NotFound(f"There is no role with the id {missing[0]}: it joins nothing.")
        leaving = [known[one].oid for one in remove if one in known]
        by_grantor = await self._server.version() >= _BY_GRANTOR
        async with self._server.change(f"Members of {group.name}") as connection:
            if leaving:
                await _revoke(connection, group, leaving, by_grantor=by_grantor)
            if add:
                names = sql.SQL(", ").join(sql.Identifier(known[one].name) for one in add)
                await connection.execute(
                    sql.SQL("grant {} to {}").format(sql.Identifier(group.name), names)
                )

    # What the verbs share.

    async def _pages(self) -> AsyncIterator[list[Role]]:
        last, size = 0, self._settings.page_size
        while True:
            rows = await self._server.rows(
                "Listing roles",
                f"{COLUMNS} where r.oid > %s order by r.oid limit %s",
                [last, size],
            )
            found = [role(row) for row in rows]
            yield [one for one in found if one.is_account]
            if len(found) < size:
                return
            last = found[-1].oid

    async def _by_id(self, remote_ids: Sequence[str]) -> dict[str, Role]:
        numbers = [int(one) for one in remote_ids if one.isascii() and one.isdecimal()]
        rows = await self._server.rows(
            "Looking for roles", f"{COLUMNS} where r.oid::bigint = any(%s::bigint[])", [numbers]
        )
        found = [role(row) for row in rows]
        return {str(one.oid): one for one in found if one.is_account}

    async def _role(self, remote_id: str) -> Role:
        found = (await self._by_id([remote_id])).get(remote_id)
        if found is None:
            raise NotFound(f"There is no role with the id {remote_id}.")
        return found

    async def _group(self, remote_id: str) -> Role:
        if remote_id.isascii() and remote_id.isdecimal():
            rows = await self._server.rows(
                "Looking for a role", f"{COLUMNS} where r.oid::bigint = %s", [int(remote_id)]
            )
            if rows and not (found := role(rows[0])).is_account:
                return found
        raise NotFound(f"There is no role to be a member of with the id {remote_id}.")

    async def _must_be_free(self, connection: AsyncConnection[TupleRow], name: str) -> None:
        """Names that differ in capitals only are two roles, and one trap."""
        found = await connection.execute(
            "select rolname from pg_catalog.pg_roles where lower(rolname) = lower(%s)", [name]
        )
        if row := await found.fetchone():
            raise AlreadyExists(f"There is a role {row[0]!r} already.")

    async def _close(self, now: Role) -> None:
        if now.name == self._settings.user:
            raise Rejected(f"{now.name} is who we sign in as: we do not lock ourselves out.")
        if now.can_login or now.kept is None:
            async with self._server.change(f"ALTER ROLE {now.name} NOLOGIN") as connection:
                await connection.execute(
                    sql.SQL("alter role {} nologin").format(sql.Identifier(now.name))
                )
                # Or it would look like a role to be a member of.
                await _comment(connection, now.name, now.keeping({}))
        if self._settings.end_sessions:
            await self._end(now)

    async def _end(self, now: Role) -> None:
        async with self._server.change(f"Ending sessions of {now.name}") as connection:
            await connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where usesysid = %s",
                [now.oid],
            )

    def _account(self, found: Role) -> RemoteAccount:
        shown = found.attributes
        return RemoteAccount(
            remote_id=str(found.oid),
            attributes={name: value for name, value in shown.items() if name in self._names},
            active=found.can_login,
            fingerprint=found.fingerprint,
        )

    def _must_be_group(self, kind: str) -> None:
        if kind != "group" or not self._settings.groups:
            raise Unsupported(
                f"A database server has no entitlements of kind {kind!r} for us.",
                f"Change the {kind} with SQL, as an administrator of the database.",
            )


def _checked_name(value: object) -> str:
    """A name that the server keeps as it is. Raises `Rejected`."""
    name = str(value or "").strip()
    if not name or len(name.encode()) > _LONGEST_NAME or "\0" in name:
        raise Rejected(
            f"{name!r} is no name for a role: 1 to {_LONGEST_NAME} bytes. Map userName to a "
            "shorter one.",
            [NAME],
        )
    if name.startswith("pg_") or name in {"public", "none"}:
        raise Rejected(f"{name!r} is a name that PostgreSQL keeps for itself.", [NAME])
    return name


async def _set(
    connection: AsyncConnection[TupleRow], name: str, changes: Mapping[str, Value | None]
) -> None:
    """What roles have columns for."""
    who = sql.Identifier(name)
    if VALID_UNTIL in changes:
        until = _instant(changes[VALID_UNTIL])
        await connection.execute(
            sql.SQL("alter role {} valid until {}").format(who, sql.Literal(until))
        )
    if CONNECTION_LIMIT in changes:
        given = changes[CONNECTION_LIMIT]
        try:
            limit = -1 if given in (None, "") else int(str(given))
        except ValueError:
            raise Rejected(f"{given!r} is no number of connections.", [CONNECTION_LIMIT]) from None
        await connection.execute(
            sql.SQL("alter role {} connection limit {}").format(who, sql.Literal(limit))
        )


def _instant(value: Value | None) -> str:
    if value in (None, ""):
        return "infinity"
    try:
        if datetime.strptime(str(value), "%Y-%m-%dT%H:%M:%S%z"):
            return str(value)
    except ValueError:
        pass
    raise Rejected(
        f"{value!r} is no instant as roles show them: 2027-03-31T22:00:00Z.", [VALID_UNTIL]
    )


async def _comment(connection: AsyncConnection[TupleRow], name: str, kept: Role) -> None:
    await connection.execute(
        sql.SQL("comment on role {} is {}").format(
            sql.Identifier(name), sql.Literal(kept.written())
        )
    )


async def _revoke(
    connection: AsyncConnection[TupleRow], group: Role, members: Sequence[int], *, by_grantor: bool
) -> None:
    """Every grant, whoever gave it: since version 16 REVOKE leaves those of others in place, with a
    warning only."""
    found = await connection.execute(
        "select m.rolname, g.rolname from pg_catalog.pg_auth_members a"
        " join pg_catalog.pg_roles m on m.oid = a.member"
        " left join pg_catalog.pg_roles g on g.oid = a.grantor"
        " where a.roleid = %s and a.member = any(%s)",
        [group.oid, list(members)],
    )
    for member, grantor in await found.fetchall():
        statement = sql.SQL("revoke {} from {}").format(
            sql.Identifier(group.name), sql.Identifier(member)
        )
        if by_grantor and grantor:
            statement += sql.SQL(" granted by {}").format(sql.Identifier(grantor))
        await connection.execute(statement)
