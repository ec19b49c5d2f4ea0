"""A leaver overtakes whatever an application is busy with: a long batch, a wait, a backlog."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError

from tenure.applications.models import Application
from tenure.connectors.faults import lost_before, retry_later, slow, stopped
from tenure.connectors.memory import MemoryConnector
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.provisioning import services
from tenure.provisioning.execution import claiming
from tenure.provisioning.execution.executor import Drain, Drained
from tenure.provisioning.execution.tables import Tables
from tenure.provisioning.models import Operation
from tenure.provisioning.records import settling
from tests.provisioning.company import LONG, Company, apply, change, drain, hold_up, states


async def meanwhile(
    reached: Callable[[], bool], act: Callable[[], object], done: Callable[[], bool]
) -> None:
    """Drain, `act` as soon as that has `reached` so far, and wait until it is `done`: while the
    drain is still at its work. Retries that it waits for are due then."""
    tables = Tables("test")
    draining = asyncio.create_task(Drain("chat").run())
    try:
        await _until(reached, draining)
        await tables.do(act)
        await _until(done, draining)
        await tables.do(retries_are_due)
    finally:
        await tables.close()
        await draining


def retries_are_due() -> None:
    Operation.objects.filter(state="retrying").update(not_before=now())


async def _until(condition: Callable[[], bool], draining: asyncio.Task[Drained]) -> None:
    while not condition():
        assert not draining.done(), "the drain ended, and it was not done"
        await asyncio.sleep(0.01)


def terminate_while_draining(company: Company, person: Person, *, busy: str) -> None:
    """Terminate somebody once the application was asked for what keeps it `busy`, and wait until
    their account is closed."""
    asyncio.run(
        meanwhile(
            lambda: asked(company, busy) > 0,
            lambda: services.terminate_now(person, reason="gone"),
            lambda: person.email not in company.open_users(),
        )
    )


def asked(company: Company, verb: str) -> int:
    """How often the application was asked for that."""
    return [call.verb for call in company.memories["chat"].calls].count(verb)


def test_a_leaver_does_not_wait_for_the_batch_that_is_travelling(
    sales: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaver = sales.person("99")
    apply()
    sales.people(32)
    services.store()

    def is_closed() -> bool:
        return leaver.email not in sales.open_users()

    begun = hold_up(monkeypatch, until=is_closed)
    asyncio.run(
        meanwhile(
            lambda: bool(begun),
            lambda: services.terminate_now(leaver, reason="gone"),
            is_closed,
        )
    )
    happened = [one.what for one in sales.memories["chat"].history]
    assert happened.index("closed") < happened.index("created", 1)
    assert sales.open_users() == {f"p{n}@acme.example" for n in range(1, 33)}
    assert states() == {"done": 34}


def test_a_leaver_is_not_claimed_ahead_behind_the_batch_that_is_travelling(
    sales: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They leave between the claim of a batch and that of the next one."""
    leaver = sales.person("99")
    apply()
    sales.people(40)
    services.store()
    hold_up(monkeypatch, until=lambda: leaver.email not in sales.open_users())
    claims: list[list[Operation]] = []

    def claim(*args: Any, **more: Any) -> tuple[list[Operation], list[int]]:
        claimed = real(*args, **more)
        if claimed[0]:
            claims.append(claimed[0])
        if len(claims) == 1 and leaver.email in sales.open_users():
            services.terminate_now(leaver, reason="gone")
        return claimed

    real = claiming.claim
    monkeypatch.setattr(claiming, "claim", claim)
    drain()
    happened = [one.what for one in sales.memories["chat"].history]
    assert happened.index("closed") < happened.index("created", 1)
    assert states() == {"done": 42}


