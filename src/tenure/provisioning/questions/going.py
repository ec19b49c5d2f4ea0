"""How a run that executes a plan goes on just now: at what rate, and what the rest of it waits for.
What waits for an application is no run that has gone silent, and not what the time left is about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Exists, Min, OuterRef, QuerySet

from tenure.applications.models import Application
from tenure.core.model import OperationState
from tenure.people.services import company
from tenure.provisioning.models import Operation
from tenure.provisioning.planning.ledger import PENDING
from tenure.provisioning.records.stopping import why_still
from tenure.runs.models import Run, RunState

#: The rate is that of so many seconds: several batches, and not an hour ago.
_LATELY: Final = 20.0
#: A retry that is due this soon is not worth a sentence.
_SOON: Final = timedelta(seconds=5)
_SETTLED: Final = [OperationState.DONE.value, OperationState.FAILED.value]
_TO_COME: Final = [*map(OperationState, PENDING), OperationState.MANUAL]
_GOES: Final = (RunState.RUNNING.value, RunState.PAUSED.value)
_LATER: Final = "It has not confirmed them yet."
_TRIED: Final = [OperationState.RETRYING.value, OperationState.UNKNOWN.value]


@dataclass(frozen=True, slots=True)
class Wait:
    """So many operations for one application wait, for `why`. `until`: when it is tried again;
    None where somebody has to do something first, or where nobody knows."""

    slug: str
    name: str
    count: int
    why: str
    until: datetime | None = None
    #: Somebody has to mend or decide something before it goes on.
    stuck: bool = True

    def __str__(self) -> str:
        again = f" It is tried again {self.until:%-d %b %H:%M:%S %Z}." if self.until else ""
        return f"{self.count} wait for {self.name}. {self.why}{again}"


@dataclass(frozen=True, slots=True)
class Going:
    """`rate` is a second, of what was settled lately."""

    rate: float
    waits: tuple[Wait, ...]
    #: Operations that a person has to do by hand. What is held is not part of what is to be done.
    aside: int = 0

    @property
    def waiting(self) -> int:
        """Operations that go on only when something else does."""
        return self.aside + sum(wait.count for wait in self.waits)

    @property
    def stuck(self) -> int:
        """Operations of an application that go on only when somebody mends or resumes something."""
        return sum(wait.count for wait in self.waits if wait.stuck)


def going(run: Run, now: datetime) -> Going | None:
    """None for a run that is not going on."""
    if run.state != RunState.RUNNING.value:
        return None
    seconds = min(_LATELY, max(1.0, (now - run.started_at).total_seconds()))
    settled = Operation.objects.filter(
        run=run,
        # Named, so that the index of what was settled lately in each of them is used.
        application__in=list(Application.objects.values_list("pk", flat=True)),
        state__in=_SETTLED,
        finished_at__gt=now - timedelta(seconds=seconds),
    ).count()
    aside = Operation.objects.filter(run=run, state=OperationState.MANUAL.value).count()
    return Going(rate=settled / seconds, waits=tuple(_waits(run, now)), aside=aside)


def to_be_done(run: Run, states: Mapping[OperationState, int]) -> int | None:
    """Of how many operations so many are done: what was kept when the run began knows nothing of
    what was held, approved, given up or planned anew since."""
    if run.state not in _GOES:
        return run.total
    return run.done + sum(states.get(state, 0) for state in _TO_COME)


def _waits(run: Run, now: datetime) -> Iterator[Wait]:
    """First what itself cannot go now, then what comes after that."""
    ours = company()
    still = {row: why for row in Application.objects.all() if (why := why_still(row, ours))}
    pending = Operation.objects.filter(run=run, state__in=PENDING)
    first = []
    for row, why in still.items():
        if count := pending.filter(application=row).count():
            tried = row.probe_at if not why_still(row, ours, trial=True) else None
            first.append(Wait(row.slug, row.name, count, why, tried))
    later = pending.filter(state__in=_TRIED, not_before__gt=now + _SOON)
    for slug, name, count, at in _by_application(later.exclude(application__in=still)):
        first.append(Wait(slug, name, count, _LATER, at, stuck=False))
    yield from first
    rows = Application.objects.in_bulk([wait.slug for wait in first], field_name="slug")
    behind = pending.exclude(application__in=rows.values())
    for wait in first:
        row = rows[wait.slug]
        before = Operation.objects.filter(
            application=row, person=OuterRef("person"), state__in=PENDING
        )
        for slug, name, count, _ in _by_application(
            behind.filter(Exists(before), after__contains=row.pk)
        ):
            yield Wait(slug, name, count, f"{row.name} comes first.", stuck=wait.stuck)


def _by_application(
    rows: QuerySet[Operation],
) -> Iterator[tuple[str, str, int, datetime | None]]:
    """Of each: slug, name, how many, and when the first is tried again."""
    grouped = rows.values("application__slug", "application__name")
    for row in grouped.annotate(n=Count("pk"), at=Min("not_before")).order_by("application__slug"):
        yield row["application__slug"], row["application__name"], row["n"], row["at"]
