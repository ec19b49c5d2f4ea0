"""Reminders of tasks: one e-mail a day at most, to whom it concerns, and only with a reason."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.core import mail

from tenure.applications.models import Application
from tenure.infra.clock import now
from tenure.people.models import Company, Person
from tenure.provisioning.models import Operation
from tenure.signin import reminders
from tenure.signin.models import Letter
from tenure.signin.sending import send_waiting
from tests.signin.people import person

pytestmark = pytest.mark.django_db


def application(slug: str, owner: str) -> Application:
    return Application.objects.create(
        slug=slug, name=slug.title(), connector="manual", owner=owner, mode="live"
    )


def task(row: Application, who: Person, *, days: float = 0) -> Operation:
    return Operation.objects.create(
        application=row,
        person=who,
        kind="create",
        state="manual",
        reason="rule Sales at Acme",
        asked_at=now() - timedelta(days=days),
    )


def morning(day: int) -> datetime:
    return now().replace(hour=9, minute=41) + timedelta(days=day)


def letters() -> dict[str, str]:
    """Address -> what was told since somebody last looked."""
    found = {row.to: row.words["text"] for row in Letter.objects.filter(kind="tasks", sent_at=None)}
    send_waiting()
    return found


def back_date() -> None:
    """What was sent was sent a day earlier."""
    for row in Letter.objects.all():
        Letter.objects.filter(pk=row.pk).update(created_at=row.created_at - timedelta(days=1))


def test_each_owner_is_told_once_a_day_and_only_with_a_reason() -> None:
    Company.objects.update_or_create(pk=1, defaults={"tasks_to": "it@acme.example"})
    person("7", "Olga")
    who = person("1", "Ana")
    by_address, by_number = application("safe", "keys@acme.example"), application("car", "7")
    nobodys, unknown = application("desk", ""), application("door", "the porter")
    first = task(by_address, who)
    task(by_number, who, days=5)
    task(nobodys, who)
    task(unknown, who)
    assert reminders.remind(morning(0).replace(hour=6)) == 0
    assert reminders.remind(morning(0)) == 3
    told = letters()
    assert told.keys() == {"keys@acme.example", "olga@acme.example", "it@acme.example"}
    assert "1 task waits for you to do by hand (1 new, 1 overdue)" in told["olga@acme.example"]
    assert "Rule Sales at Acme." in told["olga@acme.example"]
    assert "Make an account for Ana Li in Safe." in told["keys@acme.example"]
    assert "2 tasks wait" in told["it@acme.example"]
    assert {m.subject for m in mail.outbox} == {"1 task waits for you", "2 tasks wait for you"}
    # Not twice a day, and the next day only what is overdue or new.
    assert reminders.remind(morning(0)) == 0
    back_date()
    assert reminders.remind(morning(0)) == 1
    assert letters().keys() == {"olga@acme.example"}
    back_date()
    task(by_address, person("2", "Bea"))
    Operation.objects.filter(pk=first.pk).update(state="done")
    Company.objects.update(task_reminders=False)
    assert reminders.remind(morning(0)) == 0
    Company.objects.update(task_reminders=True, tasks_to="")
    assert reminders.remind(morning(0)) == 2
    told = letters()
    assert "(1 new)" in told["keys@acme.example"]
    assert "Bea" in told["keys@acme.example"]
    assert "Ana" not in told["keys@acme.example"]


def test_two_of_one_name_are_nobody() -> None:
    Company.objects.update_or_create(pk=1, defaults={"tasks_to": ""})
    who = person("1", "Ana")
    task(application("safe", "ana li"), who)
    person("2", "Ana", email="other@acme.example")
    assert reminders.remind(morning(0)) == 0
    Person.objects.filter(employee_number="2").update(display_name="Ana Wu")
    assert reminders.remind(morning(0)) == 1
