"""How far a run is, at what rate, and how long it takes still: read from the run, and from what
whoever asks knows of how it goes on just now."""

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
    #: Something of it can go on; False where all that is left waits for something else.
    moving: bool = True
    #: It can be paused, resumed or cancelled.
    steerable: bool = False

    @property
    def pace(self) -> str:
        """The rate as it is shown."""
        if self.rate is None:
            return ""
        return f"{self.rate:,.0f}/s" if self.rate >= 10 else f"{self.rate:.1f}/s"


def progress(run: Run, now: datetime, *, rate: float | None = None, waiting: int = 0) -> Progress:
    """The progress of the run at `now`. `rate` is that of lately; without it, it is that of the
    whole run. So many operations are `waiting` for something else: they count neither for the time
    that is left nor as silence."""
    running = run.state == RunState.RUNNING.value
    end = now if running else (run.finished_at or run.touched_at)
    seconds = max(0.0, (end - run.started_at).total_seconds())
    if rate is None:
        rate = run.done / seconds if run.done and seconds >= _ENOUGH_SECONDS else None
    to_go = None if run.total is None else max(0, run.total - run.done - waiting)
    left = to_go / rate if running and rate and to_go else None
    quiet = (now - run.touched_at).total_seconds()
    percent = None
    if run.total:
        percent = min(100, int(run.done * 100 / run.total))
    return Progress(
        running=running,
        done=run.done,
        total=run.total,
        percent=percent,
        rate=rate or None,
        left=left,
        seconds=seconds,
        moving=to_go != 0,
        steerable=run.state in _STEERABLE,
        silent=quiet if running and to_go != 0 and quiet > _SILENT_SECONDS else None,
    )
