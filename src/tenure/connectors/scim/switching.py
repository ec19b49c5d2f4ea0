"""What "switched off" is in an application that speaks SCIM, by its dialect: `active`, or leaving
the group of those who are on. (Where it is DELETE, the connector deletes.)

It must not know what else an account is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from tenure.connectors.base import NotFound, Unsupported
from tenure.connectors.scim.attributes import boolean, entries
from tenure.connectors.scim.changing import Changer
from tenure.connectors.scim.dialect import Off
from tenure.connectors.scim.finding import Resource
from tenure.connectors.scim.groups import Groups

BY_HAND = "Do it in the application's own administration pages."


class Switch:
    """One connection's. `groups_there` lists the groups of the application."""

    def __init__(
        self,
        off: Off,
        changer: Changer,
        groups: Groups,
        groups_there: Callable[[], AsyncIterator[list[Resource]]],
    ) -> None:
        self._off = off
        self._changer = changer
        self._groups = groups
        self._groups_there = groups_there
        #: Remote id of the group that accounts are switched off by leaving, once it is known.
        self._on: str | None = None

    async def set(self, remote_id: str, *, on: bool) -> None:
        """Switches an account. Raises `NotFound`, `Unsupported`."""
        if self._off.by == "none" or (on and self._off.by == "delete"):
            way = "on" if on else "off"
            raise Unsupported(f"Accounts cannot be switched {way} in this application.", BY_HAND)
        if self._off.by == "group":
            group = await self._group_of_those_on()
            await self._groups.change(group, [remote_id] if on else [], [] if on else [remote_id])
        else:
            await self._changer.set_active(remote_id, on)

    def shown(self, resource: Mapping[str, Any]) -> bool | None:
        """Whether it is on; None where the resource does not say."""
        if self._off.by != "group":
            return boolean(resource.get("active"))
        if "groups" not in resource:
            return None
        wanted = self._off.group.casefold()
        return any(
            str(entry.get("display", "")).casefold() == wanted or entry.get("value") == self._on
            for entry in entries(resource["groups"])
        )

    async def asked(self, remote_id: str) -> bool | None:
        """The same, where its resource does not say: by who is in the group."""
        if self._off.by != "group":
            return None
        return await self._groups.has(await self._group_of_those_on(), remote_id)

    async def _group_of_those_on(self) -> str:
        if self._on is None:
            name = self._off.group
            async for page in self._groups_there():
                for group in page:
                    if str(group.get("displayName")).casefold() == name.casefold():
                        self._on = group["id"]
                        return group["id"]  # type: ignore[no-any-return]
            raise NotFound(
                f"There is no group {name!r}, which those who are on are in (dialect: off). Make "
                "it there, or correct its name."
            )
        return self._on
