"""Making an account by a specification's requests, and finding out what was made.

Whoever made something and cannot say what, or did a part of it, has left something there that is
not known: it is looked for before anything is sent again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from tenure.connectors.answers import HttpRejected
from tenure.connectors.base import (
    ConnectorError,
    OutcomeUnknown,
    RemoteAccount,
    StopApplication,
)
from tenure.connectors.rest.accounts import Accounts
from tenure.connectors.rest.judging import Reply
from tenure.connectors.rest.program import Call, Program, Steps
from tenure.connectors.rest.templates import as_text
from tenure.connectors.rest.transport import Transport
from tenure.connectors.rest.verbs import run
from tenure.core.model import Attributes, Value


class Creator:
    """One application's. `read` gives an account by its id."""

    def __init__(
        self,
        program: Program,
        transport: Transport,
        accounts: Accounts,
        read: Callable[[str], Awaitable[RemoteAccount]],
    ) -> None:
        self._program = program
        self._transport = transport
        self._accounts = accounts
        self._read = read

    async def create(
        self, steps: Steps, attributes: Attributes, external_id: str, active: bool
    ) -> RemoteAccount:
        """The account that was made. It may have been made open, whatever `active` says. Raises
        `OutcomeUnknown` where a part of it was done."""
        values: dict[str, Value | None] = {**attributes}
        if "externalId" in self._program.account.attributes:
            values["externalId"] = external_id
        variables = {
            "account": values,
            "attributes": self._accounts.written(values, values),
            "changes": self._accounts.changes(values, values),
            "external_id": external_id,
            "active": active,
        }
        written: list[str] = []
        try:
            reply = await run(self._transport, steps, variables, written=written)
        except ConnectorError as error:
            if written:
                raise OutcomeUnknown(
                    f"The account was made, or a part of it, before this: {error} It is looked for "
                    "before anything is sent again."
                ) from None
            if isinstance(error, HttpRejected):
                raise self._accounts.with_fields(error, values) from None
            raise
        return await self._made(steps[-1], reply, values)

    async def _made(
        self, call: Call, reply: Reply | None, values: Mapping[str, Value | None]
    ) -> RemoteAccount:
        """What was just created; it has an id, or it is not known what was created."""
        found: Any = None
        if reply is not None:
            if call.item is not None:
                found = call.item.get(reply.body)
            if isinstance(found, Mapping) and call.id is None:
                return self._shown(found, call)
            found = (
                call.id.of({**reply.seen, "account": values})
                if call.id is not None
                else self._program.account.id.get(reply.body)
            )
            found = found[0] if isinstance(found, list) and found else found
        if found in (None, "") or isinstance(found, dict | list):
            raise OutcomeUnknown(
                f"{call.spec.request} was answered without an id ({call.where}.id): whether it was "
                "created is not known. It is looked for before anything is sent again."
            )
        try:
            return await self._read(as_text(found))
        except ConnectorError as error:
            raise OutcomeUnknown(
                f"{call.spec.request} was done, but the new account {as_text(found)} could not be "
                f"read: {error}"
            ) from None

    def _shown(self, item: Mapping[str, Any], call: Call) -> RemoteAccount:
        """An account as the answer to its creation shows it."""
        try:
            return self._accounts.loaded(item, call.where)
        except StopApplication as error:
            raise OutcomeUnknown(
                f"{call.spec.request} was answered, but not with the account: {error}"
            ) from None
