"""The emergency stop: of everything, of one application, in the middle of a batch. Nothing is
lost, and nothing is sent twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from django.db import connection

from tenure.applications.connecting import connector_for
from tenure.applications.models import Application
from tenure.audit.models import Action, Event
from tenure.audit.services import acting
from tenure.cli.checking import _applications, _writes
from tenure.connectors.base import RemoteAccount
from tenure.connectors.faults import ANY, Fault, lost_after
from tenure.infra.clock import now
from tenure.people.services import company as the_company
from tenure.provisioning import services
from tenure.provisioning.execution import claiming
from tenure.provisioning.execution.executor import Drain, Drained
from tenure.provisioning.execution.sending import Batch
from tenure.provisioning.models import Operation
from tenure.provisioning.records import settling
from tenure.provisioning.records.work import Outcome, Result
from tenure.provisioning.tasks import queue_waiting
from tests.provisioning.company import Company, apply, drain, hold_up, states


def stop_in_the_middle(reached: Callable[[], bool], **what: str) -> Drained:
    """Drain, and stop writes as soon as that has `reached` so far."""

    def stop() -> None:
        services.stop_writes(reason="nonsense", **what)
        connection.close()

    async def both() -> Drained:
        running = asyncio.create_task(Drain("chat").run())
        while not reached():
            assert not running.done(), "the drain ended before that"
            await asyncio.sleep(0.01)
        await asyncio.to_thread(stop)
        return await running

    return asyncio.run(both())


@pytest.mark.parametrize("what", [{}, {"application": "chat"}])
def test_a_running_drain_stops_as_soon_as_it_looks_up(
    sales: Company, what: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two accounts at a time: the third pair is on its way."""
    Application.objects.update(limits={"concurrency": 2})
    sales.people(32)
    services.store()
    look = claiming.look
    seen: list[bool] = []

    def looks_up(application: int) -> claiming.Look:
        found = look(application)
        seen.append(not found.may_send)
        return found

    monkeypatch.setattr(claiming, "look", looks_up)
    hold_up(monkeypatch, until=lambda: len(sales.users()) < 4 or any(seen))
    result = stop_in_the_middle(lambda: len(sales.users()) >= 4, **what)
    made = len(sales.users())
    assert 4 <= made < 10
    assert result.sent == made
    assert states() == {"done": made, "planned": 32 - made}
    assert set(Operation.objects.filter(state="planned").values_list("attempts", flat=True)) == {0}

    sales.memories["chat"].faults.clear()
    drain()
    assert len(sales.users()) == made
    services.resume_writes(reason="right again", **what)
    drain()
    assert len(sales.open_users()) == 32
    assert len(sales.members("all")) == 32
    creates = [call for call in sales.memories["chat"].calls if call.verb == "create"]
    assert len(creates) == 32


def test_an_account_that_may_exist_is_still_looked_for_after_a_stop(
    sales: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Claimed and not begun again, it is as unsure as before."""
    monkeypatch.setattr(settling, "_FIRST_WAIT", 0.001)
    Application.objects.update(limits={"concurrency": 1})
    sales.people(2)
    services.store()
    faults = sales.memories["chat"].faults
    faults.nth("create", 1, lost_after()).always("find", Fault(delay=0.5))
    faults.nth("create", 2, Fault(delay=0.5))
    stop_in_the_middle(lambda: "find" in [call.verb for call in sales.memories["chat"].calls])
    assert len(sales.users()) <= 2
    faults.clear()
    services.resume_writes()
    drain()
    assert len(sales.users()) == 2
    assert states() == {"done": 2}


def test_one_application_is_stopped_and_the_others_go_on(sales: Company) -> None:
    sales.application("wiki")
    sales.rule("wiki", "has(user.department)", {"wiki": []})
    sales.people(3)
    with acting("administrator anna"):
        assert services.stop_writes(application="chat", reason="nonsense")
        assert not services.stop_writes(application="chat", reason="again")
    plan = services.preview()
    assert list(plan.still) == ["Chat"]
    assert plan.still["Chat"].startswith("Stopped by administrator anna since")
    assert plan.still["Chat"].endswith(": nonsense")
    apply("chat", "wiki")
    assert sales.users() == {}
    assert len(sales.users("wiki")) == 3
    queue_waiting()
    result = drain()
    assert "nonsense" in result.stopped
    line = next(x for x in _applications() if x.what == "application chat" and not x.ok)
    assert "administrator anna (nonsense): `tenure resume chat`" in line.detail

    with acting("administrator ben"):
        assert services.resume_writes(application="chat", reason="right again")
        assert not services.resume_writes(application="chat")
    drain()
    assert len(sales.users()) == 3
    told = Event.objects.filter(action__in=[Action.APPLICATION_PAUSED, Action.APPLICATION_UNPAUSED])
    assert [(e.actor, e.reason, e.application) for e in told.order_by("pk")] == [
        ("administrator anna", "nonsense", "chat"),
        ("administrator ben", "right again", "chat"),
    ]


def test_the_stop_of_one_outlasts_that_of_all(sales: Company) -> None:
    sales.people(2)
    services.stop_writes(reason="everything")
    services.stop_writes(application="chat", reason="only chat")
    services.store()
    services.resume_writes()
    drain()
    assert sales.users() == {}
    services.resume_writes(application="chat")
    drain()
    assert len(sales.users()) == 2


def test_who_stopped_everything_is_known(sales: Company) -> None:
    with acting("administrator anna"):
        services.stop_writes(reason="nonsense")
    assert the_company().writes_stopped_by == "administrator anna"
    [line] = _writes()
    assert not line.ok
    assert "by administrator anna (nonsense)" in line.detail
    services.resume_writes()
    assert the_company().writes_stopped_by == ""
    assert all(line.ok for line in _writes())


def test_report_mode_is_the_default_and_told_of_by_apply(sales: Company) -> None:
    assert Application().mode == "report"
    sales.people(2)
    Application.objects.update(mode="report")
    for _ in range(2):
        # Still there after an apply: nobody lags any more, and nothing was stored.
        assert services.preview().reported == {"Chat": 2}
        assert services.store().released == 0
    assert services.preview().still == {
        "Chat": "This application is in report mode: nothing is written."
    }
    sales.memories["chat"].faults.always(ANY, lost_after())
    assert drain().sent == 0
    assert sales.memories["chat"].calls == []


def test_what_an_earlier_attempt_began_is_not_gone_on_with_either(sales: Company) -> None:
    """It was looked at before, or in part done, and waits as before: stopped is stopped."""
    sales.people(1)
    services.store()
    progress = {"look_first": True}
    Operation.objects.update(state="retrying", attempts=1, progress=progress)
    application = Application.objects.get()
    rows, _ = claiming.claim(application, 1, now())
    work = claiming.work_for(rows)

    async def nothing(account: RemoteAccount, person: str) -> str:
        return ""

    connector = connector_for(application)

    async def send() -> list[Outcome]:
        async with connector:
            stopped = Batch(
                connector, work, {}, objection=nothing, concurrency=1, paused=lambda: True
            )
            return await stopped.send()

    assert [one.result for one in asyncio.run(send())] == [Result.PAUSED]
    assert sales.users() == {}
