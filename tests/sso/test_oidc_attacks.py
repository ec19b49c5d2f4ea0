"""What somebody tries who has a code, a token, a client or a browser that is not theirs to use."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from django.http import HttpResponse
from django.test import Client

from tenure.applications.models import Application
from tenure.audit.models import Action, Event
from tenure.infra.clock import now
from tenure.people.services import terminate
from tenure.sso.models import ApplicationSession, Code, Grant, SignOn, Token
from tenure.sso.oidc import jose
from tests.sso.conftest import Somebody, account, application, oidc
from tests.sso.relying import ISSUER, RelyingParty, parameters

pytestmark = pytest.mark.django_db


@pytest.fixture
def wiki(ana: Somebody) -> RelyingParty:
    account(ana.person, application())
    return RelyingParty()


def error(answer: HttpResponse, status: int = 400) -> str:
    assert answer.status_code == status, answer.content
    found: dict[str, str] = json.loads(answer.content)
    return found["error"]


def told(answer: HttpResponse) -> dict[str, str]:
    """An error that is told to the application, and whose it is (RFC 9207)."""
    assert answer.status_code == 302
    assert answer["Location"].startswith("https://wiki.acme.example/callback?")
    found = parameters(answer)
    assert found["iss"] == ISSUER
    assert "code" not in found
    return found


def test_a_code_works_once_and_shown_again_ends_what_came_of_it(
    ana: Somebody, wiki: RelyingParty
) -> None:
    code = wiki.code(ana.browser)
    got = wiki.exchange(code).json()  # type: ignore[attr-defined]
    assert wiki.userinfo(got["access_token"]).status_code == 200
    assert error(wiki.exchange(code)) == "invalid_grant"
    assert wiki.userinfo(got["access_token"]).status_code == 401
    assert error(wiki.refresh(got["refresh_token"])) == "invalid_grant"
    assert Event.objects.get(action=Action.TOKENS_REVOKED).reason.startswith("an authorization")


def test_a_code_needs_its_verifier_its_address_its_client_and_its_minute(
    ana: Somebody, wiki: RelyingParty
) -> None:
    account(ana.person, application("crm"), remote_id="r2")
    crm = RelyingParty("crm")
    tries: list[dict[str, str | None]] = [
        {"code_verifier": None},
        {"code_verifier": "x" * 43},
        {"redirect_uri": "https://wiki.acme.example/callback2"},
        {"redirect_uri": None},
    ]
    for changes in tries:
        code = wiki.code(ana.browser)
        refused = wiki.exchange(code, **changes)
        assert error(refused) in {"invalid_grant", "invalid_request"}, changes
        # What was tried with a wrong secret is worth nothing afterwards either.
        assert error(wiki.exchange(code)) == "invalid_grant"
    stolen = wiki.code(ana.browser)
    assert error(crm.exchange(stolen, redirect_uri=wiki.callback)) == "invalid_grant"
    Code.objects.filter(used_at=None).update(expires_at=now())
    assert error(wiki.exchange(stolen)) == "invalid_grant"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "id_token token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"request": "eyJ"}, "request_not_supported"),
        ({"request_uri": "https://evil.example/r"}, "request_uri_not_supported"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
    ],
)
def test_what_is_not_allowed_is_told_to_the_application(
    ana: Somebody, wiki: RelyingParty, changes: dict[str, str | None], expected: str
) -> None:
    assert told(wiki.asks(ana.browser, **changes))["error"] == expected


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/callback",
        "https://wiki.acme.example/callback/../x",
        "https://wiki.acme.example/callback?x=1",
        "https://wiki.acme.example/Callback",
        "https://wiki.acme.example.evil.example/callback",
        "http://wiki.acme.example/callback",
        "https://wiki.acme.example/callback#x",
        "javascript:alert(1)",
        'https://evil.example/"><script>',
        "https://évil.example/",
        "",
        None,
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(
    ana: Somebody, wiki: RelyingParty, address: str | None
) -> None:
    for more in ({}, {"response_type": "token"}, {"prompt": "none"}):
        answer = wiki.asks(ana.browser, redirect_uri=address, **more)
        assert answer.status_code == 400
        assert b"<script>" not in answer.content
    assert not Grant.objects.exists()


def test_a_parameter_that_comes_twice_or_a_client_that_is_nobody(
    ana: Somebody, wiki: RelyingParty
) -> None:
    query = urlencode([("client_id", "wiki"), ("client_id", "crm")])
    assert ana.browser.get(f"/oauth/authorize?{query}").status_code == 400
    assert wiki.asks(ana.browser, client_id="nobody").status_code == 400
    body = "grant_type=authorization_code&code=a&code=b"
    twice = Client().post("/oauth/token", body, content_type="application/x-www-form-urlencoded")
    assert error(twice) == "invalid_request"  # type: ignore[arg-type]
    # Secrets in the address count for nothing.
    given = urlencode({"client_id": "wiki", "client_secret": wiki.secret, "code": "x"})
    assert error(Client().post(f"/oauth/token?{given}")) == "unsupported_grant_type"  # type: ignore[arg-type]


def test_a_refresh_token_shown_again_ends_its_family(ana: Somebody, wiki: RelyingParty) -> None:
    first = wiki.signs_in(ana.browser)
    second = wiki.refresh(first["refresh_token"]).json()  # type: ignore[attr-defined]
    assert error(wiki.refresh(first["refresh_token"])) == "invalid_grant"
    assert error(wiki.refresh(second["refresh_token"])) == "invalid_grant"
    for token in (first["access_token"], second["access_token"], second["refresh_token"]):
        assert wiki.introspect(token) == {"active": False}
    reason = Event.objects.get(action=Action.TOKENS_REVOKED).reason
    assert reason == "a refresh token was shown a second time"


def test_a_refresh_gets_no_wider_and_no_other_client(ana: Somebody, wiki: RelyingParty) -> None:
    account(ana.person, application("crm"), remote_id="r2")
    crm = RelyingParty("crm")
    got = wiki.signs_in(ana.browser, scope="openid email")
    assert error(crm.refresh(got["refresh_token"])) == "invalid_grant"
    assert error(wiki.refresh(got["refresh_token"], scope="openid profile")) == "invalid_scope"
    narrow = wiki.refresh(got["refresh_token"], scope="openid").json()  # type: ignore[attr-defined]
    assert narrow["scope"] == "openid"
    # An access token is no refresh token, nor the other way round.
    assert error(wiki.refresh(narrow["access_token"])) == "invalid_grant"
    assert wiki.userinfo(narrow["refresh_token"]).status_code == 401


def test_tokens_of_others_say_nothing(ana: Somebody, wiki: RelyingParty) -> None:
    account(ana.person, application("crm"), remote_id="r2")
    crm, got = RelyingParty("crm"), wiki.signs_in(ana.browser)
    assert crm.introspect(got["access_token"]) == {"active": False}
    assert crm.post("/oauth/revoke", token=got["refresh_token"]).status_code == 200
    assert wiki.introspect(got["access_token"])["active"] is True
    with pytest.raises(jwt.InvalidAudienceError):
        crm.read(got["id_token"])
    assert wiki.post("/oauth/revoke", token=got["refresh_token"]).status_code == 200
    assert wiki.introspect(got["access_token"]) == {"active": False}
    wrong = RelyingParty("wiki", secret="guess")
    assert (
        error(wrong.post("/oauth/introspect", token=got["access_token"]), 401) == "invalid_client"
    )


def test_the_tokens_of_a_leaver_die_with_the_termination(ana: Somebody, wiki: RelyingParty) -> None:
    got = wiki.signs_in(ana.browser)
    waits = wiki.code(ana.browser)
    terminate(ana.person, at=now(), reason="gone", now=now())
    assert not Grant.objects.filter(revoked_at=None).exists()
    assert not ApplicationSession.objects.filter(ended_at=None).exists()
    assert wiki.userinfo(got["access_token"]).status_code == 401
    assert wiki.introspect(got["access_token"]) == {"active": False}
    assert error(wiki.refresh(got["refresh_token"])) == "invalid_grant"
    assert error(wiki.exchange(waits)) == "invalid_grant"
    assert wiki.asks(ana.browser)["Location"].startswith("/sign-in/")


def forged(claims: dict[str, Any]) -> list[str]:
    """The same claims, signed in ways that must not be taken (RFC 8725, section 2.1)."""
    key = jose.public_keys().keys[0]
    public = key.as_pem(private=False)
    head = base64.urlsafe_b64encode(
        json.dumps({"alg": "HS256", "typ": "JWT", "kid": key.kid}).encode()
    ).rstrip(b"=")
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=")
    mac = hmac.new(public, head + b"." + body, hashlib.sha256).digest()
    tail = base64.urlsafe_b64encode(mac).rstrip(b"=")
    return [
        jwt.encode(claims, None, algorithm="none"),
        (head + b"." + body + b"." + tail).decode(),
        jwt.encode(claims, "guess" * 10, algorithm="HS256"),
    ]


def test_a_forged_hint_signs_nobody_out_and_leads_nowhere(
    ana: Somebody, wiki: RelyingParty
) -> None:
    got = wiki.signs_in(ana.browser)
    claims = wiki.read(got["id_token"])
    bye = "https://wiki.acme.example/bye"
    for token in [*forged(claims), got["id_token"][:-4] + "AAAA", "x.y.z"]:
        query = urlencode({"id_token_hint": token, "post_logout_redirect_uri": bye})
        page = ana.browser.get(f"/oauth/logout?{query}")
        assert b"Sign out everywhere?" in page.content
        assert bye not in page["Content-Security-Policy"]
        ended = Client().get(f"/oauth/logout?{query}")
        assert ended["Location"] == "/sign-in/?out"
    assert wiki.userinfo(got["access_token"]).status_code == 200


@pytest.mark.parametrize(
    "address", ["https://evil.example/", "https://wiki.acme.example/bye/", "//evil.example"]
)
def test_signing_out_leads_to_registered_addresses_only(
    ana: Somebody, wiki: RelyingParty, address: str
) -> None:
    got = wiki.signs_in(ana.browser)
    query = urlencode(
        {"id_token_hint": got["id_token"], "post_logout_redirect_uri": address, "state": "s"}
    )
    answer = ana.browser.get(f"/oauth/logout?{query}")
    assert answer["Location"] == "/sign-in/?out"


def test_another_page_signs_nobody_out(ana: Somebody, wiki: RelyingParty) -> None:
    """No hint, or one of somebody else's session: they are asked."""
    ben = Somebody("2", "Ben")
    account(ben.person, Application.objects.get())
    theirs = wiki.signs_in(ben.browser)
    for query in ({}, {"id_token_hint": theirs["id_token"]}, {"client_id": "wiki"}):
        page = ana.browser.get(f"/oauth/logout?{urlencode(query)}")
        assert page.status_code == 200
        assert b"Sign out everywhere?" in page.content
    assert ana.browser.get("/portal/").status_code == 200


def test_only_who_may_gets_a_code(ana: Somebody, wiki: RelyingParty) -> None:
    application("crm", rule='user.family_name == "Bo"', oidc=oidc("crm"))
    crm = RelyingParty("crm")
    page = crm.asks(ana.browser)
    assert page.status_code == 403
    assert b"Erika of IT" in page.content
    silent = crm.asks(ana.browser, prompt="none")
    assert parameters(silent)["error"] == "access_denied"
    assert not Grant.objects.exists()
    refused = SignOn.objects.first()
    assert refused is not None
    assert (refused.outcome, refused.reason) == ("refused", "Not due: no rule gives it.")
    assert Event.objects.filter(action=Action.APPLICATION_SIGN_IN_REFUSED).count() == 2


def test_expired_tokens(ana: Somebody, wiki: RelyingParty) -> None:
    got = wiki.signs_in(ana.browser)
    Token.objects.update(expires_at=now() - timedelta(seconds=1))
    assert wiki.userinfo(got["access_token"]).status_code == 401
    assert error(wiki.refresh(got["refresh_token"])) == "invalid_grant"
