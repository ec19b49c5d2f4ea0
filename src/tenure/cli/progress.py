"""Progress on standard error: bars on a screen; elsewhere a plain line every few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from tenure.cli.output import err, say

#: Where lines are kept (a log, a pipe), this often is enough.
_LINE_EVERY = 2.0


class Bars:
    """How far several things are, each with a known total."""

    def __init__(self, totals: dict[str, int]) -> None:
        self._totals = totals
        self._done = dict.fromkeys(totals, 0)
        self._told: tuple[float, str] = (0.0, "")
        self._screen = _screen(TimeRemainingColumn()) if err.is_terminal else None
        self._bars: dict[str, TaskID] = {}

    def __enter__(self) -> Bars:
        if self._screen is not None:
            self._screen.start()
            self._bars = {n: self._screen.add_task(n, total=t) for n, t in self._totals.items()}
        return self

    def __exit__(self, *_: object) -> None:
        if self._screen is not None:
            self._screen.stop()
        else:
            self._line(at_once=True)

    def show(self, left: dict[str, int]) -> int:
        """`left`: what is still to do by name. Returns how much is done in all."""
        for name, total in self._totals.items():
            self._done[name] = max(0, total - left.get(name, 0))
            if self._screen is not None:
                self._screen.update(self._bars[name], completed=self._done[name])
        if self._screen is None:
            self._line(at_once=False)
        return sum(self._done.values())

    def _line(self, *, at_once: bool) -> None:
        line = ", ".join(
            f"{name} {self._done[name]}/{total}" for name, total in self._totals.items()
        )
        at, before = self._told
        if line and line != before and (at_once or time.monotonic() - at >= _LINE_EVERY):
            self._told = (time.monotonic(), line)
            say(line)


@contextmanager
def counting(what: str, unit: str) -> Iterator[Callable[[int], None]]:
    """`what` goes on; the function that is given is told how many `unit` were seen so far."""
    if err.is_terminal:
        with _screen(TextColumn(unit), transient=True) as bar:
            task = bar.add_task(what, total=None)
            yield lambda done: bar.update(task, completed=done)
        return
    say(f"{what}…")
    told = time.monotonic()

    def tell(done: int) -> None:
        nonlocal told
        if time.monotonic() - told >= _LINE_EVERY:
            told = time.monotonic()
            say(f"{what}: {done} {unit}")

    yield tell


def _screen(last: ProgressColumn, *, transient: bool = False) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=32),
        MofNCompleteColumn(),
        last,
        console=err,
        transient=transient,
    )


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Something goes on of which nobody knows how long it takes."""
    if err.is_terminal:
        with err.status(what):
            yield
    else:
        say(what)
        yield
