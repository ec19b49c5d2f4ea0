"""Draining one application, until nothing is due.

Exactly one drain works an application at a time. Each of its connections holds a session lock:
those on which its two lanes (see `lane`) write outcomes, and one more on which the wide lane claims
when much is due. A worker that dies, or loses the database, loses the locks with it and can no
longer write; and nobody else begins before all of them are free. One that stands still is put out
(see `holding`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from functools import partial
from typing import Any

from django.db import DatabaseError

from tenure.applications import health, pacing
from tenure.applications.connecting import connector_for
from tenure.applications.models import Application
from tenure.connectors import lease
from tenure.connectors.base import ConnectorError
from tenure.infra import circles
from tenure.infra.clock import now
from tenure.infra.machine_clock import now_for_all
from tenure.people.services import company
from tenure.provisioning.execution import claiming, holding
from tenure.provisioning.execution.beside import end
from tenure.provisioning.execution.course import Course, Drained
from tenure.provisioning.execution.lane import Lane
from tenure.provisioning.execution.settlers import More
from tenure.provisioning.execution.tables import Tables, connect, has_room, try_lock, unlock
from tenure.provisioning.planning import plans
from tenure.provisioning.planning.drafting import Scope
from tenure.provisioning.reconciliation import first_contact
from tenure.provisioning.reconciliation.reconcile import reconcile_by_slug
from tenure.provisioning.records import lasting
from tenure.provisioning.records.stopping import why_still
from tenure.provisioning.records.work import broken

log = logging.getLogger(__name__)

__all__ = ["Drain", "Drained"]

#: How often a drain looks whether a leaver waits, or somebody stopped writes.
_LOOK_SECONDS = 0.2
#: So often a drain that comes for a leaver tries to get the place of one that is at it.
_TRIES = 5


class Drain:
    """One drain of one application. `trial`: it did not accept us, and has to show first that what
    it refused works again."""

    def __init__(self, slug: str, *, trial: bool = False) -> None:
        self.slug = slug
        self.trial = trial
        self.result = Drained()
        self._wide = Tables(f"drain-{slug}")
        self._claims = Tables(f"claims-{slug}")
        self._settling = Tables(f"settling-{slug}")
        self._fast = Tables(f"leavers-{slug}")

    async def run(self) -> Drained:
        """Drain until nothing is due soon."""
        try:
            application = await self._locked()
            if application is not None:
                await self._wide.do(claiming.recover, application)
                course = Course(application, result=self.result, learnt=pacing.learnt(application))
                with circles.with_many():
                    await self._alive(course)
            return self.result
        finally:
            tables = (self._fast, self._claims, self._settling, self._wide)
            await asyncio.gather(*(one.close() for one in tables))

    async def _locked(self) -> Application | None:
        """The application, locked for this drain. Another one that is at it, and just ending, may
        have overlooked the leaver for whom we were woken: then it is waited for."""
        application = await self._wide.do(self._acquire)
        for _ in range(_TRIES):
            if not self.result.busy or application is None:
                break
            if not (await self._fast.do(claiming.look, application.pk)).leavers:
                break
            await asyncio.sleep(_LOOK_SECONDS)
            application = await self._wide.do(self._acquire)
        if self.result.busy or application is None:
            return None
        return application if await self._fast.do(self._acquire_fast, application) else None

    async def _alive(self, course: Course) -> None:
        """Work, and show meanwhile that we live. What is sent is sent only as long as that is felt:
        this is handed down to every write."""
        lease.may_write.set(course.pulse.is_felt)
        beating = asyncio.create_task(self._beat(course))
        try:
            await self._work(course)
        finally:
            await end(beating)

    async def _beat(self, course: Course) -> None:
        while True:
            await self._fast.do(course.pulse.beat)
            await asyncio.sleep(holding.PULSE_SECONDS)

    async def _work(self, course: Course) -> None:
        application = course.application
        async with contextlib.AsyncExitStack() as stack:
            wide = await self._opened(course, stack)
            if wide is not None and (not self.trial or await self._heals(course, wide)):
                await self._both(course, wide)
        if course.stopped:
            self.result.stopped = course.stopped
            await self._wide.do(_stop, application, course.stopped, course.stopped_on)

    async def _opened(self, course: Course, stack: contextlib.AsyncExitStack) -> Lane | None:
        """The wide lane over an open connector. Nothing is claimed yet: where the application, or
        its connector, is not up to it everything waits."""
        try:
            connector = await self._wide.do(connector_for, course.application, course.learnt)
        except (LookupError, ValueError) as error:
            course.stopped = str(error)
            return None
        try:
            if await self._wide.do(first_contact.needs_reading, course.application):
                await self._read(course)
            await stack.enter_async_context(connector)
            lane = Lane(
                course, connector, self._wide, more=partial(self._helping, course.application)
            )
            await lane.find_groups()
            return lane
        except ConnectorError as error:
            course.stopped = str(error)
        except DatabaseError:
            raise
        except Exception as error:
            log.exception("The connector of %s failed.", self.slug)
            course.stopped = broken(error)
        return None

    async def _heals(self, course: Course, wide: Lane) -> bool:
        """Whether an application that was stopped works again: the kind of operation that it
        refused first, if one waits, and any otherwise."""
        works = None
        for kind in dict.fromkeys([course.application.stopped_on, ""]):
            if works is None and not course.over:
                works = await wide.try_one(kind)
        if course.over:
            return False
        await self._wide.do(_resume, course.application, works is True)
        return True

    async def _read(self, course: Course) -> None:
        """Read its accounts. Leavers do not wait for that, where they have accounts at all."""
        if course.application.reconciled_at is None:
            await reconcile_by_slug(self.slug)
            await self._wide.do(self._plan_anew)
        elif self.trial:
            await reconcile_by_slug(self.slug)
        else:
            await self._beside_leavers(course, reconcile_by_slug(self.slug))

    async def _both(self, course: Course, wide: Lane) -> None:
        """The wide lane, and the fast one beside it for as long as it goes on: once more where that
        left a retry which is due soon."""
        await self._beside_leavers(course, wide.until_nothing_is_due())
        while await wide.has_more():
            await self._beside_leavers(course, wide.until_nothing_is_due())

    async def _beside_leavers(self, course: Course, work: Coroutine[Any, Any, object]) -> None:
        closing = asyncio.Event()
        fast = asyncio.create_task(self._leavers(course, closing))
        try:
            await work
            closing.set()
            await fast
        finally:
            await end(fast)

    async def _helping(self, application: Application) -> More:
        """Connections for claims alone, and to settle two batches at a time, if the database has
        them to spare."""
        claims, settling = await asyncio.gather(
            self._beside(self._claims, holding.CLAIMS, application),
            self._beside(self._settling, holding.SETTLING, application),
        )
        return More(claims=claims, settling=settling)

    async def _beside(self, tables: Tables, lock: int, application: Application) -> Tables:
        """This one, with its lock; the wide lane's own where the database has few connections left.
        The lock is free for a moment in between, and nobody can take it: they would need that of
        the wide lane first."""
        if not await self._wide.do(has_room):
            return self._wide
        try:
            await tables.do(connect)
        except DatabaseError:
            return self._wide
        await self._wide.do(unlock, lock, application.pk)
        if not await tables.do(try_lock, lock, application.pk):
            raise RuntimeError(f"Somebody else is at work on {application.slug}.")
        return tables

    async def _leavers(self, course: Course, closing: asyncio.Event) -> None:
        """Look up again and again: leavers go at once, and who stopped writes is heard."""
        closed = asyncio.create_task(closing.wait())
        sending: asyncio.Task[None] | None = None
        try:
            async with contextlib.AsyncExitStack() as stack:
                lane: Lane | None = None
                try:
                    while not closing.is_set() or sending is not None:
                        seen = await self._fast.do(claiming.look, course.application.pk)
                        course.paused = course.paused or not seen.may_send
                        if sending is not None and sending.done():
                            await sending
                            sending = None
                        going_on = not (course.over or closing.is_set())
                        if seen.leavers and sending is None and going_on:
                            lane = lane or await self._fast_lane(course, stack)
                            sending = asyncio.create_task(lane.until_nothing_is_due())
                        await asyncio.wait([sending or closed], timeout=_LOOK_SECONDS)
                finally:
                    # Before its connector is closed: what is under way would fail by that.
                    await end(sending)
        except ConnectorError as error:
            course.stopped = course.stopped or str(error)
        except Exception:
            course.paused = True  # The wide lane ends soon, and tells this.
            raise
        finally:
            await end(closed)

    async def _fast_lane(self, course: Course, stack: contextlib.AsyncExitStack) -> Lane:
        connector = await self._fast.do(connector_for, course.application, course.learnt)
        await stack.enter_async_context(connector)
        return Lane(course, connector, self._fast, leavers=True)

    # Below: in the threads of the tables.

    def _acquire(self) -> Application | None:
        """The application, locked for this drain unless somebody else is at it; None when there is
        nothing for us to do: it was removed, or nothing is sent there now."""
        application = Application.objects.filter(slug=self.slug).first()
        if application is None:
            return None
        self.result.busy = not holding.take(application.pk)
        if self.result.busy and holding.put_out_silent(application):
            self.result.busy = not holding.take(application.pk)
        if self.result.busy:
            return application
        self.result.stopped = why_still(application, company(), trial=self.trial)
        return None if self.result.stopped else application

    def _acquire_fast(self, application: Application) -> bool:
        """The fast lane's own lock: a drain that is just dying may still have it."""
        self.result.busy = not try_lock(holding.FAST, application.pk)
        return not self.result.busy

    def _plan_anew(self) -> None:
        """What was planned did not know the accounts that are there."""
        if Application.objects.filter(slug=self.slug, found__gt=0).exists():
            scope = Scope(application=self.slug, everybody=True)
            why = "its accounts were read first"
            plans.store(scope, now=now_for_all(), reason=why, take_over=True, by_itself=True)


def _stop(application: Application, reason: str, on: str) -> None:
    health.stop(application, reason, on=on)


def _resume(application: Application, proven: bool) -> None:
    health.resume(application, proven=proven)
    lasting.try_soon(application, now())
