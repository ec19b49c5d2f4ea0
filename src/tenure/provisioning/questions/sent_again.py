"""What became of operations that failed in a run and were planned anew since: their rows are
cancelled, and whoever looks at the run wants to know that they had failed, and how it went on."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from tenure.core.model import OperationState
from tenure.provisioning.models import Operation
from tenure.runs.models import Run

#: It was sent, was no success, and gave way to a later plan.
IN_VAIN = Q(state=OperationState.CANCELLED.value, attempts__gt=0) & ~Q(error="")
#: What these are asked for by, where others are by their state.
ANEW = "anew"
_OVER = {OperationState.DONE, OperationState.FAILED, OperationState.CANCELLED}


@dataclass(frozen=True, slots=True)
class SentAgain:
    """So many operations of a run were sent in vain and planned anew, in the later `runs`: some are
    `done` since, some `failed` again, some are under way or wait. The rest is no longer due."""

    count: int
    done: int
    failed: int
    open: int
    runs: tuple[int, ...]

    @property
    def not_due(self) -> int:
        """For how many nothing was planned any more."""
        return self.count - self.done - self.failed - self.open

    def __str__(self) -> str:
        each = (
            (self.done, "done"),
            (self.failed, "failed again"),
            (self.open, "not settled yet"),
            (self.not_due, "no longer due"),
        )
        became = ", ".join(f"{count:,} {word}" for count, word in each if count)
        was = "was" if self.count == 1 else "were"
        return f"{self.count:,} that failed {was} planned anew since: {became}."


def _first(one: QuerySet[Operation], other: QuerySet[Operation], column: str) -> Coalesce:
    """The column of the first row of one, and where there is none of the other."""
    return Coalesce(Subquery(one.values(column)[:1]), Subquery(other.values(column)[:1]))


def sent_again(run: Run) -> SentAgain | None:
    """None where nothing of the run was planned anew after it had been sent."""
    rows = Operation.objects.filter(IN_VAIN, run=run)
    later = (
        Operation.objects.filter(
            application=OuterRef("application"), kind=OuterRef("kind"), pk__gt=OuterRef("pk")
        )
        .exclude(run=run)
        .order_by("-pk")
    )
    of_people = later.filter(person=OuterRef("person"))
    of_nobody = later.filter(account=OuterRef("account"), person__isnull=True)
    found = (
        rows.order_by()
        .annotate(
            now=_first(of_people, of_nobody, "state"), where=_first(of_people, of_nobody, "run")
        )
        .values_list("now", "where")
        .annotate(n=Count("pk"))
    )
    states: dict[OperationState | None, int] = {}
    runs = set()
    for state, number, count in found:
        now = OperationState(state) if state else None
        states[now] = states.get(now, 0) + count
        if number is not None:
            runs.add(number)
    if not states:
        return None
    return SentAgain(
        count=sum(states.values()),
        done=states.get(OperationState.DONE, 0),
        failed=states.get(OperationState.FAILED, 0),
        open=sum(count for state, count in states.items() if state and state not in _OVER),
        runs=tuple(sorted(runs)),
    )
