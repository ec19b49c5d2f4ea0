"""Authorised by an OAuth server that nobody here wrote: Canaille, whose SCIM interface takes the
tokens that it gives. An administrator agrees there in a browser, takes it back there, and agrees
again.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from http.cookiejar import CookieJar
from pathlib import Path
from typing import IO
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, Request, build_opener

import pytest
from django.urls import reverse

from tenure.applications.authorizing import party
from tenure.applications.connecting import connector_for
from tenure.applications.credentials import warnings
from tenure.applications.models import Application
from tenure.connectors.base import Check, StopApplication
from tenure.connectors.scim import declared
from tenure.console.authorisation import redirect_uri
from tenure.infra.clock import told_by
from tenure.setup import source_drafts
from tenure.setup.models import SourceDraft
from tenure.sources.importing import import_source
from tenure.sources.models import Source
from tenure.sources.trying import try_source
from tenure.vault import authorizing
from tenure.vault.parties import standing
from tests.acceptance.canaille import ADMINISTRATOR, CLIENT, PASSWORD, SECRET, Canaille, canaille
from tests.cli.conftest import Tenure, anywhere, tenure
from tests.console.conftest import signed_in

__all__ = ["anywhere", "tenure"]
pytestmark = [
    pytest.mark.skipif(
        "TENURE_ACCEPTANCE" not in os.environ, reason="needs Canaille: make acceptance"
    ),
    pytest.mark.django_db(transaction=True),
]
BY_BROWSER, BY_BROWSER_SECRET = "tenure-by-browser", "secret+of/the=browser's"
_FIELD = re.compile(r"<input[^>]*>")
_CONSENT = re.compile(r'href="(/consent/revoke/[^"]+)"')


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canaille]:
    program = Path(os.environ["TENURE_ACCEPTANCE"]) / "canaille" / "bin" / "canaille"
    with canaille(tmp_path_factory.mktemp("canaille-oauth"), program) as running:
        running.run(
            *("create", "user", "--quiet", "--user-name", ADMINISTRATOR, "--password", PASSWORD),
            *("--family-name", "Boss", "--formatted-name", "The Boss"),
            *("--emails", "boss@acme.example"),
        )
        running.run(
            *("create", "client", "--quiet", "--client-id", BY_BROWSER),
            *("--client-secret", BY_BROWSER_SECRET, "--client-name", "Tenure"),
            *("--grant-types", "authorization_code", "--grant-types", "refresh_token"),
            *("--response-types", "code", "--redirect-uris", redirect_uri()),
            *("--token-endpoint-auth-method", "client_secret_basic"),
            *("--scope", "openid", "--scope", "profile"),
        )
        yield running


@pytest.fixture(autouse=True)
def _nothing_is_known() -> Iterator[None]:
    declared.forget()
    yield
    declared.forget()


def application(server: Canaille, **oauth: object) -> Application:
    given: dict[str, object] = {
        "authorize_url": f"{server.address}/oauth/authorize",
        "token_url": f"{server.address}/oauth/token",
        "revoke_url": f"{server.address}/oauth/revoke",
        "client_id": BY_BROWSER,
        "client_secret": BY_BROWSER_SECRET,
        "scopes": ["openid", "profile"],
    }
    return Application.objects.create(
        slug="canaille",
        name="Canaille",
        connector="scim",
        settings={"base_url": server.scim, "dialect": {"pages": {"count": False}}},
        oauth={**given, **oauth},
    )


def use(row: Application) -> list[Check]:
    """Its connection check."""

    async def check() -> list[Check]:
        async with connector_for(row) as connector:
            return await connector.check()

    return asyncio.run(check())


class _StaysHere(HTTPRedirectHandler):
    """Redirects are followed on Canaille's own pages only."""

    def __init__(self, host: str) -> None:
        self.host = host

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: object, newurl: str
    ) -> Request | None:
        if urlsplit(newurl).netloc != self.host:
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


class Administrator:
    """Canaille's administrator at a browser: its forms are filled in as they come."""

    def __init__(self, server: Canaille) -> None:
        self._server = server
        host = urlsplit(server.address).netloc
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()), _StaysHere(host))
        self._at = server.address

    def agree(self, address: str, answer: str = "accept") -> dict[str, str]:
        """Through Canaille's pages until it sends the browser back: the query that it brings."""
        page = self._open(address)
        for known in ({"login": ADMINISTRATOR}, {"password": PASSWORD}, {"answer": answer}):
            if isinstance(page, str) and f'name="{next(iter(known))}"' in page:
                page = self._open(self._at, {**_hidden(page), **known})
        assert isinstance(page, dict), page
        return page

    def take_back(self) -> None:
        """Under Consents, in Canaille."""
        page = self._open(f"{self._server.address}/consent/")
        assert isinstance(page, str)
        found = _CONSENT.search(page)
        assert found, page
        self._open(urljoin(self._server.address, found[1]))

    def _open(self, address: str, form: dict[str, str] | None = None) -> str | dict[str, str]:
        data = urlencode(form).encode() if form else None
        try:
            with self._opener.open(address, data, timeout=30) as answer:
                self._at = answer.url
                return str(answer.read().decode())
        except HTTPError as error:
            with error:
                back, said = error.headers.get("Location", ""), error.read().decode()
        assert back.startswith(redirect_uri()), f"{address}: {said}"
        return dict(parse_qsl(urlsplit(back).query))


def _hidden(page: str) -> dict[str, str]:
    """What a form holds that nobody types."""
    found = {}
    for field in _FIELD.findall(page):
        if 'type="hidden"' in field:
            given = dict(re.findall(r'(\w+)="([^"]*)"', field))
            found[given["name"]] = unescape(given.get("value", ""))
    return found


