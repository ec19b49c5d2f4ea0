"""Logouts from both sides, and access that ends: what applications are told, and what counts as
proof that they have heard it."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from lxml import etree

from tenure.applications.models import Application as ApplicationRow
from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.infra.clock import now
from tenure.people.services import terminate
from tenure.saml import bindings, logout
from tenure.saml.assertions import SPENT_AFTER
from tenure.saml.keys import read_certificate
from tenure.signin.models import Session
from tenure.sso import endings, outbox
from tenure.sso.models import ApplicationSession, Notice
from tenure.sso.outbox import Reply
from tenure.sso.receipt import receipt_of
from tenure.sso.saml import leaving, notices
from tenure.sso.saml.models import Logout
from tests.saml.application import Application, N, verified
from tests.sso.conftest import Somebody, account
from tests.sso.saml.conftest import Page, asks, ours, row_of, told

pytestmark = pytest.mark.django_db


#: So long ago that nothing which was given then can be used any more.
LONG_AGO = timedelta(minutes=9)


def signed_in(who: Somebody, app: Application, *, ago: timedelta = LONG_AGO) -> ApplicationSession:
    Page(asks(who.browser, app.query(app.authn_request())))
    ApplicationSession.objects.update(used_at=now() - ago)
    return ApplicationSession.objects.order_by("pk").last()  # type: ignore[return-value]


def with_three(who: Somebody) -> dict[str, Application]:
    """One that is told by SOAP, one by a redirect, one by a form; signed in to each."""
    apps = {}
    for slug, slo in (("soapy", "soap"), ("direct", "redirect"), ("formal", "post")):
        apps[slug] = told(slug)
        account(who.person, row_of(apps[slug], slug, slo=slo))
        signed_in(who, apps[slug])
    return apps


def sent_along(response: Any, field: str) -> tuple[etree._Element, str]:
    """The message in the address that the browser is sent to, whose signature is good."""
    query = urlsplit(response["Location"]).query
    received = bindings.from_query(query, field)  # type: ignore[arg-type]
    assert received.beside is not None
    bindings.verify_beside(received.beside, [read_certificate(ours())])
    return etree.fromstring(received.xml), parse_qs(query)["RelayState"][0]


def comes_back(app: Application, browser: Client, request: Any, relay: str, **how: str) -> Any:
    answer = app.logout_response(request.get("ID"), **how)
    query = app.query(answer, field="SAMLResponse", relay_state=relay)
    return browser.get(f"/sso/saml/log-out?{query}")


def test_an_application_signs_the_person_out_of_everything(ana: Somebody) -> None:
    apps = with_three(ana)
    direct = apps["direct"]
    session = ApplicationSession.objects.get(application__slug="direct")
    asked = direct.logout_request(ana.person.email, (session.sid,))
    first = ana.browser.get(f"/sso/saml/log-out?{direct.query(asked, relay_state='theirs')}")
    # Whatever was begun from here has ended, and who takes SOAP is told without the browser.
    assert not ApplicationSession.objects.filter(ended_at=None).exists()
    assert not Session.objects.filter(ended_at=None).exists()
    assert [one.application.slug for one in Notice.objects.all()] == ["soapy"]  # type: ignore[union-attr]
    # The one with a form is visited, then the one that asked gets its answer.
    page = Page(first)
    assert page.action == apps["formal"].slo
    assert "form-action https:" in page.headers["Content-Security-Policy"]
    request = verified(base64.b64decode(page.fields["SAMLRequest"]), ours(), "Response")
    last = comes_back(apps["formal"], ana.browser, request, page.fields["RelayState"])
    response, relay = sent_along(last, "SAMLResponse")
    assert last["Location"].startswith(direct.slo)
    assert relay == "theirs"
    root = etree.fromstring(asked)
    assert response.get("InResponseTo") == root.get("ID")
    assert "Success" in str(response.xpath("samlp:Status/samlp:StatusCode/@Value", namespaces=N))
    # Once more: nothing is left to end, and nothing happens.
    again = ana.browser.get(f"/sso/saml/log-out?{direct.query(asked)}")
    assert again.status_code == 400


@pytest.mark.parametrize("case", ["unsigned", "another key", "old", "of another", "nobody's"])
def test_logouts_that_are_not_believed(ana: Somebody, case: str) -> None:
    app = told()
    account(ana.person, row_of(app, slo="redirect"))
    session = signed_in(ana, app)
    xml = app.logout_request(ana.person.email, (session.sid,))
    if case == "old":
        over = 'NotOnOrAfter="2020-01-01T00:00:00Z"'
        xml = app.logout_request(ana.person.email, (session.sid,), attributes=over)
    if case == "of another":
        xml = app.logout_request("boss@acme.example", (session.sid,))
    if case == "nobody's":
        xml = app.logout_request(ana.person.email, ("_other",))
    query = app.query(xml, unsigned=case == "unsigned")
    if case == "another key":
        query = app.query(xml, keys=told("x").keys).replace("Signature=", "Signature=AAAA")
    assert ana.browser.get(f"/sso/saml/log-out?{query}").status_code == 400
    assert ApplicationSession.objects.filter(ended_at=None).exists()


def test_without_a_certificate_only_ones_own_browser_may_ask(ana: Somebody) -> None:
    app = told()
    account(ana.person, row_of(app, slo="redirect", saml={"certificates": []}))
    session = signed_in(ana, app)
    query = app.query(app.logout_request(ana.person.email, (session.sid,)), unsigned=True)
    assert Client().get(f"/sso/saml/log-out?{query}").status_code == 400
    assert ana.browser.get(f"/sso/saml/log-out?{query}")["Location"].startswith(app.slo)
    assert not ApplicationSession.objects.filter(ended_at=None).exists()


def test_signing_out_here_visits_those_that_need_a_browser(ana: Somebody) -> None:
    apps = with_three(ana)
    page = ana.browser.post("/sso/saml/leave")
    # A page of ours stands between the button and the first application.
    assert page["Location"].startswith("/sso/saml/leaving/")
    assert b"data-follow" in ana.browser.get(page["Location"]).content
    assert [one.application.slug for one in Notice.objects.all()] == ["soapy"]  # type: ignore[union-attr]
    assert not Session.objects.filter(ended_at=None).exists()
    token = page["Location"].rsplit("/", 1)[1]
    hop = ana.browser.get(f"/sso/saml/on/{token}")
    request, relay = sent_along(hop, "SAMLRequest")
    assert relay == token
    reason = request.get("Reason") or ""
    assert reason.endswith("logout:user")
    # An answer to something else, or of somebody else, is none.
    other = apps["formal"].logout_response(request.get("ID", ""))
    query = apps["formal"].query(other, field="SAMLResponse", relay_state=token)
    assert ana.browser.get(f"/sso/saml/log-out?{query}").status_code == 400
    form = Page(comes_back(apps["direct"], ana.browser, request, token))
    request = verified(base64.b64decode(form.fields["SAMLRequest"]), ours(), "Response")
    failed = "urn:oasis:names:tc:SAML:2.0:status:Responder"
    end = comes_back(apps["formal"], ana.browser, request, token, status=failed)
    assert b"Formal did not confirm" in end.content
    assert ana.browser.get(f"/sso/saml/on/{token}")["Location"] == "/sign-in/?out"


def test_a_browser_that_does_not_come_back_costs_the_others_nothing(ana: Somebody) -> None:
    with_three(ana)
    ana.browser.post("/sso/saml/leave")
    assert leaving.take_over_lost() == 0
    Logout.objects.update(touched_at=now() - timedelta(minutes=3))
    assert leaving.take_over_lost() == 1
    told_of = {one.application.slug for one in Notice.objects.all()}  # type: ignore[union-attr]
    assert told_of == {"soapy", "direct", "formal"}


def test_who_is_terminated_is_out_and_every_application_is_told(ana: Somebody) -> None:
    apps = with_three(ana)
    at = now()
    terminate(ana.person, at=at, reason="left", now=at)
    assert not ApplicationSession.objects.filter(ended_at=None).exists()
    # What is to be told is told as it was meant, whatever is changed meanwhile.
    ApplicationRow.objects.update(single_sign_on={})
    rows = {row.application.slug: row for row in Notice.objects.all()}  # type: ignore[union-attr]
    assert set(rows) == set(apps)
    sender = outbox.sender_of(notices.KIND)
    assert sender is not None
    for slug, row in rows.items():
        row.tries = 1
        app, prepared = apps[slug], sender.prepare(row)
        if slug == "soapy":
            body = etree.fromstring(prepared.body)[0][0]
            asked = verified(etree.tostring(body), ours(), "Response")
            answer = app.signed(app.logout_response(asked.get("ID")))
            good = Reply(200, logout.enveloped(answer).decode())
        elif slug == "direct":
            assert prepared.method == "GET"
            received = bindings.from_query(urlsplit(prepared.address).query, "SAMLRequest")
            asked = etree.fromstring(received.xml)
            query = app.query(app.logout_response(asked.get("ID", "")), field="SAMLResponse")
            good = Reply(302, "", f"https://sign-in.acme.example/sso/saml/log-out?{query}")
        else:
            fields = parse_qs(prepared.body.decode())
            asked = verified(base64.b64decode(fields["SAMLRequest"][0]), ours(), "Response")
            answer = base64.b64encode(app.signed(app.logout_response(asked.get("ID")))).decode()
            good = Reply(200, f"<form><input name='SAMLResponse' value='{answer}'></form>")
        assert asked.xpath("saml:NameID/text()", namespaces=N) == [ana.person.email]
        assert sender.arrived(row, good), slug
        assert isinstance(sender, outbox.Explainer)
        assert sender.said(row, good) == "LogoutResponse: Success"
        # What says nothing of this very request is no proof.
        odd = Reply(302, "", "https://[sso.acme.example/?SAMLResponse=x")
        for reply in (
            Reply(200, "You are signed out."), Reply(200, ""), Reply(302, "", "/login"), odd,
        ):  # fmt: skip
            assert not sender.arrived(row, reply)
            assert sender.hopeless(row, reply)
        row.tries = 2
        assert not sender.arrived(row, good)
        assert not sender.hopeless(row, Reply(503, ""))


def test_an_assertion_that_somebody_still_holds_is_told_of_once_more(ana: Somebody) -> None:
    """They were given it, are terminated, and post it then: the application has just said that
    there is no session."""
    app = told()
    account(ana.person, row_of(app))
    session = signed_in(ana, app, ago=timedelta(minutes=2))
    at = now()
    terminate(ana.person, at=at, reason="theft", now=at)
    first, later = Notice.objects.order_by("pk")
    assert first.not_before <= now()
    assert later.not_before - session.used_at == SPENT_AFTER
    assert later.give_up_at > later.not_before + timedelta(hours=1)
    ana.person.refresh_from_db()
    Notice.objects.filter(pk=first.pk).delete()
    record(
        Action.NOTICE_DELIVERED, subject_kind="notice", subject_key="1", application="wiki",
        subject_label=notices.KIND, person=str(ana.person.uid), after={"answer": "Success"},
    )  # fmt: skip
    (line,) = receipt_of(ana.person).lines
    assert line.sessions.verdict == "under_way"
    assert f"once more at {later.not_before:%H:%M:%S}" in line.sessions.words
    # A second ending of the same tells nothing twice.
    endings.end_people([ana.person], "access has ended")
    assert Notice.objects.count() == 1
    # By then it knows no such session, and says so in its own way.
    sender = outbox.sender_of(notices.KIND)
    assert sender is not None
    later.tries = 1
    asked = etree.fromstring(sender.prepare(later).body)[0][0]
    for status, arrived in (("Requester", True), ("Responder", False)):
        said = app.logout_response(
            asked.get("ID"), status=f"urn:oasis:names:tc:SAML:2.0:status:{status}"
        )
        reply = Reply(200, logout.enveloped(app.signed(said)).decode())
        assert sender.arrived(later, reply) is arrived


@pytest.mark.parametrize(
    ("unsigned", "status", "verdict"),
    [(False, "Success", "done"), (True, "Success", "by_hand"), (False, "Responder", "under_way")],
)
def test_what_an_application_answers_by_the_browser_is_proof_where_it_signs_it(
    ana: Somebody, unsigned: bool, status: str, verdict: str
) -> None:
    """It comes by the hands of whoever signs out."""
    app = told()
    account(ana.person, row_of(app, slo="redirect"))
    signed_in(ana, app)
    page = ana.browser.post("/sso/saml/leave")
    token = page["Location"].rsplit("/", 1)[1]
    request, relay = sent_along(ana.browser.get(f"/sso/saml/on/{token}"), "SAMLRequest")
    answer = app.logout_response(
        request.get("ID", ""), status=f"urn:oasis:names:tc:SAML:2.0:status:{status}"
    )
    query = app.query(answer, field="SAMLResponse", relay_state=relay, unsigned=unsigned)
    ana.browser.get(f"/sso/saml/log-out?{query}")
    at = now()
    terminate(ana.person, at=at, reason="left", now=at)
    ana.person.refresh_from_db()
    (line,) = receipt_of(ana.person).lines
    assert line.sessions.verdict == verdict, line.sessions.words
    if verdict == "done":
        assert line.sessions.words == (
            "SAML single logout: by their browser, LogoutResponse: Success."
        )


def test_who_signs_out_by_browser_and_is_terminated_then_keeps_no_assertion(ana: Somebody) -> None:
    app = told()
    account(ana.person, row_of(app, slo="redirect"))
    signed_in(ana, app, ago=timedelta(minutes=2))
    ana.browser.post("/sso/saml/leave")
    assert not Notice.objects.exists()
    at = now()
    terminate(ana.person, at=at, reason="theft", now=at)
    assert Notice.objects.get().not_before > at


def test_logout_without_a_browser(ana: Somebody, wiki: Application, row: Any) -> None:
    session = signed_in(ana, wiki)
    xml = wiki.logout_request(ana.person.email, (session.sid,)).replace(
        b"/sso/saml/log-out", b"/sso/saml/log-out/soap"
    )

    def ask(data: bytes) -> Any:
        return Client().post(
            "/sso/saml/log-out/soap", logout.enveloped(data), content_type="text/xml"
        )

    assert ask(xml).status_code == 500
    assert ApplicationSession.objects.filter(ended_at=None).exists()
    answer = ask(wiki.signed(xml))
    assert answer.status_code == 200
    found = verified(etree.tostring(etree.fromstring(answer.content)[0][0]), ours(), "Response")
    assert found.get("InResponseTo") == etree.fromstring(xml).get("ID")
    assert not Session.objects.filter(ended_at=None).exists()
    # The same once more is refused; another one finds nobody.
    assert ask(wiki.signed(xml)).status_code == 500
