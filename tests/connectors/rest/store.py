"""What the tests' applications keep: people and groups in memory, as strict as real ones."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FIELDS = ("login", "first", "last", "title", "mail", "note")


class Refused(Exception):
    """Says why as the application would: gone, taken or bad."""

    def __init__(self, why: str, text: str) -> None:
        super().__init__(text)
        self.why = why
        self.text = text


@dataclass(slots=True)
class Person:
    id: str
    values: dict[str, str]
    active: bool = True


@dataclass(slots=True)
class Store:
    """Logins and addresses are unique and found whatever their case."""

    people: dict[str, Person] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    members: dict[str, set[str]] = field(default_factory=dict)
    #: Requests as `METHOD path`, in order.
    seen: list[str] = field(default_factory=list)

    def person(self, identifier: str) -> Person:
        if identifier not in self.people:
            raise Refused("gone", "There is no such user")
        return self.people[identifier]

    def create(self, values: Mapping[str, Any], *, active: bool = True) -> Person:
        made = Person(uuid.uuid4().hex, {}, active)
        self._set(made, values)
        self.people[made.id] = made
        return made

    def update(self, identifier: str, values: Mapping[str, Any]) -> Person:
        person = self.person(identifier)
        self._set(person, values)
        return person

    def _set(self, person: Person, values: Mapping[str, Any]) -> None:
        merged = {**person.values, **{k: v for k, v in values.items() if k in FIELDS}}
        if not merged.get("login"):
            raise Refused("bad", "login must not be empty")
        for name in ("login", "mail"):
            for other in self.people.values():
                same = str(other.values.get(name)).lower() == str(merged.get(name)).lower()
                if other is not person and merged.get(name) and same:
                    raise Refused("taken", f"{name} is already taken")
        person.values = {name: value for name, value in merged.items() if value}

    def delete(self, identifier: str) -> None:
        self.person(identifier)
        del self.people[identifier]
        for members in self.members.values():
            members.discard(identifier)

    def matching(self, name: str, value: str) -> list[Person]:
        return [
            one
            for one in self.people.values()
            if str(one.values.get(name, "")).lower() == value.lower()
        ]

    def page(self, start: int, size: int) -> list[Person]:
        return list(self.people.values())[start : start + size]

    def group(self, identifier: str) -> set[str]:
        if identifier not in self.groups:
            raise Refused("gone", "There is no such group")
        return self.members.setdefault(identifier, set())

    def new_group(self, name: str) -> str:
        identifier = uuid.uuid4().hex
        self.groups[identifier] = name
        return identifier
