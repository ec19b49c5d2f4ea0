"""Roles that people are members of, as the groups of a server.

Who made a role may give it away and has nothing of it otherwise; a grant is taken back by who gave
it. Both are PostgreSQL's since version 16. It must not know settings.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from tenure.connectors.base import NotFound, RemoteEntitlement
from tenure.connectors.postgresql import statements
from tenure.connectors.postgresql.roles import COLUMNS, Role, role
from tenure.connectors.postgresql.server import Server

#: Since this version a grant is taken back by who gave it, and nobody else
#: (https://www.postgresql.org/docs/16/release-16.html).
_BY_GRANTOR = 160000


class Groups:
    """Those of one server."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def all(self) -> AsyncIterator[RemoteEntitlement]:
        """Roles that nobody signs in as, those that the server comes with included."""
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

    async def create(self, name: str) -> RemoteEntitlement:
        """A role that nobody can sign in as. Raises `AlreadyExists`."""
        name = statements.checked_name(name)
        async with self._server.change(f"CREATE ROLE {name}") as connection:
            await statements.create(connection, name, login=False)
            found = await statements.made(connection, name)
        return RemoteEntitlement("group", str(found.oid), found.name, frozenset())

    async def delete(self, remote_id: str) -> None:
        """The role is gone. Raises `NotFound`, and `Rejected` where something is granted to it."""
        group = await self._group(remote_id)
        async with self._server.change(f"DROP ROLE {group.name}") as connection:
            await statements.drop(connection, group.name)

    async def change(self, remote_id: str, add: Sequence[str], remove: Sequence[str]) -> None:
        """All of it or nothing."""
        group = await self._group(remote_id)
        known = await accounts_by_id(self._server, [*add, *remove])
        missing = [one for one in add if one not in known]
        if missing:
            raise NotFound(f"There is no role with the id {missing[0]}: it joins nothing.")
        leaving = [known[one].oid for one in remove if one in known]
        by_grantor = await self._server.version() >= _BY_GRANTOR
        async with self._server.change(f"Members of {group.name}") as connection:
            if leaving:
                await statements.revoke(connection, group, leaving, by_grantor=by_grantor)
            if add:
                await statements.grant(connection, group, [known[one].name for one in add])

    async def _group(self, remote_id: str) -> Role:
        if remote_id.isascii() and remote_id.isdecimal():
            rows = await self._server.rows(
                "Looking for a role", f"{COLUMNS} where r.oid::bigint = %s", [int(remote_id)]
            )
            if rows and not (found := role(rows[0])).is_account:
                return found
        raise NotFound(f"There is no role to be a member of with the id {remote_id}.")


async def accounts_by_id(server: Server, remote_ids: Sequence[str]) -> dict[str, Role]:
    """The accounts among these, by id."""
    numbers = [int(one) for one in remote_ids if one.isascii() and one.isdecimal()]
    rows = await server.rows(
        "Looking for roles", f"{COLUMNS} where r.oid::bigint = any(%s::bigint[])", [numbers]
    )
    found = [role(row) for row in rows]
    return {str(one.oid): one for one in found if one.is_account}
