"""Draining one application: claim, send, settle, again, until nothing is due.

Exactly one drain works an application at a time, held by a session lock on the very connection
that writes its outcomes: a worker that dies, or loses the database, loses the lock with it and can
no longer write. The next batch is claimed and the last one stored while the current one travels.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias, TypeVar

from django.db import connection

from tenure.applications import health
from tenure.applications.connecting import connector_for
from tenure.applications.models import Application, Entitlement
from tenure.connectors.base import Connector, ConnectorError, Limits, RemoteAccount
from tenure.infra.clock import now
from tenure.people.services import company
from tenure.provisioning import first_contact, guarding, planning, settling
from tenure.provisioning.drafting import Scope
from tenure.provisioning.models import Operation
from tenure.provisioning.owning import Owners
from tenure.provisioning.reconcile import reconcile_by_slug
from tenure.provisioning.sending import Batch, Outcome, Result, Work
from tenure.provisioning.stopping import may_send, why_still

log = logging.getLogger(__name__)
T = TypeVar("T")

_LOCK_CLASS = 0x7E5
_SMALLEST, _LARGEST = 32, 1024
_TARGET_SECONDS = 0.5
#: Batches in a row in which nothing came through before the application counts as unreachable.
_PATIENCE = 3
#: A retry that is due sooner than this is waited for; a later one is left to the next drain.
_WORTH_WAITING = timedelta(seconds=30)
_STALE = "changed since it was planned"
#: How often a drain looks whether somebody stopped writes.
_LOOK_SECONDS = 0.4


@dataclass(slots=True)
class Drained:
    """What one drain did. `busy`: somebody else is at it. `stopped`: why the application is."""

    sent: int = 0
    failed: int = 0
    busy: bool = False
    stopped: str = ""


Upcoming: TypeAlias = tuple[list[Operation], list[Work]]


class Drain:
    """One drain of one application. Tables are touched in a thread of its own, so that its
    connection, its lock and its transactions belong together."""

    def __init__(self, slug: str) -> None:
        self.slug = slug
        self.result = Drained()
        self._size = _SMALLEST
        self._kept: dict[str, str] | None = None
        self._owners: Owners | None = None
        self._paused = False
        self._tables = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"drain-{slug}")

    async def run(self) -> Drained:
        """Drain until nothing is due soon."""
        try:
            application = await self._do(self._acquire)
            if application is not None:
                await self._work(application)
            return self.result
        finally:
            await self._do(_release_and_close)
            self._tables.shutdown(wait=False)

    async def _work(self, application: Application) -> None:
        try:
            if await self._do(first_contact.needs_reading, application):
                await reconcile_by_slug(self.slug)
                await self._do(self._plan_anew)
            connector = await self._do(connector_for, application)
            async with connector:
                groups = await self._groups(application, connector)
                watch = asyncio.create_task(self._watch(application))
                try:
                    await self._loop(application, connector, groups)
                finally:
                    watch.cancel()
        except (ConnectorError, LookupError, ValueError) as error:
            # Opening it, or reading its groups: nothing was claimed yet, everything waits.
            await self._stop(application, str(error))

    async def _watch(self, application: Application) -> None:
        """Notice that somebody stopped writes while a batch travels: what is under way of it ends,
        the rest is not begun."""
        while not self._paused:
            await asyncio.sleep(_LOOK_SECONDS)
            self._paused = not await self._do(may_send, application.pk)

    async def _loop(
        self, application: Application, connector: Connector, groups: dict[str, str]
    ) -> None:
        """Send batch after batch. While one travels the next is claimed, unless the last went
        badly: then there may be no next."""
        silent = 0
        upcoming = await self._wait(application)
        while upcoming:
            rows, work = upcoming
            ahead = None if silent else self._submit(self._claim, application)
            outcomes = await self._send(application, connector, groups, work)
            await self._do(self._settle, application, rows, outcomes)
            await self._keep_groups(application, groups)
            upcoming = await ahead if ahead else None
            if await self._do(self._held_up, application, outcomes, upcoming):
                upcoming = None
            if self._paused:
                return
            silent = silent + 1 if _nothing_came_through(outcomes) else 0
            stopped = next((o for o in outcomes if o.result is Result.STOPPED), None)
            if stopped is not None or silent >= _PATIENCE:
                if upcoming:
                    await self._do(settling.give_back, upcoming[0])
                await self._stop(application, (stopped or outcomes[0]).message)
                return
            upcoming = upcoming or await self._wait(application)

    async def _send(
        self,
        application: Application,
        connector: Connector,
        groups: dict[str, str],
        work: list[Work],
    ) -> list[Outcome]:
        async def objection(account: RemoteAccount, person: str) -> str:
            return await self._do(self._objection, application, account, person)

        started = time.monotonic()
        batch = Batch(
            connector,
            work,
            groups,
            objection=objection,
            concurrency=int(application.limits.get("concurrency", Limits().concurrency)),
            paused=lambda: self._paused,
        )
        outcomes = await batch.send()
        self._size = _next_size(self._size, len(work), time.monotonic() - started)
        return outcomes

    async def _wait(self, application: Application) -> Upcoming | None:
        """More work: now, or when the earliest retry is due if that is soon."""
        while True:
            found = await self._do(self._claim, application)
            if found:
                return found
            due = await self._do(settling.next_due, application)
            if self._paused or due is None or due - now() > _WORTH_WAITING:
                return None
            await asyncio.sleep(max(0.05, (due - now()).total_seconds()))

    async def _stop(self, application: Application, reason: str) -> None:
        self.result.stopped = reason
        await self._do(health.stop, application, reason)

    async def _groups(self, application: Application, connector: Connector) -> dict[str, str]:
        """Entitlement key -> remote id; what we do not know yet is looked for there once."""
        known = await self._do(_entitlements, application)
        if any(not remote for remote in known.values()) and connector.capabilities.entitlements:
            async for item in connector.entitlements():
                key = f"{item.kind}:{item.name}"
                if key in known and not known[key]:
                    known[key] = item.remote_id
            await self._keep_groups(application, known)
        return known

    async def _keep_groups(self, application: Application, groups: dict[str, str]) -> None:
        snapshot = {key: remote for key, remote in groups.items() if remote}
        if snapshot != self._kept:
            await self._do(_keep_entitlements, application, snapshot)
            self._kept = snapshot

    def _submit(self, call: Callable[..., T], *args: object) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._tables, call, *args)

    async def _do(self, call: Callable[..., T], *args: object) -> T:
        return await self._submit(call, *args)

    # Below: in the thread of the tables.

    def _objection(self, application: Application, account: RemoteAccount, person: str) -> str:
        self._owners = self._owners or Owners(application)
        return self._owners.objection(account, person)

    def _plan_anew(self) -> None:
        """What was planned did not know the accounts that are there."""
        if Application.objects.filter(slug=self.slug, found__gt=0).exists():
            scope = Scope(application=self.slug, everybody=True)
            planning.store(scope, reason="its accounts were read first", take_over=True)

    def _acquire(self) -> Application | None:
        """The application, locked for this drain; None when there is nothing for us to do."""
        application = Application.objects.get(slug=self.slug)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_LOCK_CLASS, application.pk])
            row = cursor.fetchone()
        if not row or not row[0]:
            self.result.busy = True
            return None
        self.result.stopped = why_still(application, company())
        if self.result.stopped:
            return None
        settling.recover(application)
        return application

    def _claim(self, application: Application) -> Upcoming | None:
        """The next batch. People who changed since they were planned are planned anew first."""
        if self._paused or not may_send(application.pk):
            self._paused = True
            return None
        for _ in range(3):
            rows, stale = settling.claim(application, self._size, now())
            if stale:
                planning.store(Scope(people=frozenset(stale)), reason=_STALE)
            if rows:
                return rows, settling.work_for(rows)
            if not stale:
                return None
        return None

    def _held_up(
        self, application: Application, outcomes: Sequence[Outcome], ahead: Upcoming | None
    ) -> bool:
        """Whether writes were stopped, or too much fails: what was claimed ahead waits again, held
        where the rest is."""
        failing = any(o.result is Result.FAILED for o in outcomes) and guarding.is_failing(
            application, now()
        )
        if not (self._paused or failing):
            return False
        if ahead:
            settling.give_back(ahead[0])
        if failing:
            guarding.hold_failing(application, now())
        return True

    def _settle(
        self, application: Application, rows: Sequence[Operation], outcomes: Sequence[Outcome]
    ) -> None:
        settling.settle(application, outcomes, {row.pk: row for row in rows}, now())
        # It is known now what became of these: the rest can be planned.
        looked_for = {outcome.work.operation for outcome in outcomes if outcome.work.outdated}
        for row in rows:
            if row.pk in looked_for and row.person_id is not None:
                planning.store(Scope(person=row.person_id), reason="changed since it was planned")
        settling.close_runs(now())
        self._wake_those_behind(rows)
        self.result.sent += sum(o.result is not Result.PAUSED for o in outcomes)
        self.result.failed += sum(o.result is Result.FAILED for o in outcomes)

    def _wake_those_behind(self, rows: Sequence[Operation]) -> None:
        """Operations of other applications may have waited for these."""
        from tenure.provisioning.tasks import queue_drain

        for slug in settling.behind(rows):
            queue_drain(slug)


def _next_size(size: int, sent: int, seconds: float) -> int:
    """Batches of about half a second: a leaver who arrives now overtakes the next one."""
    if sent < size:
        return size
    if seconds < _TARGET_SECONDS / 2:
        return min(_LARGEST, size * 2)
    return max(_SMALLEST, size // 2) if seconds > _TARGET_SECONDS * 2 else size


def _nothing_came_through(outcomes: Sequence[Outcome]) -> bool:
    return all(o.result in (Result.RETRY, Result.UNKNOWN) and o.after is None for o in outcomes)


def _entitlements(application: Application) -> dict[str, str]:
    rows = Entitlement.objects.filter(application=application, managed=True)
    return dict(rows.values_list("key", "remote_id"))


def _keep_entitlements(application: Application, groups: dict[str, str]) -> None:
    for row in Entitlement.objects.filter(application=application, remote_id=""):
        if groups.get(row.key):
            Entitlement.objects.filter(pk=row.pk).update(remote_id=groups[row.key])


def _release_and_close() -> None:
    """Ending the session ends its lock, whatever state the connection is in."""
    connection.close()
