"""An application that lives in this process, and the connector to it.

For trying Tenure out and for tests of everything above the connectors: it keeps the promises of the
port, and breaks on demand (see `faults`). It must not know who uses it.
"""

from __future__ import annotations

import asyncio
import unicodedata
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from types import TracebackType
from typing import ClassVar, Self, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field

from tenure.connectors.base import (
    AlreadyExists,
    Capabilities,
    Check,
    ConnectorConfig,
    ConnectorError,
    Listed,
    NotFound,
    Rejected,
    RemoteAccount,
    RemoteEntitlement,
    Unsupported,
)
from tenure.connectors.faults import Faults
from tenure.core.model import Attributes, Value

T = TypeVar("T")


@dataclass(slots=True)
class MemoryUser:
    """One account as the application holds it."""

    remote_id: str
    external_id: str
    attributes: dict[str, Value]
    active: bool


@dataclass(slots=True)
class MemoryGroup:
    """One group; `members` are remote ids."""

    remote_id: str
    name: str
    members: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Call:
    """One call that reached the application: the verb, and what it was about, if one thing."""

    verb: str
    target: str = ""


class MemoryApplication:
    """Users and groups that every connector with the same name shares. `userName` is unique
    whatever its case. `calls` is everything that was asked of it, in order."""

    _known: ClassVar[dict[str, MemoryApplication]] = {}

    def __init__(self, name: str) -> None:
        self.name = name
        self.users: dict[str, MemoryUser] = {}
        self.groups: dict[str, MemoryGroup] = {}
        self.faults = Faults()
        self.calls: list[Call] = []
        #: Remote id of the account whose credentials a connector has, if it is one of these.
        self.own: str | None = None
        #: userName in its compared form -> remote id.
        self._names: dict[str, str] = {}

    @classmethod
    def named(cls, name: str) -> MemoryApplication:
        """The application with this name in this process; made when nobody asked before."""
        return cls._known.setdefault(name, cls(name))

    @classmethod
    def forget(cls, name: str) -> None:
        """Ends the application with this name, if there is one."""
        cls._known.pop(name, None)

    def user(self, remote_id: str) -> MemoryUser:
        """Raises `NotFound`."""
        if (user := self.users.get(remote_id)) is None:
            raise NotFound(f"There is no account {remote_id} in {self.name}.")
        return user

    def group(self, remote_id: str) -> MemoryGroup:
        """Raises `NotFound`."""
        if (group := self.groups.get(remote_id)) is None:
            raise NotFound(f"There is no group {remote_id} in {self.name}.")
        return group

    def add_user(
        self, attributes: Attributes, *, external_id: str = "", active: bool = True
    ) -> MemoryUser:
        """Raises `Rejected` without a userName, `AlreadyExists` when it is taken."""
        kept = {name: value for name, value in attributes.items() if not _empty(value)}
        key = self._free_name(kept.get("userName"), None)
        user = MemoryUser(uuid.uuid4().hex, external_id, kept, active)
        self.users[user.remote_id] = user
        self._names[key] = user.remote_id
        return user

    def change_user(self, remote_id: str, changes: Mapping[str, Value | None]) -> None:
        """Raises as `add_user` and `user`; then nothing is changed."""
        user = self.user(remote_id)
        if "userName" in changes:
            key = self._free_name(changes["userName"], remote_id)
            del self._names[_comparable(user.attributes["userName"])]
            self._names[key] = remote_id
        for name, value in changes.items():
            if value is None or _empty(value):
                user.attributes.pop(name, None)
            else:
                user.attributes[name] = value

    def set_active(self, remote_id: str, active: bool) -> None:
        """Raises `NotFound`."""
        self.user(remote_id).active = active

    def delete_user(self, remote_id: str) -> None:
        """The account and its memberships. Raises `NotFound`."""
        user = self.user(remote_id)
        del self.users[remote_id]
        del self._names[_comparable(user.attributes["userName"])]
        for group in self.groups.values():
            group.members.discard(remote_id)

    def add_group(self, name: str) -> MemoryGroup:
        """Raises `AlreadyExists`."""
        if any(_comparable(group.name) == _comparable(name) for group in self.groups.values()):
            raise AlreadyExists(f"There is a group {name!r} in {self.name} already.")
        group = MemoryGroup(uuid.uuid4().hex, name)
        self.groups[group.remote_id] = group
        return group

    def change_group(self, remote_id: str, add: Sequence[str], remove: Sequence[str]) -> None:
        """Raises `NotFound` for the group, `Rejected` for accounts that are not there."""
        group = self.group(remote_id)
        if strangers := [one for one in add if one not in self.users]:
            raise Rejected(f"There is no account {strangers[0]} in {self.name}.", ("members",))
        group.members.difference_update(remove)
        group.members.update(set(add) - set(remove))

    def _free_name(self, name: Value | None, owner: str | None) -> str:
        if not isinstance(name, str) or not name.strip():
            raise Rejected("userName is needed: map it to something.", ("userName",))
        key = _comparable(name)
        if self._names.get(key, owner) != owner:
            raise AlreadyExists(f"The userName {name!r} is taken in {self.name}.")
        return key