def test_a_leaver_does_not_wait_for_a_retry_of_somebody_else(sales: Company) -> None:
    leaver, other = sales.person("99"), sales.person("1")
    apply()
    change(other, title="Lead")
    sales.memories["chat"].faults.nth("update", 1, retry_later(after=LONG))
    services.store()
    terminate_while_draining(sales, leaver, busy="update")
    verbs = [call.verb for call in sales.memories["chat"].calls]
    assert [verb for verb in verbs if verb in ("update", "disable")] == [
        "update",
        "disable",
        "update",
    ]
    assert states() == {"done": 4}


def test_new_work_does_not_wait_for_a_retry_either(sales: Company) -> None:
    other = sales.person("1")
    apply()
    change(other, title="Lead")
    sales.memories["chat"].faults.nth("update", 1, retry_later(after=LONG))
    services.store()

    def hire() -> None:
        sales.person("2")
        services.store()

    asyncio.run(
        meanwhile(lambda: asked(sales, "update") > 0, hire, lambda: len(sales.users()) == 2)
    )
    verbs = [call.verb for call in sales.memories["chat"].calls]
    assert [verb for verb in verbs if verb in ("update", "create")] == [
        "create",
        "update",
        "create",
        "update",
    ]
    assert states() == {"done": 3}


def test_two_operations_of_one_person_never_travel_at_once(sales: Company) -> None:
    """The account that is just being made is closed after it was made, not beside that."""
    leaver = sales.person("1")
    sales.memories["chat"].faults.always("create", slow(1.0))
    services.store()

    asyncio.run(
        meanwhile(
            lambda: asked(sales, "create") > 0,
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
    memory.faults.always("create", slow(0.02))
    for number in range(1, 5):
        memory.faults.nth("disable", number, lost_before())
    services.store()
    services.terminate_now(leaver, reason="gone")
    # Whichever lane meets them, and whichever ends first.
    assert not drain().stopped
    assert states() == {"done": 34}


def test_the_wide_lane_stops_for_no_leaver_who_fails_while_the_application_answers(
    sales: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever lane comes first; but an application that cannot be read either is unreachable."""
    monkeypatch.setattr(settling, "_FIRST_WAIT", 0.001)
    leaver, other = sales.person("98"), sales.person("99")
    apply()
    memory = sales.memories["chat"]
    for number in range(1, 6):
        memory.faults.nth("disable", number, lost_before())
    monkeypatch.setattr(Drain, "_beside_leavers", lambda drain, course, work: work)
    services.terminate_now(leaver, reason="gone")
    assert not drain().stopped
    assert states() == {"done": 3}
    memory.faults.always("disable", lost_before()).always("check", stopped())
    services.terminate_now(other, reason="gone")
    assert drain().stopped
    assert states() == {"done": 3, "unknown": 1}


def test_what_is_under_way_for_a_leaver_ends_before_its_connection_to_the_application(
    sales: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes away in the middle of it."""
    leaver = sales.person("99")
    apply()
    sales.people(32)
    services.store()
    happened: list[tuple[int, str]] = []

    async def disable(self: MemoryConnector, remote_id: str) -> None:
        happened.append((id(self), "begun"))
        try:
            await asyncio.sleep(LONG)
        finally:
            happened.append((id(self), "ended"))

    async def close(self: MemoryConnector, *_: object) -> None:
        happened.append((id(self), "closed"))

    def look(*args: Any) -> claiming.Look:
        if happened and threading.current_thread().name.startswith("leavers-"):
            raise OperationalError("the connection is lost")
        return real(*args)

    real = claiming.look
    monkeypatch.setattr(claiming, "look", look)
    monkeypatch.setattr(MemoryConnector, "disable", disable)
    monkeypatch.setattr(MemoryConnector, "__aexit__", close)
    begun = hold_up(monkeypatch, until=lambda: any(what == "closed" for _, what in happened))
    with pytest.raises(OperationalError):
        asyncio.run(
            meanwhile(
                lambda: bool(begun),
                lambda: services.terminate_now(leaver, reason="gone"),
                lambda: bool(happened),
            )
        )
    fast = happened[0][0]
    assert [what for which, what in happened if which == fast] == ["begun", "ended", "closed"]
