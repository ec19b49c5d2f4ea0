"""What was handed over last: every account and group, as one file that only Tenure reads.

The application gives nothing back, so this is what is observed. Plain data and plain changes; it
must not know files.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import orjson

from tenure.connectors.base import AlreadyExists, NotFound, StopApplication
from tenure.core.diff import canonical
from tenure.core.model import Value

LOGIN = "userName"
_VERSION = 1


@dataclass(slots=True)
class Row:
    """One account."""

    id: str
    external_id: str
    active: bool
    attributes: dict[str, Value]

    @property
    def shown(self) -> dict[str, Value]:
        return {**self.attributes, "externalId": self.external_id}

    @property
    def fingerprint(self) -> bytes:
        told = [self.shown, self.active]
        return blake2b(orjson.dumps(told, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()


@dataclass(slots=True)
class Group:
    """A name that accounts have in the column of groups."""

    id: str
    name: str
    members: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Book:
    """Everything. `touched`: ids of accounts, and what was done to each since it was read."""

    rows: dict[str, Row] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    touched: dict[str, tuple[str, Row]] = field(default_factory=dict)

    @classmethod
    def read(cls, data: bytes | None) -> Book:
        """Empty where nothing was handed over yet. Raises `StopApplication`."""
        if data is None:
            return cls()
        try:
            told = orjson.loads(data)
            if told["version"] != _VERSION:
                raise ValueError
            rows = [Row(**row) for row in told["accounts"]]
            groups = [Group(g["id"], g["name"], set(g["members"])) for g in told["groups"]]
        except (ValueError, KeyError, TypeError):
            raise StopApplication(
                "The file that remembers what was handed over is not ours or is damaged: put back "
                "a copy of it, or remove it to begin anew."
            ) from None
        return cls({row.id: row for row in rows}, {group.id: group for group in groups})

    def written(self) -> bytes:
        told: dict[str, Any] = {
            "version": _VERSION,
            "accounts": [
                {
                    "id": row.id,
                    "external_id": row.external_id,
                    "active": row.active,
                    "attributes": row.attributes,
                }
                for row in self.rows.values()
            ],
            "groups": [
                {"id": group.id, "name": group.name, "members": sorted(group.members)}
                for group in self.groups.values()
            ],
        }
        return orjson.dumps(told, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2)

    def row(self, remote_id: str) -> Row:
        try:
            return self.rows[remote_id]
        except KeyError:
            raise NotFound(f"No account {remote_id} was handed over.") from None

    def group(self, remote_id: str) -> Group:
        try:
            return self.groups[remote_id]
        except KeyError:
            raise NotFound(f"There is no group {remote_id} in what was handed over.") from None

    def found(self, attribute: str, value: str) -> list[Row]:
        wanted = canonical(value, caseless=True)
        return [
            row
            for row in self.rows.values()
            if wanted and canonical(row.shown.get(attribute), caseless=True) == wanted
        ]

    def add(self, attributes: Mapping[str, Value], external_id: str, *, active: bool) -> Row:
        self._must_be_free(attributes.get(LOGIN), "")
        row = Row(uuid.uuid4().hex, external_id, active, _kept({}, attributes))
        self.rows[row.id] = row
        self.touched[row.id] = ("add", row)
        return row

    def change(self, remote_id: str, changes: Mapping[str, Value | None]) -> None:
        row = self.row(remote_id)
        if changes.get(LOGIN):
            self._must_be_free(changes[LOGIN], remote_id)
        row.attributes = _kept(row.attributes, changes)
        self._touch(row, "change")

    def switch(self, remote_id: str, *, on: bool) -> None:
        row = self.row(remote_id)
        if row.active is not on:
            row.active = on
            self._touch(row, "on" if on else "off")

    def remove(self, remote_id: str) -> None:
        row = self.row(remote_id)
        del self.rows[remote_id]
        for group in self.groups.values():
            group.members.discard(remote_id)
        self._touch(row, "remove")

    def add_group(self, name: str) -> Group:
        if any(group.name.casefold() == name.casefold() for group in self.groups.values()):
            raise AlreadyExists(f"There is a group {name!r} already.")
        group = Group(uuid.uuid4().hex, name)
        self.groups[group.id] = group
        return group

    def remove_group(self, remote_id: str) -> None:
        group = self.group(remote_id)
        self.change_group(remote_id, [], sorted(group.members))
        del self.groups[remote_id]

    def change_group(self, remote_id: str, add: Sequence[str], remove: Sequence[str]) -> None:
        group = self.group(remote_id)
        joining = [self.row(one) for one in add if one not in group.members]
        leaving = [self.rows[one] for one in remove if one in group.members and one in self.rows]
        group.members |= {row.id for row in joining}
        group.members -= set(remove)
        for row in (*joining, *leaving):
            self._touch(row, "change")

    def groups_of(self, remote_id: str) -> list[str]:
        return sorted(group.name for group in self.groups.values() if remote_id in group.members)

    def _touch(self, row: Row, what: str) -> None:
        """What was done to an account in sum: one line says it."""
        before = self.touched.get(row.id, ("", row))[0]
        if before == "add" and what != "remove":
            what = "add"
        elif before in {"on", "off"} and what == "change":
            what = before
        self.touched[row.id] = (what, row)

    def _must_be_free(self, login: Value | None, remote_id: str) -> None:
        for row in self.found(LOGIN, str(login or "")):
            if row.id != remote_id:
                raise AlreadyExists(f"There is an account {login!r} already.")


def _kept(now: Mapping[str, Value], changes: Mapping[str, Value | None]) -> dict[str, Value]:
    return {
        name: value
        for name, value in {**now, **changes}.items()
        if value is not None and value != "" and name != "externalId"
    }
