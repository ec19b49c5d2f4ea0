"""Jobs: procrastinate on the same PostgreSQL. Queueing in the caller's transaction, the worker
process, jobs of dead workers, and who is alive."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import uvloop
from asgiref.sync import sync_to_async
from django.db import connection, connections, transaction
from procrastinate import exceptions
from procrastinate.contrib.django import app
from procrastinate.contrib.django.utils import connector_params
from procrastinate.jobs import Status
from procrastinate.tasks import Task

from tenure.infra import outage
from tenure.infra.periodic import PeriodicWorker

log = logging.getLogger(__name__)

#: A worker says that it lives this often, and counts as dead after three times that.
HEARTBEAT_SECONDS = 5.0
DEAD_AFTER_SECONDS = 3 * HEARTBEAT_SECONDS
_FAILED_KEPT_HOURS = 7 * 24


@dataclass(frozen=True, slots=True)
class LiveWorker:
    """A worker that was heard from lately."""

    id: int
    last_heartbeat: datetime


def defer_once(task: Task[Any, Any, Any] | str, *, queueing_lock: str, **arguments: Any) -> bool:
    """Queue the task in the caller's transaction unless one with this lock waits already. Returns
    whether it was queued. The inner transaction keeps a duplicate from aborting the outer one.

    By its name where the task itself calls the module that queues it. A name that no task has is
    refused: `procrastinate.exceptions.TaskNotFound`."""
    name = task if isinstance(task, str) else task.name
    job = app.configure_task(name, allow_unknown=False, queueing_lock=queueing_lock)
    try:
        with transaction.atomic():
            job.defer(**arguments)
    except exceptions.AlreadyEnqueued:
        return False
    return True


def live_workers() -> list[LiveWorker]:
    """Workers that were heard from within the last seconds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, last_heartbeat FROM procrastinate_workers "
            "WHERE last_heartbeat > now() - make_interval(secs => %s) ORDER BY id",
            [DEAD_AFTER_SECONDS],
        )
        return [LiveWorker(*row) for row in cursor.fetchall()]


def run_worker(*, concurrency: int, name: str) -> None:
    """Work in this process until SIGTERM or SIGINT: what is under way is finished first. Where the
    database goes away, or takes nothing, go on when it is back."""
    with outage.told_once() as away:
        # Each time another event loop, with threads of its own: to theirs connections belong.
        while not uvloop.run(_until_told(concurrency, name, away)):
            log.debug("The worker begins anew.")


async def _until_told(concurrency: int, name: str, away: outage.Outage) -> bool:
    """Whether somebody told it to end. Otherwise it lost the database, and there is one again."""
    # A connection that was made to a server that takes nothing would stay what it is.
    await sync_to_async(connections.close_all)()
    work = asyncio.create_task(_work(concurrency, name, away))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, work.cancel)
    watching = asyncio.create_task(outage.watch(connector_params(), away))
    try:
        await work
    except asyncio.CancelledError:
        return True
    finally:
        watching.cancel()
    return work.cancelling() > 0


async def _work(concurrency: int, name: str, away: outage.Outage) -> None:
    try:
        await _one_worker(concurrency, name)
    except exceptions.ConnectorException as error:
        ailing = outage.ailing(error)
        if ailing is None:
            raise
        away.note(ailing)
    task = asyncio.current_task()
    if task is not None and not task.cancelling():
        await outage.until_it_answers(connector_params(), away)


async def _one_worker(concurrency: int, name: str) -> None:
    connector = app.connector.get_worker_connector()  # type: ignore[attr-defined]
    worker_app = app.with_connector(connector)
    async with worker_app.open_async():
        worker_app.perform_import_paths()  # type: ignore[no-untyped-call]
        worker = PeriodicWorker(
            app=worker_app,
            name=name,
            concurrency=concurrency,
            wait=True,
            fetch_job_polling_interval=2.0,
            install_signal_handlers=False,
            update_heartbeat_interval=HEARTBEAT_SECONDS,
            stalled_worker_timeout=DEAD_AFTER_SECONDS,
            shutdown_graceful_timeout=8.0,
            delete_jobs="successful",
        )
        await worker.run()  # type: ignore[no-untyped-call]


@app.periodic(cron="* * * * * */10")
@app.task(
    queue="sweep", queueing_lock="retry-stalled", name="tenure.retry_stalled", pass_context=False
)
async def retry_stalled(timestamp: int) -> None:
    """Jobs whose worker died are done by another one; or, where another of the same queueing lock
    waits already, by that job."""
    manager = app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=DEAD_AFTER_SECONDS):
        try:
            await manager.retry_job(job)
        except exceptions.UniqueViolation:
            await manager.finish_job(job, status=Status.ABORTED, delete_job=True)


@app.periodic(cron="53 * * * *")
@app.task(queue="sweep", queueing_lock="tidy-jobs", name="tenure.tidy_jobs", pass_context=False)
async def tidy(timestamp: int) -> None:
    """Jobs that failed are kept for whoever looks why; what fails every few seconds is a million
    rows in two months."""
    await app.job_manager.delete_old_jobs(
        _FAILED_KEPT_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
    )


def is_queued(queueing_lock: str) -> bool:
    """Whether a job of this lock waits, or is under way."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM procrastinate_jobs "
            "WHERE queueing_lock = %s AND status IN ('todo', 'doing'))",
            [queueing_lock],
        )
        return bool(cursor.fetchone()[0])


def queue_lengths() -> Mapping[str, int]:
    """Queue -> jobs that wait."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT queue_name, count(*) FROM procrastinate_jobs WHERE status = 'todo' GROUP BY 1"
        )
        return dict(cursor.fetchall())
