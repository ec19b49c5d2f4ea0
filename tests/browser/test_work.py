"""What an administrator does, done in a browser to the end: the server plans and stores, and the
applications that the operations are sent to are real ones in memory, drained here."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.sessions.models import Session as Stored
from django.utils import timezone
from playwright.sync_api import Page, expect

from tenure.applications.models import Application
from tenure.audit.models import Action, Event
from tenure.infra.browser_sessions import SessionStore
from tenure.people.models import Person
from tenure.provisioning.models import Operation
from tenure.provisioning.services import terminate_now
from tenure.runs.models import Run
from tenure.signin.models import Role
from tenure.sso.models import SignOut
from tests.browser.conftest import Opener
from tests.browser.people import authenticator
from tests.console.company import Sample, make_company
from tests.provisioning.company import Company, apply, change, drain

Aside = Callable[[Callable[[], Any]], Any]


@pytest.fixture
def sample(transactional_db: None) -> Sample:
    return make_company(timezone.now())


@pytest.fixture
def company(transactional_db: None, browser: object, aside: Aside) -> Company:
    """Ten people with an account in Chat and in Tracker, each guarded at one removal a day."""
    made = Company()
    for slug in ("chat", "tracker"):
        made.application(slug, guard={"removals": {"percent": 1, "floor": 1}})
    made.rule("everyone", 'user.department == "Sales"', {"chat": [], "tracker": []})
    made.people(10)
    aside(lambda: apply("chat", "tracker"))
    return made


def remember(page: Page) -> None:
    """Mark the document: a reload loses the mark."""
    page.evaluate("window.sameDocument = true")


def same_document(page: Page) -> bool:
    return bool(page.evaluate("window.sameDocument === true"))


def test_people_are_found_while_typing(sample: Sample, signed_in: Opener) -> None:
    window = signed_in()
    window.open("/console/people/")
    remember(window.page)
    window.page.get_by_label("Search people by name").press_sequentially("kovacs")
    rows = window.page.locator("#people tbody tr")
    expect(window.page.locator("#people")).not_to_contain_text("Ana Conceição")
    expect(rows.filter(has_text="Anna Kovács")).to_have_count(1)
    assert all("Kov" in text for text in rows.all_inner_texts())
    assert same_document(window.page)
    # The address follows, so that it can be kept and sent.
    expect(window.page).to_have_url(re.compile("q=kovacs"))
    rows.get_by_role("link", name="Anna Kovács").click()
    expect(window.page.get_by_role("heading", level=1)).to_contain_text("Anna Kovács")
    assert window.wrong == []


def test_a_person_shows_why_each_account_is_there(sample: Sample, signed_in: Opener) -> None:
    window = signed_in()
    window.open(f"/console/people/{sample.people[0].uid}/")
    desk = window.page.locator(".account").filter(has_text="Zendesk")
    expect(desk).to_contain_text("Active")
    desk.locator("summary").click()
    expect(desk.locator(".condition")).to_be_visible()
    expect(desk.locator(".condition")).to_have_text('user.department == "Support"')
    expect(desk.locator(".saw")).to_contain_text("department Support")
    meet = window.page.locator(".lack").filter(has_text="Zoom")
    meet.locator("summary").click()
    expect(meet).to_contain_text("Sales tools would give it")
    assert window.wrong == []


def forget_proofs() -> None:
    """Nobody has shown a passkey lately."""
    for row in Stored.objects.all():
        held = SessionStore(row.session_key)
        held["proved_again"] = 0
        held.save()


def test_terminating_takes_a_fresh_passkey_a_reason_and_the_typed_name(
    company: Company, signed_in: Opener, aside: Aside
) -> None:
    window = signed_in()
    page = window.page
    session, key = authenticator(page)
    window.open("/console/security/")
    with page.expect_navigation():
        page.get_by_role("button", name="Add a passkey").click()
    # They showed it when they made it, and that was a while ago.
    aside(forget_proofs)

    person = Person.objects.get(employee_number="4")
    window.open(f"/console/people/{person.uid}/")
    page.get_by_role("link", name="Terminate now").click()
    expect(page.locator(".op")).to_have_count(2)
    # Signed in is not enough, and neither is a key that somebody else has picked up.
    expect(page.get_by_label("Type their name")).to_have_count(0)
    finger = {"authenticatorId": key, "isUserVerified": False}
    session.send("WebAuthn.setUserVerified", finger)
    page.get_by_role("button", name="Show my passkey").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Type their name")).to_have_count(0)
    session.send("WebAuthn.setUserVerified", {**finger, "isUserVerified": True})
    page.get_by_role("button", name="Show my passkey").click()
    expect(page.get_by_label("Type their name")).to_be_visible()

    page.get_by_label("Reason").fill("resignation")
    page.get_by_label("Type their name").fill("Person 5")
    page.get_by_role("button", name="Terminate now").click()
    expect(page.locator("#name-error")).to_contain_text("exactly as it is shown: Person 4")
    expect(page.get_by_label("Reason")).to_have_value("resignation")
    assert not Event.objects.filter(action=Action.PERSON_TERMINATED).exists()
    # The refusal is the server's 422, which the browser's console notes.
    window.wrong = [text for text in window.wrong if "422" not in text]

    page.get_by_label("Type their name").fill("person 4")
    page.get_by_role("button", name="Terminate now").click()
    page.wait_for_url("**/runs/*/")
    expect(page.locator("#live")).to_contain_text("of 2")
    expect(page.locator("#live")).to_contain_text("Running")
    remember(page)
    # A worker comes; the page notices by itself.
    aside(lambda: drain("chat"))
    expect(page.locator("#live .big")).to_contain_text("1 of 2")
    aside(lambda: drain("tracker"))
    expect(page.locator("#live .numbers")).to_contain_text("Done")
    expect(page.locator("#live progress")).to_have_attribute("value", "100")
    expect(page.locator("#live[hx-get]")).to_have_count(0)
    assert same_document(page)

    for slug in ("chat", "tracker"):
        assert company.open_users(slug) == {f"p{n}@acme.example" for n in range(1, 11) if n != 4}
    event = Event.objects.get(action=Action.PERSON_TERMINATED)
    assert (event.actor, event.reason) == ("administrator owner", "resignation")
    window.open(f"/console/people/{person.uid}/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Left")
    assert window.wrong == []


def test_what_is_held_is_approved_or_rejected_with_a_reason(
    company: Company, signed_in: Opener, aside: Aside
) -> None:
    for number in ("1", "2", "3"):
        change(Person.objects.get(employee_number=number), department="Finance")
    window = signed_in()
    page = window.page
    window.open("/console/plan/")
    expect(page.locator(".note.wait").first).to_contain_text("3 would be held in Chat")
    page.get_by_role("button", name="Hold for a decision").first.click()
    page.wait_for_url("**/runs/*/")
    window.open("/console/plan/")
    chat = page.locator("section.card").filter(has=page.locator("#group-chat"))
    expect(chat.get_by_role("checkbox")).to_have_count(3)

    # Without a reason nothing is decided.
    chat.get_by_role("button", name="Approve all 3").click()
    assert Operation.objects.filter(application__slug="chat", state="held").count() == 3

    chat.get_by_label("Choose Person 1", exact=True).check()
    chat.get_by_label("Why").fill("Moved to Finance, agreed")
    chat.get_by_role("button", name="Approve 1 chosen").click()
    expect(page.locator(".messages")).to_contain_text("1 operation approved")
    aside(lambda: drain("chat"))
    assert "p1@acme.example" not in company.open_users("chat")
    assert {"p2@acme.example", "p3@acme.example"} <= company.open_users("chat")

    window.open("/console/plan/?application=chat")
    chat.get_by_label("Why").fill("A mistake of HR")
    chat.get_by_role("button", name="Reject all 2").click()
    expect(page.locator(".messages")).to_contain_text("2 operations rejected")
    assert not Operation.objects.filter(application__slug="chat", state="held").exists()
    aside(lambda: drain("chat"))
    assert {"p2@acme.example", "p3@acme.example"} <= company.open_users("chat")
    reasons = Event.objects.filter(action__in=(Action.PLAN_APPROVED, Action.PLAN_REJECTED))
    assert {event.reason for event in reasons} == {"Moved to Finance, agreed", "A mistake of HR"}
    assert window.wrong == []


def test_somebody_is_signed_out_by_hand(company: Company, signed_in: Opener, aside: Aside) -> None:
    person = Person.objects.get(employee_number="4")
    aside(lambda: terminate_now(person, reason="theft"))
    chat = Application.objects.get(slug="chat")
    task = SignOut.objects.create(person=person, application=chat, cause="It cannot be told.")
    window = signed_in()
    page = window.page
    page.get_by_role("link", name="Tasks").click()
    card = page.locator("section.task").filter(has_text="Sign Person 4 out of")
    card.get_by_role("button", name="Cannot be done").click()
    expect(card.locator(".error")).to_contain_text("Say why it cannot be done")
    expect(card.get_by_label("What was done")).to_be_focused()
    # The refusal is the server's 422, which the browser's console notes.
    window.wrong = [text for text in window.wrong if "422" not in text]
    card.get_by_label("What was done").fill("Ended all of them")
    card.get_by_role("button", name="Done", exact=True).click()
    expect(page.locator(".messages")).to_contain_text("Noted as your word")
    expect(page.locator("main")).to_contain_text("Nobody has to be signed out by hand")
    task.refresh_from_db()
    assert (task.state, task.settled_by) == ("done", "administrator owner")
    window.open(f"/console/people/{person.uid}/proof/")
    expect(page.locator("main")).to_contain_text("as administrator owner said: Ended all of them")
    assert window.wrong == []


def test_an_auditor_sees_the_plan_and_can_decide_nothing(sample: Sample, signed_in: Opener) -> None:
    window = signed_in(role=Role.AUDITOR)
    window.open("/console/plan/")
    main = window.page.locator("main")
    expect(main).to_contain_text("An administrator can approve or reject these.")
    expect(main.get_by_role("button")).to_have_count(0)
    expect(main.get_by_role("checkbox")).to_have_count(0)
    assert window.wrong == []


def test_a_plan_is_applied_and_writes_are_stopped(
    company: Company, signed_in: Opener, aside: Aside
) -> None:
    company.person("11")
    window = signed_in()
    page = window.page
    window.open("/console/plan/")
    page.get_by_role("button", name="Apply 2").click()
    page.wait_for_url("**/runs/*/")
    run = Run.objects.latest("pk")
    page.get_by_role("link", name="Stop all writes").click()
    page.get_by_label("Reason").fill("An incident")
    page.get_by_role("button", name="Stop all writes").click()
    expect(page.locator(".side")).to_contain_text("Writes stopped")
    aside(lambda: drain("chat"))
    assert "p11@acme.example" not in company.open_users("chat")

    page.locator(".side").get_by_role("link", name="Resume").click()
    page.get_by_label("Reason").fill("It is over")
    page.get_by_role("button", name="Resume writes").click()
    expect(page.locator(".messages")).to_contain_text("Writes go on")
    aside(lambda: (drain("chat"), drain("tracker")))
    assert "p11@acme.example" in company.open_users("chat")
    window.open(f"/console/runs/{run.pk}/")
    expect(page.locator("#live .numbers")).to_contain_text("Done")
    assert window.wrong == []


def test_an_exception_that_is_refused_keeps_what_was_typed(
    sample: Sample, signed_in: Opener
) -> None:
    window = signed_in()
    window.open(f"/console/people/{sample.people[3].uid}/")
    window.page.get_by_role("link", name="Decide one").click()
    asked = window.page.get_by_role("dialog", name="Exception to the rules")
    asked.get_by_label("Until, in their time zone").fill("2020-01-02T10:00")
    asked.get_by_label("Why").fill("covers for Bo")
    chosen = asked.get_by_label("Application, or something in it")
    chosen.select_option(index=1)
    value = chosen.input_value()
    asked.get_by_role("button", name="Withhold it").click()
    expect(asked.get_by_text("It would be over already")).to_be_visible()
    expect(asked.get_by_label("Until, in their time zone")).to_be_focused()
    expect(asked.get_by_label("Until, in their time zone")).to_have_value("2020-01-02T10:00")
    expect(asked.get_by_label("Why")).to_have_value("covers for Bo")
    expect(asked.get_by_label("Application, or something in it")).to_have_value(value)
