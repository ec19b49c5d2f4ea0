"""Runs that somebody paused, and what waits for that: nothing of it goes before they are resumed,
so it must not be forgotten."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count

from tenure.core.model import OperationState
from tenure.core.planner import LEAVER_URGENCY
from tenure.provisioning.models import Operation
from tenure.runs.models import Run, RunKind, RunState

_KEPT = [OperationState.PLANNED.value, OperationState.RETRYING.value]


@dataclass(frozen=True, slots=True)
class Paused:
    """So many operations wait until the run is resumed; `said` is by whom and why it is paused."""

    run: int
    count: int
    said: str


def paused(application: str | None = None) -> list[Paused]:
    """Paused runs of which something waits, in one application or in all; the oldest first. What a
    pause does not keep, removals for people who leave, is not counted."""
    runs = dict(
        Run.objects.filter(kind=RunKind.EXECUTE, state=RunState.PAUSED).values_list("pk", "message")
    )
    if not runs:
        return []
    rows = Operation.objects.filter(run__in=list(runs), state__in=_KEPT)
    rows = rows.exclude(urgency__lte=LEAVER_URGENCY)
    if application is not None:
        rows = rows.filter(application__slug=application)
    counts = rows.order_by().values_list("run").annotate(n=Count("pk"))
    return [Paused(run, count, runs[run]) for run, count in sorted(counts)]
