"""What is said about roles inside a transaction, name by name quoted by `psycopg.sql`.

Whatever a server would take and understand in another way than it is meant (a name that it cuts
off, one that differs in capitals only, a grant of somebody else's) is refused or seen to here. It
must not know when a transaction begins, nor the port.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow

from tenure.connectors.base import AlreadyExists, Rejected
from tenure.connectors.postgresql.roles import (
    COLUMNS,
    CONNECTION_LIMIT,
    NAME,
    VALID_UNTIL,
    Role,
    role,
)
from tenure.core.model import Value

#: https://www.postgresql.org/docs/current/sql-syntax-lexical.html: longer names are cut off there.
_LONGEST_NAME = 63
Connection = AsyncConnection[TupleRow]


def checked_name(value: object) -> str:
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


async def must_be_free(connection: Connection, name: str) -> None:
    """Names that differ in capitals only are two roles, and one trap. Raises `AlreadyExists`."""
    found = await connection.execute(
        "select rolname from pg_catalog.pg_roles where lower(rolname) = lower(%s)", [name]
    )
    if row := await found.fetchone():
        raise AlreadyExists(f"There is a role {row[0]!r} already.")


async def create(connection: Connection, name: str, *, login: bool) -> None:
    """A role that was not there. Raises `AlreadyExists`."""
    await must_be_free(connection, name)
    may = sql.SQL("login" if login else "nologin")
    await connection.execute(sql.SQL("create role {} {}").format(sql.Identifier(name), may))


async def made(connection: Connection, name: str) -> Role:
    """The role as it is after all that was said."""
    found = await connection.execute(f"{COLUMNS} where r.rolname = %s", [name])
    return role((await found.fetchall())[0])


async def rename(connection: Connection, old: str, new: str) -> None:
    """Raises `AlreadyExists`."""
    if new.casefold() != old.casefold():
        await must_be_free(connection, new)
    await connection.execute(
        sql.SQL("alter role {} rename to {}").format(sql.Identifier(old), sql.Identifier(new))
    )


async def switch(connection: Connection, name: str, *, login: bool) -> None:
    """Whether anybody may sign in as it."""
    may = sql.SQL("login" if login else "nologin")
    await connection.execute(sql.SQL("alter role {} {}").format(sql.Identifier(name), may))


async def drop(connection: Connection, name: str) -> None:
    """A server refuses it while anything in one of its databases depends on the role."""
    await connection.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


async def grant(connection: Connection, group: Role, members: Sequence[str]) -> None:
    """These roles, by name, are members from now on."""
    names = sql.SQL(", ").join(sql.Identifier(one) for one in members)
    await connection.execute(sql.SQL("grant {} to {}").format(sql.Identifier(group.name), names))


async def set_columns(
    connection: Connection, name: str, changes: Mapping[str, Value | None]
) -> None:
    """What roles have columns for. Raises `Rejected`."""
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


async def comment(connection: Connection, name: str, kept: Role) -> None:
    """What roles have no columns for, and which roles are accounts."""
    await connection.execute(
        sql.SQL("comment on role {} is {}").format(
            sql.Identifier(name), sql.Literal(kept.written())
        )
    )


async def revoke(
    connection: Connection, group: Role, members: Sequence[int], *, by_grantor: bool
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
