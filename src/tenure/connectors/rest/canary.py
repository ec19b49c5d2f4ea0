"""A canary: one account that goes the whole way, to see what an application really does.

It is made, read, found, changed, closed, opened, put into a group and deleted, and everything is
read back. Whatever happens, it is taken away at the end, or it is said what was left behind. For
administrators who have said yes to it: this writes. It must not know any one connector.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tenure.connectors.base import (
    Check,
    Connector,
    ConnectorError,
    DeletesEntitlements,
    NotFound,
    Unsupported,
)
from tenure.core.diff import same
from tenure.core.model import Value

Tell: TypeAlias = Callable[[Check], None]

#: What a part of an attribute's name says about its value. The first that fits counts.
_VALUES = (
    ("mail", "{canary}@example.com"),
    ("given", "Tenure"),
    ("first", "Tenure"),
    ("family", "Check"),
    ("last", "Check"),
    ("display", "Tenure Check {canary}"),
    ("full", "Tenure Check {canary}"),
    ("user", "{canary}"),
    ("login", "{canary}"),
    ("nick", "{canary}"),
    ("title", "Canary"),
)


def new_name() -> str:
    """A name that nobody has, and that anybody can tell."""
    return f"tenure-check-{secrets.token_hex(4)}"


def sample(names: frozenset[str], canary: str, given: Mapping[str, Value]) -> dict[str, Value]:
    """Values for a canary's attributes: as given, otherwise by what the name sounds like.
    `{canary}` in a text stands for its name."""
    values: dict[str, Value] = {}
    for name in sorted(names - {"externalId"}):
        text = given.get(name)
        if text is None:
            lowered = name.casefold()
            text = next((value for part, value in _VALUES if part in lowered), None)
        if isinstance(text, str):
            text = text.replace("{canary}", canary)
        if text is not None:
            values[name] = text
    return values


@dataclass(slots=True)
class Canary:
    """One round. `values` are the attributes it is made with, `group` the entitlement (kind, id)
    that it is put into; none: a new one where that can be made."""

    connector: Connector
    name: str
    values: Mapping[str, Value]
    group: tuple[str, str] | None = None
    remote_id: str = ""
    gone: bool = False
    _made_groups: list[tuple[str, str, str]] = field(default_factory=list)

    async def fly(self, tell: Tell) -> None:
        """Line by line. Ends early where nothing can work, and cleans up in any case."""
        try:
            await self._round(tell)
        finally:
            await self._clean(tell)

    async def _round(self, tell: Tell) -> None:
        can = self.connector.capabilities
        if not can.create:
            tell(Check("Create", True, "It cannot: accounts are made by hand. Nothing is tried."))
            return
        made = await self._tried("Create", self._create())
        tell(made)
        if not made.ok:
            return
        tell(await self._tried("Read back", self._read_back(self.values)))
        tell(await self._tried("Find", self._find()))
        if can.update:
            tell(await self._tried("Update", self._update()))
        if can.disable:
            tell(await self._tried("Disable", self._set_active(False)))
        if can.enable and can.disable:
            tell(await self._tried("Enable", self._set_active(True)))
        if can.entitlements:
            tell(await self._tried("Membership", self._membership()))
        if can.delete:
            tell(await self._tried("Delete", self._delete()))

    async def _create(self) -> str:
        made = await self.connector.create(self.values, external_id=self.name, active=True)
        self.remote_id = made.remote_id
        state = {True: "open", False: "closed, though it was asked to be open", None: "made"}
        return f"{made.remote_id}, {state[made.active]}."

    async def _read_back(self, wanted: Mapping[str, Value | None]) -> str:
        shown = (await self.connector.read(self.remote_id)).attributes
        wrong = [
            f"{name} is {shown.get(name)!r} and was sent as {value!r}"
            for name, value in wanted.items()
            if not same(value, shown.get(name))
        ]
        if wrong:
            raise _Disappointed(f"{'; '.join(wrong)}. Correct its place, or how it is converted.")
        return f"{', '.join(wanted)} came back as sent."

    async def _find(self) -> str:
        searchable = self.connector.capabilities.searchable
        tried = [name for name in self.values if name in searchable]
        for name in tried:
            found = await self.connector.find(name, str(self.values[name]))
            if self.remote_id not in {account.remote_id for account in found}:
                raise _Disappointed(
                    f"It is not found by {name}. New accounts may be searchable only after a while."
                )
        return f"By {', '.join(tried)}." if tried else "There is nothing to search by."

    async def _update(self) -> str:
        name = next((n for n in self.values if _may_change(n)), None)
        if name is None:
            return "No attribute that could be changed without harm."
        changed = {name: f"{self.values[name]} two"}
        await self.connector.update(self.remote_id, changed)
        return await self._read_back({**self.values, **changed})

    async def _set_active(self, active: bool) -> str:
        verb = self.connector.enable if active else self.connector.disable
        await verb(self.remote_id)
        await verb(self.remote_id)
        shown = (await self.connector.read(self.remote_id)).active
        if shown is None:
            return "It took it, but does not show whether an account is open."
        if shown is not active:
            raise _Disappointed(f"It took it, and still shows the account {_open(shown)}.")
        return f"Shown as {_open(shown)}; once more does no harm."

    async def _membership(self) -> str:
        kind, remote_id = self.group or await self._new_group()
        if not remote_id:
            return "Not tried: name one that the canary may be put into."
        await self.connector.change_members(kind, remote_id, add=[self.remote_id])
        shown = await self._members(kind, remote_id)
        if shown is not None and self.remote_id not in shown:
            raise _Disappointed(f"It was put into {kind} {remote_id} and is not shown in it.")
        await self.connector.change_members(kind, remote_id, remove=[self.remote_id])
        shown = await self._members(kind, remote_id)
        if shown is not None and self.remote_id in shown:
            raise _Disappointed(f"It was taken out of {kind} {remote_id} and is still shown in it.")
        told = "in and out" if shown is not None else "in and out, though members are not shown"
        return f"{kind} {remote_id}: {told}."

    async def _new_group(self) -> tuple[str, str]:
        can = self.connector.capabilities
        deletes = can.create_entitlements and isinstance(self.connector, DeletesEntitlements)
        for kind in sorted(can.entitlements) if deletes else ():
            try:
                made = await self.connector.create_entitlement(kind, self.name)
            except Unsupported:
                continue
            self._made_groups.append((kind, made.remote_id, made.name))
            return kind, made.remote_id
        return "", ""

    async def _members(self, kind: str, remote_id: str) -> frozenset[str] | None:
        async for one in self.connector.entitlements():
            if (one.kind, one.remote_id) == (kind, remote_id):
                return one.members
        raise _Disappointed(f"The {kind} {remote_id} is not listed.")

    async def _delete(self) -> str:
        await self.connector.delete(self.remote_id)
        try:
            shown = await self.connector.read(self.remote_id)
        except NotFound:
            self.gone = True
            return "It is not there any more."
        if shown.active is False:
            self.gone = True
            return "It is still there, but closed: deleting only closes here."
        raise _Disappointed("It took it, and still shows the account open.")

    async def _clean(self, tell: Tell) -> None:
        """Takes away what is left. Says what could not be taken away."""
        if self.remote_id and not self.gone:
            tell(await self._tried("Clean up", self._take_away()))
        for kind, remote_id, name in self._made_groups:
            doing: Any = getattr(self.connector, "delete_entitlement", None)
            line = await self._tried(f"Clean up {name}", doing(kind, remote_id))
            if not line.ok:
                tell(line)

    async def _take_away(self) -> str:
        can = self.connector.capabilities
        try:
            if can.delete:
                await self.connector.delete(self.remote_id)
                return "The canary is deleted."
        except NotFound:
            return "The canary is gone."
        except ConnectorError:
            if not can.disable:
                raise
        if can.disable:
            await self.connector.disable(self.remote_id)
            return f"The canary {self.name} ({self.remote_id}) stays there, closed."
        raise _Disappointed(
            f"The canary {self.name} ({self.remote_id}) is left: delete it by hand."
        )

    async def _tried(self, what: str, doing: Awaitable[str | None]) -> Check:
        try:
            return Check(what, True, await doing or "")
        except Unsupported as error:
            return Check(what, True, f"It cannot: {error}")
        except (ConnectorError, _Disappointed) as error:
            return Check(what, False, str(error))


class _Disappointed(Exception):
    """The application said yes, and did not do it."""


def _may_change(name: str) -> bool:
    """Names and titles: nobody signs in by them, and they need not be unique."""
    lowered = name.casefold()
    return any(part in lowered for part in ("title", "display", "full", "given", "first", "last"))


def _open(active: bool) -> str:
    return "open" if active else "closed"
