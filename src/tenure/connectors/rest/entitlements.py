"""Groups, roles and licences of an application with a specification.

Either accounts are members of them, and are put in and taken out; or an account has a field that
says what it holds, and the field is set anew. It must not know how requests are sent.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from tenure.connectors.base import (
    NotFound,
    OutcomeUnknown,
    RemoteEntitlement,
    StopApplication,
    Unsupported,
)
from tenure.connectors.rest.accounts import Accounts
from tenure.connectors.rest.listing import pages, portions
from tenure.connectors.rest.program import EntitlementProgram, Program, Steps
from tenure.connectors.rest.templates import as_text
from tenure.connectors.rest.transport import Transport
from tenure.connectors.rest.verbs import run

#: Reads one account as the application shows it.
Read = Callable[[str], Awaitable[Any]]


class Entitlements:
    """What accounts of one application can hold."""

    def __init__(
        self, program: Program, transport: Transport, accounts: Accounts, read: Read
    ) -> None:
        self._program = program
        self._transport = transport
        self._accounts = accounts
        self._read = read

    async def all(self) -> AsyncIterator[RemoteEntitlement]:
        """Everything, with members where they can be told."""
        for kind, one in self._program.entitlements.items():
            async for found in self._of(kind, one):
                yield found

    async def _of(self, kind: str, one: EntitlementProgram) -> AsyncIterator[RemoteEntitlement]:
        listed = [entry async for entry in self._listed(one)]
        holders = await self._holders(one) if one.field is not None else None
        for identifier, name, item in listed:
            if holders is not None:
                members: frozenset[str] | None = holders.get(identifier, frozenset())
            else:
                members = await self._members(one, identifier, item)
            yield RemoteEntitlement(kind, identifier, name or identifier, members)

    async def _listed(self, one: EntitlementProgram) -> AsyncIterator[tuple[str, str, Any]]:
        for identifier, name in one.spec.values.items():
            yield identifier, name, None
        if one.list is None:
            return
        async for page in pages(self._transport, one.list, {}):
            for item in page:
                found = one.id.get(item)
                if found in (None, "") or isinstance(found, dict | list):
                    raise StopApplication(
                        f"{one.list.where} shows something without an id at {one.id}. Correct `id` "
                        "in the specification."
                    )
                name = one.name.get(item)
                yield as_text(found), "" if name is None else as_text(name), item

    async def _members(
        self, one: EntitlementProgram, identifier: str, item: Any
    ) -> frozenset[str] | None:
        if one.members_at is not None:
            return frozenset(_texts(one.members_at.get(item)))
        if one.members is None:
            return None
        found: set[str] = set()
        given = {"entitlement": {"id": identifier}}
        try:
            async for page in pages(self._transport, one.members, given):
                for member in page:
                    found |= set(_texts(one.member.get(member)))
        except NotFound:
            return None  # It went between the list and now.
        return frozenset(found)

    async def _holders(self, one: EntitlementProgram) -> dict[str, frozenset[str]]:
        """Entitlement -> accounts, from the field of every account."""
        assert one.field is not None
        holders: dict[str, set[str]] = {}
        async for call, page in portions(self._transport, self._program.verb("list"), {}):
            for item in page:
                if not self._accounts.is_one(item):
                    continue
                if call.spec.details:
                    found = call.id_in(item, self._program.account.id)
                    try:
                        item = await self._read(as_text(found))
                    except NotFound:
                        continue
                account = self._accounts.identifier(item, call.where)
                for held in _texts(one.field.of(item)):
                    holders.setdefault(held, set()).add(account)
        return {name: frozenset(accounts) for name, accounts in holders.items()}

    async def create(self, kind: str, name: str) -> RemoteEntitlement:
        one = self._program.entitlements.get(kind)
        if one is None or one.create is None:
            raise self._cannot(kind, f"make the {kind} {name!r}")
        reply = await run(self._transport, one.create, {"name": name})
        call = one.create[-1]
        body = call.item.get(reply.body) if reply and call.item else reply.body if reply else None
        found = call.id.of({**reply.seen, "name": name}) if reply and call.id else one.id.get(body)
        found = found[0] if isinstance(found, list) and found else found
        if found in (None, "") or isinstance(found, dict | list):
            # Some answer with nothing: it is where its name is.
            async for identifier, listed, _ in self._listed(one):
                if listed == name:
                    return RemoteEntitlement(kind, identifier, name, None)
            raise OutcomeUnknown(
                f"{call.spec.request} was answered without an id, and {name!r} is not listed: "
                "whether it was made is not known."
            )
        members = None if one.members is None and one.members_at is None else frozenset[str]()
        return RemoteEntitlement(kind, as_text(found), name, members)

    async def delete(self, kind: str, remote_id: str) -> None:
        """What was made by `create`."""
        one = self._program.entitlements.get(kind)
        if one is None or one.delete is None:
            raise self._cannot(kind, f"delete the {kind} {remote_id}")
        await run(self._transport, one.delete, {"entitlement": {"id": remote_id}})

    async def change(
        self, kind: str, remote_id: str, *, add: Sequence[str], remove: Sequence[str]
    ) -> None:
        """Removals first."""
        one = self._program.entitlements.get(kind)
        if one is None:
            raise self._cannot(kind, f"change who holds the {kind}")
        gone = list(dict.fromkeys(remove))
        new = [account for account in dict.fromkeys(add) if account not in set(gone)]
        if one.field is not None and one.change is not None:
            for account, holds in [*((a, False) for a in gone), *((a, True) for a in new)]:
                await self._set(one, one.change, account, remote_id, holds)
            return
        for steps, accounts, what in ((one.remove, gone, "from"), (one.add, new, "to")):
            if not accounts:
                continue
            if steps is None:
                raise self._cannot(kind, f"take accounts {what} the {kind}")
            await self._send(one, steps, remote_id, accounts)

    async def _send(
        self, one: EntitlementProgram, steps: Steps, remote_id: str, accounts: Sequence[str]
    ) -> None:
        given = {"entitlement": {"id": remote_id}}
        if one.spec.chunk:
            for chunk in _chunks(accounts, one.spec.chunk):
                await run(self._transport, steps, {**given, "members": chunk})
            return
        for account in accounts:
            await run(self._transport, steps, {**given, "member": account})

    async def _set(
        self, one: EntitlementProgram, steps: Steps, account: str, remote_id: str, holds: bool
    ) -> None:
        """The field as it is, with or without this one; nothing is sent where it is so already."""
        assert one.field is not None
        if one.list is None and remote_id not in one.spec.values:
            raise NotFound(f"There is nothing with the id {remote_id!r} in the specification.")
        current = await self._read(account)
        held = _texts(one.field.of(current))
        if (remote_id in held) == holds:
            return
        values = [*held, remote_id] if holds else [one_ for one_ in held if one_ != remote_id]
        value = remote_id if holds else (values[0] if values else None)

        async def whole() -> Any:
            return self._accounts.whole(current, {})

        async def itself() -> Any:
            return current

        variables = {
            "id": account,
            "entitlement": {"id": remote_id},
            "values": values,
            "value": value,
        }
        await run(self._transport, steps, variables, {"current": itself, "whole": whole})

    def _cannot(self, kind: str, what: str) -> Unsupported:
        name = self._program.spec.name
        told = self._program.spec.cannot.get(kind, "")
        return Unsupported(
            f"{name} has no way to {what} through its interface.",
            told or f"Open {name}'s administration pages and {what} there.",
        )


def _texts(value: Any) -> list[str]:
    if value in (None, ""):
        return []
    if isinstance(value, list):
        return [as_text(one) for one in value if one not in (None, "")]
    return [as_text(value)]


def _chunks(accounts: Sequence[str], size: int) -> Iterator[list[str]]:
    rest = iter(accounts)
    while chunk := list(islice(rest, size)):
        yield chunk
