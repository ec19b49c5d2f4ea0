"""From the letter to the portal, on a computer and a phone of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from tenure.audit.models import Action, Event
from tenure.people.models import Person
from tenure.provisioning import services
from tenure.signin import invitations
from tenure.signin.models import How, Passkey, Review, Session
from tests.browser.conftest import Opener, Window
from tests.browser.people import (
    IPHONE,
    WINDOWS,
    authenticator,
    invitation,
    same_number,
    scan,
    six_digits,
)
from tests.browser.test_pages import look
from tests.console.company import Sample, make_company

Aside = Callable[[Callable[[], Any]], Any]


@pytest.fixture
def sample(transactional_db: None) -> Sample:
    return make_company(timezone.now())


@pytest.fixture
def anna(sample: Sample) -> Person:
    """Somebody whose private address HR knows."""
    person = sample.people[0]
    person.attributes["personal_email"] = "anna@home.example"
    person.save()
    return person


def claim(phone: Window, **given: str) -> None:
    """Type what the company asks for."""
    for label, value in given.items():
        phone.page.get_by_label(label.replace("_", " ").capitalize()).fill(value)
    phone.page.get_by_role("button", name="Go on").click()


def prove_address(phone: Window) -> None:
    """Type the code that has come by e-mail."""
    expect(phone.page.get_by_role("heading", level=1)).to_have_text("Enter the code")
    phone.page.get_by_label("Code").fill(six_digits())
    phone.page.get_by_role("button", name="Go on").click()


def onboarded(person: Person, stranger: Opener) -> tuple[Window, Window, Any]:
    """The computer, the phone, and the phone's authenticator, after a whole onboarding."""
    invitations.invite(person=person, reason="new phone" if person.passkeys.exists() else "")
    computer, phone = stranger(**WINDOWS), stranger(**IPHONE)
    keys = authenticator(phone.page)
    computer.open(invitation())
    phone.open(scan(computer))
    same_number(phone, computer)
    prove_address(phone)
    claim(
        phone,
        given_name=person.attributes["given_name"],
        family_name=person.attributes["family_name"],
        employee_number=person.attributes["employee_number"],
    )
    phone.page.get_by_role("button", name="Make a passkey").click()
    phone.page.wait_for_url("**/portal/?phone")
    computer.page.wait_for_url("**/portal/?welcome")
    return computer, phone, keys


def test_from_the_letter_to_the_portal(anna: Person, stranger: Opener) -> None:
    invitations.invite(person=anna)
    computer, phone = stranger(**WINDOWS), stranger(**IPHONE)
    authenticator(phone.page)
    computer.open(invitation())
    expect(computer.page.get_by_role("heading", level=1)).to_have_text("Welcome, Anna")

    phone.open(scan(computer))
    expect(phone.page.get_by_text("Chrome on Windows")).to_be_visible()
    expect(phone.page.get_by_text("127.0.0.1")).to_be_visible()
    same_number(phone, computer)
    expect(computer.page.get_by_text("Go on with your phone")).to_be_visible()

    prove_address(phone)
    expect(computer.page.locator(".steps .now")).to_contain_text("Confirm who you are")
    claim(phone, given_name="ANNA", family_name="Kovacs", employee_number="10482")
    expect(phone.page.get_by_role("heading", level=1)).to_have_text("It is you, Anna")
    expect(computer.page.locator(".steps .now")).to_contain_text("Make a passkey")
    phone.page.get_by_role("button", name="Make a passkey").click()

    computer.page.wait_for_url("**/portal/?welcome")
    expect(computer.page.get_by_role("heading", level=1)).to_have_text("Welcome, Anna")
    expect(computer.page.get_by_text("anna.kovacs@acme.example").first).to_be_visible()
    expect(computer.page.locator(".tile.ready")).to_have_count(3)
    phone.page.wait_for_url("**/portal/?phone")
    assert computer.wrong + phone.wrong == []
    assert Passkey.objects.get().name == "iPhone"
    assert {s.how for s in Session.objects.all()} == {How.ONBOARDING.value}
    assert Event.objects.filter(action=Action.IDENTITY_VERIFIED).count() == 1


