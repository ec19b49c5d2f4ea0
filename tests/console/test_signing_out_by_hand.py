"""Who may still be signed in somewhere: the tasks, where they are counted, and the evidence."""

from __future__ import annotations

import pytest
from django.test import Client

from tenure.applications.models import Application
from tenure.audit.models import Action, Event
from tenure.signin.models import Role
from tenure.sso import by_hand
from tests.console.conftest import signed_in
from tests.console.test_company import of_page
from tests.sso.conftest import Somebody, ana
from tests.sso.test_signing_out_by_hand import chat, gone, line, look

__all__ = ["ana", "chat"]
pytestmark = pytest.mark.django_db


def words(page: str) -> str:
    return " ".join(page.split())


def text(client: Client, path: str) -> str:
    return words(client.get(path).content.decode())


def test_it_is_counted_shown_and_done(ana: Somebody, chat: Application) -> None:
    owner = signed_in(Role.OWNER)
    gone(ana)
    look()
    number = by_hand.tasks()[0].number
    front = text(owner, "/console/")
    assert "1 person to be signed out of Chat" in front
    assert "Ana Li: their access has ended, and they may be in there still." in front
    assert "1 to do" in front
    # A link to all tasks leads to those that there are.
    page = text(owner, "/console/tasks/")
    assert "Sign Ana Li out of Chat." in page
    assert "For Erika of IT" in page
    assert "for how long is not known here" in page
    assert "Nothing waits to be done by hand" in text(owner, "/console/tasks/?what=accounts")
    assert "1 person to be signed out by hand" in text(owner, "/console/applications/chat/")
    address = f"/console/tasks/S{number}/"
    refused = owner.post(address, {"do": "cannot", "note": " "})
    assert refused.status_code == 422
    assert "Say why it cannot be done" in words(refused.content.decode())
    answer = owner.post(address, {"do": "cannot", "note": "no such page"}, follow=True)
    page = words(answer.content.decode())
    assert "Could not be done" in page
    assert "administrator owner could not: no such page" in page
    assert "1 to do" not in text(owner, "/console/")
    answer = owner.post(address, {"do": "done", "note": "found it"}, follow=True)
    assert "Nobody has to be signed out by hand" in words(answer.content.decode())
    event = Event.objects.get(action=Action.SIGN_OUT_DONE)
    assert (event.actor, event.reason) == ("administrator owner", "found it")
    again = owner.post(address, {"do": "done"}, follow=True)
    assert "settled already" in again.content.decode()


def test_an_auditor_sees_that_it_is_open_and_then_who_did_it(
    ana: Somebody, chat: Application
) -> None:
    auditor = signed_in(Role.AUDITOR)
    gone(ana)
    look()
    number = by_hand.tasks()[0].number
    page = f"/console/people/{ana.person.uid}/proof/"
    assert f">Task S{number}</a>" in text(auditor, page)
    assert "Sign Ana Li out of Chat." in text(auditor, "/console/tasks/")
    assert "Cannot be done" not in text(auditor, "/console/tasks/")
    assert auditor.post(f"/console/tasks/S{number}/", {"do": "done"}).status_code == 403
    by_hand.done(number, note="all of them")
    shown = text(auditor, page)
    assert "Signed out by hand, as" in shown
    assert "Task S" not in shown


def test_what_is_known_of_sessions_is_said_once(ana: Somebody, chat: Application) -> None:
    """In the application's settings: from then on its tasks are needless, or say how."""
    owner = signed_in(Role.OWNER)
    gone(ana)
    look()
    address = "/console/applications/chat/"
    form = of_page(owner.get(f"{address}settings/").content.decode(), "sessions.longest")

    def say(**said: str) -> None:
        typed = {f"sessions.{name}": value for name, value in said.items()}
        kept = {"form": "sessions", "base": form["base"], "sessions.when_closed": ""}
        given = {**kept, "sessions.longest": "", "sessions.sign_out": "", **typed}
        assert owner.post(f"{address}edit/", given).status_code == 302
        page = owner.get(f"{address}settings/").content.decode()
        form["base"] = of_page(page, "sessions.longest")["base"]

    say(sign_out="Admin, Users, Sign out", longest="8")
    look()
    (task,) = by_hand.tasks()
    assert task.how == "Admin, Users, Sign out"
    assert task.ends_at is not None
    assert "until" in text(owner, "/console/tasks/")
    assert Application.objects.get().sessions == {
        "longest": "PT8H",
        "sign_out": "Admin, Users, Sign out",
    }
    say(when_closed="end")
    look()
    assert by_hand.tasks() == []
    assert line(ana.person).sessions.verdict == "done"
    say()
    assert Application.objects.get().sessions == {}
