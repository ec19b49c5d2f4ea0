"""Putting accounts into groups and taking them out, and finding the group that is meant.

A group is known by its id. One that was deleted there, and perhaps made again by somebody, is found
anew by its name before it is made; one that may have been made already is looked for, too. It must
not know what becomes of a batch.
"""

from __future__ import annotations

from collections.abc import Sequence

from tenure.connectors.base import AlreadyExists, Connector, ConnectorError, NotFound, Unsupported
from tenure.core.entitlements import Shown
from tenure.provisioning.execution.proving import Proof


async def shown(connector: Connector) -> Shown:
    """What is there now."""
    return Shown([(one.kind, one.remote_id, one.name) async for one in connector.entitlements()])


class Joining:
    """One batch's, on one open connector. `groups` maps entitlement keys to remote ids; one that is
    not there yet is made when the first account needs it."""

    def __init__(self, connector: Connector, groups: dict[str, str], proof: Proof) -> None:
        self._connector = connector
        self._groups = groups
        self._proof = proof
        #: What is there, once somebody had to know.
        self._shown: Shown | None = None

    async def join(self, key: str, members: Sequence[str]) -> None:
        """These accounts, by remote id, are in it from now on."""
        if not self._groups.get(key):
            await self._find_or_make(key)
        try:
            await self._change(key, add=members)
        except NotFound:
            if not await self._is_gone(key):
                raise
            await self._find_or_make(key)
            await self._change(key, add=members)

    async def leave(self, key: str, members: Sequence[str]) -> str:
        """They are not in it any more; a sentence where nobody can be in it."""
        self._must_be_able(key)
        if not self._groups.get(key):
            return ""
        try:
            await self._change(key, remove=members)
        except NotFound:
            if not await self._is_gone(key):
                raise
            kind, _, name = key.partition(":")
            # Somebody may have made it again, with everybody who was in it.
            self._groups[key] = (await self._there()).meant(key)
            if not self._groups[key]:
                return f"The {kind} {name} is not there any more: nobody is in it."
            await self._change(key, remove=members)
        return ""

    async def _change(
        self, key: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> None:
        self._must_be_able(key)
        kind = key.partition(":")[0]
        await self._connector.change_members(kind, self._groups[key], add=add, remove=remove)

    async def _find_or_make(self, key: str) -> None:
        self._must_be_able(key)
        kind, _, name = key.partition(":")
        self._groups[key] = (await self._there()).meant(key)
        if self._groups[key]:
            return
        try:
            self._groups[key] = (await self._connector.create_entitlement(kind, name)).remote_id
        except AlreadyExists:
            # Somebody made it this very moment.
            self._shown = None
            self._groups[key] = (await self._there()).meant(key)
            if not self._groups[key]:
                raise

    async def _is_gone(self, key: str) -> bool:
        """Whether the application lists its entitlements, and this one is not among them. Where
        none at all is listed that has to be the right address."""
        try:
            there = await self._there()
            if not len(there):
                await self._proof.must_be_readable()
        except ConnectorError:
            return False
        return not there.has(key, self._groups[key])

    async def _there(self) -> Shown:
        if self._shown is None:
            self._shown = await shown(self._connector)
        return self._shown

    def _must_be_able(self, key: str) -> None:
        kind = key.partition(":")[0]
        if kind not in self._connector.capabilities.entitlements:
            raise Unsupported(f"This application has no way for us to change a {kind}.")
