"""API tokens in the console: made once and shown once, good for what it says, and revoked."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client

from tenure.audit.models import Action, Event
from tenure.infra.clock import now
from tenure.scim_server.models import PushToken, Scope
from tenure.scim_server.tokens import hook_of, issue, let_in
from tenure.signin.models import Role
from tenure.sources.models import Source
from tests.console.conftest import signed_in
from tests.console.test_lists import text

PAGE = "/console/settings/tokens/"
MAKE = {"do": "make", "source": "entra", "name": "Entra ID", "scope": "write", "days": "90"}


@pytest.fixture
def entra(db: None) -> Source:
    return Source.objects.create(slug="entra", name="Entra ID", reader="push")


def test_a_token_is_shown_once_and_lets_in(entra: Source, owner: Client) -> None:
    answer = owner.post(f"{PAGE}change/", MAKE)
    page = answer.content.decode()
    (token,) = set(re.findall(r"tnr_push_[\w-]+", page))
    assert "/scim/v2" in page
    row = let_in(token, now())
    assert row is not None
    assert (row.name, row.scope) == ("Entra ID", Scope.WRITE)
    assert timedelta(days=89) < row.expires_at - now() < timedelta(days=91)
    again = text(owner, PAGE)
    assert "Entra ID" in again
    assert token not in again
    assert Event.objects.filter(action=Action.PUSH_TOKEN_ISSUED, reason="Entra ID").exists()
    owner.post(f"{PAGE}change/", {"do": "revoke", "source": "entra", "name": "Entra ID"})
    assert let_in(token, now()) is None


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"name": " "}, "Give the token a name"),
        ({"scope": "everything"}, "only read, or write"),
        ({"days": "100000"}, "for how many days"),
    ],
)
def test_what_is_wrong_is_said(
    typed: dict[str, str], said: str, entra: Source, owner: Client
) -> None:
    answer = owner.post(f"{PAGE}change/", MAKE | typed)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not PushToken.objects.exists()


def test_a_name_that_is_taken_and_a_source_that_is_read(entra: Source, owner: Client) -> None:
    owner.post(f"{PAGE}change/", MAKE)
    assert "no other of Entra ID" in owner.post(f"{PAGE}change/", MAKE).content.decode()
    Source.objects.create(slug="file", name="HR file", reader="csv")
    # Nobody brings people of it: what is made is for its webhooks.
    page = owner.post(f"{PAGE}change/", MAKE | {"source": "file"}).content.decode()
    (secret,) = set(re.findall(r"tnr_hook_[\w-]+", page))
    assert f"/hooks/file/{secret}" in page
    assert hook_of(secret, now()) is not None
    answer = owner.post(f"{PAGE}change/", MAKE | {"source": "none"}, follow=True)
    assert "There is no source" in answer.content.decode()


def test_what_ends_soon_is_marked_and_an_auditor_only_reads(entra: Source) -> None:
    issue("entra", name="Okta", valid=timedelta(days=3))
    page = text(signed_in(Role.AUDITOR), PAGE)
    assert "Ends soon" in page
    assert "Revoke" not in page
    assert "Make a token" not in page


def test_without_such_a_source_one_is_offered(owner: Client) -> None:
    assert "Add a source that is pushed to" in text(owner, PAGE)
