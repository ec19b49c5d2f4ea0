"""Keeping the processes of `tenure up` alive, and stopping them all.

Knows command lines only. A child that dies is started again, after a longer wait each time; when
this process is told to stop, the children are told first and killed if they do not listen; when it
dies without being told, the kernel tells them.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType

log = logging.getLogger(__name__)
# Loaded before any fork: a child that is not yet its own program must not load anything.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None

_PR_SET_PDEATHSIG = 1
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_PATIENCE = 10.0
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 10.0
#: A child that lived this long was well: its next start waits no longer than the first.
_WELL_AFTER = 30.0


@dataclass(slots=True)
class Child:
    """One process to keep alive."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    wait: float = _FIRST_WAIT
    due: float = field(default=0.0)

    def start(self) -> None:
        parent = os.getpid()
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            preexec_fn=lambda: _die_with(parent),
            process_group=0,  # Ctrl-C goes to us alone; we tell the children.
        )
        self.started = time.monotonic()

    def tend(self, now: float) -> None:
        """Start it again if it died, when its wait is over."""
        if self.process is None:
            if now >= self.due:
                self.start()
            return
        code = self.process.poll()
        if code is None:
            return
        self.wait = _FIRST_WAIT if now - self.started > _WELL_AFTER else self.wait
        log.warning("%s ended with %s; starting it again in %.1f s", self.name, code, self.wait)
        self.process, self.due = None, now + self.wait
        self.wait = min(_LONGEST_WAIT, self.wait * 2)


def supervise(
    children: Sequence[Child],
    *,
    look_every: float = 0.1,
    watch: Callable[[], None] | None = None,
) -> int:
    """Run the children until SIGTERM, SIGINT or SIGHUP. `watch` is called at each look, about
    every `look_every` seconds, for what else has to be kept alive; what it raises ends everything.
    Returns 0 when all stopped by themselves, 1 when one had to be killed."""
    told = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal told
        told = True

    before = {number: signal.signal(number, stop) for number in _STOP_SIGNALS}
    try:
        for child in children:
            child.start()
        while not told:
            for child in children:
                child.tend(time.monotonic())
            if watch is not None:
                watch()
            time.sleep(look_every)
    finally:
        code = _stop(children)
        for number, handler in before.items():
            signal.signal(number, handler)
    return code


def _stop(children: Sequence[Child]) -> int:
    running = [c.process for c in children if c.process and c.process.poll() is None]
    for process in running:
        process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE
    killed = 0
    for process in running:
        try:
            process.wait(timeout=max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            killed = 1
    return killed


def _die_with(parent: int) -> None:
    """In the child, before its program: SIGTERM when the parent is gone (prctl(2))."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)
