"""Applications that have not been read for long: what somebody does there meanwhile, opening a
leaver's account again above all, nobody sees."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tenure.applications.models import Application, Health
from tenure.core.schedules import SELDOMEST
from tenure.infra.clock import now
from tenure.provisioning.reconciliation.regularly import AGAIN, BY_HAND
from tenure.runs import selectors as runs
from tenure.runs.models import RunKind, RunState

#: One that should have been read is tried so often before anybody is told.
_LATE: Final = 3 * AGAIN


@dataclass(frozen=True, slots=True)
class NotRead:
    """One of them. `never`: it is not read by itself; otherwise it should have been, and `why` says
    what is in the way."""

    application: Application
    since: datetime
    never: bool
    why: str


def not_read() -> list[NotRead]:
    """Those that are not read by themselves and were not for as long as any may be left unread, and
    those whose reading fails again and again, in the order of applications."""
    at = now()
    late = [
        (row, row.reconciled_at)
        for row in _readable()
        if row.reconciled_at is not None and row.reconciled_at <= at - _allowed(row)
    ]
    last = runs.last_by_subject(RunKind.RECONCILE) if late else {}
    found = []
    for row, since in late:
        run = last.get(row.slug)
        if run is not None and run.state == RunState.RUNNING and run.touched_at > at - _LATE:
            continue
        why = "No worker has begun it."
        if row.reconcile_every is None:
            why = "It is read only when somebody asks for it."
        elif run is not None and run.state == RunState.FAILED:
            why = run.message
        found.append(NotRead(row, since, row.reconcile_every is None, why))
    return found


def never_read() -> list[Application]:
    """Those that are read only when somebody asks for it, however lately that was."""
    return [row for row in _readable() if row.reconcile_every is None]


def _readable() -> list[Application]:
    """Those that can be read at all. Of one that is stopped that is told, and it is read when it
    works again."""
    return list(Application.objects.filter(health=Health.OK).exclude(connector=BY_HAND))


def _allowed(row: Application) -> timedelta:
    return SELDOMEST if row.reconcile_every is None else row.reconcile_every + _LATE
