"""Starting, advancing and finishing runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import F
from django.db.models.functions import Now

from tenure.audit.services import actor
from tenure.runs.models import Run, RunIssue, RunKind, RunState


def start(kind: RunKind, subject: str = "", *, total: int | None = None, reason: str = "") -> Run:
    """A new run, by whoever is acting now."""
    run = Run(kind=kind, subject=subject, total=total, reason=reason, actor=actor()[:200])
    run.save(force_insert=True)
    run.refresh_from_db()
    return run


def advance(run: Run, *, done: int = 0, counters: Mapping[str, int] | None = None) -> None:
    """Add `done` to the progress; set the counters that are given."""
    updates: dict[str, Any] = {"touched_at": Now()}
    if done:
        updates["done"] = F("done") + done
    if counters is not None:
        updates["counters"] = dict(counters)
    Run.objects.filter(pk=run.pk).update(**updates)


def finish(
    run: Run,
    state: RunState = RunState.DONE,
    *,
    message: str = "",
    counters: Mapping[str, int] | None = None,
    done: int | None = None,
    total: int | None = None,
) -> Run:
    """Close the run with its outcome."""
    run.state = state
    run.message = message
    if counters is not None:
        run.counters = dict(counters)
    if done is not None:
        run.done = done
    if total is not None:
        run.total = total
    updates: dict[str, Any] = {
        "state": run.state,
        "message": run.message,
        "finished_at": Now(),
        "touched_at": Now(),
    }
    if counters is not None:
        updates["counters"] = run.counters
    if done is not None:
        updates["done"] = done
    if total is not None:
        updates["total"] = total
    Run.objects.filter(pk=run.pk).update(**updates)
    run.refresh_from_db()
    return run


def abandon(kind: RunKind, subject: str) -> int:
    """Close the runs whose process ended before they did. For whoever holds the lock of this kind
    and subject: nobody else is running one. Returns how many there were."""
    return Run.objects.filter(kind=kind, subject=subject, state=RunState.RUNNING).update(
        state=RunState.FAILED,
        message="Its process ended before it did. What it had taken is kept; run it again.",
        finished_at=Now(),
    )


def complain(issues: Sequence[RunIssue]) -> None:
    """Store what was wrong with single rows or accounts."""
    RunIssue.objects.bulk_create(issues, batch_size=1000)
