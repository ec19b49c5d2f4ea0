"""A whole life in an application that is done by hand: tasks, with instructions and an owner, and
what people said is what is known."""

from __future__ import annotations

import asyncio

import pytest

from tenure.applications.models import Account, Application
from tenure.people.models import Person
from tenure.provisioning import services
from tenure.provisioning.decisions import byhand
from tenure.provisioning.reconciliation.reconcile import reconcile_by_slug
from tenure.sso.receipt import receipt_of
from tests.provisioning.company import Company, drain

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def till(sales: Company) -> Application:
    Application.objects.filter(slug="chat").update(
        connector="manual", settings={"instructions": "Menu 4."}, owner="Front office"
    )
    return Application.objects.get(slug="chat")


def only_task() -> byhand.Task:
    drain()
    (found,) = byhand.tasks()
    return found


def test_made_changed_and_closed_by_hand(sales: Company, till: Application) -> None:
    sales.people(1)
    services.store()
    task = only_task()
    assert task.what.startswith("Make an account for")
    assert task.how == "Menu 4."
    assert "Menu 4." not in task.cause
    assert task.assignee == "Front office"
    assert any(step.startswith("userName: ") for step in task.steps)
    assert task.steps[0].startswith("look first whether they have an account there already")
    assert "There is one account of theirs, active, with these values." in task.check
    byhand.done(task.number, note="done at the till")
    account = Account.objects.get()
    assert (account.situation, account.active) == ("linked", True)

    asyncio.run(reconcile_by_slug("chat"))
    account.refresh_from_db()
    assert (account.situation, account.active, account.deleted_there) == ("linked", True, False)
    services.store()
    assert byhand.tasks() == []

    services.terminate_now(Person.objects.get(), reason="gone")
    task = only_task()
    assert task.what.startswith("Close the account")
    assert task.steps[0] == "look for the account p1@acme.example"
    Application.objects.update(settings={})
    assert "Nobody has written down where and how" in byhand.task(task.number).cause
    Application.objects.update(settings=till.settings)
    byhand.done(task.number, note="closed")
    account.refresh_from_db()
    assert account.active is False
    assert account.evidence is not None
    assert account.evidence["note"] == "closed"
    services.store()
    assert byhand.tasks() == []


def test_an_account_without_a_user_name_is_called_as_its_owner_is(
    sales: Company, till: Application
) -> None:
    mapping = [{"attribute": "emails.work", "expression": "user.email", "when": "always"}]
    by_email = [{"account": "emails.work", "person": "email"}]
    Application.objects.update(mapping=mapping, matching=by_email)
    sales.people(1)
    services.store()
    byhand.done(only_task().number, note="done at the till")
    account = Account.objects.get()
    person = Person.objects.get()
    assert (account.user_name, account.remote_id, str(account)) == (
        "",
        str(person.uid),
        person.email,
    )
    services.terminate_now(person, reason="gone")
    task = only_task()
    assert task.what == "Close the account p1@acme.example of Person 1 in Chat."
    assert str(person.uid) not in task.steps[0]
    (line,) = receipt_of(Person.objects.get()).lines
    assert line.accounts[0].name == "p1@acme.example"
    Person.objects.update(email="")
    assert str(Account.objects.get()) == "Person 1"
    assert str(Account(remote_id="R-77", person=person)) == "R-77"


def test_nobody_is_asked_to_close_what_is_deleted(company: Company) -> None:
    """Closing it waited for nobody, deleting it for the account behind it."""
    company.application("till", removal="delete")
    Application.objects.update(connector="manual", settings={"instructions": "Menu 4."})
    company.application("chat", removal="delete", requires=["till"])
    company.rule("everyone", "true", {"till": [], "chat": []})
    (person,) = company.people(1)
    services.store()
    drain("till")
    byhand.done(byhand.tasks()[0].number, note="made")
    drain("chat")
    services.terminate_now(person, reason="gone")
    drain("till")
    (closing,) = byhand.tasks()
    assert closing.what.startswith("Close the account")
    drain("chat")
    drain("till")
    deleting = next(task for task in byhand.tasks() if task.number != closing.number)
    assert deleting.what.startswith("Delete the account")
    byhand.done(deleting.number, note="deleted")
    services.store()
    assert byhand.tasks() == []
    assert Account.objects.get(application__slug="till").situation == "deleted"
