"""What ends a session at an application, what dies with it at once, and how the application is
told: by another library's word, over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TypeAlias
from urllib.parse import parse_qs, urlencode

import pytest

from tenure.applications.models import Application
from tenure.audit.models import Action, Event
from tenure.infra.clock import now
from tenure.people.models import Company, Person
from tenure.people.services import raise_generation
from tenure.provisioning.decisions.approving import approve, reject
from tenure.provisioning.models import Operation
from tenure.provisioning.services import store
from tenure.rules.exceptions import add_exception, end_exception
from tenure.rules.models import AccessRule
from tenure.signin import passkeys
from tenure.signin.endings import end_sessions
from tenure.signin.models import Session
from tenure.sso import endings
from tenure.sso.delivery import deliver_waiting
from tenure.sso.models import ApplicationSession, Code, Grant, Notice, Token
from tenure.sso.oidc.back_channel import LogoutSender
from tenure.sso.outbox import Reply
from tenure.sso.selectors import not_told
from tenure.sso.tasks import tidy
from tests.sso.answering import Answering, answering
from tests.sso.conftest import Somebody, account, application, oidc
from tests.sso.relying import RelyingParty

pytestmark = pytest.mark.django_db


#: An application's back channel: the logout tokens that it was sent.
Listener: TypeAlias = Answering[str]


@pytest.fixture
def listener() -> Iterator[Listener]:
    with answering("/logout", lambda body, _: parse_qs(body.decode())["logout_token"][0]) as made:
        yield made


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
    assert notice.sent_at is not None
    assert notice.not_before > notice.sent_at
    # Not before it is time, however slow this machine is.
    Notice.objects.update(not_before=now() + timedelta(hours=1))
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
    assert given_up.answer.startswith("127.0.0.1:1 refuses the connection. Check the port")
    assert Event.objects.filter(action=Action.NOTICE_FAILED).count() == 2
    told_of = [(row.slug, count) for row, count in not_told(within=timedelta(days=1))]
    assert told_of == [("wiki", 2)]


def test_an_answer_that_cannot_be_read_keeps_nobody_elses_proof(
    ana: Somebody, wiki: RelyingParty, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are sent together; what the first one answers is our fault to stumble over."""
    wiki.signs_in(ana.browser)
    ben = Somebody("2", "Ben")
    account(ben.person, Application.objects.get(), remote_id="r2")
    wiki.signs_in(ben.browser)
    for who in (ana, ben):
        end_sessions(who.person, because="ended")
    first = Notice.objects.order_by("pk")[0].pk
    arrived = LogoutSender.arrived

    def stumbles(self: LogoutSender, notice: Notice, reply: Reply) -> bool:
        if notice.pk == first:
            raise KeyError("What is this?")
        return arrived(self, notice, reply)

    monkeypatch.setattr(LogoutSender, "arrived", stumbles)
    assert deliver_waiting() == 1
    states = dict(Notice.objects.values_list("person__display_name", "state"))
    assert states == {"Ana Li": "waiting", "Ben Li": "delivered"}


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


def test_who_has_changed_does_not_wait_for_those_whose_turn_it_is(
    ana: Somebody, wiki: RelyingParty, monkeypatch: pytest.MonkeyPatch
) -> None:
    wiki.signs_in(ana.browser)
    other = Somebody("2", "Ben")
    account(other.person, Application.objects.get())
    RelyingParty().signs_in(other.browser)
    theirs = ApplicationSession.objects.filter(person=other.person)
    theirs.update(checked_at=now() - timedelta(hours=1))
    add_exception(
        person=ana.person, application="wiki", gives=False, reason="moved", until=None, now=now()
    )
    monkeypatch.setattr(endings, "_BATCH", 1)
    assert endings.end_lost() == 1
    assert ApplicationSession.objects.get(person=ana.person).ended_at is not None
    assert theirs.get().ended_at is None


def test_somebody_ends_it_themselves(ana: Somebody, wiki: RelyingParty) -> None:
    got = wiki.signs_in(ana.browser, scope="openid offline_access")
    page = ana.browser.get("/portal/security/").content.decode()
    assert "works for you while you are away" in page
    apart = ApplicationSession.objects.get(portal_session=None)
    theirs = Somebody("2", "Ben")
    for browser, over in ((theirs.browser, False), (ana.browser, True)):
        browser.post("/portal/security/applications/", {"which": apart.sid})
        assert alive(wiki, got) is not over
    assert ana.browser.get("/portal/").status_code == 200


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


def test_who_signs_in_anew_stays_signed_in_there(ana: Somebody, wiki: RelyingParty) -> None:
    got = wiki.signs_in(ana.browser)
    ana.sign_in()
    assert alive(wiki, got)
    assert Notice.objects.count() == 0
    # Somebody else in the same browser is another matter.
    ben = Somebody("2", "Ben")
    ben.browser = ana.browser
    ben.sign_in()
    assert not alive(wiki, got)
    assert Notice.objects.count() == 1


def test_what_is_over_is_forgotten_and_what_hangs_on_nothing_ends(
    ana: Somebody, wiki: RelyingParty
) -> None:
    wiki.signs_in(ana.browser, scope="openid offline_access")
    tidy(0)
    assert Token.objects.count() == 2
    long_ago = now() - timedelta(days=40)
    Token.objects.update(expires_at=long_ago)
    Code.objects.update(expires_at=long_ago)
    Grant.objects.update(created_at=long_ago)
    ApplicationSession.objects.update(began_at=long_ago)
    tidy(0)
    assert not Token.objects.exists()
    assert not Grant.objects.exists()
    ended = ApplicationSession.objects.exclude(ended_at=None)
    assert [row.ended_because for row in ended] == ["its tokens have expired"]


