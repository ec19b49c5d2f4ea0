"""On to an application by SAML in a real browser: under our policy, with and without scripts; out
again by way of the application; and the administrator's page of it."""

from __future__ import annotations

import base64

from playwright.sync_api import expect

from tenure.applications.models import Application
from tenure.people.models import Person
from tenure.sso.models import ApplicationSession
from tests.browser.conftest import NARROW, WIDE, Opener
from tests.browser.test_onboarding import anna, onboarded, sample
from tests.browser.test_pages import look, too_wide
from tests.browser.test_single_sign_on import Site, site
from tests.saml.application import pair
from tests.sso.conftest import account, application

__all__ = ["anna", "sample", "site"]


def by_saml(anna: Person, site: Site) -> Application:
    """An application of Anna's, which is left by a redirect."""
    row: Application = application(
        rule="has(user.department)",
        saml={
            "entity_id": f"{site.address}/sp",
            "acs": [f"{site.address}/acs"],
            "certificates": [pair().pem],
            "logout": [{"binding": "redirect", "address": f"{site.address}/slo"}],
            "attributes": {"mail": {"value": "user.email"}, "groups": {"value": "user.groups"}},
        },
    )
    account(anna, row)
    return row


def test_on_and_out(anna: Person, site: Site, stranger: Opener) -> None:
    by_saml(anna, site)
    computer, _, _ = onboarded(anna, stranger)
    page = computer.page
    page.get_by_role("link", name="Wiki").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Signed in")
    assert b"samlp:Response" in base64.b64decode(site.last["SAMLResponse"])
    # Without scripts there is a button.
    still = stranger(java_script_enabled=False)
    still.page.context.add_cookies(page.context.cookies())  # type: ignore[arg-type]
    still.open("/portal/launch/wiki/")
    assert look_without_scripts(still.page.content())
    still.page.get_by_role("button", name="Go on to Wiki").click()
    expect(still.page.get_by_role("heading", level=1)).to_have_text("Signed in")
    # Out here: by a page of ours to the application, for it takes logouts by a browser only.
    page.goto(f"{computer.address}/portal/")
    page.get_by_role("button", name="Sign out", exact=True).first.click()
    page.wait_for_url(f"{site.address}/slo**")
    assert "SAMLRequest" in site.last
    assert not ApplicationSession.objects.filter(ended_at=None).exists()
    said = [one for one in computer.wrong + still.wrong if "asked elsewhere" not in one]
    assert said == []


def look_without_scripts(text: str) -> bool:
    """Nothing is written into the page that a strict policy would stop."""
    return "<script>" not in text and "onclick" not in text and "style=" not in text


def test_the_page_of_it(anna: Person, site: Site, signed_in: Opener) -> None:
    by_saml(anna, site)
    window, found = signed_in(), []
    window.open(f"/console/applications/wiki/single-sign-on/saml/?person={anna.uid}")
    for details in window.page.locator("details > summary").all():
        details.click()
    found += look(window, "told")
    window.page.set_viewport_size(NARROW)
    found += too_wide(window, "told, narrow")
    window.page.emulate_media(color_scheme="dark")
    found += look(window, "told, dark", "color-contrast")
    window.page.set_viewport_size(WIDE)
    window.open("/console/applications/wiki/single-sign-on/saml/?register=1&who=anna")
    found += look(window, "registering")
    assert found + window.wrong == []
