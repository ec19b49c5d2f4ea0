"""Jobs. Each is a wake-up: what there is to do is read from tables, never from the job, so a lost
one costs time and not correctness. `sweep` finds whatever a lost one left behind."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from procrastinate.contrib.django import app

from tenure.applications import health
from tenure.applications.models import Application, ConnectionCheck, Health
from tenure.audit.services import seal
from tenure.core.model import ApplicationMode, OperationState
from tenure.core.planner import LEAVER_URGENCY
from tenure.infra.clock import now
from tenure.infra.jobs import defer_once
from tenure.people.models import PlanMode
from tenure.people.services import company, tick
from tenure.provisioning import connection, correlating, planning, postponed, settling
from tenure.provisioning.executor import Drain
from tenure.provisioning.models import Operation
from tenure.provisioning.reconcile import reconcile_by_slug
from tenure.provisioning.waking import queue_drain
from tenure.rules.exceptions import end_those_over
from tenure.runs.models import RunState

SWEEP_SECONDS = 5


@app.task(queue="drain", name="tenure.drain")
async def drain(slug: str) -> None:
    """Send what waits for one application."""
    await Drain(slug).run()


@app.task(queue="reconcile", name="tenure.reconcile")
async def reconcile(slug: str) -> None:
    """Read the accounts of one application."""
    if await Application.objects.filter(slug=slug).aexists():
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
    """The lifecycle clock, plans that go ahead by themselves, work that nobody is at, the seal."""
    tick(now())
    end_those_over(now())
    postponed.catch_up()
    postponed.after_arrival()
    if company().plan_mode == PlanMode.AUTOMATIC:
        correlating.bring_up_to_date()
        planning.store_lagging()
    queue_waiting()
    settling.close_runs(now())
    seal()


def queue_check(check: ConnectionCheck) -> None:
    """Do a check that was begun."""
    check_connection.defer(check=check.pk)


def queue_waiting() -> None:
    """Queue drains for due work that may have lost its wake-up, and probes that are due."""
    at = now()
    waiting = (
        Operation.objects.filter(
            state__in=[
                OperationState.PLANNED.value,
                OperationState.RETRYING.value,
                OperationState.UNKNOWN.value,
                OperationState.STARTED.value,
            ],
            application__health=Health.OK,
            application__paused_at=None,
            application__mode=ApplicationMode.LIVE.value,
        )
        .exclude(not_before__gt=at)
        .exclude(run__state=RunState.PAUSED.value, urgency__gt=LEAVER_URGENCY)
        .order_by()
        .values_list("application__slug", flat=True)
        .distinct()
    )
    for slug in waiting:
        queue_drain(slug)
    for slug in Application.objects.filter(health=Health.STOPPED, probe_at__lte=at).values_list(
        "slug", flat=True
    ):
        defer_once(probe, queueing_lock=f"probe {slug}", slug=slug)
