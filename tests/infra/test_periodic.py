"""What is queued again and again, by a worker whose machine stood still or whose clock was set."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection
from procrastinate.contrib.django import app
from procrastinate.periodic import PeriodicRegistry

from tenure.infra.periodic import Deferrer
from tests.infra.test_jobs import until

#: 12 June 2025 08:00:00 UTC, and a bit.
MORNING = 1_749_715_200.5
HOUR = 3600

#: Counts its seconds in a file; its clock is twelve hours on as soon as there is another.
WORKER = """
import sys, time
from pathlib import Path
from types import SimpleNamespace
import django
django.setup()
import procrastinate.periodic
from procrastinate.contrib.django import app
from tenure.infra.jobs import run_worker

seconds, slept = map(Path, sys.argv[1:])

@app.periodic(cron="* * * * * *")
@app.task(queue="test", name="tests.second")
def second(timestamp):
    with seconds.open("a") as file:
        file.write(f"{timestamp} ")

def clock():
    return time.time() + (12 * 3600 if slept.exists() else 0)

procrastinate.periodic.time = SimpleNamespace(time=clock)
run_worker(concurrency=1, name="test")
"""


@app.task(queue="test", name="tests.often")
def often(timestamp: int) -> None:
    """Every five seconds."""


@app.task(queue="test", name="tests.nightly")
def nightly(timestamp: int) -> None:
    """At three o'clock."""


@pytest.fixture
def deferrer() -> Deferrer:
    registry = PeriodicRegistry()
    for task, cron in ((often, "* * * * * */5"), (nightly, "0 3 * * *")):
        registry.register_task(task=task, cron=cron, periodic_id="", configure_kwargs={})
    return Deferrer(registry)


def queued(deferrer: Deferrer, at: float) -> list[tuple[str, float]]:
    """Of each task that is queued at that time, for how many seconds ago."""
    return [(task.task.name, at - when) for task, when in deferrer.get_previous_tasks(at)]


def test_what_a_night_missed_is_done_once(deferrer: Deferrer) -> None:
    evening = MORNING - 12 * HOUR
    assert queued(deferrer, evening) == [("tests.often", 0.5)]
    deferrer.last_defers["tests.nightly", ""] = int(evening) - 17 * HOUR
    assert queued(deferrer, MORNING) == [("tests.often", 0.5), ("tests.nightly", 5 * HOUR + 0.5)]
    assert queued(deferrer, MORNING) == []


def test_a_clock_that_is_put_back_keeps_nothing_waiting(deferrer: Deferrer) -> None:
    assert queued(deferrer, MORNING) == [("tests.often", 0.5)]
    assert queued(deferrer, MORNING - 2 * HOUR) == [("tests.often", 0.5)]
    assert queued(deferrer, MORNING - 2 * HOUR + 5) == [("tests.often", 0.5)]


def test_a_worker_that_slept_goes_on_with_the_present(
    transactional_db: None, database_url: str, tmp_path: Path
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE")
    seconds, slept = tmp_path / "seconds", tmp_path / "slept"
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(seconds), str(slept)],
        env={**os.environ, "DATABASE_URL": database_url},
    )

    def moments() -> list[int]:
        return [int(word) for word in seconds.read_text().split()] if seconds.exists() else []

    try:
        until(lambda: len(moments()) > 1)
        began = moments()[0]
        slept.touch()
        until(lambda: moments()[-1] > began + 12 * HOUR)
    finally:
        worker.kill()
        worker.wait()
    missed = [moment for moment in moments() if began + 600 < moment < began + 12 * HOUR - 600]
    assert missed == []
