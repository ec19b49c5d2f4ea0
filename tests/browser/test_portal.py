"""The door and the portal in a browser: by passkey, by phone, by recovery code, administrators too;
what they show as it comes; and what axe and the keyboard say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import product
from typing import Any

from django.contrib.sessions.models import Session as Kept
from django.db import transaction
from django.utils import timezone
from playwright.sync_api import expect

from tenure.applications.models import Account
from tenure.people.models import Company, Person
from tenure.provisioning.models import Operation
from tenure.runs.models import Run, RunKind
from tenure.signin import invitations, recovery
from tenure.signin.models import Passkey, Role, Session, User
from tenure.signin.services import issue_link
from tests.browser.conftest import NARROW, WIDE, Opener, Window
from tests.browser.people import (
    IPHONE,
    WINDOWS,
    as_kept,
    authenticator,
    credentials,
    invitation,
    same_number,
    scan,
)
from tests.browser.test_onboarding import anna, onboarded, prove_address, sample
from tests.browser.test_pages import look, too_wide, walk
from tests.signin.people import with_passkey

Aside = Callable[[Callable[[], Any]], Any]
__all__ = ["anna", "sample"]


def sign_out(window: Window) -> None:
    window.page.get_by_role("button", name="Sign out", exact=True).first.click()
    expect(window.page.get_by_role("heading", level=1)).to_have_text("You are signed out")


def test_who_signs_out_is_led_on_by_that_alone(anna: Person, stranger: Opener) -> None:
    """The page asks by itself whether they are let in, and is told no before the button's answer
    has come."""
    _, phone, _ = onboarded(anna, stranger)
    page = phone.page
    Session.objects.update(ended_at=timezone.now())
    with transaction.atomic(), page.expect_response("**/portal/here/") as answer:
        list(Kept.objects.select_for_update())
        page.get_by_role("button", name="Sign out", exact=True).click(no_wait_after=True)
    assert answer.value.headers["hx-redirect"].startswith("/sign-in/")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
    assert phone.wrong == []


def test_in_again_by_passkey_and_by_phone(anna: Person, stranger: Opener) -> None:
    computer, phone, _ = onboarded(anna, stranger)
    sign_out(phone)
    phone.page.get_by_role("button", name="Sign in with a passkey").click()
    phone.page.wait_for_url("**/portal/")

    sign_out(computer)
    phone.open(scan(computer))
    same_number(phone, computer)
    expect(phone.page.get_by_role("heading", level=1)).to_have_text("Go on at the computer")
    computer.page.wait_for_url("**/portal/")
    expect(computer.page.get_by_text("anna.kovacs@acme.example").first).to_be_visible()
    assert computer.wrong + phone.wrong == []


def test_without_a_finger_nobody_comes_in(anna: Person, stranger: Opener) -> None:
    _, phone, (session, name) = onboarded(anna, stranger)
    (key,) = credentials(session, name)
    assert key["isResidentCredential"]
    sign_out(phone)
    session.send("WebAuthn.setUserVerified", {"authenticatorId": name, "isUserVerified": False})
    phone.page.get_by_role("button", name="Sign in with a passkey").click()
    expect(phone.page.get_by_role("alert")).to_have_text(
        "It was cancelled, or took too long. Try again."
    )


def test_a_lost_phone_and_a_recovery_code(anna: Person, stranger: Opener) -> None:
    computer, _, _ = onboarded(anna, stranger)
    computer.page.get_by_role("button", name="Make ten codes").click()
    codes = computer.page.locator(".codes code").all_inner_texts()
    assert len(codes) == 10
    sign_out(computer)
    newer = stranger(**WINDOWS)
    authenticator(newer.page)
    newer.open("/sign-in/")
    newer.page.get_by_role("link", name="I have lost my device").click()
    newer.page.get_by_label("Work e-mail or employee number").fill("10482")
    newer.page.get_by_label("Recovery code").fill(codes[3])
    newer.page.get_by_role("button", name="Sign in").click()
    expect(newer.page.get_by_text("You came in with a recovery code")).to_be_visible()
    newer.page.get_by_role("button", name="Add a passkey").click()
    expect(newer.page.locator(".keys b").first).to_have_text("iPhone")
    expect(newer.page.get_by_text("Windows computer", exact=True)).to_be_visible()
    newer.page.get_by_role("button", name="Remove iPhone").click()
    expect(newer.page.get_by_role("status")).to_contain_text("iPhone is removed")
    expect(newer.page.get_by_text("This is your only passkey")).to_be_visible()
    assert newer.wrong == []
    assert recovery.codes_left(anna) == 9


def test_a_passkey_gets_another_name(anna: Person, stranger: Opener) -> None:
    computer, _, _ = onboarded(anna, stranger)
    computer.open("/portal/security/")
    computer.page.get_by_text("Rename").click()
    computer.page.get_by_label("New name of iPhone").fill("Anna’s phone")
    computer.page.get_by_role("button", name="Save").click()
    expect(computer.page.locator(".keys b").first).to_have_text("Anna’s phone")


def test_signing_out_everywhere_else(anna: Person, stranger: Opener) -> None:
    computer, phone, _ = onboarded(anna, stranger)
    computer.open("/portal/security/")
    computer.page.get_by_role("button", name="Sign out everywhere else").click()
    expect(computer.page.get_by_role("status")).to_contain_text("1 session ended")
    phone.page.goto(phone.address + "/portal/")
    expect(phone.page.get_by_role("heading", level=1)).to_have_text("Welcome back, Anna Kovács")
    # On a computer that others use too, nobody need read the name.
    phone.page.get_by_role("button", name="Forget this browser").click()
    expect(phone.page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_a_passkey_that_the_browser_offers_in_the_field(anna: Person, stranger: Opener) -> None:
    device = with_passkey(anna)
    computer = stranger(**WINDOWS)
    session, key = authenticator(computer.page, in_fields=True)
    computer.open("/sign-in/")
    field = computer.page.get_by_label("Passkeys that this browser knows")
    expect(field).to_have_attribute("autocomplete", "username webauthn")
    # Somebody who has none can go on by the button, which takes the field's place.
    computer.page.get_by_role("button", name="Sign in with a passkey").click()
    expect(computer.page.get_by_role("alert")).to_contain_text("cancelled, or took too long")
    session.send("WebAuthn.addCredential", {"authenticatorId": key, "credential": as_kept(device)})
    # Nobody presses anything.
    computer.open("/sign-in/")
    computer.page.wait_for_url("**/portal/")
    assert computer.wrong == []


def test_an_application_is_ready_before_their_eyes(anna: Person, stranger: Opener) -> None:
    account = Account.objects.get(person=anna, application__slug="desk")
    Account.objects.filter(pk=account.pk).update(person=None, situation="unmatched")
    run = Run.objects.create(kind=RunKind.EXECUTE)
    operation = Operation.objects.create(
        run=run,
        application=account.application,
        person=anna,
        kind="create",
        state="started",
        generation=anna.generation,
    )
    computer, _, _ = onboarded(anna, stranger)
    tile = computer.page.locator(".tile", has_text="Zendesk")
    expect(tile).to_contain_text("Being made")
    expect(computer.page.get_by_text("2 of 3 ready")).to_be_visible()
    Account.objects.filter(pk=account.pk).update(person=anna, situation="linked")
    Operation.objects.filter(pk=operation.pk).update(state="done")
    expect(tile).to_contain_text("Ready")
    expect(computer.page.get_by_text("3 of 3 ready")).to_be_visible()
    assert computer.wrong == []


def test_an_administrator_makes_a_passkey_at_once(
    sample: object, stranger: Opener, signed_in: Opener
) -> None:
    office = signed_in(**WINDOWS)
    authenticator(office.page)
    office.page.get_by_role("link", name="Make one").click()
    office.page.get_by_role("button", name="Add a passkey").click()
    expect(office.page.locator(".keys b").first).to_have_text("Windows computer")
    assert Passkey.objects.get().user == User.objects.get(name=Role.OWNER.value)
    office.page.get_by_role("button", name="Sign out", exact=True).first.click()
    office.page.get_by_role("button", name="Sign in with a passkey").click()
    office.page.wait_for_url("**/console/")
    expect(office.page.get_by_text("Make a passkey.")).to_have_count(0)
    # Later on, what concerns roles or everything at once asks for it again, and then goes on.
    issue_link(name="ben", role=Role.AUDITOR)
    office.open("/console/settings/administrators/")
    office.page.get_by_label("Role of ben").select_option("help_desk")
    Session.objects.update(began_at=timezone.now() - timedelta(minutes=6))
    office.page.get_by_role("button", name="Give ben this role").click()
    heading = office.page.get_by_role("heading", level=1)
    expect(heading).to_have_text("First show that it is you")
    office.wrong.clear()  # The browser says so of every answer that refuses.
    assert look(office, "again") == []
    assert User.objects.get(name="ben").role == Role.AUDITOR
    office.page.get_by_role("button", name="Show my passkey").click()
    expect(office.page.get_by_text("ben has another role")).to_be_visible()
    assert User.objects.get(name="ben").role == Role.HELP_DESK
    assert office.wrong == []


def test_axe_finds_nothing(anna: Person, stranger: Opener) -> None:
    """Light and dark, in our colour and in a company's that is hard to write on."""
    computer, phone, _ = onboarded(anna, stranger)
    outside = stranger()
    found = []
    for scheme, colour in product(("light", "dark"), ("", "#ffd54a")):
        Company.objects.update(colour=colour)
        for window in (computer, phone, outside):
            window.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        phone.page.reload()
        for window, paths in (
            (computer, ("/portal/", "/portal/profile/", "/portal/security/")),
            (outside, ("/sign-in/", "/sign-in/recover")),
        ):
            for path in paths:
                window.page.set_viewport_size(WIDE)  # type: ignore[arg-type]
                window.open(path)
                if path == "/sign-in/":
                    window.page.locator(".qr svg").wait_for()
                found += look(window, f"{path}, {scheme} {colour}")
                window.page.set_viewport_size(NARROW)  # type: ignore[arg-type]
                found += too_wide(window, f"{path}, narrow")
        found += look(phone, f"phone, {scheme} {colour}")
    found += computer.wrong + phone.wrong + outside.wrong
    assert not found, "\n".join(found)


def test_axe_finds_nothing_on_the_way_in(anna: Person, stranger: Opener) -> None:
    invitations.invite(person=anna)
    computer, phone = stranger(**WINDOWS), stranger(**IPHONE)
    computer.open(invitation())
    path = scan(computer)
    found = look(computer, "welcome")
    phone.open(path)
    found += look(phone, "scan")
    same_number(phone, computer)
    expect(computer.page.get_by_text("Go on with your phone")).to_be_visible()
    found += look(computer, "waiting") + look(phone, "code")
    prove_address(phone)
    expect(phone.page.get_by_role("heading", level=1)).to_have_text("Confirm who you are")
    found += look(phone, "claims")
    phone.page.get_by_role("button", name="Go on").click()
    found += look(phone, "claims, wrong")
    computer.page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    found += too_wide(computer, "waiting, narrow")
    assert not found, "\n".join(found)


def test_the_keyboard_reaches_everything(anna: Person, stranger: Opener) -> None:
    computer, _, _ = onboarded(anna, stranger)
    computer.open("/portal/security/")
    assert walk(computer.page) == []
