"""Groups that were deleted, made again, renamed or doubled in the application: people come into the
one that is meant, and leave it."""

from __future__ import annotations

import asyncio

import pytest
from django.db import connection

from tenure.applications.models import Entitlement
from tenure.connectors.base import Connector, ConnectorConfig, RemoteAccount
from tenure.connectors.faults import lost_after
from tenure.connectors.memory import MemoryApplication
from tenure.connectors.registry import open_connector
from tenure.core.model import OperationKind
from tenure.people.models import Person
from tenure.provisioning import services
from tenure.provisioning.execution.sending import Batch
from tenure.provisioning.reconciliation import memberships
from tenure.provisioning.records import settling
from tenure.provisioning.records.work import Result, Work
from tests.provisioning.company import Company, apply, change, linked, states
from tests.provisioning.test_reconcile import reconcile


def group(sales: Company, name: str = "sales") -> str:
    groups = sales.memories["chat"].groups.values()
    return next(one.remote_id for one in groups if one.name == name)


@pytest.fixture
def mover(sales: Company) -> Person:
    """Somebody in support, in a company where the group of sales is known."""
    sales.person("1")
    person = sales.person("2", "Support")
    apply()
    assert Entitlement.objects.get(name="sales").remote_id == group(sales)
    return person


@pytest.mark.parametrize("name", ["sales", "Sales"])
def test_one_that_was_made_again_is_found(sales: Company, mover: Person, name: str) -> None:
    memory = sales.memories["chat"]
    memory.delete_group(group(sales))
    again = memory.add_group(name).remote_id
    change(mover, department="Sales")
    apply()
    assert states() == {"done": 3}
    assert sales.members(name) == {"p2@acme.example"}
    assert Entitlement.objects.get(name="sales").remote_id == again


def test_one_that_is_gone_is_made_again(sales: Company, mover: Person) -> None:
    sales.memories["chat"].delete_group(group(sales))
    change(mover, department="Sales")
    apply()
    assert sales.members("sales") == {"p2@acme.example"}
    assert Entitlement.objects.get(name="sales").remote_id == group(sales)


def test_one_that_was_made_again_is_left(sales: Company) -> None:
    """With everybody who was in it: who may not be in it any more is taken out of the new one."""
    person = sales.person("1")
    apply()
    memory = sales.memories["chat"]
    (user,) = memory.users
    memory.delete_group(group(sales))
    memory.change_group(memory.add_group("sales").remote_id, [user], [])
    change(person, department="Support")
    apply()
    assert sales.members("sales") == set()


def test_one_that_was_renamed_stays_the_one_that_is_meant(sales: Company) -> None:
    person = sales.person("1")
    apply()
    memory = sales.memories["chat"]
    memory.groups[group(sales)].name = "field sales"
    reconcile()
    assert services.preview().lines == ()
    change(person, department="Support")
    apply()
    assert sales.members("field sales") == set()


def test_of_two_with_one_name_the_one_that_is_known_is_meant(sales: Company) -> None:
    person = sales.person("1")
    apply()
    memory = sales.memories["chat"]
    known = group(sales)
    other = memory.add_group("another")
    other.name = "sales"
    reconcile()
    assert Entitlement.objects.get(name="sales").remote_id == known
    change(person, department="Support")
    apply()
    assert memory.groups[known].members == set()


def test_one_that_may_have_been_made_is_looked_for(
    sales: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an application that would make a second one with the same name."""
    monkeypatch.setattr(settling, "_FIRST_WAIT", 0.01)
    monkeypatch.setattr(settling, "SHOWN_AFTER", 0.0)
    memory = sales.memories["chat"]
    add = memory.add_group

    def doubling(name: str) -> object:
        made = add(f"{name} {len(memory.groups)}")
        made.name = name
        return made

    monkeypatch.setattr(memory, "add_group", doubling)
    memory.faults.nth("create_entitlement", 1, lost_after())
    sales.person("1")
    apply()
    assert sorted(one.name for one in memory.groups.values()) == ["all", "sales"]
    assert sales.members("all") == sales.members("sales") == {"p1@acme.example"}


def test_what_was_granted_while_groups_were_read_is_not_forgotten(
    sales: Company, mover: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever moves on before the next reading has to be taken out of it again."""
    read = memberships.listed

    async def slowly(connector: Connector) -> memberships.Held:
        held = await read(connector)
        await asyncio.to_thread(moved, "Sales")
        return held

    def moved(department: str) -> None:
        change(mover, department=department)
        apply()
        connection.close()

    monkeypatch.setattr(memberships, "listed", slowly)
    reconcile()
    assert sales.members("sales") == {"p1@acme.example", "p2@acme.example"}
    assert "group:sales" in linked()["p2@acme.example"].entitlements
    change(mover, department="Support")
    apply()
    assert sales.members("sales") == {"p1@acme.example"}


async def test_who_stops_writes_stops_groups_that_were_not_begun() -> None:
    """One that travels is not called back; the next one is not sent."""
    memory = MemoryApplication.named("stopped-in-between")
    users = [memory.add_user({"userName": name}).remote_id for name in ("ada", "eve")]
    groups = {f"group:{name}": memory.add_group(name).remote_id for name in ("a", "b")}
    work = [
        Work(number, OperationKind.GRANT, "", "", user, {}, (key,), ())
        for number, (user, key) in enumerate(zip(users, groups, strict=True))
    ]

    async def nothing(account: RemoteAccount, person: str) -> str:
        return ""

    def stopped() -> bool:
        return any(call.verb == "change_members" for call in memory.calls)

    config = ConnectorConfig("chat", {"name": memory.name})
    async with open_connector("memory", config) as connector:
        batch = Batch(connector, work, groups, objection=nothing, concurrency=1, paused=stopped)
        outcomes = await batch.send()
    assert [one.result for one in outcomes] == [Result.DONE, Result.PAUSED]
    assert [len(one.members) for one in memory.groups.values()] == [1, 0]
