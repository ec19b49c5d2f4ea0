"""Whether somebody is back under a new number, decided by an administrator in a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from tenure.audit.models import Action, Event
from tenure.people.models import Person
from tenure.signin.models import Role
from tenure.sources.models import RehireQuestion
from tests.console.conftest import signed_in
from tests.sources import hr

pytestmark = pytest.mark.django_db


@pytest.fixture
def address(tmp_path: Path) -> str:
    """The page about Anna, 1, who left and may be 3."""
    source = hr.source(rehire=[["given_name", "family_name"]])
    anna = {"given": "Anna", "family": "Nagy"}
    hr.take(source, tmp_path, [hr.row(1, **anna)])
    gone = hr.row(1, **anna, end="2026-01-31")
    hr.take(source, tmp_path, [gone, hr.row(3, **anna, start="2026-06-01")])
    return f"/console/rehires/{RehireQuestion.objects.get().pk}/"


def text(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def test_both_are_side_by_side_and_the_overview_says_that_it_waits(
    address: str, owner: Client
) -> None:
    page = text(owner, address)
    assert page.count("Anna Nagy") >= 3
    assert "First working day" in page
    overview = text(owner, "/console/")
    assert "Is Anna Nagy (3) somebody who was here?" in overview
    assert "Could be Anna Nagy (1, left)." in overview
    assert address in overview


def test_the_same_person_is_one_button_and_taking_it_back_another(
    address: str, owner: Client
) -> None:
    anna = Person.objects.get(employee_number="1")
    done = owner.post(address, {"do": f"same-{anna.pk}", "reason": "she is back"}, follow=True)
    assert "Anna Nagy has the number 3." in done.content.decode()
    anna.refresh_from_db()
    assert (anna.employee_number, anna.state) == ("3", "active")
    assert Event.objects.get(action=Action.REHIRE_ANSWERED).reason == "she is back"
    assert "Take it back" in text(owner, address)
    owner.post(address, {"do": "undo"})
    anna.refresh_from_db()
    assert (anna.employee_number, anna.state) == ("1", "left")


def test_somebody_else_is_one_button(address: str, owner: Client) -> None:
    owner.post(address, {"do": "other"})
    assert Person.objects.get(employee_number="3").state == "active"
    assert Person.objects.get(employee_number="1").state == "left"
    again = owner.post(address, {"do": "other"})
    assert again.status_code == 422
    assert "answered already, by administrator owner" in again.content.decode()


def test_what_is_neither_changes_nothing(address: str, owner: Client) -> None:
    for wanted in ("", "same", "same-0", "same-x"):
        assert owner.post(address, {"do": wanted}).status_code == 422
    assert owner.get("/console/rehires/999999/").status_code == 404
    assert RehireQuestion.objects.get().answer == ""


def test_many_are_a_few_and_a_number(address: str, owner: Client) -> None:
    question = RehireQuestion.objects.get()
    for number in range(100, 109):
        question.pk, question.key = None, str(number)
        question.save(force_insert=True)
    overview = text(owner, "/console/")
    assert overview.count("somebody who was here?") == 10  # In the title and for screen readers.
    assert "5 more records under new employee numbers" in overview


def test_who_may_not_decide_is_refused(address: str) -> None:
    client = signed_in(Role.HELP_DESK)
    assert client.post(address, {"do": "other"}).status_code == 403
    assert RehireQuestion.objects.get().answer == ""
