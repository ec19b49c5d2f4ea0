"""Applications are read once a day by themselves: what somebody does there is seen."""

from __future__ import annotations

from datetime import timedelta

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from tenure.applications.models import Application
from tenure.infra.clock import now
from tenure.people.models import Company as Settings
from tenure.people.models import PlanMode
from tenure.provisioning import services, tasks
from tenure.provisioning.reconciliation import regularly
from tenure.runs.models import Run
from tests.provisioning.company import Company, apply, drain
from tests.provisioning.test_reconcile import reconcile

YESTERDAY = timedelta(hours=25)


def due() -> list[str]:
    return [row.slug for row in regularly.due(now())]


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
    (job,) = ProcrastinateJob.objects.filter(task_name="tenure.reconcile")
    assert job.args == {"slug": "wiki", "asked_by": "system"}


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
