"""Creating accounts: Tenure with everything stored, a bare loop, scim2-client."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, NamedTuple

import aiohttp
import orjson
import uvloop

from bench.measure import Result, compare, interleaved, server
from bench.scim_server import SCIM, user

CONCURRENCY = 32


def run(paced: int, outrunning: int, many: int, runs: int) -> list[Result]:
    """One result against a server that does 1,000 creates a second, with so many accounts, one
    against a server of 4,000, and three against one that outruns everybody, the last of them with
    `many` accounts: what it takes to begin and to end counts for less there."""
    cases = (
        _Case("server of 1,000/s", paced, rate=1000.0),
        _Case("server of 4,000/s", outrunning, rate=4000.0),
        _Case("server that outruns the loop", outrunning),
        _Case("the same with bulk requests", outrunning, bulk=True),
        _Case("the same with many more accounts", many, bulk=True, with_others=False),
    )
    return [_measured(case, runs) for case in cases]


class _Case(NamedTuple):
    """`rate` 0: as many a second as it can. `with_others`: scim2-client beside them."""

    name: str
    accounts: int
    rate: float = 0.0
    bulk: bool = False
    with_others: bool = True


def _measured(case: _Case, runs: int) -> Result:
    notes = f"{case.accounts:,} accounts; limit: bare aiohttp loop, {CONCURRENCY} at once"
    with server(case.rate, bulk=case.bulk) as address:
        contestants = {
            "limit": partial(_rate, case.accounts, _bare, address),
            "ours": partial(_ours, case.accounts, address),
        }
        if case.with_others:
            contestants["scim2-client"] = partial(_rate, case.accounts, _scim2_client, address)
        figures = interleaved(contestants, runs)
    if case.with_others:
        notes += f"; scim2-client: {statistics.median(figures['scim2-client']):,.0f}/s"
    return compare(f"creates, {case.name}", figures, "/s", notes)


def _rate(
    accounts: int, run: Callable[[int, str], Coroutine[Any, Any, None]], address: str
) -> float:
    _clear(address)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        started = time.perf_counter()
        runner.run(run(accounts, address))
        return accounts / (time.perf_counter() - started)


async def _bare(accounts: int, address: str) -> None:
    """The limit: send, parse the answer, keep nothing."""
    limit = asyncio.Semaphore(CONCURRENCY)
    connector = aiohttp.TCPConnector(limit=CONCURRENCY)
    headers = {"Content-Type": SCIM, "Authorization": "Bearer x"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def create(number: int) -> None:
            async with limit:
                body = orjson.dumps(user(number))
                async with session.post(f"{address}/scim/Users", data=body) as answer:
                    assert answer.status == 201
                    orjson.loads(await answer.read())

        await asyncio.gather(*(create(number) for number in range(accounts)))


async def _scim2_client(accounts: int, address: str) -> None:
    """What a Python user would pick instead. Not slowed by a line of log for each request."""
    import logging

    import httpx2
    from scim2_client.engines.httpx2 import AsyncSCIMClient
    from scim2_models import Email, Name, User

    logging.getLogger("httpx2").setLevel(logging.WARNING)
    limits = httpx2.Limits(max_connections=CONCURRENCY, max_keepalive_connections=CONCURRENCY)
    async with httpx2.AsyncClient(base_url=f"{address}/scim", limits=limits) as http:
        client = AsyncSCIMClient(http, resource_models=[User])
        client.register_naive_resource_types()
        limit = asyncio.Semaphore(CONCURRENCY)

        async def create(number: int) -> None:
            async with limit:
                await client.create(
                    User(
                        user_name=f"person{number}@acme.example",
                        name=Name(given_name=f"Given{number}", family_name=f"Family{number}"),
                        display_name=f"Given{number} Family{number}",
                        title="Engineer",
                        emails=[Email(value=f"person{number}@acme.example", type=Email.Type.work)],
                        active=True,
                    )
                )

        await asyncio.gather(*(create(number) for number in range(accounts)))


def _ours(accounts: int, address: str) -> float:
    """The whole of it: claim, send, settle, accounts and audit stored. The application was read and
    everything planned beforehand, as it is before anybody approves a plan."""
    from bench import company
    from tenure.applications.models import Account
    from tenure.connectors.scim import declared
    from tenure.provisioning.execution.executor import Drain
    from tenure.provisioning.planning import plans
    from tenure.provisioning.planning.drafting import Scope
    from tenure.provisioning.reconciliation.reconcile import reconcile_by_slug

    _clear(address)
    declared.forget()
    company.clear()
    company.add_people(accounts)
    company.add_applications(1, address=f"{address}/scim")
    company.give_everybody("app0")
    asyncio.run(reconcile_by_slug("app0"))
    plans.store(Scope())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        started = time.perf_counter()
        drained = runner.run(Drain("app0").run())
        taken = time.perf_counter() - started
    assert drained.sent == accounts, drained
    assert Account.objects.count() == accounts
    return accounts / taken


def _clear(address: str) -> None:
    import urllib.request

    urllib.request.urlopen(urllib.request.Request(f"{address}/clear", method="POST")).read()
