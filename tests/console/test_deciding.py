"""Deciding about what is held, and stopping one application, as an administrator in a browser."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from tenure.applications.models import Application
from tenure.audit.models import Action, Event
from tenure.provisioning import services
from tenure.provisioning.models import Operation
from tenure.signin.models import Role
from tenure.signin.services import issue_link
from tests.provisioning.company import Company, apply
from tests.provisioning.test_guards import leave


@pytest.fixture
def anna(transactional_db: None) -> Client:
    """An administrator who is signed in."""
    client = Client()
    answer = client.post(issue_link(name="anna", role=Role.ADMINISTRATOR))
    assert answer.status_code == 302, answer.content
    return client


@pytest.fixture
def held(anna: Client) -> Company:
    company = Company()
    company.application("chat")
    company.rule("everyone", "has(user.department)", {"chat": []})
    people = company.people(20)
    apply()
    leave(people[:8])
    apply()
    return company


def form(client: Client) -> dict[str, str]:
    page = client.get("/console/plan/").content.decode()
    found = re.search(r'name="seen" value="([^"]+)"', page)
    assert found, page
    return {"application": "chat", "seen": found[1], "reason": "they left"}


def test_the_form_carries_what_was_seen(anna: Client, held: Company) -> None:
    given = form(anna)
    leave([op.person for op in Operation.objects.filter(kind="create")[10:12] if op.person])
    apply()
    answer = anna.post("/console/plan/decide/", {**given, "decision": "approve"}, follow=True)
    text = answer.content.decode()
    assert "8 operations approved" in text
    assert "2 operations held since you looked" in text
    event = Event.objects.get(action=Action.PLAN_APPROVED)
    assert (event.actor, event.reason) == ("administrator anna", "they left")


def test_what_somebody_else_rejected_meanwhile_stays_rejected(anna: Client, held: Company) -> None:
    numbers = list(
        Operation.objects.filter(state="held").order_by("pk").values_list("pk", flat=True)
    )
    given = {**form(anna), "decision": "approve", "operation": numbers[:3]}
    services.reject(reason="half of the file was missing", operations=numbers[:2])
    text = anna.post("/console/plan/decide/", given, follow=True).content.decode()
    assert "1 operation approved" in text
    assert "2 operations not held any more: somebody else has decided" in text
    assert Operation.objects.filter(state="rejected").count() == 2


@pytest.mark.parametrize("wrong", [{"seen": ""}, {"seen": "x"}, {"reason": " "}])
def test_nothing_is_decided_without_a_reason_and_a_look(
    anna: Client, held: Company, wrong: dict[str, str]
) -> None:
    given = {**form(anna), "decision": "approve", **wrong}
    assert (
        "Nothing was decided"
        in anna.post("/console/plan/decide/", given, follow=True).content.decode()
    )
    assert Operation.objects.filter(state="held").count() == 8


def test_one_application_is_stopped_and_resumed(anna: Client, held: Company) -> None:
    address = "/console/applications/chat/writes/"
    text = anna.post(address, {"do": "stop"}, follow=True).content.decode()
    assert "say why" in text
    text = anna.post(address, {"do": "stop", "reason": "nonsense"}, follow=True).content.decode()
    assert "administrator anna stopped it" in text
    assert Application.objects.get().paused_reason == "nonsense"
    assert "Writes to Chat are stopped" in anna.get("/console/").content.decode()
    assert "Stopped by administrator anna" in anna.get("/console/plan/").content.decode()
    anna.post(address, {"do": "resume", "reason": "right again"})
    assert Application.objects.get().paused_at is None


def test_a_plan_that_lies_open_follows_what_was_let_go(anna: Client) -> None:
    company = Company()
    company.application("chat")
    company.rule("everyone", "has(user.department)", {"chat": []})
    company.people(3)
    services.store()
    Operation.objects.filter(pk=Operation.objects.order_by("pk")[2].pk).update(state="manual")
    page = anna.get("/console/plan/").content.decode()
    assert 'hx-get="/console/plan/under-way/?"' in page
    assert "1 waits for a person" in page
    going = anna.get("/console/plan/under-way/").content.decode()
    assert "2 are" in going
    assert "every 3s" in going
    Operation.objects.filter(state="planned").update(state="done")
    ended = anna.get("/console/plan/under-way/").content.decode()
    assert "What was on the way is done." in ended
    assert 'hx-get="/console/plan/lines/?" hx-trigger="load" hx-target="#plan"' in ended
    # Not under the hands of who is about to decide.
    Operation.objects.filter(state="manual").update(state="held")
    assert "hx-trigger" not in anna.get("/console/plan/under-way/").content.decode()
