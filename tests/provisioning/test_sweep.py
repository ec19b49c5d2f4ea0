"""What is asked every few seconds, and for each change, costs the same with a backlog of any
length."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from procrastinate.contrib.django.models import ProcrastinateJob

from tenure.applications.models import Application
from tenure.core.guard import Counted, guard_from
from tenure.infra.clock import now
from tenure.infra.in_order import in_order_of_index
from tenure.people.models import Company as Settings
from tenure.people.models import PlanMode
from tenure.provisioning import services, tasks
from tenure.provisioning.planning import guarding, plans
from tenure.provisioning.tasks import with_work
from tests.provisioning.company import Company


@pytest.mark.django_db
def test_a_backlog_is_never_gone_through_to_see_that_there_is_one() -> None:
    """One operation of each application is looked for, where the index has it, whatever
    PostgreSQL believes to be in the table."""
    Company().application("chat")
    with in_order_of_index():
        plan = with_work(now()).explain()
    looked = re.findall(r"Scan (?:using|on) (\w+)(?: on (\w+))?", plan)
    assert {index for index, table in looked if table == "provisioning_operation"} == {
        "operation_to_do",
        "operation_busy",
    }, plan
    # What tests add to an order that leaves something open sorts within what the index has sorted.
    plan = plan.replace("Incremental Sort", "").replace("Sort Key", "")
    assert not re.search("Sort|Join|Bitmap|Seq Scan on provisioning", plan), plan


@pytest.mark.django_db
def test_what_is_approved_is_not_gone_through_by_guards() -> None:
    """They count what nobody decided by what holds nothing else: no other index is needed."""
    Company().application("chat")
    row, own = Application.objects.get(), ["operation_undecided", "operation_done_undecided"]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(quote_ident(indexname), ', ') FROM pg_indexes "
            "WHERE tablename = 'provisioning_operation' AND indexname <> ALL (%s) "
            "AND indexname NOT LIKE %s",
            [own, "%_pkey"],
        )
        cursor.execute(f"DROP INDEX {cursor.fetchone()[0]}")
        cursor.execute("SET LOCAL enable_seqscan = off")
    for what in Counted:
        limit = guard_from(row.guard).of(what)
        plan = guarding._counting(row, what, now(), limit).explain()
        assert set(re.findall(r"Bitmap Index Scan on (\w+)", plan)) == {*own}, plan


def test_what_fails_keeps_nobody_else_from_being_looked_after(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise ValueError("a rule that reads what is not there")

    company.application("chat")
    company.rule("all", "true", {"chat": []})
    company.person("1")
    services.store()
    ProcrastinateJob.objects.filter(task_name="tenure.drain").update(queueing_lock=None)
    waiting = ProcrastinateJob.objects.filter(queueing_lock="drain chat")
    assert not waiting.exists()
    monkeypatch.setattr(plans, "store_lagging", broken)
    Settings.objects.update(plan_mode=PlanMode.AUTOMATIC)
    with pytest.raises(ValueError, match="what is not there"):
        tasks.sweep(0)
    assert waiting.exists()
