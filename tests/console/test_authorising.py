"""Authorise, in the console: out to the application, back with a code, a green tick; and every way
in which somebody else's code is refused."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from tenure.applications.authorizing import party
from tenure.applications.models import Application
from tenure.signin.models import Role
from tenure.vault.parties import standing
from tests.console.conftest import signed_in
from tests.oauth_server import CLIENT, SECRET, OAuthServer, oauth_server

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server() -> Iterator[OAuthServer]:
    with oauth_server() as found:
        yield found


@pytest.fixture
def chat(server: OAuthServer) -> Application:
    return Application.objects.create(
        slug="chat",
        name="Chat",
        connector="scim",
        settings={"base_url": f"{server.url}/api"},
        oauth={
            "authorize_url": f"{server.url}/authorize",
            "token_url": f"{server.url}/token",
            "client_id": CLIENT,
            "client_secret": SECRET,
            "scopes": ["users"],
        },
    )


def went_out(client: Client) -> dict[str, str]:
    """The query with which the browser is sent to the application."""
    answer = client.get(reverse("console:authorise", args=["chat"]))
    assert answer.status_code == 302
    query = parse_qs(urlsplit(answer["Location"]).query)
    return {name: values[0] for name, values in query.items()}


def came_back(client: Client, server: OAuthServer, query: dict[str, str]) -> str:
    """The page on which the administrator lands, after the application has agreed."""
    server.codes["the-code"] = query
    answer = client.get(
        reverse("console:authorised"), {"code": "the-code", "state": query["state"]}, follow=True
    )
    return str(answer.content.decode())


def is_authorised(chat: Application) -> bool:
    found = standing(party(chat))
    assert found is not None
    return found.authorised


def test_agreed_there_it_is_authorised_here(chat: Application, server: OAuthServer) -> None:
    client = signed_in()
    page = client.get(reverse("console:application", args=["chat"])).content.decode()
    assert "Not authorised" in page
    assert "/console/authorised/" in page
    page = came_back(client, server, went_out(client))
    assert "Chat is authorised." in page
    assert is_authorised(chat)
    token = next(iter(server.access))
    assert token not in page
    page = client.post(reverse("console:deauthorise", args=["chat"]), follow=True).content.decode()
    assert "Not authorised" in page
    assert not is_authorised(chat)


def test_a_code_that_another_browser_brings_is_refused(
    chat: Application, server: OAuthServer
) -> None:
    """Otherwise somebody could tie our application to an account of theirs."""
    query = went_out(signed_in())
    page = came_back(signed_in(Role.ADMINISTRATOR), server, query)
    assert "belongs to no authorisation that this browser has begun" in page
    assert not is_authorised(chat)


def test_an_answer_counts_once(chat: Application, server: OAuthServer) -> None:
    client = signed_in()
    query = went_out(client)
    came_back(client, server, query)
    assert "belongs to no authorisation" in came_back(client, server, query)


def test_a_refusal_is_told(chat: Application) -> None:
    client = signed_in()
    state = went_out(client)["state"]
    answer = client.get(
        reverse("console:authorised"),
        {"error": "access_denied", "error_description": "Not <b>you</b>", "state": state},
        follow=True,
    )
    assert "Nobody agreed at Chat (Not &lt;b&gt;you&lt;/b&gt;)" in answer.content.decode()


def test_whoever_only_reads_may_not(chat: Application) -> None:
    auditor = signed_in(Role.AUDITOR)
    assert auditor.get(reverse("console:authorise", args=["chat"])).status_code == 403
    page = auditor.get(reverse("console:application", args=["chat"])).content.decode()
    assert "Not authorised" in page
    assert "/authorise/" not in page
