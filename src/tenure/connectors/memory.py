"""The connector to an application that lives in this process (see `memory_application`).

For trying Tenure out and for tests of everything above the connectors: it keeps the promises of the
port, and breaks on demand (see `faults`). It must not know who uses it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from typing import Any, ClassVar, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field

from tenure.connectors.base import (
    Answered,
    Capabilities,
    Change,
    Check,
    ConnectorConfig,
    ConnectorError,
    Listed,
    RemoteAccount,
    RemoteEntitlement,
    Together,
    Unsupported,
    listed,
)
from tenure.connectors.faults import Fault
from tenure.connectors.memory_application import (
    Call,
    MemoryApplication,
    MemoryGroup,
    MemoryUser,
)
from tenure.connectors.opened import OpenWith
from tenure.core.diff import comparable, comparables
from tenure.core.model import Attributes, Value

__all__ = ["Call", "MemoryApplication", "MemoryConnector", "MemoryUser"]

T = TypeVar("T")


class MemorySettings(BaseModel):
    """Which application in this process, and how it shows itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, title="Name of the application in memory")
    page_size: int = Field(default=100, ge=1, le=1000, title="Accounts per page")
    groups: bool = Field(default=True, title="Manage groups")
    create_groups: bool = Field(default=True, title="Create missing groups")
    bulk: int = Field(default=0, ge=0, title="Changes in one request, none: one by one")
    sessions: bool = Field(default=False, title="Can sign people out")


