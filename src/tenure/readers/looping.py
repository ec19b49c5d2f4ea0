"""From the synchronous port of readers to asynchronous code: one event loop for one reading.

`iterate` and `run` are all that a reader needs. What goes wrong on the way comes out as the port's
errors. It must not know any source.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from tenure.connectors.base import (
    AlreadyExists,
    ConnectorError,
    NotFound,
    Rejected,
    RetryLater,
    StopApplication,
    Unsupported,
)
from tenure.readers.base import AccessRefused, ReaderBusy, ReaderError, RecordRefused

T = TypeVar("T")


def iterate(begin: Callable[[], AsyncIterator[T]]) -> Iterator[T]:
    """What the asynchronous iterator gives, one after the other, in an event loop of its own that
    ends with it, also where the reading is given up half way. Give pages rather than single rows:
    each one costs a turn of the loop.

    Each step runs in a task of its own, so nothing bound to a task (`asyncio.timeout`, a task
    group) may stay open over a `yield`; a session or a connection may. Raises `ReaderError`.
    """
    with asyncio.Runner() as runner:
        iterator = begin()
        try:
            while True:
                try:
                    with translated():
                        value = runner.run(_next(iterator))
                except StopAsyncIteration:
                    return
                yield value
        finally:
            close = getattr(iterator, "aclose", None)
            if close is not None:
                with translated():
                    runner.run(_await(close))


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """What the coroutine gives, in an event loop of its own. Raises `ReaderError`."""
    with asyncio.Runner() as runner, translated():
        return runner.run(coroutine)


@contextmanager
def translated() -> Iterator[None]:
    """Errors of connectors as those of readers, with the same words."""
    try:
        yield
    except RetryLater as error:
        raise ReaderBusy(str(error), error.after) from None
    except StopApplication as error:
        raise AccessRefused(str(error)) from None
    except (Rejected, NotFound, AlreadyExists, Unsupported) as error:
        raise RecordRefused(str(error)) from None
    except ConnectorError as error:
        raise ReaderError(str(error)) from None


async def _next(iterator: AsyncIterator[T]) -> T:
    return await anext(iterator)


async def _await(close: Callable[[], Coroutine[Any, Any, None]]) -> None:
    await close()
