"""Taking a rejection back in the console, where what was rejected is looked at."""

from __future__ import annotations

import pytest
from django.test import Client

from tenure.applications.models import Application
from tenure.audit.models import Action, Event
from tenure.provisioning import services
from tenure.provisioning.decisions import steering
from tenure.provisioning.models import Operation
from tenure.runs.models import Run
from tenure.signin.models import Role
from tests.console.conftest import signed_in
from tests.provisioning.company import Company, apply, change, drain
from tests.provisioning.test_guards import leave


@pytest.fixture
def rejected(transactional_db: None) -> tuple[Company, Run]:
    """Eight have left; a guard held that their accounts are closed, and somebody rejected it."""
    company = Company()
    company.application("chat")
    company.rule("everyone", "has(user.department)", {"chat": []})
    people = company.people(20)
    apply()
    leave(people[:8])
    run = services.store().run
    services.reject(application="chat", reason="HR looks at it")
    return company, run


def send(client: Client, run: Run, **given: object) -> str:
    form = {"reason": "HR confirms", **given}
    return client.post(f"/console/runs/{run.pk}/rejected/", form, follow=True).content.decode()


def test_the_plan_leads_there_and_some_are_sent_after_all(rejected: tuple[Company, Run]) -> None:
    company, run = rejected
    owner = signed_in()
    plan = owner.get("/console/plan/").content.decode()
    assert f'href="/console/runs/{run.pk}/?state=rejected#operations"' in plan
    assert "or take the rejection back" in plan
    page = owner.get(f"/console/runs/{run.pk}/?state=rejected").content.decode()
    assert "HR looks at it" in page
    one, two = Operation.objects.filter(state="rejected").order_by("pk")[:2]
    answer = send(owner, run, operation=[one.pk, two.pk])
    assert "2 operations sent after all" in answer
    assert Operation.objects.filter(state="rejected").count() == 6
    drain()
    assert len(company.open_users()) == 18
    event = Event.objects.filter(action=Action.PLAN_APPROVED).latest("pk")
    assert (event.reason, event.actor) == ("HR confirms", "administrator owner")


def test_all_of_them_are_sent_where_none_is_chosen(rejected: tuple[Company, Run]) -> None:
    company, run = rejected
    assert "8 operations sent after all" in send(signed_in(), run)
    drain()
    assert len(company.open_users()) == 12
    assert "Nothing of this run is rejected any more" in send(signed_in(), run)


def test_what_a_cancelled_run_kept_back_is_sent_one_by_one(company: Company) -> None:
    company.application("chat")
    company.rule("everyone", "has(user.department)", {"chat": []})
    company.people(3)
    run = services.store().run
    steering.cancel(run.pk, reason="not today")
    first = Operation.objects.filter(run=run).earliest("pk")
    assert "1 operation sent after all" in send(signed_in(), run, operation=[first.pk])
    drain()
    assert len(company.users()) == 1


def test_without_a_reason_in_report_mode_and_of_another_run_nothing_is_sent(
    rejected: tuple[Company, Run],
) -> None:
    company, run = rejected
    owner = signed_in()
    assert "Nothing was sent: say why" in send(owner, run, reason=" ")
    Application.objects.update(mode="report")
    assert "report mode" in send(owner, run)
    Application.objects.update(mode="live")
    other = Run.objects.exclude(pk=run.pk).latest("pk")
    send(owner, other, operation=[Operation.objects.filter(state="rejected")[0].pk])
    assert Operation.objects.filter(state="rejected").count() == 8
    assert len(company.open_users()) == 20


def test_more_than_was_rejected_is_held_and_shown(company: Company) -> None:
    company.application("chat")
    company.rule("everyone", "has(user.department)", {"chat": []})
    (person,) = company.people(1)
    apply()
    change(person, display_name="Another")
    run = services.store().run
    steering.cancel(run.pk, reason="no")
    change(person, display_name="A third", title="Director")
    answer = send(signed_in(), run)
    assert "held: more is due by now than was rejected" in answer
    assert Operation.objects.filter(state="held").count() == 1


def test_who_may_not_decide_is_not_offered_it(rejected: tuple[Company, Run]) -> None:
    _, run = rejected
    page = signed_in(Role.AUDITOR).get(f"/console/runs/{run.pk}/?state=rejected").content.decode()
    assert "An administrator can take it back" in page
    assert "take-back-form" not in page


@pytest.fixture
def company(transactional_db: None) -> Company:
    return Company()
