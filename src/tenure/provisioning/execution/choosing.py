"""What a lane sends next: whose operations, and how many at a time.

Leavers' removals go in batches of their own, so that they wait for nothing else in one. All of this
is done in the threads of the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from tenure.core.planner import LEAVER_URGENCY
from tenure.infra.clock import now
from tenure.infra.machine_clock import now_for_all
from tenure.provisioning.execution import claiming
from tenure.provisioning.execution.course import Course
from tenure.provisioning.models import Operation
from tenure.provisioning.planning import plans
from tenure.provisioning.planning.drafting import Scope
from tenure.provisioning.records.work import Work

SMALLEST, _LARGEST = 32, 2048
_TARGET_SECONDS = 0.5
#: So often at most those who changed since they were planned are planned anew for one batch.
_TIMES = 3
_STALE = "changed since it was planned"

Upcoming: TypeAlias = tuple[list[Operation], list[Work]]
#: Operations, and people who have to be planned anew first.
Claim: TypeAlias = tuple[list[Operation], list[int]]


class Choosing:
    """For one lane. `leavers`: only removals for who leaves."""

    def __init__(self, course: Course, *, leavers: bool) -> None:
        self._course = course
        self._leavers = leavers
        self._size = SMALLEST

    def next(self) -> Upcoming | None:
        """The next batch."""
        return self._claimed(self._first_leavers)

    def behind(self, travelling: Sequence[Operation]) -> Upcoming | None:
        """The batch after the one that travels. Behind anything else no leaver waits: the other
        lane takes them meanwhile."""
        urgent = travelling[0].urgency <= LEAVER_URGENCY
        return self._claimed(self._first_leavers if urgent else self._others)

    def one(self, kind: str) -> Upcoming | None:
        """One operation of a kind ("": of any)."""
        return self._claimed(lambda _: self._rows(self._leavers or None, kind=kind))

    def took(self, sent: int, seconds: float) -> None:
        """How long so many took that were sent."""
        self._size = _next_size(self._size, sent, seconds)

    def _claimed(self, choose: Callable[[bool], Claim]) -> Upcoming | None:
        """People who changed since they were planned are planned anew first."""
        for _ in range(_TIMES):
            seen = claiming.look(self._course.application.pk)
            if self._course.over or not seen.may_send:
                self._course.paused = not self._course.stopped
                return None
            rows, stale = choose(seen.leavers)
            if stale:
                at = now_for_all()
                plans.store(Scope(people=frozenset(stale)), now=at, reason=_STALE, by_itself=True)
            if rows:
                return rows, claiming.work_for(rows)
            if not stale:
                return None
        return None

    def _first_leavers(self, waiting: bool) -> Claim:
        found: Claim = ([], [])
        if waiting or self._leavers:
            found = self._rows(True)
        return found if any(found) or self._leavers else self._rows(False)

    def _others(self, _waiting: bool) -> Claim:
        return self._rows(False)

    def _rows(self, leavers: bool | None, *, kind: str | None = None) -> Claim:
        """See `claiming.claim`."""
        size = self._size if kind is None else 1
        return claiming.claim(
            self._course.application, size, now(), leavers=leavers, kind=kind or None
        )


def _next_size(size: int, sent: int, seconds: float) -> int:
    """Batches of about half a second: what is urgent and no leaver's overtakes the next one."""
    if sent < size:
        return size
    if seconds < _TARGET_SECONDS / 2:
        return min(_LARGEST, size * (4 if seconds < _TARGET_SECONDS / 8 else 2))
    return max(SMALLEST, size // 2) if seconds > _TARGET_SECONDS * 2 else size
