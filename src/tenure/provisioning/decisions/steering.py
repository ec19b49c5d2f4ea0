"""Pausing, resuming and cancelling a run that executes a plan.

Removals for people who leave are part of neither a pause nor a cancellation: only the emergency
stop (see `stopping`) keeps those. What was begun is always finished, since its outcome has to be
known.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.db.models import F, Q, QuerySet

from tenure.audit.models import Action
from tenure.audit.services import actor, record
from tenure.core.model import OperationState
from tenure.core.planner import LEAVER_URGENCY
from tenure.infra.clock import now
from tenure.provisioning.models import Operation
from tenure.provisioning.planning import ledger
from tenure.provisioning.records import settling
from tenure.runs.models import Run, RunKind, RunState

_NOT_BEGUN = Q(
    state__in=[
        OperationState.PLANNED.value,
        OperationState.HELD.value,
        OperationState.MANUAL.value,
    ],
    progress={},
) | Q(state=OperationState.RETRYING.value, attempts=0, progress={})


class RunRefused(ValueError):
    """It cannot be steered like this now. `str()` says why and what to do."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What became of a cancelled run: so many were done before, so many are not begun and are not
    going to be, so many go on because they were begun or are a leaver's."""

    done: int
    not_sent: int
    going_on: int

    def __str__(self) -> str:
        text = f"{self.done} done, {self.not_sent} not sent"
        return f"{text}, {self.going_on} still going on." if self.going_on else f"{text}."


@dataclass(frozen=True, slots=True)
class Paused:
    """What a pause leaves: so many operations are under way and are finished, so many wait."""

    under_way: int
    waiting: int

    def __str__(self) -> str:
        if not self.under_way:
            return f"{self.waiting} wait."
        return f"{self.under_way} under way are finished, {self.waiting} wait."


@transaction.atomic
def pause(number: int, *, reason: str = "") -> Paused:
    """Nothing more of it is begun until it is resumed. Raises `LookupError`, `RunRefused`."""
    run = _executing(number, RunState.RUNNING)
    _keep(run, RunState.PAUSED, f"Paused by {actor()}{_why(reason)}")
    _record(Action.RUN_PAUSED, run, reason)
    pending = _of(run).filter(state__in=ledger.PENDING)
    under_way = pending.filter(state=OperationState.STARTED.value).count()
    return Paused(under_way, pending.count() - under_way)


@transaction.atomic
def resume(number: int, *, reason: str = "") -> int:
    """Go on after a pause, or take a cancellation back: what was held then is held again. Returns
    how many operations may go now. Raises `LookupError`, `RunRefused`."""
    run = _executing(number, RunState.PAUSED, RunState.CANCELLED)
    back = 0
    if run.state == RunState.CANCELLED.value:
        rows = _kept_back(run)
        held = rows.exclude(hold_reason="").update(
            state=OperationState.HELD.value, finished_at=None, decided_by="", decided_reason=""
        )
        back = rows.update(state=OperationState.PLANNED.value, finished_at=None, decided_by=_who())
        if not back and not held:
            raise RunRefused(f"Run {number} has nothing left that its cancellation kept back.")
        Run.objects.filter(pk=run.pk).update(total=F("total") + back)
    _keep(run, RunState.RUNNING, "")
    _record(Action.RUN_RESUMED, run, reason)
    ledger.queue(run)
    settling.close_runs(now())
    return back or Operation.objects.filter(run=run, state__in=ledger.PENDING).count()


def can_hold_back(run: Run) -> bool:
    """Whether a pause or a cancellation of the run would keep anything back: removals for people
    who leave go all the same."""
    if run.state not in (RunState.RUNNING, RunState.PAUSED, RunState.HELD):
        return False
    rows = _of(run).filter(state__in=ledger.OPEN)
    return rows.exclude(urgency__lte=LEAVER_URGENCY).exists()


def can_resume(run: Run) -> bool:
    """Whether the run is paused, or its cancellation keeps something back that may still go."""
    if run.state == RunState.CANCELLED.value:
        return _kept_back(run).exists()
    return run.state == RunState.PAUSED.value


@transaction.atomic
def cancel(number: int, *, reason: str = "") -> Cancelled:
    """What of it is not begun is not sent, nor planned again before what is due changes: it counts
    as rejected. Raises `LookupError`, `RunRefused`."""
    run = _executing(number, RunState.RUNNING, RunState.PAUSED, RunState.HELD)
    at = now()
    rows = Operation.objects.filter(_NOT_BEGUN, run=run).exclude(urgency__lte=LEAVER_URGENCY)
    # What is held was never counted among what is to be done.
    held = rows.filter(state=OperationState.HELD.value).count()
    kept_back = rows.update(
        state=OperationState.REJECTED.value,
        finished_at=at,
        decided_by=_who(),
        decided_reason=reason or f"run {run.pk} was cancelled",
    )
    done = _of(run).filter(state=OperationState.DONE.value).count()
    found = Cancelled(done, kept_back, _of(run).filter(state__in=ledger.OPEN).count())
    Run.objects.filter(pk=run.pk).update(
        state=RunState.CANCELLED,
        message=f"Cancelled by {actor()}{_why(reason)} {found}",
        total=F("total") - (kept_back - held),
        finished_at=at,
        touched_at=at,
    )
    _record(Action.RUN_CANCELLED, run, reason, {"done": done, "not_sent": kept_back})
    return found


def _executing(number: int, *states: RunState) -> Run:
    run = Run.objects.select_for_update().filter(pk=number).first()
    if run is None:
        raise LookupError(f"There is no run {number}. `tenure runs list` shows them.")
    if run.kind != RunKind.EXECUTE.value:
        raise RunRefused(f"Run {number} is no execution of a plan but: {run}. Only those can be.")
    if run.state not in states:
        raise RunRefused(
            f"Run {number} is {run.state}, not {' or '.join(state.value for state in states)}."
        )
    return run


def _kept_back(run: Run) -> QuerySet[Operation]:
    """A cancellation and what it kept back have one instant."""
    return _of(run).filter(state=OperationState.REJECTED.value, finished_at=run.finished_at)


def _of(run: Run) -> QuerySet[Operation]:
    return Operation.objects.filter(run=run)


def _keep(run: Run, state: RunState, message: str) -> None:
    Run.objects.filter(pk=run.pk).update(
        state=state, message=message, finished_at=None, touched_at=now()
    )


def _who() -> str:
    return actor()[:200]


def _why(reason: str) -> str:
    return f": {reason.rstrip('.')}." if reason else "."


def _record(action: Action, run: Run, reason: str, after: dict[str, object] | None = None) -> None:
    record(
        action,
        subject_kind="run",
        subject_key=str(run.pk),
        subject_label=f"Run {run.pk}",
        reason=reason,
        after=after,
        run=run.pk,
    )
