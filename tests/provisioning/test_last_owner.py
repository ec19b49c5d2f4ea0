"""The last account that owns an application is never taken away, whoever says so, and whoever else
goes at the same moment; as soon as somebody else owns it, it goes by itself."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from tenure.applications.models import Account, Application
from tenure.core.owners import is_reason
from tenure.infra.clock import now
from tenure.provisioning import services
from tenure.provisioning.models import Operation
from tenure.provisioning.questions import kept_open
from tenure.provisioning.records import last_owner
from tests.provisioning.company import Company, apply, drain
from tests.provisioning.test_reconcile import reconcile


@pytest.fixture
def owned(sales: Company) -> Company:
    """Three people; the first two own the application."""
    sales.people(3)
    apply()
    memory = sales.memories["chat"]
    memory.owners = {sales.users()[f"p{n}@acme.example"].remote_id for n in (1, 2)}
    reconcile()
    assert Account.objects.filter(owner=True).count() == 2
    return sales


def leave(number: int) -> None:
    person = Account.objects.get(user_name=f"p{number}@acme.example").person
    assert person is not None
    services.terminate_now(person, reason="gone")


def held() -> list[Operation]:
    return [row for row in Operation.objects.filter(state="held") if is_reason(row.hold_reason)]


def test_the_last_owner_stays_until_there_is_another_one(owned: Company) -> None:
    leave(1)
    drain()
    assert owned.open_users() == {"p2@acme.example", "p3@acme.example"}
    leave(2)
    drain()
    (row,) = held()
    assert row.person is not None
    assert "Chat" in row.hold_reason
    assert "p2@acme.example" in owned.open_users()
    # Not even by a person's word, who is told so.
    told = services.approve(reason="do it")
    assert (told.count, told.gone) == (0, 0)
    assert "whoever approves it" in told.never[0]
    drain()
    assert len(held()) == 1
    assert [one.person for one in kept_open.last_owners_who_left()] == ["Person 2"]
    assert "p2@acme.example" in owned.open_users()

    owned.memories["chat"].owners = {owned.users()["p3@acme.example"].remote_id}
    reconcile()
    # A look at the plan says so before it is stored.
    assert [line.state.value for line in services.preview().lines] == ["planned"]
    services.store()
    drain()
    assert owned.open_users() == {"p3@acme.example"}
    assert not held()


def test_of_two_who_leave_at_once_one_stays(owned: Company) -> None:
    leave(1)
    leave(2)
    services.store()
    drain()
    assert len(held()) == 1
    assert len(owned.open_users()) == 2


def test_an_entitlement_can_make_an_owner(sales: Company) -> None:
    sales.people(2)
    change = Application.objects.filter(slug="chat")
    change.update(keeps_owner="group:sales")
    apply()
    assert Account.objects.filter(owner=True).count() == 2
    leave(1)
    leave(2)
    drain()
    assert len(held()) == 1
    assert len(sales.open_users()) == 1
    assert len(sales.members("sales")) == 1


def test_one_who_is_just_gone_is_not_counted(owned: Company) -> None:
    """While the other owner's removal, under way, is settled by the other lane."""
    leave(1)
    leave(2)
    first, second = Operation.objects.filter(kind="disable").order_by("id")
    Operation.objects.filter(pk=first.pk).update(state="started")
    asked = 0

    def settle_in_between(execute: Any, sql: str, *rest: Any) -> Any:
        nonlocal asked
        asked += sql.startswith("SELECT")
        if asked == 2:
            asked += 1
            Operation.objects.filter(pk=first.pk).update(state="done")
            Account.objects.filter(pk=first.account_id).update(active=False)
        return execute(sql, *rest)

    application = first.application
    with connection.execute_wrapper(settle_in_between):
        held = last_owner.held_back(application, [second], now())
    assert held == {second.pk}
