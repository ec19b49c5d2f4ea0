"""The connector for PostgreSQL: roles are accounts, LOGIN is their switch, membership in other
roles is their groups.

What is said about roles is in `statements`, how they are members of each other in `groups`. It must
not know the engine.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, ClassVar, Self

from psycopg import sql
from pydantic import BaseModel

from tenure.connectors.base import (
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
from tenure.connectors.postgresql import statements
from tenure.connectors.postgresql.groups import Groups, accounts_by_id
from tenure.connectors.postgresql.roles import (
    COLUMNS,
    NAME,
    Role,
    role,
)
from tenure.connectors.postgresql.server import Server, StillNeeded
from tenure.connectors.postgresql.settings import PostgresqlSecrets, PostgresqlSettings
from tenure.core.diff import canonical
from tenure.core.model import Attributes, Value

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
        self._groups = Groups(self._server)
        self.capabilities = Capabilities(
            entitlements=frozenset({"group"}) if settings.groups else frozenset(),
            create_entitlements=settings.groups and settings.create_groups,
            unique_names=True,
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
        name = statements.checked_name(attributes.get(NAME))
        new = Role(0, name, active, -1, "", {}, "").keeping(
            {**attributes, "externalId": external_id}
        )
        async with self._server.change(f"CREATE ROLE {name}") as connection:
            await statements.create(connection, name, login=active)
            await statements.set_columns(connection, name, attributes)
            await statements.comment(connection, name, new)
            return self._account(await statements.made(connection, name))

    async def update(self, remote_id: str, changes: Mapping[str, Value | None]) -> None:
        if not changes:
            return
        now = await self._role(remote_id)
        name = statements.checked_name(changes[NAME]) if NAME in changes else now.name
        async with self._server.change(f"ALTER ROLE {now.name}") as connection:
            if name != now.name:
                await statements.rename(connection, now.name, name)
            await statements.set_columns(connection, name, changes)
            await statements.comment(connection, name, now.keeping(changes))

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
                await statements.switch(connection, now.name, login=True)

    async def delete(self, remote_id: str) -> None:
        """Switched off first, so that nobody is left with access where the role has to stay."""
        now = await self._role(remote_id)
        await self._close(now)
        try:
            async with self._server.change(f"DROP ROLE {now.name}") as connection:
                await statements.drop(connection, now.name)
        except StillNeeded as error:
            quoted = sql.Identifier(now.name).as_string()
            raise Unsupported(
                f"{error} It cannot sign in any more.", _HAND_OVER.format(role=quoted)
            ) from None

    async def entitlements(self) -> AsyncIterator[RemoteEntitlement]:
        """Roles that nobody signs in as, those that the server comes with included."""
        if self._settings.groups:
            async for group in self._groups.all():
                yield group

    async def create_entitlement(self, kind: str, name: str) -> RemoteEntitlement:
        self._must_be_group(kind)
        if not self.capabilities.create_entitlements:
            raise Unsupported(
                f"Roles to be a member of are not created (settings): {name!r} is missing.",
                f"CREATE ROLE {sql.Identifier(name).as_string()}, or switch on creating groups.",
            )
        return await self._groups.create(name)

    async def delete_entitlement(self, kind: str, remote_id: str) -> None:
        """The role is gone. Raises `NotFound`, and `Rejected` where something is granted to it."""
        self._must_be_group(kind)
        await self._groups.delete(remote_id)

    async def change_members(
        self, kind: str, remote_id: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> None:
        """All of it or nothing."""
        self._must_be_group(kind)
        await self._groups.change(remote_id, add, remove)

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

    async def _role(self, remote_id: str) -> Role:
        found = (await accounts_by_id(self._server, [remote_id])).get(remote_id)
        if found is None:
            raise NotFound(f"There is no role with the id {remote_id}.")
        return found

    async def _close(self, now: Role) -> None:
        if now.name == self._settings.user:
            raise Rejected(f"{now.name} is who we sign in as: we do not lock ourselves out.")
        if now.can_login or now.kept is None:
            async with self._server.change(f"ALTER ROLE {now.name} NOLOGIN") as connection:
                await statements.switch(connection, now.name, login=False)
                # Or it would look like a role to be a member of.
                await statements.comment(connection, now.name, now.keeping({}))
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
