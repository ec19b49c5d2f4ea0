"""Applications are read again and again by themselves: what somebody does there is seen."""

from __future__ import annotations

from datetime import timedelta

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from tenure.applications.models import Account, Application
from tenure.audit.services import acting
from tenure.infra.clock import now
from tenure.people.models import Company as Settings
from tenure.people.models import PlanMode
from tenure.provisioning import services, tasks
from tenure.provisioning.questions.not_read import never_read, not_read
from tenure.provisioning.reconciliation import regularly
from tenure.runs.models import Run, RunKind
from tests.provisioning.company import Company, apply, drain
from tests.provisioning.test_reconcile import reconcile

YESTERDAY = timedelta(hours=25)


def due() -> list[str]:
    return regularly.due(now())


def a_day_ago() -> None:
    """All that was read was read then."""
    Application.objects.exclude(reconciled_at=None).update(reconciled_at=now() - YESTERDAY)
    Run.objects.update(started_at=now() - YESTERDAY, touched_at=now() - YESTERDAY)


def test_it_is_due_a_day_after_it_was_last_read(sales: Company) -> None:
    assert due() == []  # Nobody has read it yet.
    sales.person("1")
    apply()
    reconcile()
    assert due() == []
    a_day_ago()
    assert due() == ["chat"]
    reconcile()
    assert due() == []


@pytest.mark.parametrize(
    "change", [{"health": "stopped"}, {"connector": "manual"}, {"reconciled_at": None}]
)
def test_what_cannot_be_read_is_left_alone(sales: Company, change: dict[str, object]) -> None:
    reconcile()
    a_day_ago()
    Application.objects.update(**change)
    assert due() == []


def test_one_that_failed_or_goes_on_is_not_begun_again_at_once(sales: Company) -> None:
    reconcile()
    a_day_ago()
    Run.objects.update(state="running", touched_at=now() - timedelta(minutes=59))
    assert due() == []
    Run.objects.update(state="failed", touched_at=now() - timedelta(minutes=61))
    assert due() == ["chat"]


def test_they_are_read_one_after_the_other_the_longest_unread_first(company: Company) -> None:
    for days, slug in enumerate(("chat", "mail", "wiki"), start=1):
        company.application(slug)
        Application.objects.filter(slug=slug).update(
            reconciled_at=now() - timedelta(days=days), health="ok"
        )
    assert due() == ["wiki", "mail", "chat"]
    tasks.read_regularly.func(timestamp=0)
    jobs = ProcrastinateJob.objects.filter(task_name="tenure.reconcile").order_by("id")
    assert [job.args for job in jobs] == [
        {"slug": slug, "asked_by": "system"} for slug in ("wiki", "mail", "chat")
    ]


def test_no_more_than_a_few_are_read_at_a_time(company: Company) -> None:
    """What is to be sent needs a worker too."""
    for number in range(6):
        company.application(f"app{number}")
    Application.objects.update(reconciled_at=now() - YESTERDAY)
    tasks.read_regularly.func(timestamp=0)
    assert ProcrastinateJob.objects.filter(task_name="tenure.reconcile").count() == 4
    assert due() == []
    ProcrastinateJob.objects.filter(args__slug="app0").delete()
    assert due() == ["app0"]


def test_each_is_read_as_often_as_it_says(company: Company) -> None:
    for slug, every in (("chat", 15), ("mail", 120), ("wiki", None)):
        company.application(
            slug, reconcile_every=None if every is None else timedelta(minutes=every)
        )
        reconcile(slug)
    Application.objects.update(reconciled_at=now() - timedelta(minutes=16))
    Run.objects.update(touched_at=now() - timedelta(minutes=16))
    assert due() == ["chat"]
    Application.objects.update(reconciled_at=now() - timedelta(days=400))
    Run.objects.update(touched_at=now() - timedelta(hours=1, minutes=1))
    assert due() == ["chat", "mail"]


def test_no_run_is_kept_of_a_reading_that_nobody_asked_for_and_that_found_nothing(
    sales: Company,
) -> None:
    sales.person("1")
    apply()
    with acting("Zoe"):
        reconcile()
    first = Run.objects.filter(kind=RunKind.RECONCILE).latest("id")
    read_at = Application.objects.get().reconciled_at
    reconcile()
    assert first.actor == "Zoe"
    assert Run.objects.filter(kind=RunKind.RECONCILE).latest("id") == first
    assert Application.objects.get().reconciled_at > read_at
    sales.memories["chat"].users.clear()
    Account.objects.update(observed_at=now() - YESTERDAY)
    reconcile()
    assert Run.objects.filter(kind=RunKind.RECONCILE).latest("id").counters["gone"] == 1


def test_a_reading_that_succeeds_after_one_that_failed_is_kept(sales: Company) -> None:
    reconcile()
    Run.objects.update(state="failed")
    reconcile()
    assert Run.objects.filter(kind=RunKind.RECONCILE).latest("id").state == "done"


def test_what_was_not_read_for_long_is_told(sales: Company) -> None:
    """After three tries; one that is never read by itself, when nobody has looked for a month."""
    reconcile()
    chat = Application.objects.filter(slug="chat")
    assert not_read() == []
    Run.objects.update(state="failed", message="it answers with 502")
    chat.update(reconciled_at=now() - timedelta(hours=26))
    assert not_read() == []
    chat.update(reconciled_at=now() - timedelta(hours=28))
    (late,) = not_read()
    assert (late.application.slug, late.never, late.why) == ("chat", False, "it answers with 502")
    Run.objects.update(state="running", touched_at=now())
    assert not_read() == []  # It takes its time.
    Run.objects.update(touched_at=now() - timedelta(hours=4))
    assert [one.why for one in not_read()] == ["No worker has begun it."]
    chat.update(reconcile_every=None)
    assert not_read() == []
    assert [row.slug for row in never_read()] == ["chat"]
    chat.update(reconciled_at=now() - timedelta(days=31))
    (never,) = not_read()
    assert never.never
    chat.update(health="stopped")
    assert not_read() == []


def test_a_leavers_account_that_somebody_opens_there_is_closed_again(sales: Company) -> None:
    person = sales.person("1")
    apply()
    Settings.objects.update(plan_mode=PlanMode.AUTOMATIC)
    reconcile()
    services.terminate_now(person, reason="dismissed")
    drain()
    assert sales.open_users() == set()
    (user,) = sales.memories["chat"].users.values()
    user.active = True
    a_day_ago()
    assert due() == ["chat"]
    reconcile()
    tasks.sweep.func(timestamp=0)
    drain()
    assert sales.open_users() == set()