def test_an_invitation_works_once(anna: Person, stranger: Opener) -> None:
    invitations.invite(person=anna)
    path = invitation()
    anna.refresh_from_db()
    computer, phone = stranger(**WINDOWS), stranger(**IPHONE)
    authenticator(phone.page)
    computer.open(path)
    phone.open(scan(computer))
    same_number(phone, computer)
    prove_address(phone)
    claim(phone, given_name="Anna", family_name="Kovács", employee_number="10482")
    phone.page.get_by_role("button", name="Make a passkey").click()
    computer.page.wait_for_url("**/portal/?welcome")
    again = stranger()
    answer = again.page.goto(again.address + path)
    assert answer is not None
    assert answer.status == 410
    expect(again.page.get_by_role("heading", level=1)).to_have_text("This invitation has been used")


def test_a_code_is_taken_by_one_phone(anna: Person, stranger: Opener) -> None:
    invitations.invite(person=anna)
    computer, phone, thief = stranger(**WINDOWS), stranger(**IPHONE), stranger(**IPHONE)
    computer.open(invitation())
    path = scan(computer)
    # The thief has a picture of the screen, and is late.
    phone.open(path)
    thief.open(path)
    number = computer.page.locator(".matching b").inner_text()
    for window in (phone, thief):
        window.page.get_by_role("button", name=number).click()
    expect(thief.page.get_by_role("heading", level=1)).to_have_text("This code has been used")
    answer = thief.page.goto(thief.address + "/phone/")
    assert answer is not None
    assert answer.status == 404


def test_wrong_claims_go_to_a_person_and_tell_nothing(
    anna: Person, stranger: Opener, signed_in: Opener
) -> None:
    invitations.invite(person=anna)
    computer, phone = stranger(**WINDOWS), stranger(**IPHONE)
    computer.open(invitation())
    phone.open(scan(computer))
    same_number(phone, computer)
    prove_address(phone)
    answers = []
    for number in ("1", "2"):
        claim(phone, given_name="Anna", family_name="Kovács", employee_number=number)
        answers.append(phone.page.get_by_role("alert").inner_text())
    assert len(set(answers)) == 1
    claim(phone, given_name="Anna", family_name="Kovács", employee_number="3")
    expect(phone.page.get_by_role("heading", level=1)).to_have_text("Somebody looks at it")
    expect(computer.page.get_by_text("Somebody looks at it")).to_be_visible()
    assert Review.objects.get().given["employee_number"] == "3"

    office = signed_in()
    office.page.get_by_role("link", name="Decide: Is this Anna").click()
    expect(office.page.get_by_role("heading", level=1)).to_contain_text("Anna Kovács")
    assert look(office, "review") == []
    office.page.get_by_label("Reason").fill("Called her back: a typing mistake")
    office.page.get_by_role("button", name="It is them").click()
    office.page.wait_for_url("**/people/*/")
    # The new letter does not ask again.
    newer = stranger(**IPHONE)
    authenticator(newer.page)
    computer.open(invitation())
    newer.open(scan(computer))
    same_number(newer, computer)
    prove_address(newer)
    newer.page.get_by_role("button", name="Make a passkey").click()
    computer.page.wait_for_url("**/portal/?welcome")


def test_a_leaver_is_out_on_both_at_once(anna: Person, stranger: Opener, aside: Aside) -> None:
    computer, phone, _ = onboarded(anna, stranger)
    aside(lambda: services.terminate_now(anna, reason="resigned"))
    # Nobody touches either of them.
    for window in (computer, phone):
        heading = window.page.get_by_role("heading", level=1)
        expect(heading).to_have_text("Sign in")
    ended = Event.objects.get(action=Action.ACCESS_ENDED, person=str(anna.uid))
    assert ended.after == {"sessions": 2, "passkeys": 1}
    phone.page.get_by_role("button", name="Sign in with a passkey").click()
    expect(phone.page.get_by_role("alert")).to_contain_text("does not let you in")
