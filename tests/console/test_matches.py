"""Who may be the same person, decided by an administrator in a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from tenure.audit.models import Action, Event
from tenure.people.models import Person
from tenure.signin.models import Role
from tenure.sources import pairing
from tenure.sources.models import PersonPair, RehireQuestion
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
    return f"/console/matches/{RehireQuestion.objects.get().pk}/"


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
    owner.post(address, {"do": "undo", "reason": "no"})
    anna.refresh_from_db()
    assert (anna.employee_number, anna.state) == ("1", "left")


def test_somebody_else_is_one_button(address: str, owner: Client) -> None:
    assert owner.post(address, {"do": "other"}).status_code == 422  # It says nothing of why.
    owner.post(address, {"do": "other", "reason": "her cousin"})
    assert Person.objects.get(employee_number="3").state == "active"
    assert Person.objects.get(employee_number="1").state == "left"
    again = owner.post(address, {"do": "other", "reason": "her cousin"})
    assert again.status_code == 422
    assert "answered already, by administrator owner" in again.content.decode()


def test_what_is_neither_changes_nothing(address: str, owner: Client) -> None:
    for wanted in ("", "same", "same-0", "same-x"):
        assert owner.post(address, {"do": wanted, "reason": "x"}).status_code == 422
    assert owner.get("/console/matches/999999/").status_code == 404
    assert RehireQuestion.objects.get().answer == ""


def test_many_are_a_few_and_a_number(address: str, owner: Client) -> None:
    question = RehireQuestion.objects.get()
    for number in range(100, 109):
        question.pk, question.key = None, str(number)
        question.save(force_insert=True)
    overview = text(owner, "/console/")
    assert overview.count("somebody who was here?") == 10  # In the title and for screen readers.
    assert "5 more new records" in overview


def test_who_may_not_decide_is_refused(address: str) -> None:
    client = signed_in(Role.HELP_DESK)
    assert client.post(address, {"do": "other"}).status_code == 403
    assert RehireQuestion.objects.get().answer == ""


def test_who_is_not_sure_says_why_and_it_goes_on_waiting(address: str, owner: Client) -> None:
    owner.post(address, {"do": "unsure", "reason": "HR is asked"})
    assert "HR is asked" in text(owner, address)
    page = text(owner, "/console/matches/?part=unsure")
    assert "was not sure" in page
    assert "Anna Nagy (3)" in page
    assert "1 question of which somebody was not sure" in text(owner, "/console/")
    assert Event.objects.get(action=Action.MATCH_UNSURE).reason == "HR is asked"
    assert RehireQuestion.objects.get().answer == ""


def test_an_answer_in_the_list_leads_back_to_it(address: str, owner: Client) -> None:
    assert "Nobody has looked yet" in text(owner, "/console/matches/?part=people")
    said = {"do": "other", "reason": "her cousin", "part": "records"}
    assert owner.post(address, said)["Location"] == "/console/matches/?part=records"
    assert "her cousin" in text(owner, "/console/matches/?part=answered")


def test_two_who_are_here_twice_lead_to_a_merge_or_are_two_for_good(
    owner: Client, tmp_path: Path
) -> None:
    alike = [hr.row(n, given=f"Anna{n}", email="anna@acme.example") for n in (1, 2)]
    hr.take(hr.source(), tmp_path, alike)
    looking = owner.post("/console/matches/look/", {"names": "on"}, follow=True)
    assert "It is looked for." in looking.content.decode()
    pairing.look()
    pair = PersonPair.objects.get()
    address = f"/console/matches/people/{pair.pk}/"
    assert "1 pair of people who may be one" in text(owner, "/console/")
    assert "the same Work e-mail" in text(owner, "/console/matches/?part=people")
    merge = f"/console/people/{pair.one.uid}/union/?do=merge&amp;other={pair.other.uid}"
    assert merge in text(owner, address)
    assert "This is what it comes to." in text(owner, merge.replace("&amp;", "&"))
    assert owner.post(address, {"do": "other"}).status_code == 422
    owner.post(address, {"do": "unsure", "reason": "HR is asked"})
    owner.post(address, {"do": "other", "reason": "twins"})
    pairing.look()
    pair.refresh_from_db()
    assert (pair.answer, pair.reason) == ("other", "twins")
    assert Event.objects.filter(action=Action.TOLD_APART, reason="twins").count() == 2
    owner.post(address, {"do": "undo", "reason": "no twins"})
    pair.refresh_from_db()
    assert pair.answer == ""
