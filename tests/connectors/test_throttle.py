"""How fast an application may be asked: buckets that are told to wait, and learn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from aiohttp import web

from tenure.connectors import throttle
from tenure.connectors.base import Learnt, Limits, Pace, RetryLater
from tenure.connectors.throttle import TokenBucket
from tests.connectors.servers import http_server
from tests.connectors.test_http import funnel
from tests.survive.virtual import virtual_time

Run = Callable[[Callable[[], Awaitable[None]]], None]


@pytest.fixture
def in_no_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs what waits on a clock of its own: how busy the machine is changes nothing of it."""
    with virtual_time(datetime.now(UTC)) as loop:
        began = time.time()

        def tick() -> float:
            # No two looks at a clock tell the same: so little may be left that it adds nothing.
            loop.elapsed += 1e-9
            return loop.elapsed

        told = SimpleNamespace(monotonic=tick, time=lambda: began + tick())
        monkeypatch.setattr(throttle, "time", told)
        yield lambda work: loop.run_until_complete(work())


async def sent(bucket: TokenBucket, seconds: float) -> int:
    """How many go through in so many seconds, when as many as can be are asked for."""
    clock = asyncio.get_running_loop().time
    count, until = 0, clock() + seconds
    while clock() < until:
        try:
            await asyncio.wait_for(bucket.acquire(), until - clock())
        except TimeoutError:
            break
        count += 1
    return count


def test_too_many_halves_what_was_too_many_and_lets_it_grow(in_no_time: Run) -> None:
    pace = Pace()

    async def work() -> None:
        bucket = TokenBucket(40.0, burst=1, pace=pace)
        await sent(bucket, 1.1)
        bucket.slow_down()
        assert pace.rate is not None
        assert 19 <= pace.rate <= 21
        slowed = pace.rate
        assert 18 <= await sent(bucket, 1.0) <= 22
        assert pace.rate > slowed

    in_no_time(work)


async def test_answers_to_the_same_requests_slow_down_once() -> None:
    pace = Pace()
    bucket = TokenBucket(100.0, burst=1, pace=pace)
    bucket.slow_down()
    rate = pace.rate
    for _ in range(20):
        bucket.slow_down()
    assert pace.rate == rate


def test_without_a_limit_it_is_learnt_from_how_fast_it_was(in_no_time: Run) -> None:
    pace = Pace()

    async def work() -> None:
        bucket = TokenBucket(None, burst=1, pace=pace)
        for _ in range(100):
            await bucket.acquire()
            await asyncio.sleep(0.01)
        bucket.slow_down()
        assert pace.rate == pytest.approx(50, abs=1)

    in_no_time(work)


def test_what_is_learnt_is_forgotten_when_it_has_grown_to_the_limit(in_no_time: Run) -> None:
    pace = Pace(rate=9.999)

    async def work() -> None:
        bucket = TokenBucket(10.0, burst=1, pace=pace)
        await sent(bucket, 0.5)
        assert pace.rate is None
        assert bucket.rate == 10.0

    in_no_time(work)


def test_whoever_comes_next_starts_with_what_was_learnt(in_no_time: Run) -> None:
    async def work() -> None:
        assert 5 <= await sent(TokenBucket(None, burst=50, pace=Pace(rate=5.0)), 1.0) <= 6

    in_no_time(work)


async def test_a_pause_that_was_asked_of_another_one_is_kept_to() -> None:
    pace = Pace(paused_until=time.time() + 60)
    with pytest.raises(RetryLater) as raised:
        await TokenBucket(None, burst=1, patience=5, pace=pace).acquire()
    assert raised.value.after == pytest.approx(60, abs=1)


async def test_429_teaches_reads_and_writes_apart() -> None:
    async def too_many(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.json_response({})
        return web.Response(status=429)

    learnt = Learnt()
    async with (
        http_server(too_many) as address,
        funnel(address, limits=Limits(learnt=learnt)) as http,
    ):
        await http.read("/x")
        with pytest.raises(RetryLater) as raised:
            await http.write("POST", "/x", {})
    assert raised.value.after is not None
    assert learnt.reads.rate is None
    assert learnt.writes.rate is not None
