"""The connector for any application whose interface is written down in a specification.

It turns the port's verbs into the specification's requests, and answers into accounts. What a
request looks like and what an answer means is data; this knows verbs only. It must not know the
engine, or any one application.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, ClassVar, Self

from pydantic import BaseModel

from tenure.connectors.answers import HttpRejected
from tenure.connectors.base import (
    Capabilities,
    Check,
    ConnectorConfig,
    ConnectorError,
    Listed,
    NotFound,
    OutcomeUnknown,
    RemoteAccount,
    RemoteAttribute,
    RemoteEntitlement,
    StopApplication,
    Unsupported,
)
from tenure.connectors.rest.accounts import Accounts
from tenure.connectors.rest.checks import checked
from tenure.connectors.rest.entitlements import Entitlements
from tenure.connectors.rest.forms import RestSecrets, RestSettings, forms, program_for
from tenure.connectors.rest.judging import Reply
from tenure.connectors.rest.listing import portions
from tenure.connectors.rest.opening import ALWAYS, capabilities, opened, stricter
from tenure.connectors.rest.program import Call, Program, Steps
from tenure.connectors.rest.templates import as_text
from tenure.connectors.rest.transport import Tape, Transport
from tenure.connectors.rest.verbs import run, thing
from tenure.core.model import Attributes, Value


class RestConnector:
    """An own API, by a specification in YAML. See docs/reference/rest-connector.md."""

    Settings: ClassVar[type[BaseModel]] = RestSettings
    Secrets: ClassVar[type[BaseModel]] = RestSecrets

    capabilities: Capabilities
    #: There only where whatever can be made can also be deleted (see `DeletesEntitlements`).
    delete_entitlement: Callable[[str, str], Awaitable[None]]

    def __init__(self, config: ConnectorConfig, *, tape: Tape | None = None) -> None:
        program = program_for(config.settings)
        self._program = program
        values, given = opened(program, config)
        unknown = config.attributes - program.account.attributes.keys() - ALWAYS
        if unknown:
            known = ", ".join(program.account.attributes)
            raise ValueError(
                f"accounts have no attribute {', '.join(sorted(unknown))} in the specification; "
                f"they have {known}"
            )
        self._accounts = Accounts(program.account, given["settings"], config.attributes or None)
        self._transport = Transport(
            program,
            given,
            limits=stricter(program.spec.limits, config.limits),
            timeouts=values.timeouts,
            allow_http=values.allow_http,
            tokens=config.tokens,
            tape=tape,
        )
        self._entitlements = Entitlements(program, self._transport, self._accounts, self._item)
        self._details = asyncio.Semaphore(max(1, program.spec.limits.concurrency))
        self.capabilities = capabilities(program)
        kinds = [one for one in program.entitlements.values() if one.create is not None]
        if kinds and all(one.delete is not None for one in kinds):
            self.delete_entitlement = self._entitlements.delete

    @classmethod
    def schemas_for(cls, settings: Mapping[str, Any]) -> tuple[type[BaseModel], type[BaseModel]]:
        """The forms of the application that these settings specify. Raises `SettingsError`."""
        return forms(program_for(settings).spec)

    @classmethod
    def ends_sessions_by(cls, settings: Mapping[str, Any]) -> bool:
        """Whether the specification has a request for it. Raises `SettingsError`."""
        return bool(program_for(settings).verb("end_sessions"))

    @classmethod
    def attributes_for(cls, settings: Mapping[str, Any]) -> frozenset[str]:
        """The attributes that accounts have there. Raises `SettingsError`."""
        return frozenset(program_for(settings).account.attributes)

    async def attributes(self) -> list[RemoteAttribute]:
        """What accounts have there, as the specification says."""
        return [
            RemoteAttribute(
                name,
                mutability="immutable" if one.fixed else "readWrite" if one.written else "",
            )
            for name, one in self._program.account.attributes.items()
        ]

    @property
    def secret_texts(self) -> set[str]:
        """What nobody may see: secrets, tokens and the passwords that were made up."""
        return self._transport.secret_texts

    @property
    def program(self) -> Program:
        """What is run."""
        return self._program

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._transport.__aexit__(kind, error, traceback)

    async def check(self) -> list[Check]:
        """Credentials, the specification's own checks, one page of accounts, entitlements."""
        return await checked(self._program, self._transport, self)

    async def accounts(self) -> AsyncIterator[list[Listed]]:
        async for items in self._listed():
            yield [_listed(account) for account in items]

    async def first_page(self) -> list[RemoteAccount]:
        """What a check needs to see: one page of each list, and no more."""
        return [one async for page in self._listed(first_only=True) for one in page]

    async def own_account(self) -> str | None:
        steps = self._program.verb("own_account")
        if not steps:
            return None
        try:
            (call,) = steps
            found = thing(call, await run(self._transport, steps, {}))
        except ConnectorError:
            return None
        identifier = call.id_in(found, self._program.account.id)
        return None if identifier in (None, "") else as_text(identifier)

    async def read(self, remote_id: str) -> RemoteAccount:
        return self._accounts.loaded(await self._item(remote_id), "requests.get")

    async def find(self, attribute: str, value: str) -> list[RemoteAccount]:
        """By the specification's search where there is one, otherwise through everything."""
        wanted = _comparable(value)
        if not wanted or attribute not in self._program.account.attributes:
            return []
        steps = self._program.verb(f"find {attribute}")
        found: dict[str, RemoteAccount] = {}
        for step in steps or self._program.verb("list"):
            try:
                async for call, items in self._raw((step,), {"value": value}):
                    for item in items:
                        # What a search gives is looked at: some ignore what they are asked for.
                        if _holds(self._accounts.of(item, attribute), wanted):
                            account = self._accounts.loaded(item, call.where)
                            found[account.remote_id] = account
            except NotFound:
                if not steps:
                    raise
        return list(found.values())

    async def create(
        self, attributes: Attributes, *, external_id: str, active: bool
    ) -> RemoteAccount:
        steps = self._must("create")
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
                raise self._with_fields(error, values) from None
            raise
        made = await self._made(steps[-1], reply, values)
        if active or made.active is False:
            return made
        try:
            await self.disable(made.remote_id)
            return await self.read(made.remote_id)
        except ConnectorError as error:
            raise OutcomeUnknown(
                f"The account {made.remote_id} was made, but could not be closed: {error}"
            ) from None

    async def update(self, remote_id: str, changes: Mapping[str, Value | None]) -> None:
        if not changes:
            return
        steps = self._must("update")
        used = frozenset[str]().union(*(step.names for step in steps))
        self._accounts.check_changeable(changes, used)
        values = {n: None if v in ("", []) else v for n, v in changes.items()}
        current: list[Any] = []

        async def item() -> Any:
            if not current:
                current.append(await self._item(remote_id))
            return current[0]

        async def whole() -> Any:
            return self._accounts.whole(await item(), values)

        written = self._accounts.written(values, values)
        variables = {
            "id": remote_id,
            "account": values,
            "attributes": written,
            "changes": self._accounts.changes(values, values),
            "changed": list(values),
        }
        try:
            await run(self._transport, steps, variables, {"current": item, "whole": whole})
        except HttpRejected as error:
            raise self._with_fields(error, values) from None

    async def disable(self, remote_id: str) -> None:
        await self._plain_verb("disable", remote_id)

    async def enable(self, remote_id: str) -> None:
        await self._plain_verb("enable", remote_id)

    async def delete(self, remote_id: str) -> None:
        await self._plain_verb("delete", remote_id)

    async def end_sessions(self, remote_id: str) -> None:
        """By the specification's own request."""
        await self._plain_verb("end_sessions", remote_id)

    async def entitlements(self) -> AsyncIterator[RemoteEntitlement]:
        async for one in self._entitlements.all():
            yield one

    async def create_entitlement(self, kind: str, name: str) -> RemoteEntitlement:
        return await self._entitlements.create(kind, name)

    async def change_members(
        self, kind: str, remote_id: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> None:
        """Removals first. When a later request fails, the earlier ones are done: the same call
        again is safe."""
        await self._entitlements.change(kind, remote_id, add=add, remove=remove)

    # What the verbs share.

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

    async def _listed(self, *, first_only: bool = False) -> AsyncIterator[list[RemoteAccount]]:
        steps = self._program.verb("list")
        async for call, items in self._raw(steps, {}, first_only=first_only):
            yield [self._accounts.loaded(item, call.where) for item in items]

    def _id_in(self, call: Call, item: Any) -> str:
        found = call.id_in(item, self._program.account.id)
        return as_text(found) if found is not None else self._accounts.identifier(item, call.where)

    async def _detail(self, remote_id: str) -> Any:
        async with self._details:
            try:
                return await self._item(remote_id)
            except NotFound:
                return None  # It went between the list and now.

    async def _item(self, remote_id: str) -> Any:
        """One account as the application shows it. Raises `NotFound`."""
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
            return await self.read(as_text(found))
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

    async def _plain_verb(self, verb: str, remote_id: str) -> None:
        steps = self._must(verb)
        held: list[Any] = []

        async def item() -> Any:
            if not held:
                held.append(await self._item(remote_id))
            return held[0]

        async def whole() -> Any:
            return self._accounts.whole(await item(), {})

        await run(self._transport, steps, {"id": remote_id}, {"current": item, "whole": whole})

    def _must(self, verb: str) -> Steps:
        steps = self._program.verb(verb)
        if not steps:
            told = self._program.spec.cannot.get(verb, "")
            what = "end sessions of" if verb == "end_sessions" else verb
            raise Unsupported(
                f"{self._program.spec.name} has no way to {what} accounts through its interface.",
                told or f"Open the account in {self._program.spec.name} and {verb} it there.",
            )
        return steps

    def _with_fields(self, error: HttpRejected, values: Mapping[str, Value | None]) -> HttpRejected:
        said = str(error).partition(":")[2]
        fields = self._accounts.named_in(said, values)
        return HttpRejected(str(error), fields, status=error.status, code=error.code)


def _listed(account: RemoteAccount) -> Listed:
    return Listed(account.remote_id, account.fingerprint, partial(_itself, account))


def _itself(account: RemoteAccount) -> RemoteAccount:
    return account


def _comparable(text: str) -> str:
    return unicodedata.normalize("NFC", text.strip()).casefold()


def _holds(value: Value | None, wanted: str) -> bool:
    if value is None:
        return False
    if isinstance(value, str) or not isinstance(value, Sequence):
        return _comparable(str(value)) == wanted
    return any(_comparable(part) == wanted for part in value)
