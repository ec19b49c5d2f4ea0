"""Accounts as the application shows them: all of them, one by its id, those with some value.

Whatever is given is looked at before it is believed: a search may ignore what it is asked for, and
a request for one account may answer with another. It must not change anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any

from tenure.connectors.base import NotFound, RemoteAccount, StopApplication
from tenure.connectors.rest.accounts import Accounts
from tenure.connectors.rest.listing import portions
from tenure.connectors.rest.program import Call, Program, Steps
from tenure.connectors.rest.templates import as_text
from tenure.connectors.rest.transport import Transport
from tenure.connectors.rest.verbs import run, thing
from tenure.core.diff import comparable, comparables


class Finder:
    """One application's."""

    def __init__(self, program: Program, transport: Transport, accounts: Accounts) -> None:
        self._program = program
        self._transport = transport
        self._accounts = accounts
        self._details = asyncio.Semaphore(max(1, program.spec.limits.concurrency))

    async def pages(self, *, first_only: bool = False) -> AsyncIterator[list[RemoteAccount]]:
        """All accounts; `first_only`: one page of each list, and no more."""
        steps = self._program.verb("list")
        async for call, items in self._raw(steps, {}, first_only=first_only):
            yield [self._accounts.loaded(item, call.where) for item in items]

    async def item(self, remote_id: str) -> Any:
        """One account, before it is read as one. Raises `NotFound`."""
        steps = self._program.verb("get")
        reply = await run(self._transport, steps, {"id": remote_id})
        called = partial(self._accounts.is_called, name=remote_id)
        found = thing(steps[-1], reply, called)
        if not self._accounts.is_one(found):
            raise NotFound(f"{remote_id} is none of the accounts that the specification takes.")
        if not called(found):
            other = self._accounts.identifier(found, "requests.get")
            raise StopApplication(
                f"{remote_id} was asked for, and {other} was answered: nothing may be concluded "
                "from that. `requests.get` has to take what `account.id` is."
            )
        return found

    async def by_value(self, attribute: str, value: str) -> list[RemoteAccount]:
        """By the specification's search where there is one, otherwise through everything."""
        wanted = comparable(value)
        if not wanted or attribute not in self._program.account.attributes:
            return []
        steps = self._program.verb(f"find {attribute}")
        found: dict[str, RemoteAccount] = {}
        for step in steps or self._program.verb("list"):
            try:
                async for call, items in self._raw((step,), {"value": value}):
                    for item in items:
                        # What a search gives is looked at: some ignore what they are asked for.
                        if wanted in comparables(self._accounts.of(item, attribute)):
                            account = self._accounts.loaded(item, call.where)
                            found[account.remote_id] = account
            except NotFound:
                if not steps:
                    raise
        return list(found.values())

    async def own_id(self) -> str | None:
        """The id of the account that we are there."""
        steps = self._program.verb("own_account")
        if not steps:
            return None
        (call,) = steps
        found = thing(call, await run(self._transport, steps, {}))
        identifier = call.id_in(found, self._program.account.id)
        return None if identifier in (None, "") else as_text(identifier)

    async def _raw(
        self, steps: Steps, variables: Mapping[str, Any], *, first_only: bool = False
    ) -> AsyncIterator[tuple[Call, list[Any]]]:
        """Accounts as the application shows them; each by `get` where the list is short of them."""
        found = portions(self._transport, steps, variables, first_only=first_only)
        async for call, items in found:
            shown = [item for item in items if self._accounts.is_one(item)]
            if call.spec.details:
                ids = [self._id_in(call, item) for item in shown]
                read = await asyncio.gather(*(self._detail(one) for one in ids))
                shown = [item for item in read if item is not None and self._accounts.is_one(item)]
            yield call, shown

    def _id_in(self, call: Call, item: Any) -> str:
        found = call.id_in(item, self._program.account.id)
        return as_text(found) if found is not None else self._accounts.identifier(item, call.where)

    async def _detail(self, remote_id: str) -> Any:
        async with self._details:
            try:
                return await self.item(remote_id)
            except NotFound:
                return None  # It went between the list and now.
