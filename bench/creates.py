"""Creating accounts: Tenure with everything stored, a bare loop, scim2-client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import aiohttp
import orjson
import uvloop

from bench.measure import Result, compare, interleaved, server
from bench.scim_server import SCIM, user

CONCURRENCY = 32


def run(paced: int, outrunning: int, runs: int) -> list[Result]:
    """One result against a server that does 1,000 creates a second, with so many accounts, one
    against a server of 4,000, and two against one that outruns everybody; scim2-client beside
    them."""
    results = []
    for name, accounts, rate, bulk in (
        ("server of 1,000/s", paced, 1000.0, False),
        ("server of 4,000/s", outrunning, 4000.0, False),
        ("server that outruns the loop", outrunning, 0.0, False),
        ("the same with bulk requests", outrunning, 0.0, True),
    ):
        with server(rate, bulk=bulk) as address:
            figures = interleaved(
                {
                    "limit": partial(_rate, accounts, _bare, address),
                    "ours": partial(_ours, accounts, address),
                    "scim2-client": partial(_rate, accounts, _scim2_client, address),
                },
                runs,
            )
        others = sorted(figures["scim2-client"])[len(figures["scim2-client"]) // 2]
        notes = (
            f"{accounts:,} accounts; limit: bare aiohttp loop, {CONCURRENCY} at once; "
            f"scim2-client: {others:,.0f}/s"
        )
        results.append(compare(f"creates, {name}", figures, "/s", notes))
    return results


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
