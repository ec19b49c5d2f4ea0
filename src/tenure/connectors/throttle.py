"""How fast an application may be asked: a token bucket that can be told to wait.

It knows time and counts only. It must not know requests or answers: whoever reads a `Retry-After`
tells the bucket with `pause`.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tenure.connectors.base import RetryLater

#: Nobody means more than a day; a larger number is a mistake of the application.
_LONGEST_PAUSE = 86_400.0
_SECONDS = re.compile(r"\d{1,12}(\.\d{1,6})?", re.ASCII)


class TokenBucket:
    """`rate` requests a second on average (None: no limit), `burst` of them at once.

    Those who wait are served in the order they came. A pause that lasts longer than `patience`
    seconds is not waited for: `RetryLater` says when to come back.
    """

    def __init__(self, rate: float | None, burst: int, *, patience: float = 30.0) -> None:
        self._rate = rate
        self._burst = float(max(1, burst))
        self._patience = patience
        self._tokens = self._burst
        self._filled = time.monotonic()
        self._paused_until = 0.0
        self._turn = asyncio.Lock()

    async def acquire(self) -> None:
        """Waits until one request may be sent. Raises `RetryLater` in a long pause."""
        if self._rate is None and self.paused_for() <= 0:
            return
        async with self._turn:
            while (wait := self._wait()) > 0:  # noqa: ASYNC110 - time passes, nobody sets it
                await asyncio.sleep(wait)
            if self._rate is not None:
                self._tokens -= 1

    def pause(self, seconds: float) -> None:
        """Lets nothing through for `seconds`; a longer pause that is under way stays."""
        until = time.monotonic() + min(max(seconds, 0.0), _LONGEST_PAUSE)
        self._paused_until = max(self._paused_until, until)

    def paused_for(self) -> float:
        """Seconds until the pause ends; 0 or less when there is none."""
        return self._paused_until - time.monotonic()

    def _wait(self) -> float:
        pause = self.paused_for()
        if pause > self._patience:
            raise RetryLater(
                f"The application asked us to wait; {pause:.0f} seconds of it are left. "
                "Nothing was sent; it is tried again after that.",
                after=pause,
            )
        if pause > 0:
            return pause
        if self._rate is None:
            return 0.0
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        return 0.0 if self._tokens >= 1 else (1 - self._tokens) / self._rate


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that `Retry-After` asks for, as seconds or HTTP-date (RFC 9110, 10.2.3).

    None where the header is missing or means nothing. At most a day.
    """
    text = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), _LONGEST_PAUSE)
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return min(max((when - datetime.now(UTC)).total_seconds(), 0.0), _LONGEST_PAUSE)