class MemorySettings(BaseModel):
    """Which application in this process, and how it shows itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, title="Name of the application in memory")
    page_size: int = Field(default=100, ge=1, le=1000, title="Accounts per page")
    groups: bool = Field(default=True, title="Manage groups")
    create_groups: bool = Field(default=True, title="Create missing groups")


class MemorySecrets(BaseModel):
    """None are needed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class MemoryConnector:
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
            searchable=frozenset({"userName", "externalId"}) | config.attributes,
        )

    @property
    def application(self) -> MemoryApplication:
        """The application behind this connector."""
        return MemoryApplication.named(self._settings.name)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None

    async def check(self) -> list[Check]:
        """One line: that it is there."""
        try:
            users = await self._call("check", "", lambda: len(self.application.users))
        except ConnectorError as error:
            return [Check("Users", False, str(error))]
        return [Check("Users", True, f"{users} there.")]

    async def accounts(self) -> AsyncIterator[list[Listed]]:
        users = list(self.application.users.values())
        size = self._settings.page_size
        for start in range(0, max(len(users), 1), size):
            page = users[start : start + size]
            yield await self._call("accounts", str(start), partial(self._listed, page))

    async def own_account(self) -> str | None:
        return self.application.own

    async def read(self, remote_id: str) -> RemoteAccount:
        return await self._call(
            "read", remote_id, lambda: self._account(self.application.user(remote_id))
        )

    async def find(self, attribute: str, value: str) -> list[RemoteAccount]:
        wanted = _comparable(value)
        return await self._call(
            "find",
            f"{attribute}={value}",
            lambda: [
                self._account(user)
                for user in self.application.users.values()
                if wanted and wanted in _comparables(_shown(user).get(attribute))
            ],
        )

    async def create(
        self, attributes: Attributes, *, external_id: str, active: bool
    ) -> RemoteAccount:
        return await self._call(
            "create",
            external_id,
            lambda: self._account(
                self.application.add_user(attributes, external_id=external_id, active=active)
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

    async def delete(self, remote_id: str) -> None:
        await self._call("delete", remote_id, lambda: self.application.delete_user(remote_id))

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

    async def _call(self, verb: str, target: str, act: Callable[[], T]) -> T:
        """Does `act`, with whatever the application's plan of faults has for this call."""
        application = self.application
        application.calls.append(Call(verb, target))
        fault = application.faults.take(verb)
        async with self._slots:
            # Even without delay others come in between, as with any real application.
            await asyncio.sleep(fault.delay)
            if fault.error is None:
                return act()
            if fault.after:
                try:
                    act()
                except ConnectorError:
                    raise fault.error() from None  # A refusal gets lost as an answer does.
            raise fault.error()

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
            made.append(Listed(user.remote_id, account.fingerprint, partial(_same, account)))
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


def _same(account: RemoteAccount) -> RemoteAccount:
    return account


def _shown(user: MemoryUser) -> dict[str, Value]:
    external = {"externalId": user.external_id} if user.external_id else {}
    return {**user.attributes, **external}


def _entitlement(group: MemoryGroup) -> RemoteEntitlement:
    return RemoteEntitlement("group", group.remote_id, group.name, frozenset(group.members))


def _empty(value: Value) -> bool:
    return not isinstance(value, (bool, int, float)) and len(value) == 0


def _comparable(value: Value) -> str:
    return unicodedata.normalize("NFC", str(value).strip()).casefold()


def _comparables(value: Value | None) -> frozenset[str]:
    if value is None:
        return frozenset()
    if isinstance(value, str) or not isinstance(value, Sequence):
        return frozenset({_comparable(value)})
    return frozenset(map(_comparable, value))
