"""Signing in with a real browser: a link lets in once, a stranger stays outside."""

from __future__ import annotations

from datetime import timedelta

from playwright.sync_api import expect

from tenure.signin.services import issue_link
from tests.browser.conftest import Opener


def test_a_link_signs_in_once_and_no_second_time(stranger: Opener) -> None:
    link = issue_link(name="anna")
    window = stranger()
    window.open(link)
    expect(window.page.get_by_role("heading")).to_have_text("Sign in as anna")
    # The button has the focus: Enter is enough.
    window.page.keyboard.press("Enter")
    window.page.wait_for_url("**/console/")
    expect(window.page.get_by_role("heading", level=1)).to_have_text("Overview")
    assert window.wrong == []

    thief = stranger()
    answer = thief.page.goto(thief.address + link)
    assert answer is not None
    assert answer.status == 410
    expect(thief.page.get_by_role("heading")).to_have_text("This link has been used")
    thief.page.goto(thief.address + "/console/")
    expect(thief.page).to_have_url(thief.address + "/sign-in/")


def test_of_two_who_press_the_button_the_second_is_refused(stranger: Opener) -> None:
    link = issue_link()
    first, second = stranger(), stranger()
    for window in (first, second):
        window.open(link)
    first.page.get_by_role("button", name="Sign in").click()
    first.page.wait_for_url("**/console/")
    second.page.get_by_role("button", name="Sign in").click()
    expect(second.page.get_by_role("heading")).to_have_text("This link has been used")


def test_an_expired_link_lets_nobody_in(stranger: Opener) -> None:
    window = stranger()
    answer = window.page.goto(window.address + issue_link(valid=timedelta(seconds=-1)))
    assert answer is not None
    assert answer.status == 410
    expect(window.page.get_by_role("heading")).to_have_text("This link has expired")
    expect(window.page.get_by_role("button")).to_have_count(0)


def test_signing_out_ends_the_session_everywhere(signed_in: Opener) -> None:
    window = signed_in()
    other_tab = window.page.context.new_page()
    other_tab.goto(window.address + "/console/people/")
    window.page.get_by_role("button", name="Sign out").click()
    expect(window.page.get_by_role("heading", level=1)).to_have_text("You are signed out")
    other_tab.goto(window.address + "/console/people/")
    expect(other_tab).to_have_url(window.address + "/sign-in/?next=%2Fconsole%2Fpeople%2F")
    assert window.wrong == []
