"""Who is about to lose an account is told to whoever keeps sessions at applications, in the
transaction that stores the plan or approves what a guard held of it: they are signed out before the
first removal leaves.

Single sign-on stands above this package and registers here when it starts. A closer decides by
itself whom it concerns: a removal that waits for approval is told of too, and once more when it is
approved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from django.db.models import QuerySet

from tenure.provisioning.models import Operation
from tenure.runs.models import Run

Closer: TypeAlias = Callable[[Sequence[int]], object]
_closers: list[Closer] = []


def register(closer: Closer) -> None:
    """From now on `closer` is told of their ids. Once is enough."""
    if closer not in _closers:
        _closers.append(closer)


def tell(run: Run) -> None:
    """Of those for whom this run stores a removal, in the caller's transaction."""
    tell_of(Operation.objects.filter(run=run))


def tell_of(operations: QuerySet[Operation]) -> None:
    """The same of those among these operations that take access."""
    if not _closers:
        return
    rows = operations.filter(takes_access=True, person__isnull=False)
    people = [
        pk for pk in rows.order_by().values_list("person", flat=True).distinct() if pk is not None
    ]
    if people:
        for closer in _closers:
            closer(people)
