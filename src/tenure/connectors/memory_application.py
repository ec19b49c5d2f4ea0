"""An application that lives in this process: its accounts and groups, and what happened to them.

It must not know the port: the connector in `memory` speaks to it, and tests look at it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from tenure.connectors.base import AlreadyExists, NotFound, Rejected
from tenure.connectors.faults import Faults
from tenure.core.diff import comparable
from tenure.core.model import Attributes, Value


@dataclass(slots=True)
class MemoryUser:
    """One account as the application holds it."""

    remote_id: str
    external_id: str
    attributes: dict[str, Value]
    active: bool
    #: Documents and the like; they go with the account unless they are handed over.
    owns: set[str] = field(default_factory=set)


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


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that changed in the application: `created`, `updated`, `opened`, `closed`,
    `deleted`, `handed over`, `joined` or `left` a group. `detail` is the attributes, the group's
    name, or who took over."""

    what: str
    remote_id: str
    detail: Mapping[str, Value | None] | str = ""


class MemoryApplication:
    """Users and groups that every connector with the same name shares. `userName` is unique
    whatever its case, unless `unique` is off. `calls` is everything that was asked of it, in
    order, `history` everything that changed. An account that was made through a connector is
    shown only `shown_after` seconds later, as where reads come from a replica."""

    _known: ClassVar[dict[str, MemoryApplication]] = {}

    def __init__(self, name: str) -> None:
        self.name = name
        self.unique = True
        self.shown_after = 0.0
        self.history: list[Happened] = []
        self.users: dict[str, MemoryUser] = {}
        self.groups: dict[str, MemoryGroup] = {}
        self.faults = Faults()
        self.calls: list[Call] = []
        #: Remote id of the account whose credentials a connector has, if it is one of these.
        self.own: str | None = None
        #: Remote ids of who owns the application; None: it does not tell.
        self.owners: set[str] | None = None
        #: userName in its compared form -> remote id.
        self._names: dict[str, str] = {}
        #: remote id -> the event loop's time from which it is shown.
        self._shown_from: dict[str, float] = {}

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

    def shown(self) -> list[MemoryUser]:
        """The accounts that reads show now."""
        return [user for user in self.users.values() if self._is_shown(user.remote_id)]

    def shown_user(self, remote_id: str) -> MemoryUser:
        """As `user`, for a read."""
        user = self.user(remote_id)
        if not self._is_shown(remote_id):
            raise NotFound(f"There is no account {remote_id} in {self.name}, as far as this shows.")
        return user

    def hide_for_a_while(self, user: MemoryUser) -> MemoryUser:
        """It was just made: reads do not show it yet."""
        if self.shown_after:
            until = asyncio.get_running_loop().time() + self.shown_after
            self._shown_from[user.remote_id] = until
        return user

    def _is_shown(self, remote_id: str) -> bool:
        at = self._shown_from.get(remote_id)
        return at is None or asyncio.get_running_loop().time() >= at

    def add_user(
        self, attributes: Attributes, *, external_id: str = "", active: bool = True
    ) -> MemoryUser:
        """Raises `Rejected` without a userName, `AlreadyExists` when it is taken."""
        kept = {name: value for name, value in attributes.items() if not _empty(value)}
        key = self._free_name(kept.get("userName"), None)
        user = MemoryUser(uuid.uuid4().hex, external_id, kept, active)
        self.users[user.remote_id] = user
        self._names[key] = user.remote_id
        self.history.append(Happened("created", user.remote_id, kept))
        return user

    def change_user(self, remote_id: str, changes: Mapping[str, Value | None]) -> None:
        """Raises as `add_user` and `user`; then nothing is changed."""
        user = self.user(remote_id)
        if "userName" in changes:
            key = self._free_name(changes["userName"], remote_id)
            self._names.pop(comparable(user.attributes["userName"]), None)
            self._names[key] = remote_id
        for name, value in changes.items():
            if value is None or _empty(value):
                user.attributes.pop(name, None)
            else:
                user.attributes[name] = value
        self.history.append(Happened("updated", remote_id, dict(changes)))

    def set_active(self, remote_id: str, active: bool) -> None:
        """Raises `NotFound`."""
        user = self.user(remote_id)
        if user.active != active:
            user.active = active
            self.history.append(Happened("opened" if active else "closed", remote_id))

    def sign_out(self, remote_id: str) -> None:
        """Raises `NotFound`."""
        self.user(remote_id)
        self.history.append(Happened("signed out", remote_id))

    def transfer(self, remote_id: str, to_remote_id: str) -> None:
        """Raises `NotFound`."""
        user, heir = self.user(remote_id), self.user(to_remote_id)
        if user.owns:
            heir.owns |= user.owns
            user.owns = set()
            self.history.append(Happened("handed over", remote_id, to_remote_id))

    def delete_user(self, remote_id: str) -> None:
        """The account and its memberships. Raises `NotFound`."""
        user = self.user(remote_id)
        del self.users[remote_id]
        self._names.pop(comparable(user.attributes["userName"]), None)
        self.history.append(Happened("deleted", remote_id))
        for group in self.groups.values():
            group.members.discard(remote_id)

    def add_group(self, name: str) -> MemoryGroup:
        """Raises `AlreadyExists`."""
        if any(comparable(group.name) == comparable(name) for group in self.groups.values()):
            raise AlreadyExists(f"There is a group {name!r} in {self.name} already.")
        group = MemoryGroup(uuid.uuid4().hex, name)
        self.groups[group.remote_id] = group
        return group

    def delete_group(self, remote_id: str) -> None:
        """Raises `NotFound`."""
        del self.groups[self.group(remote_id).remote_id]

    def change_group(self, remote_id: str, add: Sequence[str], remove: Sequence[str]) -> None:
        """Raises `NotFound` for the group, `Rejected` for accounts that are not there."""
        group = self.group(remote_id)
        if strangers := [one for one in add if one not in self.users]:
            raise Rejected(f"There is no account {strangers[0]} in {self.name}.", ("members",))
        for one in remove:
            if one in group.members:
                group.members.discard(one)
                self.history.append(Happened("left", one, group.name))
        for one in add:
            if one not in group.members and one not in remove:
                group.members.add(one)
                self.history.append(Happened("joined", one, group.name))

    def _free_name(self, name: Value | None, owner: str | None) -> str:
        if not isinstance(name, str) or not name.strip():
            raise Rejected("userName is needed: map it to something.", ("userName",))
        key = comparable(name)
        if self.unique and self._names.get(key, owner) != owner:
            raise AlreadyExists(f"The userName {name!r} is taken in {self.name}.")
        return key


def _empty(value: Value) -> bool:
    return not isinstance(value, (bool, int, float)) and len(value) == 0
