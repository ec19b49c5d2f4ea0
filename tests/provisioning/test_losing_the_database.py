"""A drain that loses the database tells that once, and leaves nothing behind that goes on, or whose
error nobody hears."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
from django.db import OperationalError

from tenure.connectors.base import Listed
from tenure.connectors.memory import MemoryConnector
from tenure.provisioning import services
from tenure.provisioning.execution import claiming, executor
from tenure.provisioning.execution.choosing import SMALLEST, Choosing
from tenure.provisioning.execution.lane import Lane
from tests.provisioning.company import LONG, Company, apply, hold_up
from tests.provisioning.test_leavers import meanwhile


def lost(*_: object) -> Any:
    raise OperationalError("the connection is lost")


def unheard(draining: Coroutine[Any, Any, object]) -> list[str]:
    """What the event loop is left with by a drain that loses the database."""
    said: list[str] = []

    async def drained() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, told: said.append(str(told)))
        with pytest.raises(OperationalError):
            await draining
        said.extend(map(str, asyncio.all_tasks() - {asyncio.current_task()}))
        gc.collect()

    asyncio.run(drained())
    return said


def test_while_the_next_batch_is_being_claimed(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is found out where the first batch is stored while the second is sent, and again where the
    third is claimed."""
    company.application("chat")
    company.rule("everybody", "true", {"chat": []})
    company.people(40)
    services.store()
    claimed: list[object] = []

    def behind(*given: Any) -> Any:
        claimed.append(given)
        return lost() if len(claimed) > 1 else real(*given)

    def settle(*_: object) -> None:
        deadline = time.monotonic() + LONG
        while len(users) <= SMALLEST and time.monotonic() < deadline:
            time.sleep(0.001)
        lost()

    users = company.memories["chat"].users
    real = Choosing.behind
    monkeypatch.setattr(executor, "has_room", lambda: False)
    monkeypatch.setattr(Choosing, "behind", behind)
    monkeypatch.setattr(Lane, "_settle", settle)
    assert unheard(executor.Drain("chat").run()) == []
    assert len(claimed) == 2


def test_while_it_is_looked_whether_a_leaver_is_gone(
    sales: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the application is asked for that ends before its connection does."""
    leaver = sales.person("99")
    apply()
    sales.memories["chat"].users.clear()
    sales.people(32)
    services.store()
    happened: list[str] = []

    async def accounts(self: MemoryConnector) -> AsyncIterator[list[Listed]]:
        happened.append("begun")
        try:
            await asyncio.sleep(LONG)
            yield []
        finally:
            happened.append("ended")

    async def close(self: MemoryConnector, *_: object) -> None:
        happened.append("closed")

    def look(*given: Any) -> Any:
        fast = threading.current_thread().name.startswith("leavers-")
        return lost() if fast and happened else real(*given)

    real = claiming.look
    monkeypatch.setattr(claiming, "look", look)
    monkeypatch.setattr(MemoryConnector, "accounts", accounts)
    monkeypatch.setattr(MemoryConnector, "__aexit__", close)
    begun = hold_up(monkeypatch, until=lambda: "closed" in happened)
    draining = meanwhile(
        lambda: bool(begun),
        lambda: services.terminate_now(leaver, reason="gone"),
        lambda: bool(happened),
    )
    assert unheard(draining) == []
    assert happened == ["begun", "ended", "closed", "closed"]
