"""The time. The one place to ask, so that a simulation has one place to replace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return _tell()


@contextmanager
def told_by(tell: Callable[[], datetime]) -> Iterator[None]:
    """For simulations: in all threads of this process, `tell` says what time it is."""
    global _tell
    before, _tell = _tell, tell
    try:
        yield
    finally:
        _tell = before


def _real() -> datetime:
    return datetime.now(UTC)


_tell: Callable[[], datetime] = _real
