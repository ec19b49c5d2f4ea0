"""Connectors that are open as long as what they speak through."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Self


class OpenWith:
    """Opens all of `_opened` in their order, and closes them."""

    _opened: Sequence[AbstractAsyncContextManager[Any]]

    async def __aenter__(self) -> Self:
        for one in self._opened:
            await one.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for one in self._opened:
            await one.__aexit__(kind, error, traceback)
