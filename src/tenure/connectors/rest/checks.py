"""The connection check of an application with a specification. Reads only, and never raises for
what an application does.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Protocol

from tenure.connectors.base import Check, ConnectorError, RemoteAccount
from tenure.connectors.rest.program import Program
from tenure.connectors.rest.transport import Transport
from tenure.connectors.rest.verbs import run


class _Reader(Protocol):
    async def first_page(self) -> list[RemoteAccount]: ...

    async def read(self, remote_id: str) -> RemoteAccount: ...

    async def own_account(self) -> str | None: ...

    def entitlements(self) -> Any: ...


async def checked(program: Program, transport: Transport, connector: _Reader) -> list[Check]:
    """Lines named Credentials, the specification's own, Accounts, One account, Own account and one
    for each kind of entitlement; the first that shows that nothing can work is the last."""
    lines: list[Check] = []
    _, problem = await _tried(transport.signing.ticket())
    if problem:
        return [Check("Credentials", False, problem)]
    for name, steps in program.verbs.items():
        if name.startswith("check "):
            _, problem = await _tried(run(transport, steps, {}))
            lines.append(Check(name.removeprefix("check "), not problem, problem or "It answers."))
            if problem:
                return lines
    page, problem = await _tried(connector.first_page())
    lines.append(Check("Accounts", not problem, problem or f"{len(page or ())} on the first page."))
    if problem:
        return lines
    if page:
        lines.append(await _one(connector, page[0]))
    if program.verb("own_account"):
        own = await connector.own_account()
        told = f"It is {own}." if own else "It is not told whose the credentials are."
        lines.append(Check("Own account", own is not None, told))
    lines += [await _entitlement(kind, connector) for kind in program.entitlements]
    return lines


async def _one(connector: _Reader, listed: RemoteAccount) -> Check:
    """Whether a list and a single answer agree: where they do not, every reconcile would find
    changes that are none."""
    read, problem = await _tried(connector.read(listed.remote_id))
    if problem:
        return Check("One account", False, problem)
    if read.remote_id != listed.remote_id:
        return Check(
            "One account",
            False,
            f"{listed.remote_id} was asked for, and {read.remote_id} was answered: `get` has to "
            "take what account.id is.",
        )
    differing = sorted(
        name
        for name in {*read.attributes, *listed.attributes}
        if read.attributes.get(name) != listed.attributes.get(name)
    )
    if read.active is not listed.active:
        differing.append("active")
    if differing:
        return Check(
            "One account",
            False,
            f"The list and `get` show {', '.join(differing)} differently. Say `details: true` in "
            "requests.list if the list leaves them out.",
        )
    without = "" if listed.active is not None else " It does not say whether it is open."
    return Check("One account", True, f"{', '.join(listed.attributes)} can be read.{without}")


async def _entitlement(kind: str, connector: _Reader) -> Check:
    what = {"group": "Groups", "role": "Roles", "licence": "Licences"}[kind]
    count, members = 0, 0
    try:
        async for one in connector.entitlements():
            if one.kind == kind:
                count, members = count + 1, members + len(one.members or ())
    except ConnectorError as error:
        return Check(what, False, str(error))
    return Check(what, True, f"{count} there, {members} memberships shown.")


async def _tried(doing: Awaitable[Any]) -> tuple[Any, str]:
    try:
        return await doing, ""
    except ConnectorError as error:
        return None, str(error)
