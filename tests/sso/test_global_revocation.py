"""An application is told to void everything that somebody has there: what goes out is read by
another library's word, over a real socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from email.message import Message
from typing import Any, TypeAlias

import jwt
import pytest
from django.test import Client

from tenure.configuration.checking import check
from tenure.configuration.reading import read_text
from tenure.infra.clock import now
from tenure.provisioning.services import terminate_now
from tenure.rules.exceptions import add_exception
from tenure.signin.endings import end_sessions
from tenure.signin.models import Session
from tenure.sso import endings
from tenure.sso.delivery import deliver_waiting
from tenure.sso.models import ApplicationSession, Notice
from tenure.sso.receipt import receipt_of
from tests.sso.answering import Answering, answering
from tests.sso.conftest import Somebody, account, application, oidc
from tests.sso.relying import RelyingParty

pytestmark = pytest.mark.django_db


#: The application's: what it was told, and by which authorization.
Endpoint: TypeAlias = Answering[tuple[dict[str, Any], str]]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    def read(body: bytes, headers: Message) -> tuple[dict[str, Any], str]:
        return json.loads(body), headers["Authorization"]

    with answering("/global-token-revocation", read, usual=204) as made:
        yield made


def with_order(ana: Somebody, **order: Any) -> Any:
    settings = oidc("wiki", backchannel_logout_uri="")
    row = application("wiki", oidc=settings, global_token_revocation=order)
    account(ana.person, row)
    return row


def test_a_leaver_is_named_by_e_mail_and_we_by_our_key(ana: Somebody, endpoint: Endpoint) -> None:
    with_order(ana, address=endpoint.address)
    endpoint.answers = [401, 204]
    terminate_now(ana.person, at=None, reason="theft")
    assert deliver_waiting() == 0
    Notice.objects.update(not_before=now())
    assert deliver_waiting() == 1
    body, authorization = endpoint.got[1]
    assert body == {"sub_id": {"format": "email", "email": ana.person.email}}
    kind, _, token = authorization.partition(" ")
    assert kind == "Bearer"
    keys = jwt.PyJWKSet.from_dict(Client().get("/oauth/jwks").json())
    header = jwt.get_unverified_header(token)
    claims = jwt.decode(token, keys[header["kid"]], algorithms=["RS256"], audience=endpoint.address)
    assert header["typ"] == "global-token-revocation+jwt"
    assert (
        claims["iss"]
        == claims["sub"]
        == Client().get("/.well-known/openid-configuration").json()["issuer"]
    )
    assert claims["exp"] - claims["iat"] == 120
    ana.person.refresh_from_db()
    (line,) = receipt_of(ana.person).lines
    assert line.sessions.words == "Global token revocation: answered 204."


def test_a_rule_that_is_lost_and_other_names(
    ana: Somebody, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIKI_TOKEN", "theirs")
    order = {"subject": "iss_sub", "member": "subject", "token": "${env:WIKI_TOKEN}"}
    with_order(ana, address=endpoint.address, **order)
    RelyingParty().signs_in(ana.browser)
    # That the day is over, or signing out here, is no order to void everything there.
    Session.objects.update(began_at=now() - timedelta(hours=13))
    ApplicationSession.objects.update(checked_at=now() - timedelta(hours=1))
    assert endings.end_lost() == 1
    end_sessions(ana.person, because="ended")
    assert deliver_waiting() == 0
    ana.sign_in()
    RelyingParty().signs_in(ana.browser)
    add_exception(
        person=ana.person, application="wiki", gives=False, reason="moved", until=None, now=now()
    )
    assert endings.end_lost() == 1
    assert endings.end_lost() == 0
    assert deliver_waiting() == 1
    ((body, authorization),) = endpoint.got
    assert authorization == "Bearer theirs"
    assert body["subject"]["format"] == "iss_sub"
    assert body["subject"]["sub"] == str(ana.person.uid)


@pytest.mark.parametrize(("status", "state"), [(422, "failed"), (404, "delivered")])
def test_what_it_answers(ana: Somebody, endpoint: Endpoint, status: int, state: str) -> None:
    with_order(ana, address=endpoint.address, subject="opaque")
    endpoint.answers = [status]
    terminate_now(ana.person, at=None, reason="theft")
    deliver_waiting()
    assert Notice.objects.get().state == state
    assert endpoint.got[0][0] == {"sub_id": {"format": "opaque", "id": f"r{ana.person.pk}"}}


def test_what_cannot_be_configured() -> None:
    text = """
applications:
  wiki:
    name: Wiki
    connector: manual
    single_sign_on:
      oidc: {redirect_uris: ["https://wiki.acme.example/callback"]}
      global_token_revocation: {address: "http://wiki.acme.example/x", token: secret}
"""
    found = [str(problem) for problem in check(read_text(text).document).problems]
    assert len(found) == 2
    assert "https" in found[0]
    assert "Only a reference is kept here" in found[1]
