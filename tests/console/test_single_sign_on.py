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


def test_claims_hours_and_scopes_are_tried_before_they_are_stored(
    ana: Somebody, owner: Client
) -> None:
    row = application()
    account(ana.person, row)
    page = owner.get(PAGE + "?who=Ana").content.decode()
    assert f"?person={ana.person.uid}#preview" in page
    page = owner.get(PAGE + f"?person={ana.person.uid}").content.decode()
    assert "Would be let in" in page
    assert "preferred_username" in page
    form = {
        "seen": seen(page),
        "person": str(ana.person.uid),
        "redirect_uris": "https://wiki.acme.example/callback",
        "claims": 'https://acme.example/team: user.family_name + ": " + "x"\nnr: user.cost_center',
        "scopes": "offline_access, read",
        "hours_days": "mon, someday",
        "hours_begin": "07:00",
        "countries": "DE AT",
        "do": "try",
    }
    wrong = owner.post(PAGE + "save/", form)
    assert wrong.status_code == 422
    assert 'id="hours_days-error"' in wrong.content.decode()
    form |= {"hours_days": "mon, tue, wed, thu, fri, sat, sun"}
    page = owner.post(PAGE + "save/", form).content.decode()
    assert "by the form, not stored" in page
    assert "The claim nr cannot be told" in page
    form |= {"claims": form["claims"].splitlines()[0], "hours_begin": ""}
    page = owner.post(PAGE + "save/", form).content.decode()
    assert "Li: x" in page
    assert "claims" not in Application.objects.get().single_sign_on["oidc"]
    assert owner.post(PAGE + "save/", form | {"do": "save"}).status_code == 302
    stored = Application.objects.get().single_sign_on
    assert stored["oidc"]["claims"] == {
        "https://acme.example/team": 'user.family_name + ": " + "x"'
    }
    assert stored["oidc"]["scopes"] == ["offline_access", "read"]
    assert stored["countries"] == ["DE", "AT"]
    page = owner.get(PAGE).content.decode()
    wrong = owner.post(
        PAGE + "save/",
        form | {"do": "save", "seen": seen(page), "claims": "iss: user.email", "subject": "user.x"},
    )
    told = wrong.content.decode()
    assert 'id="claims-error"' in told
    assert 'id="subject-error"' in told
    assert "<details open>" in told


def test_a_policy_by_either_protocol(owner: Client, db: None) -> None:
    saml = {"entity_id": "https://wiki.acme.example/sp", "acs": ["https://wiki.acme.example/acs"]}
    application(saml=saml)
    page = owner.get(PAGE, follow=True).content.decode()
    form = {"seen": seen(page), "do": "policy", "networks": "nonsense", "passkey_within": "PT15M"}
    wrong = owner.post(PAGE + "save/", form)
    assert wrong.status_code == 422
    assert "is no network" in wrong.content.decode()
    assert "Enter this in Wiki" in wrong.content.decode()
    form |= {"networks": "203.0.113.0/24", "revocation_address": "https://wiki.acme.example/out"}
    assert owner.post(PAGE + "save/", form).status_code == 302
    stored = Application.objects.get().single_sign_on
    assert stored["saml"] == saml
    assert stored["networks"] == ["203.0.113.0/24"]
    assert stored["global_token_revocation"] == {"address": "https://wiki.acme.example/out"}
    page = owner.get(PAGE, follow=True).content.decode()
    form |= {"seen": seen(page), "revocation_address": "", "networks": "", "passkey_within": ""}
    assert owner.post(PAGE + "save/", form).status_code == 302
    assert Application.objects.get().single_sign_on == {"saml": saml}
