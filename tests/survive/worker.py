"""A worker of the simulation: it does the jobs that the real tables hold, and can be killed.

Killed as by kill -9: nothing of it runs any more, its database connections end where they are (an
open transaction with them), and what it had sent to applications still arrives there.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from inspect import iscoroutinefunction
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.db import connection
from procrastinate.contrib.django import app

from tenure.applications.models import Application
from tenure.provisioning.execution.executor import Drain

T = TypeVar("T")


class Dead(Exception):
    """The process is gone."""


@dataclass
class Death:
    """When a worker dies: with the statement of this number, before it or after (before its
    commit), or after so many seconds."""

    statement: int = 0
    before: bool = True
    seconds: float = 0.0
    dead: bool = False
    counted: int = field(default=0, init=False)

    def __call__(self, execute: Callable[..., Any], *statement: Any) -> Any:
        """What Django calls around every statement."""
        if self.dead:
            raise Dead
        self.counted += 1
        if self.counted != self.statement:
            return execute(*statement)
        if not self.before:
            execute(*statement)
        self.dead = True
        if connection.connection is not None:
            connection.connection.close()
        raise Dead


class MortalDrain(Drain):
    """A drain of a worker that may die."""

    def __init__(self, slug: str, death: Death, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(slug)
        self._mortal_death = death
        self._mortal_loop = loop
        self._mortal_task = asyncio.current_task()

    def _acquire(self) -> Application | None:
        connection.execute_wrappers.append(self._mortal)
        return super()._acquire()

    def _acquire_fast(self, application: Application) -> bool:
        connection.execute_wrappers.append(self._mortal)
        return super()._acquire_fast(application)

    def _mortal(self, execute: Callable[..., Any], *statement: Any) -> Any:
        try:
            return self._mortal_death(execute, *statement)
        except Dead:
            if self._mortal_task is not None:
                self._mortal_loop.call_soon_threadsafe(self._mortal_task.cancel)
            raise


class Tables:
    """A thread with a connection of its own, as each process has."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="simulation")

    async def do(self, call: Callable[..., T], *args: object) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: call(*args))

    async def close(self) -> None:
        await self.do(close)
        self._thread.shutdown()


def close() -> None:
    """The connection of the thread in which this runs."""
    connection.close()


def take_jobs() -> list[tuple[str, dict[str, Any]]]:
    """The jobs that wait. They are this worker's from now on: if it dies they are lost."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM procrastinate_jobs WHERE status = 'todo' RETURNING id, task_name, args"
        )
        rows = sorted(cursor.fetchall(), key=lambda row: int(row[0]))
    return [(name, json.loads(arguments)) for _, name, arguments in rows]


async def work(tables: Tables, death: Death) -> None:
    """Do the jobs that wait, all at once, until they are done or the worker is dead."""
    jobs = [asyncio.create_task(_job(*job, death)) for job in await tables.do(take_jobs)]
    if not jobs:
        return
    killer = asyncio.create_task(_kill(jobs, death)) if death.seconds else None
    found = await asyncio.gather(*jobs, return_exceptions=True)
    if killer is not None:
        killer.cancel()
    if not death.dead:
        for error in found:
            if isinstance(error, BaseException):
                raise error


async def _kill(jobs: list[asyncio.Task[None]], death: Death) -> None:
    await asyncio.sleep(death.seconds)
    death.dead = True
    for job in jobs:
        job.cancel()


async def _job(name: str, arguments: dict[str, Any], death: Death) -> None:
    if name == "tenure.drain":
        await MortalDrain(arguments["slug"], death, asyncio.get_running_loop()).run()
        return
    do = app.tasks[name].func
    try:
        await (do if iscoroutinefunction(do) else sync_to_async(do))(**arguments)
    finally:
        await sync_to_async(close)()
