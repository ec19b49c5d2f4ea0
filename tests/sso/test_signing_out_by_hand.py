"""What nothing of ours can end is left to a person: asked once, settled by them, and not asked any
more where it is moot."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tenure.applications.models import Account, Application
from tenure.audit.models import Action, Event
from tenure.audit.services import acting, seal
from tenure.infra.clock import now
from tenure.notices.collecting import Kind, waiting
from tenure.people.models import Person
from tenure.provisioning.decisions.byhand import Task, TaskRefused
from tenure.provisioning.decisions.lives import end_suspension, reinstate, suspend
from tenure.provisioning.models import Operation
from tenure.provisioning.services import terminate_now
from tenure.signin import reminders
from tenure.signin.models import Letter
from tenure.sso import by_hand, seeing_out
from tenure.sso.delivery import deliver_waiting
from tenure.sso.models import ApplicationSession, Notice, SeenOut, SignOn, SignOut
from tenure.sso.receipt import Line, receipt_of
from tests.cli.conftest import Tenure, anywhere, tenure
from tests.sso.conftest import Somebody, account, application, oidc
from tests.sso.relying import RelyingParty
from tests.sso.test_access_ends import Listener, listener

__all__ = ["anywhere", "listener", "tenure"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def chat(ana: Somebody) -> Application:
    """Ana is signed in there, and it cannot be told anything."""
    row: Application = application("chat", oidc=oidc("chat", backchannel_logout_uri=""))
    account(ana.person, row)
    RelyingParty("chat").signs_in(ana.browser)
    return row


def gone(who: Somebody, *, closed: bool = True) -> None:
    """They are terminated, and their accounts are closed and read afterwards."""
    terminate_now(who.person, at=None, reason="theft")
    who.person.refresh_from_db()
    if closed:
        proof = {"at": now().isoformat(), "sent": "disable", "read_back": "closed"}
        Account.objects.filter(person=who.person).update(active=False, evidence=proof)
        Operation.objects.filter(person=who.person).update(state="done")


def look(*, age: timedelta = timedelta(minutes=2)) -> None:
    """As the worker does, when so long is past since their access ended."""
    SeenOut.objects.update(since=now() - age, next_look_at=now())
    seeing_out.withdraw_moot()
    seeing_out.look_due()


def only() -> Task:
    (task,) = by_hand.tasks()
    return task


def line(person: Person, slug: str = "chat") -> Line:
    (found,) = [one for one in receipt_of(person).lines if one.application.slug == slug]
    return found


def test_somebody_is_asked_once_and_what_they_say_is_the_evidence(
    ana: Somebody, chat: Application
) -> None:
    Account.objects.update(remote_id="u-77")
    gone(ana)
    look()
    look()
    task = only()
    assert (task.key, task.what) == (f"S{task.number}", "Sign Ana Li out of Chat.")
    assert task.assignee == "Erika of IT"
    assert task.why.startswith("left ")
    assert task.why.endswith(", reason: theft")
    assert task.steps[0] == "look for the account ana@acme.example (its id there is u-77)"
    assert task.cause.startswith("Its tokens are void, and it cannot be told to end the session")
    assert task.ends_at is None
    told = line(ana.person)
    assert (told.sessions.verdict, told.as_json()["sessions"]["task"]["state"]) == (
        "by_hand",
        "open",
    )
    with acting("Ben of IT"):
        by_hand.done(task.number, note="all devices")
    seal()
    told = line(ana.person)
    assert told.sessions.verdict == "said"
    assert told.sessions.words == "Signed out by hand, as Ben of IT said: all devices"
    event = Event.objects.get(action=Action.SIGN_OUT_DONE)
    assert told.sessions.event == event.position
    assert (event.actor, event.application, event.reason) == ("Ben of IT", "chat", "all devices")
    look()
    assert by_hand.tasks() == []
    with pytest.raises(LookupError, match="no task S"):
        by_hand.done(task.number)
    assert Event.objects.filter(action=Action.SIGN_OUT_ASKED).count() == 1


def test_what_cannot_be_done_stays_and_is_done_later(ana: Somebody, chat: Application) -> None:
    gone(ana)
    look()
    with pytest.raises(TaskRefused, match="Say why"):
        by_hand.cannot(only().number, note=" ")
    with acting("Ben of IT"):
        by_hand.cannot(only().number, note="no such button")
    look()
    task = only()
    assert task.could_not == "Ben of IT could not: no such button."
    assert (by_hand.to_do(), by_hand.count()) == ([], 0)
    assert line(ana.person).sessions.verdict == "by_hand"
    assert "Ben of IT could not: no such button." in line(ana.person).sessions.words
    by_hand.done(task.number)
    assert line(ana.person).sessions.verdict == "said"


def test_what_was_refused_is_left_to_somebody_and_what_arrived_is_not(
    ana: Somebody, listener: Listener
) -> None:
    wiki = application(oidc=oidc("wiki", backchannel_logout_uri=listener.address))
    account(ana.person, wiki)
    RelyingParty().signs_in(ana.browser)
    gone(ana)
    look()
    assert by_hand.tasks() == []
    listener.answers = [400]
    deliver_waiting()
    # It is looked at as soon as that is known, and not when it would have been.
    assert SeenOut.objects.get().next_look_at <= now()
    look()
    assert "back-channel logout did not arrive: answered 400" in only().cause


def test_what_is_tried_for_an_hour_is_left_to_somebody_meanwhile(
    ana: Somebody, listener: Listener
) -> None:
    """It is tried for a day, and a leaver in there for so long is too long."""
    wiki = application(oidc=oidc("wiki", backchannel_logout_uri=listener.address))
    account(ana.person, wiki)
    RelyingParty().signs_in(ana.browser)
    gone(ana)
    listener.answers = [503, 503, 200]
    for _ in range(2):
        deliver_waiting()
        Notice.objects.update(not_before=now())
    look()
    assert by_hand.tasks() == []
    Notice.objects.update(created_at=now() - timedelta(hours=2))
    # It was told after they had signed in.
    SignOn.objects.update(at=now() - timedelta(hours=3))
    ApplicationSession.objects.update(began_at=now() - timedelta(hours=3))
    look()
    assert "has not arrived in 2 tries, and is tried further: answered 503" in only().cause
    assert deliver_waiting() == 1
    look()
    assert by_hand.tasks() == []
    assert line(ana.person, "wiki").sessions.verdict == "done"


def test_told_in_time_nobody_is_asked(ana: Somebody, listener: Listener) -> None:
    wiki = application(oidc=oidc("wiki", backchannel_logout_uri=listener.address))
    account(ana.person, wiki)
    RelyingParty().signs_in(ana.browser)
    gone(ana)
    deliver_waiting()
    look()
    assert by_hand.tasks() == []
    assert line(ana.person, "wiki").sessions.verdict == "done"


def test_a_deleted_account_has_no_sessions(ana: Somebody, chat: Application) -> None:
    gone(ana)
    look()
    proof = {"at": now().isoformat(), "sent": "delete", "read_back": "it is not there"}
    Account.objects.update(situation="deleted", active=None, deleted_at=now(), evidence=proof)
    look()
    assert by_hand.tasks() == []
    assert line(ana.person).sessions.verdict == "done"
    event = Event.objects.get(action=Action.SIGN_OUT_NOT_NEEDED)
    assert event.reason.startswith("Their account there is deleted")


def test_an_account_that_is_being_closed_is_waited_for(ana: Somebody, chat: Application) -> None:
    """Not for long: whatever keeps the application from closing it, they may be in there."""
    gone(ana, closed=False)
    look(age=timedelta(seconds=10))
    assert by_hand.tasks() == []
    look()
    assert only().person == "Ana Li"


def test_whoever_closes_the_account_by_hand_is_asked_no_second_time(
    ana: Somebody, chat: Application
) -> None:
    """That task has them look that nobody is signed in with it."""
    gone(ana, closed=False)
    closing = Operation.objects.get(person=ana.person, kind="disable")
    Operation.objects.filter(pk=closing.pk).update(state="manual", asked_at=now())
    look()
    assert by_hand.tasks() == []
    assert line(ana.person).sessions.words.startswith("Whoever closes the account by hand is asked")
    Operation.objects.filter(pk=closing.pk).update(state="done")
    proof = {"at": now().isoformat(), "sent": "by hand", "by": "Ben of IT", "note": ""}
    Account.objects.update(active=False, evidence=proof)
    look()
    assert by_hand.tasks() == []
    told = line(ana.person).sessions
    assert told.verdict == "said"
    assert told.words.startswith("Ben of IT closed the account by hand, and was asked to look")
    # It could not be done: they may be signed in there still.
    Account.objects.update(active=True, evidence=None)
    Operation.objects.filter(pk=closing.pk).update(state="failed")
    look()
    assert only().signs_out


def test_who_never_came_in_through_us_is_asked_of_only_where_sessions_are_known_to_go_on(
    ana: Somebody,
) -> None:
    row = application("chat", oidc=oidc("chat", backchannel_logout_uri=""))
    account(ana.person, row)
    gone(ana)
    look()
    assert by_hand.tasks() == []

    # It is known that sessions outlive the account: then somebody has to look.
    Application.objects.update(sessions={"when_closed": "go_on", "sign_out": "Admin, Devices"})
    look()
    task = only()
    assert task.cause.endswith("the account is closed, and its sessions go on.")
    assert task.how == "Admin, Devices"
    Application.objects.update(sessions={"when_closed": "end"})
    look()
    assert by_hand.tasks() == []


def test_its_owner_is_reminded_and_others_are_told_when_it_is_overdue(
    ana: Somebody, chat: Application
) -> None:
    Application.objects.update(owner="it@acme.example")
    gone(ana)
    look()
    morning = now().replace(hour=9) + timedelta(days=1)
    assert reminders.remind(morning) == 1
    letter = Letter.objects.get(kind="tasks")
    assert letter.to == "it@acme.example"
    assert "Sign Ana Li out of Chat. Left " in letter.words["text"]
    assert letter.words["tasks"] == [only().key]
    assert reminders.remind(morning + timedelta(days=1)) == 0
    told = [one for one in waiting() if one.kind is Kind.OVERDUE]
    assert told == []
    SignOut.objects.update(asked_at=now() - timedelta(days=3))
    (told,) = [one for one in waiting() if one.kind is Kind.OVERDUE]
    assert (told.key, told.detail) == (f"overdue {only().key}", "Sign Ana Li out of Chat.")
    with acting("Ben of IT"):
        by_hand.cannot(only().number, note="no way")
    assert reminders.remind(morning + timedelta(days=2)) == 0
    assert [one for one in waiting() if one.kind is Kind.OVERDUE] == []


def test_the_command_line_lists_shows_and_settles_it(
    ana: Somebody, chat: Application, tenure: Tenure
) -> None:
    gone(ana)
    look()
    key = only().key
    (listed,) = tenure("tasks", "list", "--application", "chat", "--json").document["tasks"]
    assert (listed["task"], listed["about"], listed["ends_at"]) == (key, "sessions", None)
    assert "Sign Ana Li out of Chat." in tenure("tasks", "list").out
    assert "its tokens are void" in tenure("tasks", "show", key.lower()).out.lower()
    assert f"task {key}" in tenure("person", "proof", "1").out
    checked = " ".join(tenure("doctor").out.split())
    assert "1 person whose access has ended may be signed in there still" in checked
    assert "no task" in tenure("tasks", "done", "S9999999").err
    assert "is no task" in tenure("tasks", "done", "nonsense").err
    assert tenure("tasks", "cannot", key, "--note", "x", "--json").document["state"] == "cannot"
    assert "could not be done" in tenure("tasks", "list").out
    assert tenure("tasks", "done", key, "--note", "y", "--json").document == {
        "task": key,
        "state": "done",
    }
    assert "Nothing waits" in tenure("tasks", "list").err


def test_who_is_back_is_not_to_be_signed_out(ana: Somebody, chat: Application) -> None:
    suspend(ana.person, reason="doubt")
    ana.person.refresh_from_db()
    look()
    by_hand.done(only().number)
    end_suspension(ana.person, reason="none")
    look()
    ana.person.refresh_from_db()
    assert not SeenOut.objects.exists()
    # What was done then says nothing of what they begin now.
    gone(ana)
    look()
    assert only().why.startswith("left ")
    reinstate(ana.person, reason="a mistake")
    seeing_out.withdraw_moot()
    assert by_hand.tasks() == []
    with pytest.raises(LookupError):
        by_hand.done(SignOut.objects.latest("pk").pk)


def test_a_session_that_has_had_its_end_is_over(ana: Somebody, chat: Application) -> None:
    """Told to the application when it began, by SAML."""
    until = now() + timedelta(hours=3)
    _by_saml(until)
    gone(ana)
    look()
    assert only().ends_at == until
    assert "What was begun by Tenure ends by itself by" in line(ana.person).sessions.words
    _by_saml(now() - timedelta(minutes=1))
    SignOut.objects.update(ends_at=now() - timedelta(minutes=1))
    look()
    assert by_hand.tasks() == []
    told = line(ana.person).sessions
    assert told.verdict == "by_itself"
    assert told.words.startswith("It was to end by itself by")
    look()
    assert by_hand.tasks() == []


def _by_saml(until: datetime) -> None:
    ApplicationSession.objects.update(protocol="saml", details={"until": until.isoformat()})
