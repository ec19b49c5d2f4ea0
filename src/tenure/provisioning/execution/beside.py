"""What goes on beside something else, and does not outlast it: whoever begins it ends it, and no
error of it is left for the event loop to find.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """Asked by whoever needs the answer first, for all who need it: one of them that ends does not
    take it from the others."""

    def __init__(self, asking: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._asking = asking
        self._task: asyncio.Task[T] | None = None

    async def answer(self) -> T:
        """The answer, or the error, that all get."""
        if self._task is None:
            self._task = asyncio.create_task(self._asking())
        return await asyncio.shield(self._task)

    async def end(self) -> None:
        """Nobody waits for it any more."""
        await end(self._task)


async def end(*tasks: asyncio.Future[Any] | None) -> None:
    """Nothing of these goes on, whatever became of them."""
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def over(*tasks: asyncio.Future[Any] | None) -> None:
    """Each has come to its end, whatever became of it."""
    await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)
