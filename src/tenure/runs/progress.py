"""How far a run is, at what rate, and how long it takes still: read from the run alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tenure.runs.models import Run, RunState

#: A rate measured over less than this says nothing.
_ENOUGH_SECONDS = 0.5
#: So long without a sign of life, and the page says so.
_SILENT_SECONDS = 30.0
_STEERABLE = [RunState.RUNNING, RunState.PAUSED, RunState.HELD, RunState.CANCELLED]


@dataclass(frozen=True, slots=True)
class Progress:
    """`rate` is per second, `left` in seconds; None where it cannot be said. `silent`: seconds
    since the last sign of life, when that is long."""

    running: bool
    done: int
    total: int | None
    percent: int | None
    rate: float | None
    left: float | None
    seconds: float
    silent: float | None = None

    #: It can be paused, resumed or cancelled.
    steerable: bool = False

    @property
    def pace(self) -> str:
        """The rate as it is shown."""
        if self.rate is None:
            return ""
        return f"{self.rate:,.0f}/s" if self.rate >= 10 else f"{self.rate:.1f}/s"


def progress(run: Run, now: datetime) -> Progress:
    """The progress of the run at `now`."""
    running = run.state == RunState.RUNNING.value
    end = now if running else (run.finished_at or run.touched_at)
    seconds = max(0.0, (end - run.started_at).total_seconds())
    rate = run.done / seconds if run.done and seconds >= _ENOUGH_SECONDS else None
    left = None
    if running and rate and run.total is not None and run.total >= run.done:
        left = (run.total - run.done) / rate
    quiet = (now - run.touched_at).total_seconds()
    percent = None
    if run.total:
        percent = min(100, int(run.done * 100 / run.total))
    return Progress(
        running=running,
        done=run.done,
        total=run.total,
        percent=percent,
        rate=rate,
        left=left,
        seconds=seconds,
        steerable=run.state in _STEERABLE,
        silent=quiet if running and quiet > _SILENT_SECONDS else None,
    )
