"""Going on to an application in a real browser: the door first, the account that comes, the passkey
once more, and why not; with pictures where they are asked for."""

from __future__ import annotations

import base64
import hashlib
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from playwright.sync_api import expect

from tenure.applications.models import Application
from tenure.people.models import Person
from tenure.provisioning.models import Operation
from tenure.rules.models import AccessRule
from tenure.runs.models import Run, RunKind
from tests.browser.conftest import Opener, Window
from tests.browser.test_onboarding import anna, onboarded, sample
from tests.browser.test_pages import look
from tests.sso.conftest import account, oidc

__all__ = ["anna", "sample"]
#: A folder for pictures of every page, light and dark, wide and narrow.
PICTURES = os.environ.get("TENURE_PICTURES", "")
VERIFIER = "v" * 43


class Site:
    """The application itself, as far as a browser sees it: whatever it is asked, it greets."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                self.greet()

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                outer.asked.append(f"{self.path}?{self.rfile.read(length).decode()}")
                self.greet()

            def greet(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(b"<!doctype html><link rel=icon href=data:,><h1>Signed in</h1>")

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    @property
    def last(self) -> dict[str, str]:
        """What it was last told."""
        return dict(parse_qsl(urlsplit(self.asked[-1]).query))


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture
def wiki(anna: Person, site: Site) -> Application:
    """An application of Anna's whose account is not made yet, and how it asks."""
    row = Application.objects.create(
        slug="wiki",
        name="Wiki",
        connector="memory",
        settings={"name": "wiki"},
        mode="live",
        owner="Erika Braun (erika@acme.example)",
        colour="#7a2e8c",
        single_sign_on={"oidc": oidc("wiki", redirect_uris=[f"{site.address}/callback"])},
    )
    AccessRule.objects.create(
        slug="wiki", name="Wiki for all", condition="has(user.email)", gives={"wiki": []}
    )
    return row


def request(site: Site, **changes: str) -> str:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest())
    wanted = {
        "client_id": "wiki",
        "response_type": "code",
        "scope": "openid",
        "redirect_uri": f"{site.address}/callback",
        "state": "xyz",
        "code_challenge": challenge.rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        **changes,
    }
    return f"/oauth/authorize?{urlencode(wanted)}"


def picture(window: Window, name: str) -> None:
    """The page as it is, in both looks and widths."""
    assert look(window, name) == []
    if not PICTURES:
        return
    page = window.page
    size = page.viewport_size
    for colours in ("light", "dark"):
        page.emulate_media(color_scheme=colours)  # type: ignore[arg-type]
        for width, height in ((1280, 800), (390, 844)):
            page.set_viewport_size({"width": width, "height": height})
            page.screenshot(path=Path(PICTURES) / f"{name}-{colours}-{width}.png", full_page=True)
    page.emulate_media(color_scheme="light")
    if size:
        page.set_viewport_size(size)


def test_on_to_an_application(
    anna: Person, wiki: Application, site: Site, stranger: Opener, signed_in: Opener
) -> None:
    _, phone, _ = onboarded(anna, stranger)
    page = phone.page
    # The account is not made yet: the page waits, and goes on by itself.
    run = Run.objects.create(kind=RunKind.EXECUTE)
    making = Operation.objects.create(application=wiki, person=anna, kind="create", run=run)
    page.goto(phone.address + request(site))
    expect(page.get_by_role("heading", level=1)).to_have_text("Wiki is being set up for you")
    picture(phone, "being-set-up")
    Operation.objects.filter(pk=making.pk).delete()
    account(anna, wiki)
    expect(page.get_by_role("heading", level=1)).to_have_text("Signed in")
    assert (site.last["iss"], site.last["state"]) == (phone.address, "xyz")
    # By a form, which the page's policy lets out to this application alone.
    page.goto(phone.address + request(site, response_mode="form_post", max_age="100000"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Signed in")
    assert site.asked[-1].startswith("/callback?code=")
    # The passkey once more.
    page.goto(phone.address + request(site, prompt="login"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm it is you")
    picture(phone, "confirm")
    page.get_by_role("button", name="Use my passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Signed in")
    # The tile.
    phone.open("/portal/")
    picture(phone, "portal")
    page.get_by_role("link", name="Wiki").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Signed in")
    # Signing out by the application, without a word of whose session: they are asked.
    phone.open("/oauth/logout?client_id=wiki")
    picture(phone, "sign-out")
    page.get_by_role("link", name="Stay signed in").click()
    phone.open("/device")
    picture(phone, "device")
    # And without the rule: why not, and whom to ask.
    AccessRule.objects.filter(slug="wiki").delete()
    page.goto(phone.address + request(site))
    expect(page.get_by_role("heading", level=1)).to_have_text("You cannot sign in to Wiki")
    expect(page.get_by_text("Erika Braun")).to_be_visible()
    picture(phone, "refused")
    assert [line for line in phone.wrong if site.address not in line] == [
        "console: Failed to load resource: the server responded with a status of 403 (Forbidden)"
    ]

    owner = signed_in()
    owner.open("/console/applications/wiki/single-sign-on/")
    owner.page.get_by_role("button", name="Make a secret").click()
    expect(owner.page.get_by_text("It is shown this once")).to_be_visible()
    expect(owner.page.get_by_text("Not due: no rule gives it.")).to_be_visible()
    picture(owner, "console")
    assert owner.wrong == []