def next_second() -> None:
    """Two tokens that Canaille makes in one second are the same one, which it answers with 500."""
    time.sleep(1.1)


@pytest.fixture(autouse=True)
def after_the_tokens_of_the_last_test() -> None:
    next_second()


def test_agreed_renewed_taken_back_and_agreed_again(server: Canaille) -> None:
    row = application(server)
    console, there = signed_in(), Administrator(server)

    def authorised(answer: str = "accept") -> str:
        next_second()
        out = console.get(reverse("console:authorise", args=["canaille"]))["Location"]
        assert "code_challenge_method=S256" in out
        back = there.agree(out, answer)
        return str(console.get(reverse("console:authorised"), back, follow=True).content.decode())

    assert "Nobody agreed at Canaille (The resource owner" in authorised("deny")
    assert "Canaille is authorised." in authorised()
    assert [line for line in use(row) if not line.ok] == []
    found = standing(party(row))
    assert found is not None
    assert found.access_expires_at is not None

    # Ahead of its end, and the refresh token is good once.
    first, _ = authorizing.fresh_token(party(row))
    next_second()
    soon = found.access_expires_at - timedelta(seconds=30)
    with told_by(lambda: soon):
        second, _ = authorizing.fresh_token(party(row))
    assert second != first
    assert [line for line in use(row) if not line.ok] == []

    there.take_back()
    (refused,) = use(row)[:1]
    assert not refused.ok
    assert "authorise again" in refused.detail
    assert [item.urgent for item in warnings()] == [True]
    page = console.get(reverse("console:application", args=["canaille"])).content.decode()
    assert "It was revoked, has expired, or was used elsewhere: authorise again." in page
    assert "Canaille is authorised." in authorised()
    assert [line for line in use(row) if not line.ok] == []
    assert warnings() == []


def test_a_source_is_set_up_agreed_to_and_taken_back(server: Canaille) -> None:
    """By the pages of the console alone, from the form to its people."""
    console, there = signed_in(), Administrator(server)

    def sent(view: str, *arguments: str, **form: str) -> str:
        answer = console.post(reverse(f"console:{view}", args=arguments), form, follow=True)
        return " ".join(answer.content.decode().split())

    def agreed(view: str) -> str:
        next_second()
        out = console.get(reverse(f"console:{view}", args=["people"]))["Location"]
        back = there.agree(out)
        page = console.get(reverse("console:authorised"), back, follow=True).content.decode()
        return " ".join(page.split())

    form = {
        "name": "People",
        "by": "authorization_code",
        "set-base_url": server.scim,
        "set-dialect": "pages: {count: false}",
        "oauth-authorize_url": f"{server.address}/oauth/authorize",
        "oauth-token_url": f"{server.address}/oauth/token",
        "oauth-revoke_url": f"{server.address}/oauth/revoke",
        "oauth-client_id": BY_BROWSER,
        "oauth-scopes": "openid\nprofile",
        "secret-client_secret": BY_BROWSER_SECRET,
    }
    assert "Let Tenure read People" in sent("source_begin", "scim", **form)
    said = agreed("authorise_draft")
    assert "People is authorised. These are its columns." in said
    assert "boss" in said
    mapped = {
        "employee_number": 'row["userName"]',
        "family_name": 'row["name.familyName"]',
    }
    kept = SourceDraft.objects.get(slug="people").definition
    source_drafts.save("people", {**kept, "mapping": mapped})
    assert "Authorise again" in sent("source_check", "people", do="save", seen="")
    source = Source.objects.get(slug="people")
    assert [line for line in try_source(source) if not line.ok] == []
    assert import_source(source).counts["added"] == 1

    there.take_back()
    assert "authorise again" in sent("source_test", "people")
    assert "Refused" in console.get(reverse("console:source", args=["people"])).content.decode()
    assert "The next import reads it." in agreed("authorise_source")
    assert [line for line in try_source(source) if not line.ok] == []
    assert "are forgotten, and given back." in sent("deauthorise_source", "people")


def test_a_code_is_worth_nothing_without_its_verifier(server: Canaille) -> None:
    row = application(server)
    begun = authorizing.begin(party(row), redirect_uri=redirect_uri())
    back = Administrator(server).agree(begun.address)
    assert back["state"] == begun.state
    with pytest.raises(StopApplication, match="A code is good once"):
        authorizing.finish(
            party(row), code=back["code"], verifier="x" * 64, redirect_uri=redirect_uri()
        )


def test_given_back_here_it_is_worth_nothing_there(server: Canaille) -> None:
    row = application(server)
    begun = authorizing.begin(party(row), redirect_uri=redirect_uri())
    back = Administrator(server).agree(begun.address)
    authorizing.finish(
        party(row), code=back["code"], verifier=begun.verifier, redirect_uri=redirect_uri()
    )
    token, _ = authorizing.fresh_token(party(row))
    assert authorizing.withdraw(party(row)) == ""
    asked = Request(f"{server.scim}/Users", headers={"Authorization": f"Bearer {token}"})
    with pytest.raises(HTTPError) as told:
        build_opener().open(asked, timeout=30)
    with told.value:
        assert told.value.code == 401


def test_by_credentials_of_our_own(server: Canaille, tenure: Tenure) -> None:
    row = application(
        server,
        grant="client_credentials",
        client_id=CLIENT,
        client_secret=SECRET,
        scopes=["openid"],
    )
    ended = tenure("application", "authorize", "canaille", "--json")
    assert ended.document["authorised"] is True
    assert [line for line in use(row) if not line.ok] == []
    row.oauth = {**row.oauth, "client_secret": "another"}
    row.save()
    ended = tenure("application", "deauthorize", "canaille")
    assert ended.code == 0
    ended = tenure("application", "authorize", "canaille")
    assert ended.code != 0
    assert "client ID and secret" in ended.err
