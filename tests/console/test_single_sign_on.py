"""Setting up single sign-on in the console: the form, secrets shown once, sign-ins and refusals."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from tenure.applications.models import Application
from tenure.audit.models import Action, Event
from tenure.signin.models import Role
from tests.console.conftest import signed_in
from tests.sso.conftest import Somebody, account, ana, application
from tests.sso.relying import RelyingParty

pytestmark = pytest.mark.django_db
__all__ = ["ana"]
PAGE = "/console/applications/wiki/single-sign-on/"


def seen(page: str) -> str:
    found = re.search(r'name="seen" value="([0-9a-f]*)"', page)
    assert found
    return found[1]


def test_from_nothing_to_the_first_sign_in(ana: Somebody, owner: Client) -> None:
    row = application()
    row.single_sign_on = {}
    row.save()
    account(ana.person, row)
    page = owner.get(PAGE).content.decode()
    assert "Set up OpenID Connect" in page
    wrong = {
        "seen": seen(page),
        "redirect_uris": "https://wiki.acme.example/callback\nhttp://wiki.acme.example/x",
        "networks": "10.0.0.1/8",
        "passkey_within": "15 minutes",
        "account": "required",
        "do": "save",
    }
    told = owner.post(PAGE + "save/", wrong)
    assert told.status_code == 422
    assert "ISO 8601" in told.content.decode()
    assert "http://wiki.acme.example/x" in told.content.decode()
    wrong |= {"passkey_within": "PT15M"}
    page = owner.post(PAGE + "save/", wrong).content.decode()
    assert "would be sent readable" in page
    assert "is no network" in page
    right = wrong | {
        "redirect_uris": "https://wiki.acme.example/callback",
        "networks": "",
        "ask": "Erika",
    }
    assert owner.post(PAGE + "save/", right).status_code == 302
    stored = Application.objects.get().single_sign_on
    assert stored["oidc"] == {"redirect_uris": ["https://wiki.acme.example/callback"]}
    assert stored["passkey_within"] == "PT15M"
    # What somebody else has stored meanwhile is not overwritten.
    again = owner.post(PAGE + "save/", right | {"ask": "Otto"}, follow=True)
    assert "Somebody else has changed it meanwhile" in again.content.decode()
    assert Application.objects.get().single_sign_on["ask"] == "Erika"

    shown = owner.post(PAGE + "secret/", {"do": "make"}).content.decode()
    secret = re.search(r"shown this once.*?<code>([^<]+)</code>", shown, re.DOTALL)
    assert secret
    assert "http://localhost:8000/oauth/token" in shown
    wiki = RelyingParty(secret=secret[1])
    wiki.signs_in(ana.browser)
    page = owner.get(PAGE).content.decode()
    assert secret[1] not in page
    assert "Ana Li" in page
    assert "Signed in" in page
    number = re.search(r'name="number" value="(\d+)"', page)
    assert number
    owner.post(PAGE + "secret/", {"do": "revoke", "number": number[1]})
    assert wiki.refresh("x").status_code == 401
    owner.post(PAGE + "save/", {"do": "off", "seen": seen(owner.get(PAGE).content.decode())})
    assert Application.objects.get().single_sign_on == {}
    actions = set(Event.objects.filter(application="wiki").values_list("action", flat=True))
    assert {Action.CLIENT_SECRET_MADE, Action.CLIENT_SECRET_REVOKED} <= actions


def test_why_somebody_was_refused(ana: Somebody, owner: Client) -> None:
    application(rule='user.family_name == "Bo"')
    RelyingParty().asks(ana.browser)
    assert "Not due: no rule gives it." in owner.get(PAGE).content.decode()
    auditor = signed_in(Role.AUDITOR)
    assert auditor.get(PAGE).status_code == 200
    assert auditor.post(PAGE + "secret/", {"do": "make"}).status_code == 403
