"""Storing what became of batches over several connections at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from tenure.provisioning.execution.tables import Tables


@dataclass(frozen=True, slots=True)
class More:
    """Connections of a lane that has much to do: one for claims, one on which every other batch is
    settled."""

    claims: Tables
    settling: Tables


class Settling:
    """Batches being settled, on as many connections as there are, in turn. No two are of one
    person: as long as what one operation did is not stored, none of theirs is claimed."""

    def __init__(self, tables: Tables) -> None:
        self._tables = [tables]
        self._begun: deque[asyncio.Future[None]] = deque()

    def over(self, tables: Tables) -> None:
        """Use this connection, too: first, as nothing is settled there yet."""
        if tables not in self._tables:
            self._tables.insert(0, tables)

    async def begin(self, call: Callable[..., None], *args: object) -> None:
        """Settle a batch, as soon as a connection has nothing else to settle."""
        if len(self._begun) == len(self._tables):
            await self._begun.popleft()
        self._tables.append(turn := self._tables.pop(0))
        self._begun.append(turn.submit(call, *args))

    async def done(self) -> None:
        """Until everything that was begun is stored."""
        while self._begun:
            await self._begun.popleft()

    async def __aenter__(self) -> Settling:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*self._begun, return_exceptions=True)
        self._begun.clear()
