"""The connector for any application whose interface is written down in a specification.

It turns the port's verbs into the specification's requests. What a request looks like and what an
answer means is data; this knows verbs only. It must not know the engine, or any one application.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel

from tenure.connectors.answers import HttpRejected
from tenure.connectors.base import (
    Capabilities,
    Check,
    ConnectorConfig,
    ConnectorError,
    Listed,
    OutcomeUnknown,
    RemoteAccount,
    RemoteAttribute,
    RemoteEntitlement,
    Unsupported,
    listed,
)
from tenure.connectors.opened import OpenWith
from tenure.connectors.rest.accounts import Accounts
from tenure.connectors.rest.checks import checked
from tenure.connectors.rest.creating import Creator
from tenure.connectors.rest.entitlements import Entitlements
from tenure.connectors.rest.finding import Finder
from tenure.connectors.rest.forms import RestSecrets, RestSettings, forms, program_for
from tenure.connectors.rest.opening import ALWAYS, capabilities, opened, stricter
from tenure.connectors.rest.program import Program, Steps
from tenure.connectors.rest.transport import Tape, Transport
from tenure.connectors.rest.verbs import run
from tenure.core.model import Attributes, Value


class RestConnector(OpenWith):
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
        self._opened = [self._transport]
        self._finder = Finder(program, self._transport, self._accounts)
        self._creator = Creator(program, self._transport, self._accounts, self.read)
        self._entitlements = Entitlements(
            program, self._transport, self._accounts, self._finder.item
        )
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
    def removing_by(cls, settings: Mapping[str, Any]) -> Capabilities:
        """For what the specification has requests. Raises `SettingsError`."""
        return capabilities(program_for(settings))

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

    async def check(self) -> list[Check]:
        """Credentials, the specification's own checks, one page of accounts, entitlements."""
        return await checked(self._program, self._transport, self)

    async def accounts(self) -> AsyncIterator[list[Listed]]:
        async for items in self._finder.pages():
            yield [listed(account) for account in items]

    async def first_page(self) -> list[RemoteAccount]:
        """What a check needs to see: one page of each list, and no more."""
        return [one async for page in self._finder.pages(first_only=True) for one in page]

    async def own_account(self) -> str | None:
        try:
            return await self._finder.own_id()
        except ConnectorError:
            return None

    async def read(self, remote_id: str) -> RemoteAccount:
        return self._accounts.loaded(await self._finder.item(remote_id), "requests.get")

    async def find(self, attribute: str, value: str) -> list[RemoteAccount]:
        """By the specification's search where there is one, otherwise through everything."""
        return await self._finder.by_value(attribute, value)

    async def create(
        self, attributes: Attributes, *, external_id: str, active: bool
    ) -> RemoteAccount:
        steps = self._must("create")
        made = await self._creator.create(steps, attributes, external_id, active)
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
                current.append(await self._finder.item(remote_id))
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
            raise self._accounts.with_fields(error, values) from None

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

    async def _plain_verb(self, verb: str, remote_id: str) -> None:
        steps = self._must(verb)
        held: list[Any] = []

        async def item() -> Any:
            if not held:
                held.append(await self._finder.item(remote_id))
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
