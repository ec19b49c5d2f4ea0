"""How fast an application may be asked: buckets that are told to wait, and learn."""

from __future__ import annotations

import asyncio
import time

import pytest
from aiohttp import web

from tenure.connectors.base import Learnt, Limits, Pace, RetryLater
from tenure.connectors.throttle import TokenBucket
from tests.connectors.servers import http_server
from tests.connectors.test_http import funnel


async def sent(bucket: TokenBucket, seconds: float) -> int:
    """How many go through in so many seconds, when as many as can be are asked for."""
    count, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            await asyncio.wait_for(bucket.acquire(), until - time.monotonic())
        except TimeoutError:
            break
        count += 1
    return count


async def test_too_many_halves_what_was_too_many_and_lets_it_grow() -> None:
    pace = Pace()
    bucket = TokenBucket(40.0, burst=1, pace=pace)
    await sent(bucket, 1.1)
    bucket.slow_down()
    assert pace.rate is not None
    assert 15 <= pace.rate <= 21
    slowed = pace.rate
    assert 10 <= await sent(bucket, 1.0) <= 24
    assert pace.rate > slowed


async def test_answers_to_the_same_requests_slow_down_once() -> None:
    pace = Pace()
    bucket = TokenBucket(100.0, burst=1, pace=pace)
    bucket.slow_down()
    rate = pace.rate
    for _ in range(20):
        bucket.slow_down()
    assert pace.rate == rate


async def test_without_a_limit_it_is_learnt_from_how_fast_it_was() -> None:
    pace = Pace()
    bucket = TokenBucket(None, burst=1, pace=pace)
    for _ in range(100):
        await bucket.acquire()
        await asyncio.sleep(0.005)
    bucket.slow_down()
    assert pace.rate is not None
    assert 10 <= pace.rate <= 100


async def test_what_is_learnt_is_forgotten_when_it_has_grown_to_the_limit() -> None:
    pace = Pace(rate=9.999)
    bucket = TokenBucket(10.0, burst=1, pace=pace)
    await sent(bucket, 0.5)
    assert pace.rate is None
    assert bucket.rate == 10.0


async def test_whoever_comes_next_starts_with_what_was_learnt() -> None:
    bucket = TokenBucket(None, burst=50, pace=Pace(rate=5.0))
    assert await sent(bucket, 1.0) <= 8


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
