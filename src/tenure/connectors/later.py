"""Refusals that mean "later": of who asks too fast and is told so by a 403, and of what was made
just now and is not everywhere yet.

It must not know any one application: which words mean it is the caller's.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable
from typing import TypeVar

from tenure.connectors.base import ConnectorError, NotFound, RetryLater

T = TypeVar("T")
#: How long after it was made something may be missing elsewhere in a service, and when it is asked
#: for again, in seconds.
_REPLICATION = 120.0
_AGAIN = 5.0


async def heeding(asking: Awaitable[T], slower: re.Pattern[str], after: float | None = None) -> T:
    """What is asked for. A 403 that says `slower` is no matter of rights: nothing was done, and the
    engine comes back `after` so many seconds, or as it thinks fit."""
    try:
        return await asking
    except ConnectorError as error:
        if error.status == 403 and slower.search(str(error)):
            raise RetryLater(
                f"{error} Nothing was changed: it is asked for more slowly.", after
            ) from None
        raise


class JustMade:
    """What was made over one connection, and when."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}

    def note(self, identifier: str) -> None:
        """That something was made just now."""
        self._at[identifier] = time.monotonic()

    def forget(self, identifier: str) -> None:
        """That it was taken away again: that it is missing is right."""
        self._at.pop(identifier, None)

    async def soon(self, identifier: str, asking: Awaitable[T]) -> T:
        """What was made just now and is not everywhere yet is waited for, not given up."""
        try:
            return await asking
        except NotFound as error:
            made = self._at.get(identifier)
            if made is not None and time.monotonic() - made < _REPLICATION:
                raise RetryLater(
                    f"{error} It was made just now, and is not everywhere yet.", _AGAIN
                ) from None
            raise
