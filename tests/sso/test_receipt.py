"""A leaver's receipt: what it says of accounts and sessions, and on what."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from tenure.applications.models import Account, Application
from tenure.audit.models import Action
from tenure.audit.services import record, seal
from tenure.core import owners
from tenure.infra.clock import now
from tenure.people.models import Company
from tenure.people.services import terminate
from tenure.provisioning.models import Operation
from tenure.provisioning.services import terminate_now
from tenure.signin.administrators import deactivate
from tenure.signin.models import Role, User
from tenure.sso.delivery import deliver_waiting
from tenure.sso.models import Notice
from tenure.sso.receipt import Receipt, receipt_of
from tests.cli.conftest import Tenure, anywhere, tenure
from tests.console.conftest import signed_in
from tests.sso.conftest import Somebody, account, application, oidc
from tests.sso.relying import RelyingParty
from tests.sso.test_access_ends import Listener, listener

__all__ = ["anywhere", "listener", "tenure"]
pytestmark = pytest.mark.django_db


def verdicts(found: Receipt) -> dict[str, tuple[list[str], str]]:
    return {
        line.application.slug: (
            [one.part.verdict.value for one in line.accounts],
            line.sessions.verdict.value,
        )
        for line in found.lines
    }


@pytest.fixture
def wiki(ana: Somebody, listener: Listener) -> Application:
    row: Application = application(oidc=oidc("wiki", backchannel_logout_uri=listener.address))
    account(ana.person, row)
    return row


def test_from_the_first_sign_in_to_the_last_proof(
    ana: Somebody, wiki: Application, listener: Listener
) -> None:
    chat = application("chat", oidc=oidc("chat", backchannel_logout_uri=""))
    account(ana.person, chat)
    RelyingParty().signs_in(ana.browser)
    before = receipt_of(ana.person)
    assert verdicts(before) == {"wiki": (["open"], "open"), "chat": (["open"], "open")}
    assert before.verdict == "open"
    terminate_now(ana.person, at=None, reason="theft")
    ana.person.refresh_from_db()
    told = receipt_of(ana.person)
    assert verdicts(told) == {
        "wiki": (["under_way"], "under_way"),
        "chat": (["under_way"], "by_hand"),
    }
    assert told.ended["sessions"] == 1
    assert told.ended_at is not None
    listener.answers = [503, 200]
    deliver_waiting()
    (line,) = [one for one in receipt_of(ana.person).lines if one.application.slug == "wiki"]
    assert line.sessions.words == ("OpenID Connect back-channel logout: on its way: answered 503.")
    Notice.objects.update(not_before=now())
    deliver_waiting()
    # The rows are tidied away one day; the trail stays, and is chained.
    Notice.objects.all().delete()
    seal()
    Account.objects.filter(application=wiki).update(
        active=False, evidence={"at": now().isoformat(), "sent": "disable", "read_back": "closed"}
    )
    found = receipt_of(ana.person)
    (line,) = [one for one in found.lines if one.application.slug == "wiki"]
    assert verdicts(found)["wiki"] == (["done"], "done")
    assert line.accounts[0].part.words == "Closed: read afterwards, closed."
    assert line.sessions.words == "OpenID Connect back-channel logout: answered 200."
    assert line.sessions.event is not None
    assert found.sealed[0] >= line.sessions.event
    # One is left, for which a person has to do something.
    assert [one.application.slug for one in found.left] == ["chat"]
    assert found.verdict == "by_hand"


def test_what_waits_until_somebody_applies_the_plan_is_left_to_a_person(
    ana: Somebody, wiki: Application
) -> None:
    """HR has said that they left; plans do not go ahead by themselves."""
    at = now()
    terminate(ana.person, at=at, reason="left", now=at)
    ana.person.refresh_from_db()
    (line,) = receipt_of(ana.person).lines
    assert line.accounts[0].part.verdict == "by_hand"
    assert "plans wait until somebody applies them" in line.accounts[0].part.words
    Company.objects.update(plan_mode="automatic")
    (line,) = receipt_of(ana.person).lines
    assert line.accounts[0].part.verdict == "under_way"


def test_who_may_come_in_as_an_administrator_has_not_lost_everything(
    ana: Somebody, tenure: Tenure
) -> None:
    boss = User.objects.create(name=ana.person.email.upper())
    User.objects.create(name="ben")
    assert receipt_of(ana.person).administrators == ()
    terminate_now(ana.person, at=None, reason="theft")
    ana.person.refresh_from_db()
    found = receipt_of(ana.person)
    assert (found.administrators, found.verdict) == ((boss.name,), "by_hand")
    said = " ".join(tenure("person", "proof", "1").out.split())
    assert f"may come in to the console: {boss.name}. If that is them, deactivate it" in said
    page = signed_in(Role.AUDITOR).get(f"/console/people/{ana.person.uid}/").content.decode()
    assert f"may come in to the console: {boss.name}" in page
    deactivate(boss)
    assert receipt_of(ana.person).verdict == "nothing"


def test_of_two_browsers_one_that_is_not_known_to_be_out_is_told(
    ana: Somebody, wiki: Application, listener: Listener
) -> None:
    party = RelyingParty()
    party.signs_in(ana.browser)
    ana.browser = Client()
    ana.sign_in()
    party.signs_in(ana.browser)
    listener.answers = [400, 200]
    terminate_now(ana.person, at=None, reason="theft")
    ana.person.refresh_from_db()
    assert deliver_waiting() == 1
    (line,) = receipt_of(ana.person).lines
    assert line.sessions.verdict == "by_hand"
    assert "did not arrive for 1 of 2 sessions: answered 400" in line.sessions.words


def test_who_signs_out_here_has_not_signed_out_there(ana: Somebody) -> None:
    """Nobody has told the application, and it has said nothing."""
    chat = application("chat", oidc=oidc("chat", backchannel_logout_uri=""))
    account(ana.person, chat)
    RelyingParty("chat").signs_in(ana.browser)
    ana.browser.post("/sign-in/out")
    terminate_now(ana.person, at=None, reason="theft")
    ana.person.refresh_from_db()
    (line,) = receipt_of(ana.person).lines
    assert line.sessions.verdict == "by_hand"
    assert line.sessions.words.startswith("Its tokens are void, and it cannot be told")


def test_what_the_catalogue_says_counts(ana: Somebody) -> None:
    chat = application("chat", oidc=oidc("chat", backchannel_logout_uri=""))
    Application.objects.filter(pk=chat.pk).update(catalogue_entry="slack")
    account(ana.person, chat, active=False)
    assert verdicts(receipt_of(ana.person))["chat"][1] == "open"
    terminate_now(ana.person, at=None, reason="theft")
    ana.person.refresh_from_db()
    (line,) = receipt_of(ana.person).lines
    assert line.sessions.verdict == "done"
    assert "with the account" in line.sessions.words


def test_where_no_account_was_ever_open_nothing_is_left_to_anybody(ana: Somebody) -> None:
    """Made closed ahead of the first day, and deleted before it came."""
    chat = application("chat", oidc=oidc("chat", backchannel_logout_uri=""))
    row = account(ana.person, chat, active=False)
    terminate_now(ana.person, at=None, reason="has not come")
    ana.person.refresh_from_db()
    assert verdicts(receipt_of(ana.person))["chat"] == (["done"], "by_hand")
    made = {"application": chat, "person": ana.person, "account": row, "state": "done"}
    Operation.objects.create(kind="create", active=False, **made)
    assert verdicts(receipt_of(ana.person))["chat"] == (["done"], "nothing")
    opened = Operation.objects.create(kind="enable", **made)
    assert verdicts(receipt_of(ana.person))["chat"] == (["done"], "by_hand")
    opened.delete()
    record(
        Action.ACCOUNT_DRIFTED, subject_kind="account", subject_key=str(row.pk),
        person=str(ana.person.uid), before={"active": True}, after={"active": False},
    )  # fmt: skip
    assert verdicts(receipt_of(ana.person))["chat"] == (["done"], "by_hand")


def test_the_page_prints_it_and_the_file_has_it(ana: Somebody, wiki: Application) -> None:
    terminate_now(ana.person, at=None, reason="theft")
    auditor: Client = signed_in(Role.AUDITOR)
    page = auditor.get(f"/console/people/{ana.person.uid}/").content.decode()
    assert "Has their access ended?" in page
    page = auditor.get(f"/console/people/{ana.person.uid}/proof/").content.decode()
    assert "back-channel" not in page
    assert "never signed in there through Tenure" in page
    answer = auditor.get(f"/console/people/{ana.person.uid}/proof.json")
    assert answer["Content-Disposition"].startswith("attachment")
    document = json.loads(answer.content)
    assert document["person"]["uid"] == str(ana.person.uid)
    assert [one["application"] for one in document["applications"]] == ["wiki"]


def test_a_persons_word_is_told_as_that_until_the_application_is_read(
    ana: Somebody, wiki: Application
) -> None:
    at = now()
    evidence = {"at": at.isoformat(), "sent": "by hand", "by": "ben", "note": "all four roles"}
    Account.objects.update(active=False, observed_at=at, evidence=evidence)
    terminate_now(ana.person, at=None, reason="theft")
    ana.person.refresh_from_db()

    def words() -> str:
        (line,) = receipt_of(ana.person).lines
        return line.accounts[0].part.words

    assert words() == "Closed by hand, as ben said: not proven, for it was not read since."
    Account.objects.update(observed_at=now())
    assert words() == "Closed, as it was last read."


def test_what_stays_open_says_why_and_what_to_do(ana: Somebody) -> None:
    """Neither is under way: nothing will ever be planned for it, or nobody lets it."""
    chat = application("chat", oidc=oidc("chat", backchannel_logout_uri=""))
    row = account(ana.person, chat)
    Account.objects.filter(pk=row.pk).update(own=True)
    terminate_now(ana.person, at=None, reason="theft")
    ana.person.refresh_from_db()

    def said() -> tuple[str, str]:
        (line,) = receipt_of(ana.person).lines
        return line.accounts[0].part.verdict.value, line.accounts[0].part.words

    verdict, words = said()
    assert verdict == "by_hand"
    assert "Tenure does not close it: protected: Tenure's own credentials" in words
    Account.objects.filter(pk=row.pk).update(own=False)
    closing = Operation.objects.create(
        kind="disable",
        application=chat,
        person=ana.person,
        account=row,
        state="held",
        hold_reason=owners.reason("Chat"),
    )
    assert said()[0] == "by_hand"
    assert "approve it" not in said()[1]
    assert "Tenure does not close it: The last owner of Chat" in said()[1]
    Operation.objects.filter(pk=closing.pk).update(
        state="rejected", decided_by="Eva", decided_reason="she is needed"
    )
    assert said() == ("by_hand", "Closing it was rejected by Eva (she is needed).")


@pytest.mark.parametrize(
    ("state", "progress", "verdict"),
    [
        ("unknown", {}, "under_way"),
        ("manual", {"sent": "2026-11-29T10:00:00+00:00"}, "by_hand"),
        ("manual", {}, None),
    ],
)
def test_an_account_that_may_have_been_made_is_in_it(
    ana: Somebody, state: str, progress: dict[str, str], verdict: str | None
) -> None:
    """Nobody answered, and they have left: nothing is over before that is known."""
    chat = application("chat")
    terminate(ana.person, at=now(), reason="gone", now=now())
    ana.person.refresh_from_db()
    Operation.objects.create(
        application=chat,
        person=ana.person,
        kind="create",
        state=state,
        progress=progress,
        attributes={"userName": {"from": None, "to": "ana@acme.example"}},
        grant=[],
        revoke=[],
        generation=1,
        created_at=now(),
    )
    lines = receipt_of(ana.person).lines
    told = [(one.name, one.part.verdict.value) for line in lines for one in line.accounts]
    assert told == ([("ana@acme.example", verdict)] if verdict else [])
