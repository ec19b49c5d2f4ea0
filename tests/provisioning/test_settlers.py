"""Batches that are settled at the same time, over connections of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError

from tenure.applications.models import Application
from tenure.audit.models import Event
from tenure.connectors.faults import slow
from tenure.infra.clock import now
from tenure.provisioning import services
from tenure.provisioning.execution import choosing, claiming, executor
from tenure.provisioning.models import Operation
from tenure.provisioning.records import settling
from tenure.runs.models import Run
from tests.provisioning.company import Company, drain, states

PEOPLE = 320


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many of them."""
    monkeypatch.setattr(choosing, "_LARGEST", 32)
    monkeypatch.setattr(settling, "_FIRST_WAIT", 0.001)
    monkeypatch.setattr(settling, "SHOWN_AFTER", 0.001)
    monkeypatch.setattr(claiming, "longest_answer", lambda _: 0.0)


def everything_is_there_once(company: Company) -> None:
    assert states() == {"done": PEOPLE}
    assert len(company.open_users()) == PEOPLE
    assert len(company.users()) == PEOPLE
    assert Event.objects.filter(action="account.created").count() == PEOPLE


def test_two_batches_are_settled_at_a_time(sales: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    beside, inside, settle = threading.Event(), set[str](), settling.settle

    def both(*given: Any) -> None:
        here = threading.current_thread().name.partition("-")[0]
        inside.add(here)
        if inside == {"drain", "settling"}:
            beside.set()
        # The first one over the second connection waits for another that is settled beside it.
        assert here == "drain" or beside.wait(timeout=30)
        settle(*given)
        inside.discard(here)

    monkeypatch.setattr(settling, "settle", both)
    sales.people(PEOPLE)
    services.store()
    drained = drain()
    assert (drained.sent, drained.failed) == (PEOPLE, 0)
    assert beside.is_set()
    everything_is_there_once(sales)
    assert Run.objects.get(kind="execute").done == PEOPLE


def test_without_connections_to_spare_one_has_to_do(
    sales: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "has_room", lambda: False)
    sales.people(PEOPLE)
    services.store()
    assert drain().sent == PEOPLE
    everything_is_there_once(sales)


def test_one_that_cannot_be_settled_is_looked_for_and_nothing_is_made_twice(
    sales: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    sales.memories["chat"].unique = False
    settle, calls = settling.settle, iter(range(PEOPLE))

    def once_lost(*given: Any) -> None:
        if next(calls) == 1:
            raise DatabaseError("the connection is lost")
        settle(*given)

    monkeypatch.setattr(settling, "settle", once_lost)
    sales.people(PEOPLE)
    services.store()
    with pytest.raises(DatabaseError):
        drain()
    begun = Operation.objects.filter(state="started")
    # What was sent has arrived, if it was.
    assert begun.update(started_at=now() - timedelta(minutes=5))
    for _ in range(20):
        drain()
        if states().keys() == {"done"}:
            break
    everything_is_there_once(sales)


def test_nothing_more_is_begun_once_an_outcome_could_not_be_stored(
    sales: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk of the database is full: whatever is sent now has to be looked for afterwards."""
    memory, settle, full = sales.memories["chat"], settling.settle, threading.Event()
    settled = iter(range(PEOPLE))
    Application.objects.update(limits={"concurrency": 2})

    def sent() -> int:
        return [call.verb for call in memory.calls].count("create")

    def disk_full(*given: Any) -> None:
        if next(settled) == 0:
            return settle(*given)
        # The third batch is on its way by now.
        assert wait_until(lambda: sent() > 2 * 32)
        full.set()
        raise DatabaseError("could not extend file: No space left on device")

    for number in range(2 * 32 + 1, PEOPLE + 1):
        memory.faults.nth("create", number, slow(0.05))
    monkeypatch.setattr(settling, "settle", disk_full)
    sales.people(PEOPLE)
    services.store()
    with pytest.raises(DatabaseError, match="No space left"):
        drain()
    assert full.is_set()
    assert sent() < 3 * 32
    memory.faults.clear()
    monkeypatch.setattr(settling, "settle", settle)
    drain()
    everything_is_there_once(sales)


def wait_until(condition: Callable[[], bool]) -> bool:
    """Whether it came to be so, within half a minute."""
    for _ in range(3000):
        if condition():
            return True
        time.sleep(0.01)
    return False
