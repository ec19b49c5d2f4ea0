"""Jobs. Each is a wake-up: what there is to do is read from tables, never from the job, so a lost
one costs time and not correctness. `sweep` finds whatever a lost one left behind."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from asgiref.sync import sync_to_async
from django.db import transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery
from procrastinate.contrib.django import app

from tenure.applications import health
from tenure.applications.models import Application, ConnectionCheck, Health
from tenure.audit.services import acting, seal
from tenure.core.model import ApplicationMode, OperationState
from tenure.core.planner import LEAVER_URGENCY
from tenure.infra.clock import now
from tenure.infra.in_order import in_order_of_index
from tenure.infra.jobs import defer_once
from tenure.infra.machine_clock import require_right
from tenure.people.models import PlanMode
from tenure.people.services import company, tick
from tenure.provisioning.execution import freed_names, postponed
from tenure.provisioning.execution.executor import Drain
from tenure.provisioning.models import Operation
from tenure.provisioning.planning import plans
from tenure.provisioning.reconciliation import connection, correlating, regularly
from tenure.provisioning.reconciliation.reconcile import reconcile_by_slug
from tenure.provisioning.records import lasting, settling
from tenure.provisioning.records.waking import queue_drain, queue_reconcile
from tenure.rules.exceptions import end_those_over
from tenure.runs.selectors import paused

log = logging.getLogger(__name__)

SWEEP_SECONDS = 5
#: As the condition of the index `operation_to_do` has it.
_TO_DO = [
    OperationState.PLANNED.value,
    OperationState.RETRYING.value,
    OperationState.UNKNOWN.value,
]


@app.task(queue="drain", name="tenure.drain")
async def drain(slug: str) -> None:
    """Send what waits for one application."""
    await Drain(slug).run()


@app.task(queue="reconcile", name="tenure.reconcile")
async def reconcile(slug: str, asked_by: str = "system") -> None:
    """Read the accounts of one application. The run is theirs who asked for it."""
    if await Application.objects.filter(slug=slug).aexists():
        with acting(asked_by):
            await reconcile_by_slug(slug)


@app.task(queue="drain", name="tenure.probe")
async def probe(slug: str) -> None:
    """Ask a stopped application whether it works again, and catch up if it does: reading comes
    first, and then one operation of the kind that it refused."""
    application = await Application.objects.filter(slug=slug, health=Health.STOPPED).afirst()
    if application is None:
        return
    checks = await health.check(application)
    wrong = next((check for check in checks if not check.ok), None)
    if wrong is not None:
        await sync_to_async(health.stop)(application, wrong.detail or wrong.what)
        return
    await Drain(slug, trial=True).run()


@app.task(queue="reconcile", name="tenure.check_connection")
async def check_connection(check: int) -> None:
    """Try what an application can do. Whoever takes over from a killed worker begins anew, and
    removes what was left."""
    row = await ConnectionCheck.objects.select_related("application").aget(pk=check)
    if row.finished_at is None:
        await connection.conduct(row)


@app.periodic(cron=f"* * * * * */{SWEEP_SECONDS}")
@app.task(queue="sweep", queueing_lock="sweep", name="tenure.sweep", pass_context=False)
def sweep(timestamp: int) -> None:
    """The lifecycle clock, plans that go ahead by themselves, work that nobody is at, the seal.
    What fails keeps nothing else from being done: a leaver waits for no mistake in a rule. Where
    the machine's clock went wrong nothing is done: a worker elsewhere has the right one."""
    require_right()
    steps: list[Callable[[], object]] = [
        lambda: tick(now()),
        lambda: end_those_over(now()),
        postponed.catch_up,
        postponed.after_arrival,
        _plan_by_itself,
        lambda: lasting.bring_back(now()),
        queue_waiting,
        lambda: settling.close_runs(now()),
        seal,
    ]
    failed: list[Exception] = []
    for step in steps:
        try:
            step()
        except Exception as error:
            log.exception("A part of the sweep failed.")
            failed.append(error)
    if failed:
        raise failed[0]


@app.task(queue="sweep", name="tenure.catch_up")
def catch_up() -> None:
    """Plan what was postponed and can be planned by now, without waiting for the next sweep."""
    require_right()
    postponed.catch_up()


@app.periodic(cron="* * * * *")
@app.task(queue="sweep", queueing_lock="read", name="tenure.read_regularly", pass_context=False)
def read_regularly(timestamp: int) -> None:
    """A few applications at a time that have not been read for as long as they say."""
    require_right()
    for slug in regularly.due(now()):
        queue_reconcile(slug)


@app.periodic(cron="* * * * *")
@app.task(queue="sweep", queueing_lock="names", name="tenure.freed_names", pass_context=False)
def try_freed_names(timestamp: int) -> None:
    """Who was refused a name that is free by now gets it."""
    require_right()
    freed_names.try_again()


def _plan_by_itself() -> None:
    if company().plan_mode == PlanMode.AUTOMATIC:
        correlating.bring_up_to_date()
        plans.store_lagging()


def queue_check(check: ConnectionCheck) -> None:
    """Do a check that was begun."""
    check_connection.defer(check=check.pk)


def queue_waiting() -> None:
    """Queue drains for due work that may have lost its wake-up, and probes that are due."""
    at = now()
    with transaction.atomic(), in_order_of_index():
        waiting = list(with_work(at))
    for slug in waiting:
        queue_drain(slug)
    for slug in Application.objects.filter(health=Health.STOPPED, probe_at__lte=at).values_list(
        "slug", flat=True
    ):
        defer_once(probe, queueing_lock=f"probe {slug}", slug=slug)


def with_work(at: datetime) -> QuerySet[Application, str]:
    """Slugs of the applications in which something is due, or was begun: to be asked for
    `in_order_of_index`.

    One operation of each is looked for, so that a backlog costs nothing; asked for in a join, or
    without an order, all that waits is gone through every few seconds."""
    its = Operation.objects.filter(application=OuterRef("pk"))
    due = (
        its.filter(state__in=_TO_DO)
        .exclude(not_before__gt=at)
        # Somebody paused its run; who leaves does not wait for that.
        .exclude(run__in=paused(), urgency__gt=LEAVER_URGENCY)
        .order_by("urgency", "id")
    )
    begun = its.filter(state=OperationState.STARTED.value).order_by("person_id")
    return (
        Application.objects.filter(
            health=Health.OK, paused_at=None, mode=ApplicationMode.LIVE.value
        )
        .alias(due=Subquery(due.values("pk")[:1]), begun=Subquery(begun.values("pk")[:1]))
        .filter(Q(due__isnull=False) | Q(begun__isnull=False))
        .order_by()
        .values_list("slug", flat=True)
    )
