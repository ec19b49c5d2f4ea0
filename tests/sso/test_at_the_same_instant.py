"""Somebody is terminated at the very instant at which they are let in: whichever comes first, no
application has a session of theirs that it was not told the end of."""

from __future__ import annotations

from typing import Any

import pytest

from tenure.applications.models import Application
from tenure.infra.clock import now
from tenure.people.services import terminate
from tenure.sso.models import ApplicationSession, Notice, Token
from tenure.sso.oidc import authorizing, grants
from tests.provisioning.test_at_the_same_instant import Beside
from tests.sso.conftest import Somebody, account, application, oidc
from tests.sso.relying import RelyingParty, parameters

pytestmark = pytest.mark.django_db(transaction=True)
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


def terminated(who: Somebody) -> None:
    at = now()
    terminate(who.person, at=at, reason="theft", now=at)


@pytest.fixture
def party(ana: Somebody) -> RelyingParty:
    every = ["authorization_code", "refresh_token", "device_code"]
    account(ana.person, application(oidc=oidc("wiki", grants=every)))
    return RelyingParty()


def asks_by(flow: str, ana: Somebody, party: RelyingParty) -> dict[str, Any]:
    """What the application sends to get tokens by this flow."""
    if flow == "code":
        return {
            "grant_type": "authorization_code",
            "code": party.code(ana.browser),
            "redirect_uri": party.callback,
            "code_verifier": party.verifier,
        }
    if flow == "refresh":
        token = party.signs_in(ana.browser)["refresh_token"]
        return {"grant_type": "refresh_token", "refresh_token": token}
    began = party.post("/oauth/device_authorization", scope="openid").json()  # type: ignore[attr-defined]
    ana.browser.post("/device", {"user_code": began["user_code"], "do": "allow"})
    return {"grant_type": DEVICE, "device_code": began["device_code"]}


@pytest.mark.parametrize("flow", ["code", "refresh", "device"])
def test_tokens_are_given_before_the_end_is_told_or_not_at_all(
    ana: Somebody, party: RelyingParty, monkeypatch: pytest.MonkeyPatch, flow: str
) -> None:
    """An ID token that comes after the logout token (Back-Channel Logout 1.0, section 2.7) begins
    a session that nobody ends."""
    asked = asks_by(flow, ana, party)
    beside, dead = Beside(lambda: terminated(ana)), grants.dead

    def asked_and_then(*given: Any) -> str:
        monkeypatch.setattr(grants, "dead", dead)
        found = dead(*given)
        beside.begin()
        return found

    monkeypatch.setattr(grants, "dead", asked_and_then)
    answer = party.token(**asked)
    beside.end()
    told = Notice.objects.order_by("-created_at").first()
    assert told is not None
    if answer.status_code == 200:
        assert not Token.objects.filter(issued_at__gte=told.created_at).exists()
    assert not ApplicationSession.objects.filter(ended_at=None).exists()
    assert party.token(**asked).status_code == 400


def test_who_is_terminated_on_the_way_to_the_answer_is_sent_to_the_door(
    ana: Somebody, party: RelyingParty, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims_of = authorizing.claims_of
    ben = Somebody("2", "Ben")
    account(ben.person, Application.objects.get(), remote_id="r2")
    for who, prompt in ((ana, None), (ben, "none")):

        def late(*given: Any, who: Somebody = who) -> Any:
            terminated(who)
            return claims_of(*given)

        monkeypatch.setattr(authorizing, "claims_of", late)
        answer = party.asks(who.browser, prompt=prompt)
        if prompt is None:
            assert answer["Location"].startswith("/sign-in/?next=")
        else:
            # No page where the application wants none.
            assert parameters(answer)["error"] == "login_required"
    assert not ApplicationSession.objects.exists()
