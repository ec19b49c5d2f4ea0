"""The one way to a PostgreSQL server: signed in, at its pace, each statement sent once, and
whatever happens as an error named by what the engine does next.

It must not know roles.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow, tuple_row

from tenure.connectors.answers import Redactor
from tenure.connectors.base import (
    AlreadyExists,
    ConnectorError,
    Limits,
    NotFound,
    OutcomeUnknown,
    Rejected,
    RetryLater,
    StopApplication,
)
from tenure.connectors.lease import must_hold
from tenure.connectors.postgresql.settings import PostgresqlSettings
from tenure.connectors.throttle import Throttle

#: A statement, or its parts put together by `psycopg.sql`, which quotes what is in them.
Statement = LiteralString | sql.Composed

#: https://www.postgresql.org/docs/current/errcodes-appendix.html
_DUPLICATE = frozenset({"42710", "23505"})
_MISSING = frozenset({"42704", "42P01"})
_OWNS = "2BP01"
_NO_RIGHT = "42501"
_READ_ONLY = "25006"
_LATER_CLASSES = ("40", "53", "55", "58")
_LATER = frozenset({"57014", "57P03", "XX000"})
_SIGN_IN_CLASSES = ("28", "3D")


class StillNeeded(Rejected):
    """Other things in the server depend on it."""


class Server:
    """One connection, for many tasks in turn: changes of roles meet in the same rows anyway."""

    def __init__(self, settings: PostgresqlSettings, password: str, limits: Limits) -> None:
        self._settings = settings
        self._password = password
        self._redact = Redactor((password,))
        self._throttle = Throttle(limits, patience=settings.timeouts.total)
        self._connection: psycopg.AsyncConnection[TupleRow] | None = None
        self._turn = asyncio.Lock()

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def version(self) -> int:
        """As the server numbers it: 160004 is 16.4."""
        async with self._turn:
            return (await self._open("Connecting")).info.server_version

    async def rows(
        self, what: str, statement: Statement, values: Sequence[object] = ()
    ) -> list[tuple[Any, ...]]:
        """What a query gives. `what` begins error texts."""
        await self._throttle.of(write=False).acquire()
        async with self._turn:
            connection = await self._open(what)
            try:
                async with asyncio.timeout(self._settings.timeouts.total):
                    return await (await connection.execute(statement, values)).fetchall()
            except (psycopg.Error, TimeoutError, ValueError) as error:
                raise await self._trouble(what, error, write=False) from None

    @asynccontextmanager
    async def change(self, what: str) -> AsyncIterator[psycopg.AsyncConnection[TupleRow]]:
        """A transaction in which something is changed, all of it or nothing."""
        await self._throttle.of(write=True).acquire()
        async with self._turn:
            connection = await self._open(what)
            try:
                async with asyncio.timeout(self._settings.timeouts.total), connection.transaction():
                    must_hold(what)
                    yield connection
                    # What was said so far is taken back where it does not.
                    must_hold(what)
            except (psycopg.Error, TimeoutError, ValueError) as error:
                raise await self._trouble(what, error, write=True) from None

    async def _open(self, what: str) -> psycopg.AsyncConnection[TupleRow]:
        if self._connection is not None and not self._connection.closed:
            return self._connection
        settings = self._settings
        encryption, issuers = settings.encryption
        milliseconds = int(settings.timeouts.total * 1000)
        try:
            self._connection = await psycopg.AsyncConnection.connect(
                host=settings.host,
                port=settings.port,
                dbname=settings.database,
                user=settings.user,
                password=self._password,
                connect_timeout=max(2, int(settings.timeouts.connect)),
                application_name="tenure",
                options=f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds}",
                sslmode=encryption,
                sslrootcert=issuers,
                row_factory=tuple_row,
                autocommit=True,
            )
        except (psycopg.Error, ValueError) as error:
            raise self._not_connected(what, error) from None
        return self._connection

    def _not_connected(self, what: str, error: Exception) -> ConnectorError:
        where = f"{self._settings.host}:{self._settings.port}"
        state = getattr(error, "sqlstate", None) or ""
        said = self._redact(str(error)).rstrip(".")
        text = f"{what}: the connection to {where} failed: {said}. Nothing was sent."
        # libpq gives no code for what the server says before a session begins, only its words.
        words = str(error).casefold()
        refused = ("authentication failed", "does not exist", "no pg_hba.conf entry", "ssl", "cert")
        if state.startswith(_SIGN_IN_CLASSES) or any(word in words for word in refused):
            return StopApplication(
                f"{text} Check the role that we sign in as, its password, the database, and the "
                "server's certificate."
            )
        return RetryLater(f"{text} Check the address, the network and that it is running.")

    async def _trouble(self, what: str, error: Exception, *, write: bool) -> ConnectorError:
        connection, state = self._connection, getattr(error, "sqlstate", None) or ""
        lost = connection is None or connection.closed or isinstance(error, TimeoutError)
        if lost or (not state and isinstance(error, psycopg.OperationalError)):
            await self.close()
            why = self._redact(str(error)).rstrip(".") or "no answer came in time"
            if write:
                return OutcomeUnknown(
                    f"{what} was sent, and {why}: whether it was done is not known. It is looked "
                    "at before anything is sent again."
                )
            return RetryLater(f"{what} was sent, and {why}. It is read again later.")
        return self._refused(what, error, state, write=write)

    def _refused(self, what: str, error: Exception, state: str, *, write: bool) -> ConnectorError:
        """The transaction was taken back, so nothing was changed."""
        diagnosis = getattr(error, "diag", None)
        said = getattr(diagnosis, "message_primary", None) or str(error)
        text = f"{what} was answered {state or 'no'}: {self._redact(said).rstrip('.')}."
        detail = self._redact(getattr(diagnosis, "message_detail", None) or "")
        if state in _DUPLICATE:
            return AlreadyExists(f"{text} Something else already has this name.")
        if state in _MISSING:
            return NotFound(f"{text} It is not there.")
        if state == _OWNS:
            return StillNeeded(f"{text} {detail}".rstrip())
        if state == _READ_ONLY:
            return StopApplication(f"{text} Enter the address of the server that is written to.")
        if state == _NO_RIGHT:
            told = f"{text} {detail} The role that we sign in as lacks the right for it."
            return (Rejected if write else StopApplication)(told)
        if state.startswith(_LATER_CLASSES) or state in _LATER:
            return RetryLater(f"{text} Nothing was changed; it is tried again later.")
        return Rejected(f"{text} {detail} Correct the values or the mapping.")
