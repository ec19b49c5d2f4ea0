"""The console as it is used: by keys, by typing, and with JavaScript switched off."""

from __future__ import annotations

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from tenure.applications.models import Application
from tenure.people.models import Person
from tests.browser.conftest import Opener
from tests.browser.test_pages import look
from tests.console.company import Sample, make_company


@pytest.fixture
def sample(transactional_db: None) -> Sample:
    return make_company(timezone.now())


def test_by_keys_and_by_typing(sample: Sample, signed_in: Opener) -> None:
    window = signed_in()
    page = window.page
    page.keyboard.press("g")
    page.keyboard.press("p")
    page.wait_for_url("**/console/people/")
    page.locator("#people-search").fill("kovacs a")
    page.wait_for_url("**/?q=kovacs+a")
    expect(page.locator("tbody tr").first).to_contain_text("Kovács")
    page.locator("body").press("Control+k")
    page.get_by_role("combobox", name="Person, application, page or action").fill("10482")
    option = page.get_by_role("option", name="Anna Kovács")
    expect(option).to_have_attribute("aria-selected", "true")
    assert look(window, "palette") == []
    page.keyboard.press("Enter")
    page.wait_for_url("**/people/*/")
    page.locator("body").press("?")
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    assert look(window, "keys") == []
    page.keyboard.press("Escape")
    page.get_by_label("were", exact=True).fill("Sales")
    page.get_by_role("button", name="What if?").click()
    expect(page.locator("#what-if-answer")).to_contain_text("Salesforce")
    page.get_by_role("link", name="Suspend").click()
    assert look(window, "suspend") == []
    page.keyboard.press("Escape")
    window.open("/console/applications/workspace/provisioning/")
    page.get_by_label("What title is").fill("user.titel")
    expect(page.locator("#mapping-preview")).to_contain_text("did you mean")
    # Somebody who is quicker than the answers: the last choice counts, what is typed stays.
    window.open("/console/rules/new/")
    attribute, value = page.locator("#attribute-0"), page.locator("#value-0")
    attribute.select_option("country")
    attribute.select_option("department")
    value.fill("Support")
    expect(page.get_by_text("meet this")).to_be_visible()
    expect(value).to_have_value("Support")
    expect(value).to_be_focused()
    expect(attribute).to_have_value("department")
    # A page that is left while it asks for a part of itself says so.
    assert [text for text in window.wrong if not text.startswith("console: htmx:")] == []


def test_with_javascript_switched_off(sample: Sample, signed_in: Opener) -> None:
    window = signed_in(java_script_enabled=False)
    page = window.page
    window.open("/console/people/")
    page.get_by_role("combobox", name="Department").select_option("Support")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr").first).to_contain_text("Support")
    person = sample.people[0]
    window.open(f"/console/people/{person.uid}/")
    page.get_by_role("link", name="What changes on which day").click()
    expect(page.get_by_role("heading", name="What is to come")).to_be_visible()
    window.open(f"/console/people/{person.uid}/")
    page.get_by_role("link", name="Suspend").click()
    page.locator("#suspend-reason").fill("laptop stolen")
    page.get_by_role("button", name="Suspend now").click()
    page.wait_for_url("**/runs/*/")
    assert Person.objects.get(pk=person.pk).suspended
    window.open("/console/applications/workspace/provisioning/")
    page.get_by_label("Delete a closed account after").fill("14")
    page.locator("#policy").get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    kept = Application.objects.get(slug="workspace").delete_after
    assert kept is not None
    assert kept.days == 14
