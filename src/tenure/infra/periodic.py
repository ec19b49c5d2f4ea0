"""Jobs that come again and again, in a worker whose machine stood still or whose clock was set.

The library queues every moment since the last one, one task after the other: after a night on a
paused machine that is a hundred thousand jobs before the first sweep, and after a clock was put
back it is none until the clock is where it was. What comes every few seconds is queued once for
all that was missed, and from any clock on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from procrastinate.periodic import PeriodicDeferrer, PeriodicTask
from procrastinate.worker import Worker


class Deferrer(PeriodicDeferrer):
    """At most one moment of each task at a time: the latest."""

    def get_timestamps(
        self, periodic_task: PeriodicTask[Any, Any, Any], since: int | None, until: float
    ) -> Iterator[int]:
        """The last moment before `until`, unless that is `since`; all in seconds since 1970.
        Without `since`, for a worker that just began, not one that is long past."""
        times = periodic_task.croniter
        times.set_current(start_time=until)
        latest = round(times.get_prev(ret_type=float))
        if latest != since and (since is not None or until - latest <= self.max_delay):
            yield latest


class PeriodicWorker(Worker):
    """The library's worker, which queues by `Deferrer`."""

    async def _periodic_deferrer(self) -> None:
        await Deferrer(self.app.periodic_registry, **self.app.periodic_defaults).worker()