class MemorySecrets(BaseModel):
    """None are needed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class MemoryConnector(OpenWith):
    """The port's verbs on a `MemoryApplication`."""

    Settings: ClassVar[type[BaseModel]] = MemorySettings
    Secrets: ClassVar[type[BaseModel]] = MemorySecrets

    capabilities: Capabilities

    def __init__(self, config: ConnectorConfig) -> None:
        self._settings = MemorySettings.model_validate(dict(config.settings))
        MemorySecrets.model_validate(dict(config.secrets))
        self._names = config.attributes
        self._slots = asyncio.Semaphore(max(1, config.limits.concurrency))
        groups = self._settings.groups
        self.capabilities = Capabilities(
            entitlements=frozenset({"group"}) if groups else frozenset(),
            create_entitlements=groups and self._settings.create_groups,
            unique_names=self.application.unique,
            transfer=True,
            ends_sessions=self._settings.sessions,
            searchable=frozenset({"userName", "externalId"}) | config.attributes,
        )

    @property
    def application(self) -> MemoryApplication:
        """The application behind this connector."""
        return MemoryApplication.named(self._settings.name)

    @classmethod
    def ends_sessions_by(cls, settings: Mapping[str, Any]) -> bool:
        """Whether sessions can be ended by these settings."""
        return MemorySettings.model_validate(dict(settings)).sessions

    async def check(self) -> list[Check]:
        """One line: that it is there."""
        try:
            users = await self._call("check", "", lambda: len(self.application.users))
        except ConnectorError as error:
            return [Check("Users", False, str(error))]
        return [Check("Users", True, f"{users} there.")]

    async def accounts(self) -> AsyncIterator[list[Listed]]:
        users = self.application.shown()
        size = self._settings.page_size
        for start in range(0, max(len(users), 1), size):
            page = users[start : start + size]
            yield await self._call("accounts", str(start), partial(self._listed, page))

    async def own_account(self) -> str | None:
        return self.application.own

    async def owners(self) -> frozenset[str] | None:
        owners = self.application.owners
        return None if owners is None else frozenset(owners)

    async def read(self, remote_id: str) -> RemoteAccount:
        return await self._call(
            "read", remote_id, lambda: self._account(self.application.shown_user(remote_id))
        )

    async def find(self, attribute: str, value: str) -> list[RemoteAccount]:
        wanted = comparable(value)
        return await self._call(
            "find",
            f"{attribute}={value}",
            lambda: [
                self._account(user)
                for user in self.application.shown()
                if wanted and wanted in comparables(_shown(user).get(attribute))
            ],
            seen_blindly=[],
        )

    async def create(
        self, attributes: Attributes, *, external_id: str, active: bool
    ) -> RemoteAccount:
        return await self._call(
            "create",
            external_id,
            lambda: self._account(
                self.application.hide_for_a_while(
                    self.application.add_user(attributes, external_id=external_id, active=active)
                )
            ),
        )

    async def update(self, remote_id: str, changes: Mapping[str, Value | None]) -> None:
        await self._call(
            "update", remote_id, lambda: self.application.change_user(remote_id, changes)
        )

    async def disable(self, remote_id: str) -> None:
        await self._call(
            "disable", remote_id, lambda: self.application.set_active(remote_id, False)
        )

    async def enable(self, remote_id: str) -> None:
        await self._call("enable", remote_id, lambda: self.application.set_active(remote_id, True))

    async def transfer(self, remote_id: str, to_remote_id: str) -> None:
        await self._call(
            "transfer", remote_id, lambda: self.application.transfer(remote_id, to_remote_id)
        )

    async def end_sessions(self, remote_id: str) -> None:
        if not self._settings.sessions:
            raise Unsupported("This application cannot sign anybody out.")
        await self._call("end_sessions", remote_id, lambda: self.application.sign_out(remote_id))

    async def delete(self, remote_id: str) -> None:
        await self._call("delete", remote_id, lambda: self.application.delete_user(remote_id))

    async def together(self) -> Together:
        return Together(self._settings.bulk, always=True)

    async def bulk(
        self, changes: Sequence[Change], *, halted: Callable[[], bool] = bool
    ) -> list[Answered]:
        """One call `bulk`, whatever is asked meanwhile; each change in it also meets what is
        planned for its own verb."""
        return await self._call(
            "bulk", str(len(changes)), lambda: [self._changed(change) for change in changes]
        )

    def _changed(self, change: Change) -> Answered:
        fault = self.application.faults.take(change.verb)
        try:
            if fault.error is None or fault.after:
                done = self._act(change)
                if fault.error is None:
                    return done
            elif fault.late is not None:
                act = partial(self._act, change)
                asyncio.get_running_loop().call_later(fault.late, _do_unheard, act)
        except ConnectorError as error:
            if fault.error is None:
                return error
        return fault.error()

    def _act(self, change: Change) -> RemoteAccount | None:
        application = self.application
        match change.verb:
            case "create":
                given = {n: v for n, v in change.attributes.items() if v is not None}
                user = application.add_user(
                    given, external_id=change.external_id, active=change.active
                )
                return self._account(application.hide_for_a_while(user))
            case "update":
                application.change_user(change.remote_id, change.attributes)
            case "disable" | "enable":
                application.set_active(change.remote_id, change.verb == "enable")
            case "delete":
                application.delete_user(change.remote_id)
        return None

    async def entitlements(self) -> AsyncIterator[RemoteEntitlement]:
        if not self._settings.groups:
            return
        groups = await self._call(
            "entitlements", "", lambda: [_entitlement(g) for g in self.application.groups.values()]
        )
        for group in groups:
            yield group

    async def create_entitlement(self, kind: str, name: str) -> RemoteEntitlement:
        self._must_be_group(kind)
        if not self._settings.create_groups:
            raise Unsupported(
                f"Groups are not created in this application (settings): {name!r} is missing.",
                f"Create the group {name!r} in the application, or switch on creating groups.",
            )
        return await self._call(
            "create_entitlement", name, lambda: _entitlement(self.application.add_group(name))
        )

    async def change_members(
        self, kind: str, remote_id: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> None:
        self._must_be_group(kind)
        await self._call(
            "change_members",
            remote_id,
            lambda: self.application.change_group(remote_id, add, remove),
        )

    async def delete_entitlement(self, kind: str, remote_id: str) -> None:
        """The group is gone. Raises `NotFound`."""
        self._must_be_group(kind)
        await self._call(
            "delete_entitlement", remote_id, lambda: self.application.delete_group(remote_id)
        )

    async def _call(
        self, verb: str, target: str, act: Callable[[], T], *, seen_blindly: T | None = None
    ) -> T:
        """Does `act`, with whatever the application's plan of faults has for this call. What was
        sent arrives, also when whoever sent it is gone meanwhile."""
        application = self.application
        application.calls.append(Call(verb, target))
        fault = application.faults.take(verb)
        async with self._slots:
            served = asyncio.ensure_future(_serve(fault, act, seen_blindly=seen_blindly))
            served.add_done_callback(_unheard)
            return await asyncio.shield(served)

    def _must_be_group(self, kind: str) -> None:
        if kind != "group" or not self._settings.groups:
            raise Unsupported(
                f"This application has no entitlements of kind {kind!r} for us.",
                f"Change the {kind} in the application's own administration pages.",
            )

    def _listed(self, users: Sequence[MemoryUser]) -> list[Listed]:
        made = []
        for user in users:
            account = self._account(user)
            made.append(listed(account))
        return made

    def _account(self, user: MemoryUser) -> RemoteAccount:
        shown = _shown(user)
        told = orjson.dumps([shown, user.active], option=orjson.OPT_SORT_KEYS)
        return RemoteAccount(
            remote_id=user.remote_id,
            attributes={name: value for name, value in shown.items() if name in self._names},
            active=user.active,
            fingerprint=blake2b(told, digest_size=16).digest(),
        )


async def _serve(fault: Fault, act: Callable[[], T], *, seen_blindly: T | None) -> T:
    # Even without delay others come in between, as with any real application.
    await asyncio.sleep(fault.delay)
    if fault.blind and seen_blindly is not None:
        return seen_blindly
    if fault.error is None:
        return act()
    if fault.after:
        _do_unheard(act)
    elif fault.late is not None:
        asyncio.get_running_loop().call_later(fault.late, _do_unheard, act)
    raise fault.error()


def _unheard(served: asyncio.Future[Any]) -> None:
    """What came of it is nobody's matter where whoever asked is gone."""
    if not served.cancelled():
        served.exception()


def _do_unheard(act: Callable[[], object]) -> None:
    """A refusal gets lost as an answer does."""
    with contextlib.suppress(ConnectorError):
        act()


def _shown(user: MemoryUser) -> dict[str, Value]:
    external = {"externalId": user.external_id} if user.external_id else {}
    return {**user.attributes, **external}


def _entitlement(group: MemoryGroup) -> RemoteEntitlement:
    return RemoteEntitlement("group", group.remote_id, group.name, frozenset(group.members))
