"""A leaver overtakes whatever an application is busy with: a long batch, a wait, a backlog."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from tenure.applications.models import Application
from tenure.connectors.faults import lost_before, retry_later, slow
from tenure.people.models import Person
from tenure.provisioning import services
from tenure.provisioning.execution import lane
from tenure.provisioning.execution.executor import Drain
from tenure.provisioning.execution.tables import Tables
from tenure.provisioning.records import settling
from tests.provisioning.company import Company, apply, change, states


async def meanwhile(after: float, act: Callable[[], object], done: Callable[[], bool]) -> float:
    """Drain, and `act` after so many seconds. How long it took from then until it was `done`, while
    the drain was still at its work."""
    tables = Tables("test")
    draining = asyncio.create_task(Drain("chat").run())
    try:
        await asyncio.sleep(after)
        await tables.do(act)
        began = time.monotonic()
        while not await tables.do(done):
            assert not draining.done(), "the drain ended, and it was not done"
            await asyncio.sleep(0.02)
        return time.monotonic() - began
    finally:
        await draining
        await tables.close()


def terminate_while_draining(company: Company, person: Person, *, after: float) -> float:
    """Seconds from a termination to the account that is closed."""
    return asyncio.run(
        meanwhile(
            after,
            lambda: services.terminate_now(person, reason="gone"),
            lambda: person.email not in company.open_users(),
        )
    )


def test_a_leaver_does_not_wait_for_the_batch_that_is_travelling(sales: Company) -> None:
    leaver = sales.person("99")
    apply()
    Application.objects.update(limits={"concurrency": 4})
    sales.people(32)
    sales.memories["chat"].faults.always("create", slow(0.3))
    services.store()
    assert terminate_while_draining(sales, leaver, after=0.5) < 1.2
    assert sales.open_users() == {f"p{n}@acme.example" for n in range(1, 33)}
    assert states() == {"done": 34}


def test_a_leaver_does_not_wait_for_a_retry_of_somebody_else(
    sales: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaver, other = sales.person("99"), sales.person("1")
    apply()
    change(other, title="Lead")
    sales.memories["chat"].faults.nth("update", 1, retry_later(after=3))
    services.store()
    assert terminate_while_draining(sales, leaver, after=0.5) < 1.2
    assert states() == {"done": 4}


def test_new_work_does_not_wait_for_a_retry_either(sales: Company) -> None:
    other = sales.person("1")
    apply()
    change(other, title="Lead")
    sales.memories["chat"].faults.nth("update", 1, retry_later(after=4))
    services.store()

    def hire() -> None:
        sales.person("2")
        services.store()

    taken = asyncio.run(meanwhile(0.3, hire, lambda: len(sales.users()) == 2))
    assert taken < lane._GLANCE + 0.5
    assert states() == {"done": 3}


def test_two_operations_of_one_person_never_travel_at_once(sales: Company) -> None:
    """The account that is just being made is closed after it was made, not beside that."""
    leaver = sales.person("1")
    sales.memories["chat"].faults.always("create", slow(1.0))
    services.store()

    asyncio.run(
        meanwhile(
            0.4,
            lambda: services.terminate_now(leaver, reason="gone"),
            lambda: "p1@acme.example" in sales.users(),
        )
    )
    services.store()
    asyncio.run(Drain("chat").run())
    verbs = [c.verb for c in sales.memories["chat"].calls if c.verb in ("create", "disable")]
    assert verbs == ["create", "disable"]
    assert sales.open_users() == set()


def test_a_leaver_who_fails_does_not_stop_the_others(
    sales: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "_FIRST_WAIT", 0.01)
    leaver = sales.person("99")
    apply()
    Application.objects.update(limits={"concurrency": 4})
    sales.people(32)
    memory = sales.memories["chat"]
    memory.faults.always("create", slow(0.2))
    for number in range(1, 5):
        memory.faults.nth("disable", number, lost_before())
    services.store()
    terminate_while_draining(sales, leaver, after=0.4)
    assert states() == {"done": 34}
