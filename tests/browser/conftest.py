"""A real browser and a real web server on the test's database. Both are started once for all
tests here: Playwright's event loop runs in this thread while it lives, so it must end with them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection, connections
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from tenure.infra.postgres import EmbeddedPostgres
from tenure.signin.models import Role
from tenure.signin.services import issue_link

CHROMIUM = os.environ.get("TENURE_CHROMIUM", "/usr/bin/chromium")
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 390, "height": 844}
#: How long what is to come may take, in milliseconds: what never comes fails once, whatever it is.
PATIENCE = 30_000
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium. Django refuses its database to a thread with an event loop, unless told."""
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield started
        started.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="package")
def address(postgres: EmbeddedPostgres, django_db_setup: None) -> Iterator[str]:
    """`tenure web` on the database of the tests, and where it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Passkeys are bound to a name: an address of digits cannot have any.
    base = f"http://localhost:{port}"
    name = connection.settings_dict["NAME"]
    database = postgres.url().replace("/tenure?", f"/{name}?")
    process = subprocess.Popen(
        [sys.executable, "-m", "tenure", "web", "--port", str(port)],
        env={**os.environ, "DATABASE_URL": database, "TENURE_URL": base},
    )
    try:
        _await(process, f"{base}/sign-in/")
        yield base
    finally:
        process.terminate()
        process.wait(timeout=60)


def _await(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the web server ended"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (ConnectionError, TimeoutError, urllib.error.URLError):
            time.sleep(0.05)
    raise AssertionError("the web server does not answer")


@dataclass
class Window:
    """A page of the browser, and everything that went wrong in it."""

    page: Page
    address: str
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.wrong.append(f"script: {error}"))
        self.page.on("requestfailed", self._failed)
        self.page.on("request", self._asked)

    def open(self, path: str) -> None:
        response = self.page.goto(self.address + path)
        assert response is not None
        assert response.ok, f"{path} answered {response.status}"

    def _said(self, message: ConsoleMessage) -> None:
        # A violation of the policy is an error here too.
        # What htmx had asked for when the page was left is told as these two.
        left = message.text.startswith(("htmx:afterRequest", "htmx:sendAbort"))
        if message.type in ("error", "warning") and not left:
            self.wrong.append(f"console: {message.text}")

    def _failed(self, request: Any) -> None:
        # What was still being loaded when the page was left is the browser's own doing.
        if request.failure != "net::ERR_ABORTED":
            self.wrong.append(f"{request.url}: {request.failure}")

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self.address, "data:")):
            self.wrong.append(f"asked elsewhere: {request.url}")


Opener = Callable[..., Window]


@pytest.fixture
def stranger(browser: Browser, address: str, transactional_db: None) -> Iterator[Opener]:
    """Opens windows in which nobody is signed in; each is a browser of its own."""
    contexts: list[BrowserContext] = []

    def opened(**options: Any) -> Window:
        context = browser.new_context(**{"viewport": WIDE, "reduced_motion": "reduce", **options})
        contexts.append(context)
        return Window(context.new_page(), address)

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def signed_in(stranger: Opener) -> Opener:
    """Opens windows in which an administrator has signed in, by a link as everybody does."""

    def opened(*, role: Role = Role.OWNER, **options: Any) -> Window:
        window = stranger(**options)
        window.open(issue_link(name=role.value, role=role))
        window.page.get_by_role("button", name="Sign in").click()
        window.page.wait_for_url("**/console/")
        return window

    return opened


@pytest.fixture
def aside() -> Iterator[Callable[[Callable[[], Any]], Any]]:
    """Runs what has an event loop of its own where there is none yet: in another thread."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda work: pool.submit(work).result(timeout=60)
        pool.submit(connections.close_all).result()