def test_a_plan_that_takes_the_account_signs_out_before_it_is_sent(
    ana: Somebody, wiki: RelyingParty
) -> None:
    got = wiki.signs_in(ana.browser)
    AccessRule.objects.all().delete()
    raise_generation()
    store()
    # Nothing has been sent, nothing swept: the plan itself has ended it.
    row = ApplicationSession.objects.get()
    assert row.ended_because == "Not due: no rule gives it."
    assert Grant.objects.get().revoked_at is not None
    assert not alive(wiki, got)


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


def test_nothing_that_can_be_used_is_logged(
    ana: Somebody, wiki: RelyingParty, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever looks for something turns TENURE_LOG_LEVEL to DEBUG."""
    caplog.set_level("DEBUG")
    got = wiki.signs_in(ana.browser)
    got = wiki.refresh(got["refresh_token"]).json() | {"secret": wiki.secret}  # type: ignore[attr-defined]
    said = caplog.text
    assert not [name for name, text in got.items() if len(str(text)) > 20 and str(text) in said]


def test_nothing_is_kept_that_can_be_used(ana: Somebody, wiki: RelyingParty) -> None:
    from django.core import serializers

    from tenure.sso.models import ClientSecret, Code, Token

    got = wiki.signs_in(ana.browser)
    kept = "".join(
        serializers.serialize("json", model.objects.all()) for model in (ClientSecret, Code, Token)
    )
    for secret in (got["access_token"], got["refresh_token"], wiki.secret, wiki.verifier):
        assert secret not in kept


@pytest.fixture
def held(ana: Somebody, wiki: RelyingParty) -> dict[str, str]:
    """She is signed in; a rule that was changed takes the wiki away, and the guard holds that."""
    Company.objects.update(plan_mode="automatic")
    Application.objects.update(guard={"removals": {"percent": 0, "floor": 0}})
    got = wiki.signs_in(ana.browser)
    AccessRule.objects.all().delete()
    raise_generation()
    assert endings.end_lost() == 0, "whether a guard holds it is known when it is planned"
    assert store().held == 1
    return got


def test_a_removal_that_waits_for_approval_signs_nobody_out(
    ana: Somebody, wiki: RelyingParty, held: dict[str, str]
) -> None:
    assert endings.end_lost() == 0
    assert alive(wiki, held)
    assert alive(wiki, wiki.signs_in(ana.browser))
    assert not Notice.objects.exists()
    approve(reason="the wiki is given up")
    assert not alive(wiki, held)
    ended = ApplicationSession.objects.values_list("ended_because", flat=True)
    assert set(ended) == {"Not due: no rule gives it."}
    assert Notice.objects.exists()


def test_a_removal_that_was_rejected_leaves_the_way_in(
    ana: Somebody, wiki: RelyingParty, held: dict[str, str]
) -> None:
    reject(reason="the rule was wrong")
    ApplicationSession.objects.update(checked_at=now() - timedelta(hours=1))
    assert endings.end_lost() == 0
    assert alive(wiki, held)


def test_who_leaves_or_is_refused_it_waits_for_no_approval(
    ana: Somebody, wiki: RelyingParty, held: dict[str, str]
) -> None:
    add_exception(
        person=ana.person, application="wiki", gives=False, reason="theft", until=None, now=now()
    )
    assert not alive(wiki, held)
    ApplicationSession.objects.update(checked_at=now() - timedelta(hours=1))
    assert endings.end_lost() == 1


def test_where_plans_are_reviewed_a_changed_rule_signs_nobody_out_before_one_is_applied(
    ana: Somebody, wiki: RelyingParty
) -> None:
    got = wiki.signs_in(ana.browser)
    AccessRule.objects.all().delete()
    raise_generation()
    assert endings.end_lost() == 0, "nobody has looked at what the edit takes"
    assert alive(wiki, got)
    assert alive(wiki, wiki.signs_in(ana.browser))
    assert not Notice.objects.exists()
    assert store().released == 1
    assert not alive(wiki, got)
    assert set(ApplicationSession.objects.values_list("ended_because", flat=True)) == {
        "Not due: no rule gives it."
    }
    # Whoever opens the account again there, and lags for whatever reason, does not come in by that.
    Operation.objects.update(state="done", finished_at=now())
    raise_generation()
    assert wiki.asks(ana.browser).status_code == 403


def test_what_a_person_gave_for_a_while_ends_when_they_said(
    ana: Somebody, wiki: RelyingParty
) -> None:
    """That it ends needs nobody's look: it was decided with it."""
    AccessRule.objects.all().delete()
    given = add_exception(
        person=ana.person, application="wiki", gives=True, reason="helps", until=None, now=now()
    )
    store()
    got = wiki.signs_in(ana.browser)
    end_exception(exception=given.pk, reason="helped", now=now())
    assert not alive(wiki, got)
    assert endings.end_lost() == 1


def test_where_removal_keeps_accounts_there_is_no_plan_to_wait_for(
    ana: Somebody, wiki: RelyingParty
) -> None:
    Application.objects.update(removal="keep")
    got = wiki.signs_in(ana.browser)
    AccessRule.objects.all().delete()
    raise_generation()
    assert not alive(wiki, got)
