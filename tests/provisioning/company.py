"""A small company in the database, with applications in memory, for tests of provisioning."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest

from tenure.applications.models import Account, Application, Entitlement
from tenure.connectors.base import RemoteAccount
from tenure.connectors.memory import MemoryApplication, MemoryConnector, MemoryUser
from tenure.core.model import Attributes, Value
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.services import restand
from tenure.provisioning import services
from tenure.provisioning.execution.executor import Drain, Drained
from tenure.provisioning.models import Operation
from tenure.rules.models import AccessRule

MAPPING = {
    "userName": "user.email",
    "displayName": "user.display_name",
    "title": 'has(user.title) ? user.title : ""',
}


#: Seconds: nothing of a test takes as long, and a drain still waits for a retry after them.
LONG = 25.0


@dataclass
class Company:
    """People, rules and applications, and what the applications really hold."""

    memories: dict[str, MemoryApplication] = field(default_factory=dict)

    def application(self, slug: str = "chat", groups: Sequence[str] = (), **more: object) -> None:
        """One more application, in memory and live."""
        name = f"{slug}-{uuid.uuid4().hex}"
        self.memories[slug] = MemoryApplication.named(name)
        row = Application.objects.create(
            slug=slug,
            name=slug.title(),
            connector="memory",
            settings={"name": name},
            mapping=[{"attribute": a, "expression": e} for a, e in MAPPING.items()],
            **{"mode": "live", **more},
        )
        for group in groups:
            Entitlement.objects.create(
                application=row, kind="group", name=group, key=f"group:{group}"
            )

    def rule(self, slug: str, condition: str, gives: dict[str, list[str]]) -> None:
        AccessRule.objects.create(slug=slug, name=slug.title(), condition=condition, gives=gives)

    def person(self, number: str, department: str = "Sales", **more: Value) -> Person:
        """An active person, hired long ago."""
        attributes = {
            "employee_number": number,
            "email": f"p{number}@acme.example",
            "display_name": f"Person {number}",
            "department": department,
            **more,
        }
        person = Person(
            employee_number=number,
            display_name=str(attributes["display_name"]),
            email=str(attributes["email"]),
            attributes=attributes,
            start_date=date(2024, 1, 1),
        )
        restand([person], now())
        person.save()
        return person

    def people(self, count: int, department: str = "Sales") -> list[Person]:
        return [self.person(str(number), department) for number in range(1, count + 1)]

    def users(self, slug: str = "chat") -> dict[str, MemoryUser]:
        """userName -> what the application really holds."""
        return {str(u.attributes["userName"]): u for u in self.memories[slug].users.values()}

    def open_users(self, slug: str = "chat") -> set[str]:
        return {name for name, user in self.users(slug).items() if user.active}

    def members(self, group: str, slug: str = "chat") -> set[str]:
        """userNames of the members of a group."""
        names = {u.remote_id: str(u.attributes["userName"]) for u in self.users(slug).values()}
        return {
            names[member]
            for item in self.memories[slug].groups.values()
            if item.name == group
            for member in item.members
        }


def change(person: Person, **attributes: Value | None) -> None:
    """HR says something new of somebody."""
    person = Person.objects.get(pk=person.pk)
    merged = {**person.attributes, **attributes}
    person.attributes = {name: value for name, value in merged.items() if value is not None}
    person.generation += 1
    person.save()


def drain(slug: str = "chat") -> Drained:
    """Send what waits for one application."""
    return asyncio.run(Drain(slug).run())


def apply(*slugs: str) -> None:
    """Plan, store and send everything, to the end."""
    services.store()
    for slug in slugs or ("chat",):
        drain(slug)


def states() -> dict[str, int]:
    """State -> operations."""
    found: dict[str, int] = {}
    for state in Operation.objects.values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found


def linked(slug: str = "chat") -> dict[str, Account]:
    """userName -> the local record of a linked account."""
    rows = Account.objects.filter(application__slug=slug, situation="linked")
    return {row.user_name: row for row in rows}


def hold_up(monkeypatch: pytest.MonkeyPatch, until: Callable[[], bool]) -> list[str]:
    """Accounts are not made until then, or for very long. Returns, and adds to, whose it is begun
    to make."""
    begun: list[str] = []
    create = MemoryConnector.create

    async def held_up(self: MemoryConnector, attributes: Attributes, **more: Any) -> RemoteAccount:
        begun.append(str(attributes["userName"]))
        for _ in range(int(LONG / 0.01)):
            if until():
                break
            await asyncio.sleep(0.01)
        return await create(self, attributes, **more)

    monkeypatch.setattr(MemoryConnector, "create", held_up)
    return begun
