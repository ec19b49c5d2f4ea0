"""What a trial makes in an application, and takes away again whatever happens.

Everything that is made carries a mark in its name: so what an earlier trial could not remove,
because its process was killed, is known by it, and so is what was made by a request that nobody
answered. It must not know what a trial tries.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from tenure.connectors.base import (
    Connector,
    ConnectorError,
    DeletesEntitlements,
    NotFound,
    OutcomeUnknown,
    RemoteAccount,
    RemoteEntitlement,
    RetryLater,
    Unsupported,
)
from tenure.connectors.steps import Journal, Outcome
from tenure.core.model import Attributes

T = TypeVar("T")
#: Longer than any request may take.
_LONGEST = 60.0
_MARK = "tenure-canary-"
_MARKED = re.compile(rf"{_MARK}[0-9a-f]{{6,8}}(?![0-9a-f])")
#: Where an account carries its name.
_NAMES = ("userName", "login", "email")


def mark() -> str:
    """A name that says what it is, and that nobody else has. It has 20 characters, which is as many
    as Active Directory takes."""
    return f"{_MARK}{uuid.uuid4().hex[:6]}"


class Leftovers:
    """What is there of one trial's, whose mark is `name`, and of earlier ones'."""

    def __init__(self, connector: Connector, journal: Journal, name: str) -> None:
        self.connector = connector
        self.journal = journal
        self._name = name
        #: Remote ids of what is to be removed: accounts, and groups by kind.
        self.accounts: list[str] = []
        self.groups: list[tuple[str, str]] = []
        #: The same, of earlier trials.
        self._old: list[tuple[str, str]] = []
        #: Something was sent and it is not known what became of it.
        self.unsure = False
        #: What was under way when it was interrupted.
        self._pending: list[asyncio.Task[Any]] = []

    def look_at(self, kind: str, remote_id: str, what: Attributes | str) -> None:
        """Something that is there: an account (no kind) by its attributes, or a group by name."""
        marked = _is_mark(what, "") if isinstance(what, str) else _carries(what, "")
        if marked and (not kind or kind in deletable(self.connector)):
            self._old.append((kind, remote_id))

    async def remove_old(self) -> None:
        """What an earlier check left, found by its name, is removed."""
        async with self.journal.step("Left by earlier checks") as line:
            for kind, remote_id in self._old:
                if kind:
                    await self._remove_group(kind, remote_id)
                else:
                    await self.remove_account(remote_id)
            count = len(self._old)
            line.say(Outcome.WORKS, f"{count} removed." if count else "Nothing.")

    async def account(self, making: Coroutine[Any, Any, RemoteAccount]) -> RemoteAccount:
        """Makes an account, to be removed. After any error it may be there, as far as is known."""
        self.unsure = True
        made = await self._to_the_end(making)
        self.accounts.append(made.remote_id)
        self.unsure = False
        return made

    async def group(self, making: Coroutine[Any, Any, RemoteEntitlement]) -> RemoteEntitlement:
        """Makes a group, to be removed in the same way."""
        self.unsure = True
        made = await self._to_the_end(making)
        self.groups.append((made.kind, made.remote_id))
        self.unsure = False
        return made

    async def clean_up(self) -> None:
        """Removes what is still there of what was made; tells what could not be."""
        if not (self.accounts or self.groups or self.unsure):
            return
        async with self.journal.step("Clean up") as line:
            if self._pending:
                # It may arrive still: only then it can be seen whether it did.
                done, _ = await asyncio.wait(self._pending, timeout=_LONGEST)
                for task in done:
                    task.exception()
            if self.unsure:
                accounts, groups = await self._marked(self._name)
                self.accounts += accounts
                self.groups += groups
            for kind, group in list(dict.fromkeys(self.groups)):
                await self._remove_group(kind, group)
            for account in list(dict.fromkeys(self.accounts)):
                await self.remove_account(account)
            line.say(Outcome.WORKS, "Nothing is left there.")
            if self.journal.trial.left:
                line.say(
                    Outcome.FAILS,
                    f"Remove by hand, or check again later: {', '.join(self.journal.trial.left)}.",
                )

    async def remove_account(self, remote_id: str) -> None:
        """Deleted, or closed where nothing is ever deleted."""
        try:
            try:
                await self._insisting(lambda: self.connector.delete(remote_id))
            except Unsupported:
                await self._insisting(lambda: self.connector.disable(remote_id))
        except NotFound:
            pass
        except ConnectorError as error:
            self.journal.trial.left.append(f"account {remote_id} ({error})")
        self.forget(remote_id)

    def forget(self, remote_id: str) -> None:
        """An account is gone: nothing is to be done about it."""
        self.accounts = [one for one in self.accounts if one != remote_id]

    async def _remove_group(self, kind: str, remote_id: str) -> None:
        connector = self.connector
        try:
            if isinstance(connector, DeletesEntitlements):
                await self._insisting(lambda: connector.delete_entitlement(kind, remote_id))
        except NotFound:
            pass
        except ConnectorError as error:
            self.journal.trial.left.append(f"{kind} {remote_id} ({error})")
        self.groups = [one for one in self.groups if one != (kind, remote_id)]

    async def _to_the_end(self, making: Coroutine[Any, Any, T]) -> T:
        """What makes something is not given up half way: what came of it has to be removed."""
        task = asyncio.ensure_future(making)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self._pending.append(task)
            raise

    async def _insisting(self, act: Callable[[], Awaitable[None]]) -> None:
        """Once more where nobody knows what became of it."""
        try:
            await act()
        except (OutcomeUnknown, RetryLater):
            await act()

    async def _marked(self, name: str = "") -> tuple[list[str], list[tuple[str, str]]]:
        """Accounts and groups that carry this mark, or any."""
        accounts = [
            one.remote_id
            async for page in self.connector.accounts()
            for one in page
            if _carries(one.load().attributes, name)
        ]
        groups = []
        if kinds := deletable(self.connector):
            groups = [
                (one.kind, one.remote_id)
                async for one in self.connector.entitlements()
                if one.kind in kinds and _is_mark(one.name, name)
            ]
        return accounts, groups


def deletable(connector: Connector) -> frozenset[str]:
    """The kinds of entitlements that it can delete. Some can delete not all that they have."""
    if not isinstance(connector, DeletesEntitlements):
        return frozenset()
    every = connector.capabilities.entitlements
    return frozenset(getattr(connector, "deletes_entitlements", every))


def _carries(attributes: Attributes, name: str) -> bool:
    return any(_is_mark(str(attributes.get(one, "")), name) for one in _NAMES)


def _is_mark(text: str, name: str) -> bool:
    found = _MARKED.search(text.casefold())
    return found is not None and (not name or found[0] == name)
