"""An application that speaks SAML, and what a browser has in its hands."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from lxml import html

from tenure.applications.models import Application as Row
from tenure.sso.models import SignOn
from tenure.sso.saml import identity
from tests.saml.application import Application
from tests.sso.conftest import Somebody, account, application

WHERE = settings.TENURE_URL


def told(name: str = "wiki") -> Application:
    """The service provider, told our addresses."""
    return Application(
        entity_id=f"https://{name}.acme.example/sp",
        acs=f"https://{name}.acme.example/acs",
        slo=f"https://{name}.acme.example/slo",
        sign_on=f"{WHERE}/sso/saml/sign-on",
        log_out=f"{WHERE}/sso/saml/log-out",
    )


def saml_settings(app: Application, *, slo: str = "soap", **more: Any) -> dict[str, Any]:
    return {
        "entity_id": app.entity_id,
        "acs": [app.acs],
        "certificates": [app.keys.pem],
        "logout": [{"binding": slo, "address": app.slo}] if slo else [],
        "attributes": {"mail": {"value": "user.email"}, "groups": {"value": "user.groups"}},
        **more,
    }


def row_of(app: Application, slug: str = "wiki", *, slo: str = "soap", **sso: Any) -> Row:
    more = sso.pop("saml", {})
    row: Row = application(slug, saml=saml_settings(app, slo=slo, **more), **sso)
    return row


class Page:
    """The form that a browser would post."""

    def __init__(self, response: HttpResponse) -> None:
        why = list(SignOn.objects.values_list("reason", flat=True))
        assert response.status_code == 200, (response.status_code, why, response.content)
        self.headers = response.headers
        form = html.fromstring(response.content).forms[0]
        self.action = form.action
        self.fields = dict(form.fields)


def ours() -> str:
    """The certificate by which we sign."""
    return identity.our_keys()[0].certificate.pem


def asks(browser: Client, query: str) -> Any:
    """The browser comes with an AuthnRequest, and follows us to where it goes on."""
    first = browser.get(f"/sso/saml/sign-on?{query}")
    assert first.status_code == 302, first.content
    return browser.get(first["Location"])


def somebody(number: str = "1", given: str = "Ana") -> Somebody:
    """With the work e-mail among what is known of them."""
    found = Somebody(number, given)
    found.person.attributes["email"] = found.person.email
    found.person.save(update_fields=["attributes"])
    return found


@pytest.fixture
def ana(db: None) -> Somebody:
    return somebody()


@pytest.fixture
def wiki(db: None) -> Application:
    return told()


@pytest.fixture
def row(wiki: Application, ana: Any) -> Row:
    """The application, and Ana's open account there."""
    found = row_of(wiki)
    account(ana.person, found)
    return found
