"""Signing in to an application by SAML, as the application and the browser see it."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from lxml import etree

from tenure.applications.models import Application as Row
from tenure.audit.models import Action, Event
from tenure.infra.clock import now
from tenure.signin.models import Session
from tenure.sso import keys
from tenure.sso.models import Algorithm, ApplicationSession, Outcome, Protocol, SignOn
from tests.saml.application import Application, N, decrypted, pair, verified
from tests.sso.conftest import Somebody, account
from tests.sso.saml.conftest import Page, asks, ours, row_of, somebody, told

pytestmark = pytest.mark.django_db
MFA = "https://refeds.org/profile/mfa"


def assertion_of(page: Page) -> Any:
    xml = base64.b64decode(page.fields["SAMLResponse"])
    return verified(xml, ours(), "Assertion")


def status_of(page: Page) -> str:
    response = verified(base64.b64decode(page.fields["SAMLResponse"]), ours(), "Response")
    inner = response.xpath("samlp:Status//samlp:StatusCode/@Value", namespaces=N)
    return str(inner[-1]).rsplit(":", 1)[1]


def text(element: Any, path: str) -> list[str]:
    found = element.xpath(path, namespaces=N)
    return [str(getattr(one, "text", one)) for one in found]


def test_from_the_application_by_redirect_and_by_post(
    ana: Somebody, wiki: Application, row: Row
) -> None:
    xml = wiki.authn_request(id="_first")
    page = Page(asks(ana.browser, wiki.query(xml, relay_state="https://evil.example/")))
    # RelayState goes back as it came, and leads nobody anywhere here.
    assert page.action == wiki.acs
    assert page.fields["RelayState"] == "https://evil.example/"
    assert "form-action https:;" in page.headers["Content-Security-Policy"]
    found = assertion_of(page)
    assert text(found, "saml:Subject/saml:NameID") == [ana.person.email]
    assert text(found, "saml:Conditions//saml:Audience") == [wiki.entity_id]
    assert text(found, ".//saml:SubjectConfirmationData/@InResponseTo") == ["_first"]
    assert text(found, ".//saml:Attribute[@Name='mail']/saml:AttributeValue") == [ana.person.email]
    session = ApplicationSession.objects.get()
    assert text(found, "saml:AuthnStatement/@SessionIndex") == [session.sid]
    assert SignOn.objects.get().outcome == Outcome.ALLOWED
    # By POST, from a page of the application's: no cookie comes along, until we go on.
    posted = wiki.signed(wiki.authn_request(id="_second"))
    form = {"SAMLRequest": base64.b64encode(posted).decode(), "RelayState": "r"}
    first = Client(enforce_csrf_checks=True).post("/sso/saml/sign-on", form)
    assert first.status_code == 302
    second = assertion_of(Page(ana.browser.get(first["Location"])))
    assert text(second, ".//saml:SubjectConfirmationData/@InResponseTo") == ["_second"]
    # One browser, one session there.
    assert ApplicationSession.objects.count() == 1
    # Answered once; what waited is over.
    assert ana.browser.get(first["Location"]).status_code == 410


def test_a_request_is_taken_once(ana: Somebody, wiki: Application, row: Row) -> None:
    query = wiki.query(wiki.authn_request())
    assert ana.browser.get(f"/sso/saml/sign-on?{query}").status_code == 302
    again = Client().get(f"/sso/saml/sign-on?{query}")
    assert again.status_code == 400
    assert b"taken once" in again.content
    assert Event.objects.filter(action=Action.SAML_REQUEST_REFUSED, application="").exists()


def test_nobody_is_sent_anywhere_by_a_request_that_is_not_believed(
    ana: Somebody, wiki: Application, row: Row
) -> None:
    stranger = told("stranger")
    evil = 'AssertionConsumerServiceURL="https://evil.example/acs"'
    for query, words in (
        (stranger.query(stranger.authn_request()), b"calls itself"),
        (wiki.query(wiki.authn_request(attributes=evil)), b"not registered"),
        (wiki.query(wiki.authn_request(), keys=pair("evil")), b"not by the registered"),
        (wiki.query(wiki.authn_request(destination="https://x.example/")), b"not for here"),
        ("SAMLRequest=AAAA&RelayState=https://evil.example/", b"deflated"),
        ("", b"no SAMLRequest"),
    ):
        answer = ana.browser.get(f"/sso/saml/sign-on?{query}")
        assert answer.status_code == 400, words
        assert words in answer.content
        assert b"evil.example/acs&quot; " not in answer.content
        assert "Location" not in answer.headers
    assert ana.browser.post("/sso/saml/sign-on", {"SAMLRequest": "x"}).status_code == 400


def test_signed_requests_may_be_required(ana: Somebody, wiki: Application) -> None:
    account(ana.person, row_of(wiki, saml={"signed_requests": True}))
    query = wiki.query(wiki.authn_request(), unsigned=True)
    assert ana.browser.get(f"/sso/saml/sign-on?{query}").status_code == 400
    assert Page(asks(ana.browser, wiki.query(wiki.authn_request()))).action == wiki.acs


def test_who_is_not_signed_in_comes_back_to_the_request(wiki: Application, row: Row) -> None:
    nobody = Client()
    first = nobody.get(f"/sso/saml/sign-on?{wiki.query(wiki.authn_request())}")
    door = nobody.get(first["Location"])
    assert door["Location"].startswith("/sign-in/?next=%2Fsso%2Fcontinue%2F")
    # Where nothing may be shown, the application is told.
    passive = wiki.authn_request(attributes='IsPassive="true"')
    page = Page(asks(nobody, wiki.query(passive)))
    assert status_of(page) == "NoPassive"
    assert page.action == wiki.acs


def test_forced_and_strong_sign_ins_take_a_fresh_passkey(
    ana: Somebody, wiki: Application, row: Row
) -> None:
    forced = wiki.query(wiki.authn_request(attributes='ForceAuthn="true"'))
    asked = asks(ana.browser, forced)
    assert asked["Location"].startswith("/sign-in/confirm?next=")
    back = asked.request["PATH_INFO"]
    Session.objects.update(passkey_at=now() + timedelta(seconds=1))
    assert Page(ana.browser.get(back)).action == wiki.acs
    # By a recovery code: no passkey, so nothing that needs one.
    Session.objects.update(passkey_at=None)
    context = (
        f"<samlp:RequestedAuthnContext><saml:AuthnContextClassRef>{MFA}"
        "</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>"
    )
    strong = wiki.authn_request(inside=context)
    assert asks(ana.browser, wiki.query(strong))["Location"].startswith("/sign-in/confirm?")
    Session.objects.update(passkey_at=now())
    found = assertion_of(Page(asks(ana.browser, wiki.query(wiki.authn_request(inside=context)))))
    assert text(found, ".//saml:AuthnContextClassRef") == [MFA]
    card = context.replace(MFA, "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI")
    page = Page(asks(ana.browser, wiki.query(wiki.authn_request(inside=card))))
    assert status_of(page) == "NoAuthnContext"


def test_what_cannot_be_met_is_answered(ana: Somebody, wiki: Application, row: Row) -> None:
    other = "<saml:Subject><saml:NameID>boss@acme.example</saml:NameID></saml:Subject>"
    page = Page(asks(ana.browser, wiki.query(wiki.authn_request(inside=other))))
    assert status_of(page) == "UnknownPrincipal"
    policy = '<samlp:NameIDPolicy Format="urn:mace:shibboleth:1.0:nameIdentifier"/>'
    query = wiki.query(wiki.authn_request(inside=policy))
    assert status_of(Page(ana.browser.get(f"/sso/saml/sign-on?{query}"))) == "InvalidNameIDPolicy"
    refused = SignOn.objects.get(outcome=Outcome.REFUSED)
    assert "boss@acme.example" in refused.reason


def test_who_may_not_is_told_whom_to_ask(wiki: Application) -> None:
    row = row_of(wiki, rule='user.family_name == "Nobody"')
    ben = somebody("2", "Ben")
    account(ben.person, row)
    page = asks(ben.browser, wiki.query(wiki.authn_request()))
    assert page.status_code == 403
    assert b"Erika of IT" in page.content
    passive = wiki.authn_request(attributes='IsPassive="true"')
    assert status_of(Page(asks(ben.browser, wiki.query(passive)))) == "RequestDenied"
    assert SignOn.objects.filter(outcome=Outcome.REFUSED).count() == 2


def test_forms_of_the_name(ana: Somebody, wiki: Application, row: Row) -> None:
    def name(form: str) -> str:
        policy = f'<samlp:NameIDPolicy Format="urn:oasis:names:tc:SAML:2.0:nameid-format:{form}"/>'
        found = assertion_of(Page(asks(ana.browser, wiki.query(wiki.authn_request(inside=policy)))))
        return text(found, "saml:Subject/saml:NameID")[0]

    lasting = name("persistent")
    assert lasting == name("persistent")
    assert ana.person.email not in lasting
    passing = name("transient")
    assert passing.startswith("_")
    # For as long as the session goes on.
    assert passing == name("transient")


def test_what_is_missing_lets_nobody_in_by_an_empty_name(ana: Somebody, wiki: Application) -> None:
    missing = {"name_id": 'user.title + "@x"'}
    account(ana.person, row_of(wiki, saml=missing))
    page = asks(ana.browser, wiki.query(wiki.authn_request()))
    assert page.status_code == 403
    assert "title" in SignOn.objects.get().reason


def test_from_the_portal(ana: Somebody, wiki: Application, row: Row) -> None:
    row.single_sign_on["saml"]["relay_state"] = "/dashboard"
    row.save()
    page = Page(ana.browser.get("/portal/launch/wiki/"))
    assert (page.action, page.fields["RelayState"]) == (wiki.acs, "/dashboard")
    assert not text(assertion_of(page), "//@InResponseTo")
    row.single_sign_on["start"] = "https://wiki.acme.example/login"
    row.save()
    assert ana.browser.get("/portal/launch/wiki/")["Location"] == "https://wiki.acme.example/login"


def test_encrypted_and_moved_to_the_next_certificate(ana: Somebody, wiki: Application) -> None:
    theirs = pair("encrypt")
    row = row_of(wiki, saml={"encrypt": True, "encryption_certificate": theirs.pem})
    account(ana.person, row)
    page = Page(asks(ana.browser, wiki.query(wiki.authn_request())))
    xml = base64.b64decode(page.fields["SAMLResponse"])
    found = decrypted(verified(xml, ours(), "Response"), theirs.key)
    assert text(found, "saml:Subject/saml:NameID") == [ana.person.email]
    # Published before it signs; an application can be moved to it before the others.
    old = ours()
    made = keys.rotate(Protocol.SAML, Algorithm.RS256)
    both = etree.fromstring(Client().get("/sso/saml/metadata").content)
    assert len(both.findall(".//ds:X509Certificate", N)) == 2
    assert ours() == old
    row.single_sign_on["saml"]["key"] = made.kid
    row.save()
    page = Page(asks(ana.browser, wiki.query(wiki.authn_request())))
    verified(base64.b64decode(page.fields["SAMLResponse"]), made.certificate, "Response")
    pem = Client().get(f"/sso/saml/certificate/{made.kid}")
    assert pem.content.decode() == made.certificate
    assert settings.TENURE_URL in both.get("entityID", "")
