"""The portal on a phone's home screen, as Chromium judges it; and without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, expect

from tenure.people.models import Company, Person
from tests.browser.conftest import CHROMIUM, QUIET, Window
from tests.browser.people import IPHONE, as_kept, authenticator
from tests.browser.test_onboarding import anna, sample
from tests.signin.people import with_passkey

__all__ = ["anna", "sample"]


def test_it_can_be_installed_and_keeps_nothing_of_anybody(
    anna: Person, browser: Browser, address: str, tmp_path: Path
) -> None:
    Company.objects.update(colour="#7a2e8c")
    # Windows that forget everything, as those of other tests, install nothing.
    options: dict[str, Any] = {"executable_path": CHROMIUM, "args": QUIET, **IPHONE}
    context = browser.browser_type.launch_persistent_context(tmp_path, **options)
    try:
        look(Window(context.new_page(), address), anna)
    finally:
        context.close()


def look(phone: Window, anna: Person) -> None:
    session, key = authenticator(phone.page)
    kept = as_kept(with_passkey(anna))
    session.send("WebAuthn.addCredential", {"authenticatorId": key, "credential": kept})
    phone.open("/sign-in/")
    phone.page.get_by_role("button", name="Sign in with a passkey").click()
    phone.page.wait_for_url("**/portal/")
    phone.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    manifest = session.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert session.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
    assert phone.wrong == []

    phone.page.context.set_offline(True)
    phone.page.goto(phone.address + "/portal/profile/")
    expect(phone.page.get_by_role("heading", level=1)).to_have_text("No network")
    assert "Anna" not in phone.page.content()
    # It looks as the other pages do.
    assert phone.page.evaluate("document.styleSheets.length") == 5
    names = "caches.keys().then(async (all) => (await Promise.all(all.map(async (name) =>"
    names += (
        "(await (await caches.open(name)).keys()).map((r) => new URL(r.url).pathname)))).flat())"
    )
    stored = phone.page.evaluate(names)
    assert stored[0] == "/portal/offline/"
    assert all(path.startswith(("/static/", "/sign-in/brand-")) for path in stored[1:])
    phone.page.context.set_offline(False)
    phone.page.get_by_role("link", name="Try again").click()
    expect(phone.page.get_by_role("heading", level=1)).to_have_text("Applications")
