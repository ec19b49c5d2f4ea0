"""What ends a session at an application, what dies with it at once, and how the application is
told: by another library's word, over a real socket."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlencode

import pytest

from tenure.applications.models import Application
from tenure.audit.models import Action, Event
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.services import raise_generation
from tenure.rules.exceptions import add_exception
from tenure.signin import passkeys
from tenure.signin.endings import end_sessions
from tenure.signin.models import Session
from tenure.sso import endings
from tenure.sso.delivery import deliver_waiting
from tenure.sso.models import ApplicationSession, Grant, Notice
from tests.sso.conftest import Somebody, account, application, oidc
from tests.sso.relying import RelyingParty

pytestmark = pytest.mark.django_db


class Listener:
    """An application's back channel: what it was sent, and what it answers."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.got: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.got.append(parse_qs(body)["logout_token"][0])
                self.send_response(outer.answers.pop(0) if outer.answers else 200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/logout"


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture
def wiki(ana: Somebody, listener: Listener) -> RelyingParty:
    settings = oidc("wiki", backchannel_logout_uri=listener.address, scopes=["offline_access"])
    account(ana.person, application(oidc=settings))
    return RelyingParty()


def alive(wiki: RelyingParty, got: dict[str, str]) -> bool:
    found = {wiki.introspect(got[name])["active"] for name in ("access_token", "refresh_token")}
    assert len(found) == 1
    return found.pop()


def test_signing_out_here_signs_out_there(
    ana: Somebody, wiki: RelyingParty, listener: Listener
) -> None:
    got = wiki.signs_in(ana.browser)
    told = wiki.read(got["id_token"])
    ana.browser.post("/sign-in/out")
    assert not alive(wiki, got)
    assert deliver_waiting() == 1
    (token,) = listener.got
    claims = wiki.read(token)
    assert (claims["sub"], claims["sid"]) == (told["sub"], told["sid"])
    assert claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert "nonce" not in claims
    assert claims["exp"] - claims["iat"] == 120
    notice = Notice.objects.get()
    assert (notice.state, notice.status, notice.tries) == ("delivered", 200, 1)
    assert Event.objects.filter(action=Action.NOTICE_DELIVERED, application="wiki").exists()
    assert Event.objects.filter(action=Action.APPLICATION_SESSION_ENDED).exists()
    # A logout token is no hint: nobody is signed out by one that was caught.
    ana.sign_in()
    hint = urlencode({"id_token_hint": token})
    assert b"Sign out everywhere?" in ana.browser.get(f"/oauth/logout?{hint}").content


def test_what_does_not_arrive_is_tried_again(
    ana: Somebody, wiki: RelyingParty, listener: Listener
) -> None:
    wiki.signs_in(ana.browser)
    listener.answers = [503, 200]
    end_sessions(ana.person, because="ended by an administrator")
    assert deliver_waiting() == 0
    notice = Notice.objects.get()
    assert (notice.state, notice.status, notice.tries) == ("waiting", 503, 1)
    assert notice.not_before > now()
    assert deliver_waiting() == 0
    Notice.objects.update(not_before=now())
    assert deliver_waiting() == 1
    # Signed anew, each time.
    assert len({wiki.read(token)["jti"] for token in listener.got}) == 2


def test_what_is_hopeless_or_too_old_is_given_up(
    ana: Somebody, wiki: RelyingParty, listener: Listener
) -> None:
    wiki.signs_in(ana.browser)
    listener.answers = [400]
    end_sessions(ana.person, because="ended")
    deliver_waiting()
    assert Notice.objects.get().state == "failed"
    ana.sign_in()
    wiki.signs_in(ana.browser)
    listener.answers = [500]
    end_sessions(ana.person, because="ended")
    Notice.objects.filter(state="waiting").update(give_up_at=now(), address="http://127.0.0.1:1/")
    deliver_waiting()
    given_up = Notice.objects.first()
    assert given_up is not None
    assert (given_up.state, given_up.status) == ("failed", None)
    assert "Cannot connect" in given_up.answer
    assert Event.objects.filter(action=Action.NOTICE_FAILED).count() == 2


def test_a_rule_that_is_lost_ends_it(ana: Somebody, wiki: RelyingParty) -> None:
    got = wiki.signs_in(ana.browser)
    assert endings.end_lost() == 0
    add_exception(
        person=ana.person, application="wiki", gives=False, reason="moved", until=None, now=now()
    )
    # Whoever uses it meets the rules as they are now; the next sweep ends it.
    assert not alive(wiki, got)
    assert wiki.userinfo(got["access_token"]).status_code == 401
    assert endings.end_lost() == 1
    ended = ApplicationSession.objects.get()
    assert ended.ended_because.startswith("Not due: withheld by exception")
    assert Notice.objects.count() == 1


def test_everybody_is_looked_at_once_after_a_change(ana: Somebody, wiki: RelyingParty) -> None:
    wiki.signs_in(ana.browser)
    raise_generation()
    assert endings.end_lost() == 0
    row = ApplicationSession.objects.get()
    assert row.generation == Person.objects.get(pk=ana.person.pk).generation
    Application.objects.update(single_sign_on={})
    got = Grant.objects.get()
    from tenure.sso.oidc.grants import dead

    assert dead(got) == "Wiki is not set up for single sign-on by OpenID Connect."


def test_what_works_while_they_are_away(
    ana: Somebody, wiki: RelyingParty, listener: Listener
) -> None:
    got = wiki.signs_in(ana.browser, scope="openid offline_access")
    ana.browser.post("/sign-in/out")
    assert alive(wiki, got)
    later = wiki.refresh(got["refresh_token"]).json()  # type: ignore[attr-defined]
    assert alive(wiki, later)
    # A passkey that is taken away may have been somebody else's: nothing of it is trusted.
    (key,) = passkeys.passkeys_of(ana.person)
    passkeys.remove(ana.person, key.pk, because="lost", by_them=False)
    assert not alive(wiki, later)
    deliver_waiting()
    sids = ["sid" in wiki.read(token) for token in listener.got]
    assert sids == [True, False]


def test_a_session_here_that_lasted_its_day_ends_what_hangs_on_it(
    ana: Somebody, wiki: RelyingParty
) -> None:
    got = wiki.signs_in(ana.browser)
    Session.objects.update(began_at=now() - timedelta(hours=13))
    assert not alive(wiki, got)
    ApplicationSession.objects.update(checked_at=now() - timedelta(hours=1))
    assert endings.end_lost() == 1


def test_an_application_signs_somebody_out(ana: Somebody, wiki: RelyingParty) -> None:
    got = wiki.signs_in(ana.browser)
    wanted = {
        "id_token_hint": got["id_token"],
        "post_logout_redirect_uri": "https://wiki.acme.example/bye",
        "state": "xyz",
    }
    answer = ana.browser.get(f"/oauth/logout?{urlencode(wanted)}")
    assert answer["Location"] == "https://wiki.acme.example/bye?state=xyz"
    assert not alive(wiki, got)
    assert ana.browser.get("/portal/").status_code == 302
    # By a form of theirs it comes without cookies: it is asked for once more.
    ana.sign_in()
    page = ana.browser.post("/oauth/logout", {"client_id": "wiki"})
    page = ana.browser.get(page["Location"])
    back = page.context["back"]
    ended = ana.browser.post("/sso/sign-out", {"back": back})
    assert ended["Location"] == "/sign-in/?out"
    assert ana.browser.get("/portal/").status_code == 302


def test_nothing_is_kept_that_can_be_used(ana: Somebody, wiki: RelyingParty) -> None:
    from django.core import serializers

    from tenure.sso.models import ClientSecret, Code, Token

    got = wiki.signs_in(ana.browser)
    kept = "".join(
        serializers.serialize("json", model.objects.all()) for model in (ClientSecret, Code, Token)
    )
    for secret in (got["access_token"], got["refresh_token"], wiki.secret, wiki.verifier):
        assert secret not in kept
