"""A name that is refused as taken: whose account has it there, and what is to be done."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tenure.applications.models import Account, Application
from tenure.connectors.base import AlreadyExists
from tenure.connectors.faults import Fault
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.services import raise_generation
from tenure.provisioning import services
from tenure.provisioning.execution import freed_names
from tenure.provisioning.models import Operation
from tenure.provisioning.reconciliation.reconcile import reconcile_by_slug
from tests.provisioning.company import Company, apply, change, drain, states


@pytest.fixture
def left(company: Company) -> Person:
    """Who has left, and whose closed account still is in Chat."""
    company.application("chat", delete_after=timedelta(days=30))
    company.rule("everyone", "has(user.department)", {"chat": []})
    person = company.person("1", display_name="Anna Nagy")
    apply()
    services.terminate_now(person, reason="gone")
    drain()
    assert company.open_users() == set()
    return person


def refused() -> str:
    """What is said of the one operation that failed."""
    return Operation.objects.get(state="failed").error


def new_one(company: Company) -> None:
    company.person("2", display_name="Anna Nagy jr.", email="p1@acme.example")
    apply()


@pytest.mark.parametrize("hidden", [False, True])
def test_a_leavers_closed_account_is_named_with_its_end(
    company: Company, left: Person, hidden: bool
) -> None:
    if hidden:
        company.memories["chat"].faults.always(
            "create", Fault(lambda: AlreadyExists("The name p1@acme.example is taken."))
        )
        Account.objects.update(remote_id="elsewhere")
        company.memories["chat"].users.clear()
    new_one(company)
    said = refused()
    due = now() + timedelta(days=30)
    for part in (
        "The account p1@acme.example of Anna Nagy (1) has it there, who left ",
        f"It is closed, and kept until {due:%-d %b %Y}",
        "when it is deleted",
        "Give Anna Nagy jr. another name",
        "`tenure reconcile chat`",
        "`tenure retry --application chat`",
        "`tenure person merge 2 1`",
    ):
        assert part in said


def test_one_that_is_kept_for_no_known_time_says_why(company: Company, left: Person) -> None:
    Application.objects.update(delete_after=None)
    new_one(company)
    assert "It is closed, and kept: no policy deletes it." in refused()
    Person.objects.filter(pk=left.pk).update(legal_hold_since=now())
    services.retry_failed("chat")
    drain()
    assert "It is closed, and kept under legal hold." in refused()


def test_a_new_name_that_a_leaver_still_has(company: Company, left: Person) -> None:
    other = company.person("2")
    apply()
    company.memories["chat"].faults.always(
        "update", Fault(lambda: AlreadyExists("The name p1@acme.example is taken."))
    )
    change(other, email="p1@acme.example")
    apply()
    assert "of Anna Nagy (1) has it there, who left" in refused()


def test_a_name_of_a_deleted_account_that_is_still_kept_there(
    company: Company, left: Person
) -> None:
    company.memories["chat"].users.clear()
    deleted = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    Account.objects.update(situation="deleted", deleted_at=deleted)
    Person.objects.filter(pk=left.pk).update(time_zone="Asia/Tokyo")
    company.memories["chat"].faults.always(
        "create", Fault(lambda: AlreadyExists("The name p1@acme.example is taken."))
    )
    new_one(company)
    said = refused()
    assert "had it there; their account was deleted on 2 Mar 2026 08:30 JST. Some" in said
    assert "keep the names of deleted accounts" in said


def test_who_was_refused_a_name_gets_it_once_it_is_free(company: Company, left: Person) -> None:
    new_one(company)
    assert freed_names.try_again() == 0
    assert Operation.objects.filter(person__employee_number="2").count() == 1
    # The policy deletes the account of who left.
    Account.objects.update(disabled_at=now() - timedelta(days=31))
    Person.objects.filter(pk=left.pk).update(terminated_at=now() - timedelta(days=31))
    raise_generation([left.pk])
    services.store(person=left)
    drain()
    assert freed_names.try_again() == 1
    drain()
    assert company.users()["p1@acme.example"].attributes["displayName"] == "Anna Nagy jr."
    assert not Operation.objects.filter(state="failed").exists()


def test_where_nobody_is_seen_to_have_it_each_reading_tries_once(
    company: Company, left: Person
) -> None:
    company.memories["chat"].users.clear()
    Account.objects.update(situation="deleted", deleted_at=now())
    company.memories["chat"].faults.always(
        "create", Fault(lambda: AlreadyExists("The name p1@acme.example is taken."))
    )
    new_one(company)
    assert freed_names.try_again() == 0
    asyncio.run(reconcile_by_slug("chat"))
    assert freed_names.try_again() == 1
    drain()
    assert (freed_names.try_again(), states()["failed"]) == (0, 1)
    asyncio.run(reconcile_by_slug("chat"))
    # Who has changed since waits for a plan, which somebody may have to look at.
    raise_generation()
    assert freed_names.try_again() == 0


def test_a_colleagues_is_named_as_one(company: Company) -> None:
    company.application("chat")
    company.rule("everyone", "has(user.department)", {"chat": []})
    company.person("1", display_name="Anna Nagy")
    apply()
    new_one(company)
    assert (
        "The account p1@acme.example of Anna Nagy (1) has it there: one of the two needs another "
        "name." in refused()
    )
