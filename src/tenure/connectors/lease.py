"""Whether whoever writes to an application may still do so.

A process that stood still (stopped, its machine paused) does not know that another one works the
application meanwhile. Whoever sends says here how that is known; it is asked before each write.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

from tenure.connectors.base import RetryLater


def _always() -> bool:
    return True


may_write: ContextVar[Callable[[], bool]] = ContextVar("may_write", default=_always)
"""Of the task that sends, and those that it begins."""


def must_hold(what: object) -> None:
    """Asked right before `what` is sent. Raises `RetryLater` where it may not be any more."""
    if not may_write.get()():
        raise RetryLater(f"{what} was not sent: this process stood still.")
