"""Delays at random where threads and connections meet: `TENURE_SHAKE=7 pytest tests/provisioning`.

What two threads do at once happens in one order nearly always, and in another one on somebody
else's machine. Shaken, a test lives through orders that are rare: now and then a call of a drain's
connections, an answer of an application, a statement or a commit comes late, mostly by less than
150 ms, at times by half a second. What is between a look and an act is long enough then for
somebody else to come.

The number is a seed. What a place waits when it is passed for the so-manieth time in a test hangs
on the seed and the test alone, so the same seed shakes the same test nearly alike; "nearly", for
who runs beside whom is still the machine's to say. Where nobody else is at work nothing waits.
"""

from __future__ import annotations

import asyncio
import functools
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import SyncToAsync
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from procrastinate.worker import Worker

from tenure.connectors import memory
from tenure.provisioning.execution import claiming
from tenure.provisioning.execution.tables import Tables
from tenure.provisioning.planning import plans
from tenure.provisioning.records import settling

NAME = "TENURE_SHAKE"
#: What Python looks at first in a process that a test starts.
STARTING = Path(__file__).parent / "starting_shaken"

#: How often a place waits at all, and how often that takes long.
_OFTEN, _SELDOM = 0.2, 0.02
#: The same of single statements, of which there are many.
_OF_STATEMENTS = 0.01
_SHORT_SECONDS, _LONG_SECONDS = 0.15, 0.5
#: One test waits no more than that in all of its threads.
_MOST_SECONDS = 5.0


class Shaking:
    """What waits how long, in the test that is running, or in a process that is not `alone`."""

    def __init__(self, seed: str, *, alone: bool = True) -> None:
        self.seed = seed
        self._alone = alone
        self._guard = threading.Lock()
        self.begin("")

    def begin(self, test: str) -> None:
        """Another test. Threads that are there by now do nothing in it."""
        self._test = test
        self._idle = threading.active_count() if self._alone else 0
        with self._guard:
            self._passed: Counter[tuple[str, str]] = Counter()
            self._left = _MOST_SECONDS

    def seconds(self, place: str, often: float = _OFTEN) -> float:
        """How long whoever comes by here waits now."""
        if threading.active_count() <= self._idle:
            return 0.0
        thread = threading.current_thread().name.rpartition("_")[0]
        with self._guard:
            self._passed[place, thread] += 1
            chance = random.Random(
                f"{self.seed} {self._test} {place} {thread} {self._passed[place, thread]}"
            )
            drawn = chance.random()
            if drawn > often or self._left <= 0:
                return 0.0
            long = drawn < _SELDOM * often / _OFTEN
            chosen = _LONG_SECONDS if long else chance.uniform(0, _SHORT_SECONDS)
            self._left -= chosen
            return chosen

    def wait(self, place: str, often: float = _OFTEN) -> None:
        """In a thread."""
        if seconds := self.seconds(place, often):
            time.sleep(seconds)

    def around(
        self, place: str, call: Callable[..., Any], often: float = _OFTEN
    ) -> Callable[..., Any]:
        """The call, a little late, and back a little later."""

        @functools.wraps(call)
        def shaken(*args: Any, **kwargs: Any) -> Any:
            self.wait(f"before {place}", often)
            try:
                return call(*args, **kwargs)
            finally:
                self.wait(f"after {place}", often)

        return shaken


def install(config: pytest.Config, seed: str) -> None:
    """Shake every test of this run, and every process that one of them starts."""
    shaking = Shaking(seed)
    shake(shaking)
    paths = [str(STARTING), str(STARTING.parents[1]), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    config.pluginmanager.register(_Plugin(shaking), "shaking")


def shake(shaking: Shaking) -> None:
    """From now on, in this process."""
    places: list[tuple[Any, str]] = [
        (claiming, "claim"),
        (settling, "settle"),
        (plans, "store"),
        (SyncToAsync, "thread_handler"),
        (BaseDatabaseWrapper, "commit"),
        (BaseDatabaseWrapper, "rollback"),
    ]
    for where, name in places:
        setattr(where, name, shaking.around(name, getattr(where, name)))
    for name in ("execute", "executemany"):
        call = getattr(CursorWrapper, name)
        setattr(CursorWrapper, name, shaking.around("a statement", call, _OF_STATEMENTS))
    _shake_drains(shaking)
    _shake_applications(shaking)
    _shake_jobs(shaking)


def _shake_drains(shaking: Shaking) -> None:
    submit = Tables.submit

    def late(self: Tables, call: Callable[..., Any], *args: object) -> asyncio.Future[Any]:
        name = getattr(call, "__name__", "a call")
        return submit(self, shaking.around(name, call), *args)

    Tables.submit = late  # type: ignore[method-assign]


def _shake_applications(shaking: Shaking) -> None:
    serve = memory._serve

    async def late(*args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(shaking.seconds("before it is received"))
        try:
            return await serve(*args, **kwargs)
        finally:
            await asyncio.sleep(shaking.seconds("before the answer"))

    memory._serve = late


def _shake_jobs(shaking: Shaking) -> None:
    process = Worker._process_job

    async def late(self: Worker, context: Any) -> None:
        await asyncio.sleep(shaking.seconds(context.job.task_name))
        await process(self, context)

    Worker._process_job = late  # type: ignore[method-assign]


class _Plugin:
    def __init__(self, shaking: Shaking) -> None:
        self._shaking = shaking

    def pytest_report_header(self) -> str:
        return f"shaken: {NAME}={self._shaking.seed}"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        self._shaking.begin(item.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.failed:
            report.sections.append(("shaken", f"{NAME}={self._shaking.seed}"))
        return report
