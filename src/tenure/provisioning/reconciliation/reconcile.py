"""Reading an application's accounts: what is there, what changed, what is nobody's, what is gone.

The listing is read outside of any transaction, page by page: the pages are compared in `observing`,
what they lack in `missing`, who holds what in `memberships`. What is found is never written back
here; people whose accounts differ are marked, and planned like any other change.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import connection, transaction

from tenure.applications import health
from tenure.applications.connecting import connector_for, managed_attributes, unread_attributes
from tenure.applications.models import Account, Application
from tenure.applications.selectors import situations
from tenure.audit.services import SYSTEM, acting, actor
from tenure.connectors.base import Connector, ConnectorError, StopApplication
from tenure.core.model import Situation
from tenure.infra.clock import now
from tenure.people.services import raise_generation
from tenure.provisioning.reconciliation import (
    correlating,
    fingerprints,
    first_contact,
    memberships,
    missing,
    observing,
)
from tenure.provisioning.reconciliation.observing import Reading
from tenure.provisioning.records import last_owner, lasting, veiling
from tenure.runs import services as runs
from tenure.runs.models import Run, RunIssue, RunKind, RunState

_READING_LOCK = 0x7E50_0025
#: What is counted of any reading, even if nothing is new.
_COUNTED_ALWAYS = {"seen", "unchanged", "orphans_in_all"}
P = ParamSpec("P")
T = TypeVar("T")
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class ReconcileResult:
    """`counters`: seen, unchanged, changed, new, drift, memberships; of accounts that were not
    tied to anybody before linked, orphans, disputed, ignored; orphans_in_all, new and old; gone,
    and missing where the listing lacks too many to believe it."""

    run: Run
    counters: Mapping[str, int]
    issues: tuple[RunIssue, ...] = ()


async def reconcile_by_slug(
    slug: str, progress: Progress | None = None, *, accept_missing: bool = False
) -> ReconcileResult:
    """Read one application. Raises `ConnectorError` when it cannot be read: nothing changes then
    but its health; half a listing never makes an account count as gone. `accept_missing`: a person
    says that so many really are gone."""
    tables = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"reconcile-{slug}")
    reading = await _on(tables, _begin, slug, actor())
    try:
        connector = await _on(tables, connector_for, reading.application)
        if not connector.capabilities.listed:
            await _on(tables, _nothing_to_read, reading)
            return ReconcileResult(reading.run, dict(reading.counters), ())
        reading.closing_deletes = connector.capabilities.disable_deletes
        async with connector:
            await _read_pages(reading, connector, tables, progress)
            unseen = await _on(tables, missing.unseen, reading)
            gone = await missing.verified(
                connector,
                unseen,
                reading.known,
                listed=reading.counters["seen"],
                accepted=accept_missing,
            )
            if gone.still_there:
                await _on(tables, observing.store, reading, gone.still_there)
            own = await connector.own_account()
            owners = await last_owner.told(connector)
            held = await memberships.listed(connector)
        await _on(tables, _finish, reading, held, gone, own, owners)
    except (ConnectorError, LookupError, ValueError) as error:
        await _on(tables, _failed, reading, str(error), isinstance(error, StopApplication))
        raise
    finally:
        await _on(tables, _close)
        tables.shutdown(wait=False)
    return ReconcileResult(reading.run, dict(reading.counters), tuple(reading.issues))


def _on(tables: Executor, call: Callable[P, T], *args: P.args, **named: P.kwargs) -> Future[T]:
    """Do it in the one thread that has the connection to our own tables."""
    return asyncio.get_running_loop().run_in_executor(tables, partial(call, *args, **named))


def _close() -> None:
    """The connection of the thread in which this runs, which is not the caller's."""
    connection.close()


async def _read_pages(
    reading: Reading, connector: Connector, tables: Executor, progress: Progress | None
) -> None:
    """All that is listed. A page is stored while the next one is on its way."""
    pending: Future[None] | None = None
    async for page in connector.accounts():
        fresh = observing.changed_only(reading, page)
        if pending is not None:
            await pending
            pending = None
        if fresh:
            pending = _on(tables, observing.store, reading, fresh)
        if progress:
            progress(reading.counters["seen"])
    if pending is not None:
        await pending


