"""How fast an application may be asked: a token bucket that can be told to wait, and learns.

It knows time and counts only. It must not know requests or answers: whoever reads a `Retry-After`
tells the bucket with `pause`.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tenure.connectors.base import Limits, Pace, RetryLater

#: Seconds. Whoever is told to wait for longer asks again then: a date far off, or one by mistake,
#: would keep a leaver's account open for as long.
_LONGEST_PAUSE = 3600.0
#: Requests a second, below which nothing is slowed down any more.
_LEAST = 0.2
#: Seconds within which answers are about the same requests.
_ONCE = 1.0
#: A rate is that of the last so many seconds, and never taken over less than so many.
_LATELY = 10.0
_LEAST_SPAN = 0.25
#: Seconds until a rate that was halved has grown back by what was too many.
_STEPS = 50.0
_SECONDS = re.compile(r"\d{1,12}(\.\d{1,6})?", re.ASCII)


class TokenBucket:
    """`rate` requests a second on average (None: no limit), `burst` of them at once.

    Those who wait are served in the order they came. A pause that lasts longer than `patience`
    seconds is not waited for: `RetryLater` says when to come back.

    Whoever is told "too many" halves the rate, and lets it grow again by a fiftieth of what was
    too many each second: as TCP finds out what a network carries. What is learnt stands in `pace`,
    which outlives the bucket. It is forgotten at the rate that is configured, or, without one, at
    twice of what was too many.
    """

    def __init__(
        self, rate: float | None, burst: int, *, patience: float = 30.0, pace: Pace | None = None
    ) -> None:
        self._rate = rate
        self._burst = float(max(1, burst))
        self._patience = patience
        self._pace = pace or Pace()
        #: The rate at which it was too many.
        self._too_many = 2 * self._pace.rate if self._pace.rate else 0.0
        self._tokens = self._burst if self._pace.rate is None else 1.0
        self._filled = time.monotonic()
        self._slowed = 0.0
        #: When the last requests were sent: how fast it was when it turns out to have been too
        #: fast.
        self._times: deque[float] = deque(maxlen=64)
        self._paused_until = 0.0
        self._turn = asyncio.Lock()

    @property
    def rate(self) -> float | None:
        """Requests a second at present; None: no limit."""
        given, learnt = self._rate, self._pace.rate
        if given is None or learnt is None:
            return learnt if given is None else given
        return min(given, learnt)

    async def acquire(self, weight: int = 1) -> None:
        """Waits until one request may be sent. Raises `RetryLater` in a long pause. One that counts
        as several is sent as any other; those after it wait for longer."""
        if self.rate is None and self.paused_for() <= 0:
            self._sent(weight)
            return
        async with self._turn:
            while (wait := self._wait()) > 0:  # noqa: ASYNC110 - time passes, nobody sets it
                await asyncio.sleep(wait)
            if self.rate is not None:
                self._tokens -= weight
            self._sent(weight)

    def pause(self, seconds: float) -> None:
        """Lets nothing through for `seconds`; a longer pause that is under way stays."""
        seconds = min(max(seconds, 0.0), _LONGEST_PAUSE)
        self._paused_until = max(self._paused_until, time.monotonic() + seconds)
        self._pace.paused_until = max(self._pace.paused_until, time.time() + seconds)

    def paused_for(self) -> float:
        """Seconds until the pause ends; 0 or less when there is none."""
        return max(self._paused_until - time.monotonic(), self._pace.paused_until - time.time())

    def slow_down(self) -> None:
        """It was too many. Several answers within a second say so of the same requests."""
        now = time.monotonic()
        if now - self._slowed < _ONCE:
            return
        self._slowed = now
        sent = [at for at in self._times if now - at < _LATELY]
        seen = len(sent) / max(now - sent[0], _LEAST_SPAN) if sent else 1.0
        self._too_many = max(_LEAST, min(seen, self.rate or seen))
        self._pace.rate = max(_LEAST, self._too_many / 2)
        self._tokens, self._filled = 0.0, now

    def _sent(self, weight: int) -> None:
        at = time.monotonic()
        if weight == 1:
            self._times.append(at)
        else:
            self._times.extend([at] * weight)

    def _grow(self, seconds: float) -> None:
        if self._pace.rate is None:
            return
        self._pace.rate += seconds * max(self._too_many, _LEAST) / _STEPS
        if self._pace.rate >= (self._rate or max(2 * self._too_many, 2 * _LEAST)):
            self._pace.rate = None

    def _wait(self) -> float:
        pause = self.paused_for()
        if pause > self._patience:
            raise RetryLater(
                "The application asked us to wait. Nothing was sent; it is tried again after that.",
                after=pause,
            )
        if pause > 0:
            return pause
        now = time.monotonic()
        passed, self._filled = now - self._filled, now
        self._grow(passed)
        rate = self.rate
        if rate is None:
            return 0.0
        # Who was too fast just now does not send many at once.
        burst = self._burst if self._pace.rate is None else min(self._burst, max(1.0, rate))
        self._tokens = min(burst, self._tokens + passed * rate)
        return 0.0 if self._tokens >= 1 else (1 - self._tokens) / rate


class Throttle:
    """How fast one application may be read and written: each by a bucket of its own."""

    def __init__(self, limits: Limits, *, patience: float = 30.0) -> None:
        learnt = limits.learnt
        self._reads = TokenBucket(limits.reads, limits.burst, patience=patience, pace=learnt.reads)
        self._writes = TokenBucket(
            limits.writes, limits.burst, patience=patience, pace=learnt.writes
        )

    def of(self, *, write: bool) -> TokenBucket:
        """The bucket for requests that change something, or for those that do not."""
        return self._writes if write else self._reads

    def pause(self, seconds: float) -> None:
        """Lets neither through for `seconds`."""
        self._reads.pause(seconds)
        self._writes.pause(seconds)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that `Retry-After` asks for, as seconds or HTTP-date (RFC 9110, 10.2.3).

    None where the header is missing or means nothing. At most an hour.
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
