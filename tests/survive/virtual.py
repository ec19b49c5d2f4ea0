"""An event loop in which time passes only when everybody waits: a day of back-off takes no time.

While a thread works for the loop, time stands still, so what follows from what does not depend on
how fast the machine is.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from tenure.infra import clock


class _Selector(selectors.DefaultSelector):
    """Asks the loop instead of waiting."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is not None and timeout <= 0:
            return super().select(0)  # Somebody has something to do.
        if self.loop.working:
            return super().select(None)
        if timeout is None:
            raise RuntimeError("Everybody waits for something that will never happen.")
        self.loop.elapsed += timeout
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """`elapsed`: seconds that have passed. `working`: calls that threads are at."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self.working = 0
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.elapsed

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        inner = (executor or self._default()).submit(func, *args)
        self.working += 1
        outer = asyncio.wrap_future(inner, loop=self)
        # After the one that hands over the result: time stands still until that is done.
        inner.add_done_callback(lambda _: self.call_soon_threadsafe(self._worked))
        return outer

    def _default(self) -> Executor:
        if not hasattr(self, "_pool"):
            self._pool = ThreadPoolExecutor(max_workers=4)
        return self._pool

    def _worked(self) -> None:
        self.working -= 1


@contextmanager
def virtual_time(start: datetime) -> Iterator[VirtualLoop]:
    """A loop whose time is everybody's time."""
    loop = VirtualLoop()
    with clock.told_by(lambda: start + timedelta(seconds=loop.elapsed)):
        try:
            yield loop
        finally:
            loop.run_until_complete(_end_all())
            loop.close()


async def _end_all() -> None:
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