def _begin(slug: str, asked_by: str) -> Reading:
    application = Application.objects.get(slug=slug)
    known = fingerprints.of(application)
    managed, before, comparable = managed_attributes(application), application.read_attributes, None
    if application.reconciled_at is not None and before != sorted(managed):
        asked_for = fingerprints.attributes(application) if before is None else frozenset(before)
        comparable = managed & asked_for
    if unread_attributes(application):
        # However little changed there, no account was read with all that is asked for now.
        known = dict.fromkeys(known, b"")
    if _alone(application):
        runs.abandon(RunKind.RECONCILE, slug)
    # The run alone is theirs: what it finds, and decides by rules, nobody did.
    with acting(asked_by):
        run = runs.start(RunKind.RECONCILE, slug, total=len(known) or None)
    over = veiling.veil([application])
    return Reading(application, run, known, now(), over, comparable, known=len(known))


def _alone(application: Application) -> bool:
    """Whether nobody else reads it at this moment; until this thread's connection is closed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_READING_LOCK, application.pk])
        row = cursor.fetchone()
    return bool(row) and bool(row[0])


@transaction.atomic
def _finish(
    reading: Reading,
    held: memberships.Held,
    gone: missing.Missing,
    own: str | None,
    owners: frozenset[str] | None,
) -> None:
    """What was not listed is gone; memberships as they are now; whose plan has to be looked at."""
    application = reading.application
    first_contact.begin(application, found=reading.counters["seen"])
    missing.record(reading, gone.keys)
    if gone.doubt:
        reading.counters["missing"] = gone.unseen
        reading.complain("", gone.doubt)
    _own(application, own)
    memberships.store(reading, held)
    last_owner.observed(application, owners)
    _correlate(reading)
    if nobodys := situations(application)[Situation.UNMATCHED]:
        reading.counters["orphans_in_all"] = nobodys
    raise_generation(reading.affected)
    runs.complain(reading.issues)
    first_contact.read(application, at=reading.at, found=reading.counters["seen"])
    health.readable(application)
    lasting.try_soon(application, now())
    seen = reading.counters["seen"]
    runs.finish(reading.run, counters=reading.counters, done=seen, total=seen)
    if _is_idle(reading):
        Run.objects.filter(pk=reading.run.pk).delete()


def _is_idle(reading: Reading) -> bool:
    """Whether nobody asked for it and nothing was found, as nearly always: no run is kept of it.
    One that succeeds after another that failed is news."""
    found = {name for name, count in reading.counters.items() if count} - _COUNTED_ALWAYS
    if reading.run.actor != SYSTEM or reading.issues or found:
        return False
    its = Run.objects.filter(kind=RunKind.RECONCILE, subject=reading.application.slug)
    before = its.exclude(pk=reading.run.pk).order_by("-id").first()
    return before is not None and before.state == RunState.DONE


@transaction.atomic
def _nothing_to_read(reading: Reading) -> None:
    """Nobody can read it: what people said of its accounts stays as it is."""
    first_contact.read(reading.application, at=reading.at, found=0)
    health.readable(reading.application)
    message = "Nothing can be read there: what is known is what people said they did."
    runs.finish(reading.run, message=message, counters=reading.counters, done=0, total=0)


def _correlate(reading: Reading) -> None:
    """Whose the accounts are that are not tied to anybody, if anything can have changed."""
    application = reading.application
    if not (
        reading.counters["new"]
        or reading.counters["changed"]
        or reading.comparable is not None
        or application.correlated_by != correlating.digest(application)
        or correlating.undecided(application).filter(situation=Situation.UNLINKED.value).exists()
    ):
        return
    found = correlating.correlate_application(application, reading.run.pk)
    reading.counters.update(found.counters)
    for row, message in found.told:
        reading.complain(row.user_name or row.remote_id, message)


def _own(application: Application, own: str | None) -> None:
    """The account whose credentials we use is never touched: not by us."""
    if own is None:
        return
    rows = Account.objects.filter(application=application)
    rows.filter(own=True).exclude(remote_id=own).update(own=False)
    rows.filter(remote_id=own, own=False).update(own=True)


def _failed(reading: Reading, message: str, stop: bool) -> None:
    runs.finish(reading.run, RunState.FAILED, message=message, counters=reading.counters)
    if stop:
        health.stop(reading.application, message)
