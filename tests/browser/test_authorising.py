"""A source that somebody agrees to in a browser, from the catalogue to its people: there and back
again as a person goes, who says no first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tenure.people.models import Company
from tenure.sources.models import Source
from tests.browser.conftest import NARROW, WIDE, Opener, Window
from tests.browser.test_pages import keep, look
from tests.oauth_server import CLIENT, SECRET, OAuthServer
from tests.orange_hrm import orange_hrm


@pytest.fixture
def server(transactional_db: None) -> Iterator[OAuthServer]:
    Company.objects.update_or_create(pk=1, defaults={"domain": "acme.example"})
    with orange_hrm() as found:
        found.asks = True
        yield found


def everywhere(window: Window, name: str) -> list[str]:
    """What is wrong with the page, light and wide, and dark on a phone."""
    page = window.page
    found = look(window, name)
    keep(window, f"{name}, light")
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    found += look(window, f"{name}, dark", "color-contrast")
    keep(window, f"{name}, dark")
    page.set_viewport_size(NARROW)
    found += look(window, f"{name}, narrow")
    keep(window, f"{name}, narrow")
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.set_viewport_size(WIDE)
    return found


def test_a_source_is_agreed_to(signed_in: Opener, server: OAuthServer) -> None:
    window = signed_in(color_scheme="light")
    page = window.page
    window.open("/console/sources/new/")
    page.get_by_role("link", name="OrangeHRM").click()
    expect(page.get_by_text(f"{window.address}/console/authorised/")).to_be_visible()
    wrong = everywhere(window, "authorised source, first")
    page.get_by_role("textbox", name="Address").fill(server.url)
    page.get_by_label("Client ID").fill(CLIENT)
    page.get_by_label("Client secret").fill(SECRET)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="Let Tenure read OrangeHRM")).to_be_visible()
    wrong += everywhere(window, "authorised source, authorisation")

    page.get_by_role("link", name="Authorise").click()
    page.get_by_role("link", name="Deny").click()
    expect(page.get_by_text("Nobody agreed at OrangeHRM")).to_be_visible()
    wrong += everywhere(window, "authorised source, denied")

    page.get_by_role("link", name="Authorise").click()
    page.get_by_role("link", name="Allow").click()
    expect(page.get_by_text("OrangeHRM is authorised.")).to_be_visible()
    expect(page.get_by_label("Attribute of First name")).to_have_value("given_name")
    wrong += look(window, "authorised source, columns")
    page.get_by_role("button", name="See what it changes").click()
    expect(page.get_by_text("Lisa Berg").first).to_be_visible()
    page.get_by_role("button", name="Save only").click()
    expect(page.get_by_role("heading", name="Authorisation")).to_be_visible()
    expect(page.get_by_role("link", name="Authorise again")).to_be_visible()
    wrong += everywhere(window, "authorised source, in force")
    assert Source.objects.get(slug="orangehrm").authorization.refused_at is None
    # A browser that agrees elsewhere asks elsewhere, and for nothing else.
    asked = f"asked elsewhere: {server.url}/"
    assert wrong + [one for one in window.wrong if not one.startswith(asked)] == []
