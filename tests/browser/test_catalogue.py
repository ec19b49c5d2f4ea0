"""Somebody looks for an application, adds it, and is told what to do next."""

from __future__ import annotations

from playwright.sync_api import expect

from tenure.applications.models import Application
from tests.browser.conftest import NARROW, WIDE, Opener
from tests.browser.test_pages import look


def test_search_as_you_type_add_and_check(signed_in: Opener) -> None:
    window = signed_in()
    page = window.page
    window.open("/console/catalogue/")
    page.get_by_label("Search the catalogue").press_sequentially("gitlba")
    expect(page.locator(".tile")).to_have_count(1)
    page.get_by_role("link", name="GitLab").click()
    page.get_by_role("link", name="Provisioning", exact=True).click()
    expect(page.get_by_role("heading", name="Step by step")).to_be_visible()
    page.get_by_role("link", name="Add this application").click()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was added")
    # The form's answer is a 422, which a browser's console mentions.
    window.wrong.clear()
    assert look(window, "add, with a mistake") == []
    page.get_by_label("Host of your GitLab").fill("gitlab.acme.example")
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("By SAML 2.0").click()
    acs = page.get_by_label("Assertion consumer service")
    expect(acs).to_have_value("https://gitlab.acme.example/users/auth/saml/callback")
    assert look(window, "add, single sign-on") == []
    page.set_viewport_size(NARROW)
    assert look(window, "add, single sign-on, narrow") == []
    page.set_viewport_size(WIDE)
    page.get_by_label("Entity ID").fill("https://gitlab.acme.example")
    page.get_by_role("button", name="Go on").click()
    assert look(window, "add, provisioning") == []
    page.get_by_role("button", name="Add in report mode").click()
    expect(page.get_by_role("heading", name="Where to go next")).to_be_visible()
    assert look(window, "added") + window.wrong == []
    page.set_viewport_size(NARROW)
    assert look(window, "added, narrow") == []
    assert Application.objects.get().mode == "report"


def test_filters_take_effect_at_once(signed_in: Opener) -> None:
    window = signed_in()
    page = window.page
    window.open("/console/catalogue/")
    before = page.locator(".tile").count()
    page.get_by_text("Self-hosted", exact=True).click()
    expect(page.locator(".tile")).not_to_have_count(before)
    page.get_by_label("Category").select_option("development")
    expect(page.get_by_role("link", name="Slack")).to_have_count(0)
    assert "can=self-hosted" in page.url
    page.go_back()
    assert window.wrong == []


def test_values_are_copied(signed_in: Opener) -> None:
    window = signed_in(permissions=["clipboard-read", "clipboard-write"])
    window.open("/console/catalogue/gitlab/single-sign-on/")
    window.page.get_by_role("button", name="Copy this value").first.click()
    expect(window.page.get_by_role("button", name="Copied")).to_be_visible()
    copied = window.page.evaluate("navigator.clipboard.readText()")
    assert copied == "https://{host}/users/auth/saml/callback"
    assert window.wrong == []
