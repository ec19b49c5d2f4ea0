"""Connectors that are open as long as what they speak through."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Any, Self


class OpenWith:
    """Opens all of `_opened` in their order, and closes them, the last first. Where one cannot be
    opened, those before it are closed again."""

    #: Nothing, for those that speak to nobody.
    _opened: Sequence[AbstractAsyncContextManager[Any]] = ()
    _open: AsyncExitStack

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            for one in self._opened:
                await stack.enter_async_context(one)
            self._open = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._open.__aexit__(kind, error, traceback)
