"""What the pages do where somebody else was quicker, or something is missing in a form: nothing
that was typed is lost, and what is said is true."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from tenure.applications.models import Account, Application
from tenure.audit.models import Action, Event
from tenure.people.models import Company as People
from tenure.people.models import Person
from tenure.provisioning import services
from tenure.provisioning.models import Operation
from tenure.rules.models import AccessException
from tests.console.test_first_contact import anna, company, read, words
from tests.provisioning.company import Company, drain

__all__ = ["anna", "company"]


def disputed(name: str) -> str:
    return f"/console/applications/chat/accounts/{Account.objects.get(user_name=name).pk}/"


def test_an_account_tells_of_the_others_that_the_same_person_could_have(
    anna: Client, company: Company
) -> None:
    read()
    page = anna.get(disputed("old")).content.decode()
    assert "Other accounts here that could be theirs, or are" in page
    assert f'<a href="{disputed("new")}">new</a>' in page
    person = Person.objects.get(employee_number="3")
    given = {"do": "link", "person": str(person.uid), "reason": "she uses it"}
    anna.post(f"{disputed('new')}decide/", given)
    assert "Active" in words(anna.get(disputed("old")).content.decode().split("Other accounts")[1])


def test_whose_an_account_is_has_to_be_said(anna: Client, company: Company) -> None:
    read()
    given = {"do": "link", "reason": "she uses it"}
    answer = anna.post(f"{disputed('old')}decide/", given)
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "Nothing was decided: say whose it is." in text
    assert 'value="she uses it"' in text
    assert Account.objects.get(user_name="old").situation == "disputed"


@pytest.mark.parametrize(
    ("where", "given"),
    [
        ("decide", {"do": "hold"}),
        ("decide", {"do": "suspend"}),
        ("exception", {"do": "give", "what": "chat"}),
    ],
)
def test_a_decision_about_a_person_needs_more_than_blanks(
    anna: Client, company: Company, where: str, given: dict[str, str]
) -> None:
    person = Person.objects.get(employee_number="3")
    address = f"/console/people/{person.uid}/{where}/"
    answer = anna.post(address, {**given, "reason": "  "})
    assert answer.status_code == 422
    assert "Nothing was decided: say why" in answer.content.decode()


def test_the_end_of_an_exception_needs_more_than_blanks(anna: Client, company: Company) -> None:
    person = Person.objects.get(employee_number="3")
    address = f"/console/people/{person.uid}/exception/"
    anna.post(address, {"do": "give", "what": "chat", "reason": "covers for Bo"})
    row = AccessException.objects.get()
    answer = anna.post(address, {"do": "end", "exception": row.pk, "reason": "  "})
    assert answer.status_code == 422
    assert "Nothing was decided: say why" in answer.content.decode()
    assert AccessException.objects.get().ended_at is None


def test_what_was_typed_of_a_task_stays_where_it_is_refused(anna: Client, company: Company) -> None:
    read()
    services.store()
    row = Operation.objects.filter(kind="create").first()
    assert row is not None
    Operation.objects.filter(pk=row.pk).update(state="manual", hold_reason="")
    address = f"/console/tasks/{row.pk}/"
    answer = anna.post(address, {"do": "done", "note": "made it", "account": "no such id"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "no account" in words(page)
    assert 'value="made it"' in page
    assert 'value="no such id"' in page
    # Enter after "there is no licence left" must not say that it is done.
    form = page[page.index(address) :]
    assert form.index("disabled") < form.index('value="done"')
    answer = anna.post(address, {"do": "cannot", "note": ""})
    assert "Say why it cannot be done" in words(answer.content.decode())
    assert Operation.objects.get(pk=row.pk).state == "manual"


def test_an_end_of_the_stop_of_all_tells_what_stays_stopped(anna: Client, company: Company) -> None:
    services.stop_writes(application="chat", reason="their migration")
    services.stop_writes(reason="nonsense")
    page = words(anna.get("/console/writes/").content.decode())
    assert "not resumed by this: Chat." in page
    given = {"do": "resume", "reason": "over"}
    text = words(anna.post("/console/writes/", given, follow=True).content.decode())
    assert "Chat was stopped by itself, and stays so." in text
    assert Application.objects.get().paused_reason == "their migration"


def test_whoever_terminates_second_changes_nothing(anna: Client, company: Company) -> None:
    """The first reason stays; where something is left to be done it is done all the same."""
    read()
    People.objects.update(leaver_grace=timedelta(days=14))
    person = Person.objects.get(employee_number="1")
    address = f"/console/people/{person.uid}/terminate/"
    services.terminate_now(person, reason="left in anger")
    given = {"name": "Person 1", "reason": "me too"}
    anna.post(address, given)  # Its account is not closed yet.
    drain()
    text = words(anna.post(address, {**given, "reason": "and me"}, follow=True).content.decode())
    assert "Person 1 was terminated before: me too. Nothing is left to do." in text
    assert Event.objects.filter(action=Action.PERSON_TERMINATED).count() == 2
    assert Person.objects.get(pk=person.pk).termination_reason == "me too"


@pytest.mark.parametrize("name", ["tasks", "writes"])
def test_the_pages_still_open(anna: Client, company: Company, name: str) -> None:
    assert anna.get(f"/console/{name}/").status_code == 200
