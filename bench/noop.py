"""Reconciling with nothing to do, against a bare loop that lists the same pages and parses them."""

from __future__ import annotations

import asyncio
import time
import urllib.request

import aiohttp
import orjson
import uvloop

from bench.measure import Result, compare, interleaved, server

PAGE = 100


def run(accounts: int, runs: int) -> list[Result]:
    """One result: seconds for one pass over all accounts."""
    from bench import company

    with server() as address:
        urllib.request.urlopen(
            urllib.request.Request(f"{address}/fill?count={accounts}", method="POST")
        ).read()
        company.clear()
        company.add_applications(1, address=f"{address}/scim")
        first = _reconcile(accounts, unchanged=0)
        figures = interleaved(
            {
                "limit": lambda: _bare(accounts, address),
                "ours": lambda: _reconcile(accounts, unchanged=accounts),
            },
            runs,
        )
    notes = f"{accounts:,} accounts, {PAGE} a page; the first pass, all new: {first:.1f} s"
    return [compare("reconcile with nothing to do", figures, "s", notes)]


def _bare(accounts: int, address: str) -> float:
    async def listing() -> int:
        seen = 0
        async with aiohttp.ClientSession(headers={"Authorization": "Bearer x"}) as session:
            while seen < accounts:
                query = f"startIndex={seen + 1}&count={PAGE}"
                async with session.get(f"{address}/scim/Users?{query}") as answer:
                    seen += len(orjson.loads(await answer.read())["Resources"])
        return seen

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        started = time.perf_counter()
        assert runner.run(listing()) == accounts
        return time.perf_counter() - started


def _reconcile(accounts: int, *, unchanged: int) -> float:
    from tenure.provisioning.reconciliation.reconcile import reconcile_by_slug

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        started = time.perf_counter()
        result = runner.run(reconcile_by_slug("app0"))
        taken = time.perf_counter() - started
    assert result.counters["seen"] == accounts, result.counters
    assert result.counters.get("unchanged", 0) == unchanged, result.counters
    return taken
