"""A page behind Apache's mod_auth_mellon is opened with a passkey of ours, by a real browser:
sign-in from there and from the portal, what Apache is told, logout from both sides, and somebody
who is terminated is out."""

from __future__ import annotations

import base64
import os
import re
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from django.db import connections
from playwright.sync_api import expect

from tenure.applications.models import Application
from tenure.infra.clock import now
from tenure.people.services import terminate
from tenure.sso import delivery
from tenure.sso.models import ApplicationSession, Notice, SignOn
from tenure.sso.saml import identity, refreshing
from tests.acceptance.saml.mellon import MODULE, Mellon, mellon
from tests.browser.conftest import Opener, Window
from tests.browser.people import authenticator
from tests.conftest import make_home
from tests.signin.authenticator import Authenticator
from tests.signin.people import person, with_passkey
from tests.sso.conftest import account
from tests.sso.conftest import application as application_of

pytestmark = [
    pytest.mark.skipif("TENURE_ACCEPTANCE" not in os.environ, reason="make acceptance"),
    pytest.mark.skipif(not MODULE.exists(), reason="needs libapache2-mod-auth-mellon"),
]


@pytest.fixture
def staff(address: str, transactional_db: None, settings: Any) -> Iterator[Mellon]:
    """Apache, told our metadata; in a folder that whoever serves for root can come to."""
    settings.TENURE_URL = address
    place = make_home()
    with mellon(place, identity.metadata()) as running:
        yield running
    shutil.rmtree(place)


def registered(staff: Mellon) -> Application:
    row: Application = application_of(
        "staff",
        saml={
            "metadata_url": f"{staff.base}/mellon/metadata",
            "attributes": {"mail": {"value": "user.email"}, "department": {"value": '"Support"'}},
        },
    )
    (read,) = elsewhere(refreshing.refresh_due)
    assert read.problem == ""
    return row


def elsewhere(work: Any) -> Any:
    """What has an event loop of its own, where there is none."""
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(work).result(timeout=60)
        pool.submit(connections.close_all).result()
    return found


def with_device(window: Window, device: Authenticator) -> Window:
    """The browser holds the person's passkey."""
    session, name = authenticator(window.page)
    key = device.key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    credential = {
        "credentialId": base64.b64encode(device.credential_id).decode(),
        "isResidentCredential": True,
        "rpId": "localhost",
        "privateKey": base64.b64encode(key).decode(),
        "userHandle": base64.b64encode(device.handle).decode(),
        "signCount": device.counter,
    }
    session.send("WebAuthn.addCredential", {"authenticatorId": name, "credential": credential})
    return window


def test_a_page_behind_apache(staff: Mellon, stranger: Opener) -> None:
    row = registered(staff)
    ana = person()
    ana.attributes["email"] = ana.email
    ana.save()
    window = with_device(stranger(), with_passkey(ana))
    page = window.page
    account(ana, row)

    # From there: to us, by passkey, and back to the very page.
    posted: list[str] = []
    page.on("request", lambda one: posted.append(one.post_data or "") if one.post_data else None)
    page.goto(f"{staff.base}/staff/index.html")
    expect(page).to_have_url(re.compile(r"/sign-in/\?next="))
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Welcome, {ana.email}")
    expect(page.locator("#groups")).to_have_text("Support")
    assert page.url == f"{staff.base}/staff/index.html"
    assert SignOn.objects.get().outcome == "allowed"

    # The same answer once more, or a changed one: somebody else's browser gets nothing for it.
    (answer,) = [text for text in posted if text.startswith("SAMLResponse=")]
    for text in (answer, answer.replace("A", "B", 40)):
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        again = page.request.post(f"{staff.base}/mellon/postResponse", data=text, headers=form)
        assert again.status == 400

    # Signed out there: the session here has ended too.
    page.get_by_role("link", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Bye")
    assert not ApplicationSession.objects.filter(ended_at=None).exists()
    page.goto(f"{window.address}/portal/")
    expect(page).to_have_url(re.compile(r"/sign-in/"))

    # From the portal, and signed out here: Apache is told without the browser, and has confirmed.
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/portal/")
    page.get_by_role("link", name="Staff").click()
    page.wait_for_url(f"{staff.base}/**")
    page.goto(f"{staff.base}/staff/index.html")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Welcome, {ana.email}")
    page.goto(f"{window.address}/portal/")
    page.get_by_role("button", name="Sign out", exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
    confirmed()
    page.goto(f"{staff.base}/staff/index.html")
    expect(page).to_have_url(re.compile(r"/sign-in/\?next="))

    # Terminated while at work: out there within the moment, and not let in again.
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Welcome, {ana.email}")
    at = now()
    ana.refresh_from_db()
    terminate(ana, at=at, reason="left", now=at)
    confirmed()
    page.goto(f"{staff.base}/staff/index.html")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_be_visible()
    # Nothing of ours was stopped by our policy. (Of Apache's there is no icon.)
    assert [one for one in window.wrong if "Content Security" in one or "script:" in one] == []


def confirmed() -> None:
    """The notice has arrived: Apache answered with a LogoutResponse, signed by its key."""
    begun = time.monotonic()
    elsewhere(delivery.deliver_waiting)
    notice = Notice.objects.exclude(payload__has_key="once_more").first()
    assert notice is not None
    assert notice.state == Notice.State.DELIVERED, (notice.status, notice.answer)
    assert time.monotonic() - begun < 10
