"""Queueing, workers and jobs of dead workers, on the real tables."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.db import connection, transaction
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from tenure.infra import jobs
from tenure.infra.clock import now

WORKER = """
import django, os, time
from pathlib import Path
django.setup()
from procrastinate.contrib.django import app
from tenure.infra.jobs import run_worker

@app.task(queue="test", name="tests.answer")
def answer(file, waits_for=""):
    Path(file).write_text("begun")
    while waits_for and not Path(waits_for).exists():
        time.sleep(0.01)
    Path(file).write_text("done")

run_worker(concurrency=2, name="test")
"""


@app.task(queue="test", name="tests.nothing")
def nothing(number: int = 0) -> None:
    """A job that does nothing."""


@app.task(queue="test", name="tests.answer")
def answer(file: str, waits_for: str = "") -> None:
    """The worker process has its own."""


@pytest.fixture
def committed(transactional_db: None) -> None:
    """What the test writes is committed. Jobs of tests before it may still be there: Django's own
    clearing leaves unmanaged tables alone."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE")


def waiting() -> list[int]:
    return sorted(job.args["number"] for job in ProcrastinateJob.objects.filter(status="todo"))


def register_worker(*, heard_from: timedelta) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (%s) RETURNING id",
            [now() - heard_from],
        )
        return int(cursor.fetchone()[0])


def fetch_job(worker: int) -> None:
    assert async_to_sync(app.job_manager.fetch_job)(queues=["test"], worker_id=worker)


def retry_stalled() -> None:
    async_to_sync(jobs.retry_stalled.func)(timestamp=0)


@pytest.mark.django_db
def test_one_job_waits_for_each_lock() -> None:
    with transaction.atomic():
        assert jobs.defer_once(nothing, queueing_lock="a", number=1)
        assert not jobs.defer_once(nothing, queueing_lock="a", number=2)
        assert jobs.defer_once(nothing, queueing_lock="b", number=3)
    assert waiting() == [1, 3]


@pytest.mark.django_db
def test_a_job_goes_with_its_transaction() -> None:
    with transaction.atomic():
        assert jobs.defer_once(nothing, queueing_lock="a", number=1)
        transaction.set_rollback(True)
    assert waiting() == []


@pytest.mark.django_db
def test_jobs_of_dead_workers_are_done_again() -> None:
    dead = register_worker(heard_from=timedelta(minutes=1))
    alive = register_worker(heard_from=timedelta(0))
    jobs.defer_once(nothing, queueing_lock="a", number=1)
    fetch_job(dead)
    jobs.defer_once(nothing, queueing_lock="b", number=2)
    fetch_job(alive)
    retry_stalled()
    assert waiting() == [1]
    assert [worker.id for worker in jobs.live_workers()] == [alive]


@pytest.mark.usefixtures("committed")
def test_a_dead_workers_job_gives_way_to_one_that_waits_already() -> None:
    dead = register_worker(heard_from=timedelta(minutes=1))
    jobs.defer_once(nothing, queueing_lock="a", number=1)
    fetch_job(dead)
    jobs.defer_once(nothing, queueing_lock="a", number=2)
    jobs.defer_once(nothing, queueing_lock="b", number=3)
    retry_stalled()
    assert waiting() == [2, 3]
    assert not ProcrastinateJob.objects.filter(status="doing").exists()


@pytest.mark.django_db
def test_queue_lengths_count_what_waits() -> None:
    jobs.defer_once(nothing, queueing_lock="a", number=1)
    jobs.defer_once(nothing, queueing_lock="b", number=2)
    assert jobs.queue_lengths() == {"test": 2}


class TestWorkerProcess:
    @pytest.fixture
    def worker(self, committed: None, database_url: str) -> Iterator[subprocess.Popen[bytes]]:
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER], env={**os.environ, "DATABASE_URL": database_url}
        )
        yield process
        process.kill()
        process.wait()

    def test_it_works_and_finishes_what_it_began(
        self, worker: subprocess.Popen[bytes], tmp_path: object
    ) -> None:
        file, go = f"{tmp_path}/file", f"{tmp_path}/go"
        answer.defer(file=file, waits_for=go)
        until(lambda: _text(file) == "begun")
        assert len(jobs.live_workers()) == 1
        worker.send_signal(signal.SIGTERM)
        with open(go, "w"):
            pass
        assert worker.wait(timeout=90) == 0
        assert _text(file) == "done"
        assert jobs.live_workers() == []
        assert not ProcrastinateJob.objects.filter(task_name="tests.answer").exists()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.01)


def _text(file: str) -> str:
    try:
        with open(file) as opened:
            return opened.read()
    except FileNotFoundError:
        return ""


@pytest.mark.django_db(transaction=True)
def test_jobs_that_failed_are_forgotten_after_a_week() -> None:
    kept: dict[int, int] = {}
    for days in (1, 8):
        kept[days] = nothing.defer()
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE procrastinate_jobs SET status = 'failed' WHERE id = %s", [kept[days]]
            )
            cursor.execute(
                "UPDATE procrastinate_events SET at = now() - make_interval(days => %s)"
                " WHERE job_id = %s",
                [days, kept[days]],
            )
    waiting = nothing.defer()
    async_to_sync(jobs.tidy.func)(0)
    left = set(ProcrastinateJob.objects.values_list("pk", flat=True))
    assert left == {kept[1], waiting}
