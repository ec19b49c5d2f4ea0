"""A thread with a database connection of its own, for code that otherwise lives in an event loop:
a lock, the transactions under it and what they write belong to one session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connection

T = TypeVar("T")


class Tables:
    """Calls are done one after another, in the order in which they were handed in."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    def submit(self, call: Callable[..., T], *args: object) -> asyncio.Future[T]:
        """Begin it; its result can be waited for later."""
        return asyncio.get_running_loop().run_in_executor(self._thread, call, *args)

    async def do(self, call: Callable[..., T], *args: object) -> T:
        """Wait for its result."""
        return await self.submit(call, *args)

    def close(self) -> asyncio.Future[None]:
        """End the session, and its locks with it, whatever state the connection is in. That is
        begun at once, and done even if nobody waits for it."""
        closing = self.submit(_close)
        self._thread.shutdown(wait=False)
        return asyncio.shield(closing)


def has_room() -> bool:
    """Whether the database has connections left for what only makes us faster: people who look at
    a page, and other workers, need theirs."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 3 * sum(numbackends) < 2 * current_setting('max_connections')::integer"
            " FROM pg_stat_database"
        )
        row = cursor.fetchone()
    return bool(row and row[0])


def connect() -> None:
    """Begin the session of the thread in which this runs. Raises `DatabaseError`."""
    connection.ensure_connection()


def try_lock(kind: int, key: int) -> bool:
    """Take a lock that the session holds until it ends; whether nobody else has it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [kind, key])
        row = cursor.fetchone()
    return bool(row and row[0])


def unlock(kind: int, key: int) -> None:
    """Give back a lock that this session took."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [kind, key])


def _close() -> None:
    """Of the thread in which this runs."""
    connection.close()
