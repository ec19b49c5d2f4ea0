"""Tasks by hand, and steering a run, as an administrator in a browser."""

from __future__ import annotations

from django.test import Client

from tenure.audit.models import Action, Event
from tenure.provisioning import services
from tenure.provisioning.models import Operation
from tenure.runs.models import Run
from tenure.signin.models import Role
from tests.console.conftest import signed_in
from tests.console.test_deciding import anna
from tests.provisioning.company import Company, apply, linked

__all__ = ["anna"]


def company() -> Company:
    made = Company()
    made.application("chat", owner="it@acme.example")
    made.rule("everyone", "has(user.department)", {"chat": []})
    return made


def test_a_task_is_shown_counted_and_done(anna: Client) -> None:
    made = company()
    person = made.person("1")
    apply()
    services.terminate_now(person, reason="dismissed")
    Operation.objects.filter(kind="disable").update(state="manual", error="It cannot.")
    number = Operation.objects.get(kind="disable").pk
    page = anna.get("/console/tasks/").content.decode()
    assert "Close the account p1@acme.example of Person 1 in Chat." in page
    assert "For it@acme.example" in page
    assert "1 task in Chat" in anna.get("/console/").content.decode()
    answer = anna.post(f"/console/tasks/{number}/", {"do": "done", "note": "did it"}, follow=True)
    assert "Nothing waits to be done by hand" in answer.content.decode()
    assert linked()["p1@acme.example"].active is False
    event = Event.objects.get(action=Action.TASK_DONE)
    assert (event.actor, event.reason) == ("administrator anna", "did it")
    again = anna.post(f"/console/tasks/{number}/", {"do": "done"}, follow=True)
    assert "settled already" in again.content.decode()


def test_a_run_is_paused_resumed_and_cancelled(anna: Client) -> None:
    made = company()
    made.people(3)
    run = services.store().run
    page = f"/console/runs/{run.pk}/"

    def do(what: str) -> str:
        answer = anna.post(f"{page}steer/", {"do": what, "reason": "why not"}, follow=True)
        return str(answer.content.decode())

    assert "Pause" in anna.get(page).content.decode()
    assert "Paused: 3 wait." in do("pause")
    assert Run.objects.get(pk=run.pk).state == "paused"
    assert "It goes on with 3 operations" in do("resume")
    assert "Cancelled: 0 done, 3 not sent." in do("cancel")
    assert "is cancelled, not running" in do("pause")
    plan = anna.get("/console/plan/").content.decode()
    assert "3 operations in Chat are due and not planned" in plan
    assert f'<a href="{page}">run {run.pk}</a>' in plan
    assert "as the rules say it should be" not in plan
    assert Run.objects.get(pk=run.pk).state == "cancelled"


def test_what_is_on_its_way_is_not_told_as_what_terminating_does(anna: Client) -> None:
    (person,) = company().people(1)
    services.store()
    Operation.objects.update(state="started", attempts=1)
    page = anna.get(f"/console/people/{person.uid}/terminate/").content.decode()
    assert "On its way already: Create the account" in page
    assert "As soon as it is known what came of it, it is closed." in page
    given = {"name": person.display_name, "reason": "dismissed"}
    answer = anna.post(f"/console/people/{person.uid}/terminate/", given, follow=True)
    assert answer.redirect_chain[-1][0] == f"/console/people/{person.uid}/"
    assert "Their account in Chat is just being made." in answer.content.decode()


def test_what_failed_is_sent_again_and_one_is_taken_there(anna: Client) -> None:
    made = company()
    made.people(2)
    made.application("desk")
    made.rule("desk too", "has(user.department)", {"desk": []})
    run = services.store().run
    Operation.objects.filter(application__slug="chat").update(state="failed", error="400: no.")
    Operation.objects.exclude(application__slug="chat").delete()
    page = f"/console/runs/{run.pk}/"
    answer = anna.post(f"{page}steer/", {"do": "retry", "application": "chat"})
    new = Run.objects.latest("id")
    assert (answer["Location"], new.subject) == (f"/console/runs/{new.pk}/", "chat")
    assert "2 people are sent again, in this run" in anna.get(answer["Location"]).content.decode()
    again = anna.post(f"{page}steer/", {"do": "retry"}, follow=True)
    assert "Nothing of it is failed any more" in again.content.decode()


def test_the_palette_finds_settings_rules_and_sources_as_far_as_one_may(anna: Client) -> None:
    company()

    def found(words: str) -> str:
        return str(anna.get("/console/palette/", {"q": words}).content.decode())

    assert "/console/settings/notifications/" in found("notif")
    assert "/console/settings/mail/" in found("smtp"), "read by whoever may read everything"
    assert "/console/rules/everyone/" in found("everyone")
    # Without JavaScript, whom a rule meets is counted on a page of its own.
    assert "?figures=now" in anna.get("/console/rules/").content.decode()
    counted = anna.get("/console/rules/?figures=now").content.decode()
    assert '<b class="strong">0</b>' in counted
    assert "/console/people/" in found("terminate")
    assert "/console/start/" in found("wizard")
    desk = signed_in(Role.HELP_DESK)
    shown = desk.get("/console/palette/", {"q": "settings"}).content.decode()
    assert "/console/settings/guards/" in shown
    assert "/console/settings/notifications/" in shown, "read, and not changed"
    shown = desk.get("/console/palette/", {"q": "wizard"}).content.decode()
    assert "/console/start/" not in shown, "whoever configures nothing begins nothing"
