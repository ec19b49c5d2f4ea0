"""Applications that do not accept us, wholly or in part: nothing more is sent than needed to see
that, everything waits, and catches up when what failed works again."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from tenure.applications import pacing
from tenure.applications.models import Application
from tenure.audit.models import Action, Event
from tenure.cli.checking import _applications, _secrets
from tenure.connectors.base import ConnectorConfig
from tenure.connectors.faults import ANY, lost_after, lost_before, retry_later, slow, stopped
from tenure.connectors.memory import MemoryConnector
from tenure.infra.clock import now
from tenure.infra.secrets import KEY_VARIABLE, new_key
from tenure.people.models import Company as CompanyRow
from tenure.people.models import Person, PlanMode
from tenure.provisioning import services, tasks
from tenure.provisioning.execution import postponed, seeking
from tenure.provisioning.execution.executor import Drain
from tenure.provisioning.models import Operation
from tenure.provisioning.records import settling
from tenure.vault import services as vault
from tests.provisioning.company import Company, apply, drain, states


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "_FIRST_WAIT", 0.001)
    monkeypatch.setattr(settling, "SHOWN_AFTER", 0.001)


def job(task: Any, slug: str = "chat") -> None:
    """Do it as a worker does, and leave no connection behind."""

    async def done() -> None:
        try:
            await task.func(slug)
        finally:
            await sync_to_async(lambda: connection.close())()

    asyncio.run(done())


def probe() -> None:
    job(tasks.probe)


def row() -> Application:
    return Application.objects.get(slug="chat")


def alarms() -> list[str]:
    actions = [Action.APPLICATION_STOPPED, Action.APPLICATION_RESUMED]
    found = Event.objects.filter(action__in=actions).order_by("id")
    return [str(action) for action in found.values_list("action", flat=True)]


def test_refused_credentials_are_not_used_again_and_again(sales: Company) -> None:
    Application.objects.update(limits={"concurrency": 2})
    sales.people(50)
    memory = sales.memories["chat"]
    memory.faults.always("create", stopped())
    apply()
    assert len([c for c in memory.calls if c.verb == "create"]) <= 2
    assert states() == {"planned": 50}
    assert not Operation.objects.exclude(attempts=0).exists()
    assert row().health == "stopped"
    assert row().stopped_on == "create"


def test_what_was_done_before_the_refusal_is_kept(sales: Company) -> None:
    Application.objects.update(limits={"concurrency": 1})
    sales.people(10)
    memory = sales.memories["chat"]
    memory.faults.nth("create", 4, stopped())
    apply()
    assert len(memory.users) == 3
    memory.faults.clear()
    probe()
    assert len(memory.users) == 10
    assert sales.members("sales") == {f"p{n}@acme.example" for n in range(1, 11)}
    assert states() == {"done": 10}


def test_an_application_that_is_readable_and_not_writable_stays_stopped(sales: Company) -> None:
    """The probe tries what failed, backs off for longer each time, and tells it once."""
    sales.people(20)
    memory = sales.memories["chat"]
    memory.faults.always("create", stopped())
    apply()
    since = row().stopped_at
    waits = []
    for _ in range(4):
        before = len([c for c in memory.calls if c.verb == "create"])
        probe()
        assert len([c for c in memory.calls if c.verb == "create"]) == before + 1
        assert row().health == "stopped"
        assert row().stopped_at == since
        probe_at = row().probe_at
        assert probe_at is not None
        waits.append((probe_at - now()).total_seconds())
    assert waits == sorted(waits)
    assert waits[-1] > 4 * waits[0]
    assert alarms() == ["application.stopped"]
    assert states() == {"planned": 20}
    memory.faults.clear()
    probe()
    assert row().health == "ok"
    assert row().probes == 0
    assert states() == {"done": 20}
    assert alarms() == ["application.stopped", "application.resumed"]


def test_reading_the_accounts_does_not_lift_the_stop_of_writes(sales: Company) -> None:
    from tests.provisioning.test_reconcile import reconcile

    sales.people(2)
    sales.memories["chat"].faults.always("create", stopped())
    apply()
    reconcile()
    assert row().health == "stopped"
    assert row().probe_at <= now()  # type: ignore[operator]


def test_reading_lifts_the_stop_where_reading_failed(sales: Company) -> None:
    from tests.provisioning.test_reconcile import reconcile

    sales.people(2)
    apply()
    memory = sales.memories["chat"]
    memory.faults.always(ANY, stopped())
    sales.person("9")
    Application.objects.update(health="stopped", stopped_reason="no", stopped_at=now())
    memory.faults.clear()
    reconcile()
    assert row().health == "ok"


def test_nothing_to_try_lifts_the_stop_but_does_not_forget(sales: Company) -> None:
    (person,) = sales.people(1)
    memory = sales.memories["chat"]
    memory.faults.always("create", stopped())
    apply()
    probe()
    probes = row().probes
    services.terminate_now(person, reason="gone")
    probe()
    assert row().health == "ok"
    sales.person("2")
    apply()
    assert row().health == "stopped"
    assert row().probes == probes + 1


def test_an_application_that_does_not_answer_is_tried_with_one_operation(sales: Company) -> None:
    sales.people(40)
    memory = sales.memories["chat"]
    memory.faults.always("create", retry_later())
    apply()
    assert row().health == "stopped"
    before = len(memory.calls)
    probe()
    assert row().health == "stopped"
    assert len([c for c in memory.calls[before:] if c.verb == "create"]) == 1
    memory.faults.clear()
    Operation.objects.update(not_before=None)
    probe()
    assert states() == {"done": 40}


def test_a_leaver_whose_account_alone_fails_keeps_no_application_stopped(sales: Company) -> None:
    leaver = sales.person("99")
    apply()
    sales.people(10)
    memory = sales.memories["chat"]
    memory.faults.always(ANY, lost_before())
    apply()
    assert row().health == "stopped"
    memory.faults.clear()
    memory.faults.always("disable", lost_before())
    services.terminate_now(leaver, reason="gone")
    Application.objects.update(stopped_on="disable")
    Operation.objects.update(not_before=None)
    probe()
    assert row().health == "ok"
    assert Operation.objects.filter(kind="create", state="done").count() == 11


@pytest.mark.usefixtures("sales")
def test_a_drain_of_an_application_that_was_removed_ends_quietly() -> None:
    for task in (tasks.drain, tasks.probe, tasks.reconcile):
        job(task, "gone")


def test_asked_to_come_back_later_is_no_attempt(
    sales: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "MOST_ATTEMPTS", 2)
    sales.people(1)
    memory = sales.memories["chat"]
    for number in range(1, 5):
        memory.faults.nth("create", number, retry_later(after=0.01))
    apply()
    assert states() == {"done": 1}
    assert Operation.objects.get().attempts == 1
    assert row().health == "ok"


class Broken(Exception):
    """Something that no connector promises."""


def test_a_connector_that_breaks_fails_what_met_it_and_nothing_else(
    sales: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = sales.people(5)
    real = MemoryConnector.create

    async def create(self: MemoryConnector, attributes, *, external_id, active):  # type: ignore[no-untyped-def]
        if external_id == str(people[2].uid):
            raise TypeError("'NoneType' object is not subscriptable")
        return await real(self, attributes, external_id=external_id, active=active)

    monkeypatch.setattr(MemoryConnector, "create", create)
    apply()
    assert states() == {"done": 4, "failed": 1}
    failed = Operation.objects.get(state="failed")
    assert "TypeError: 'NoneType' object is not subscriptable" in failed.error
    assert row().health == "ok"
    monkeypatch.undo()
    apply()
    assert states() == {"done": 5, "cancelled": 1}
    assert len(sales.users()) == 5


def test_a_connector_that_breaks_when_it_is_opened_stops_the_application(
    sales: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    sales.people(2)
    apply()
    sales.person("9")
    services.store()

    async def enter(self: MemoryConnector) -> MemoryConnector:
        raise KeyError("token")

    monkeypatch.setattr(MemoryConnector, "__aenter__", enter)
    drain()
    assert row().health == "stopped"
    assert "KeyError: 'token'" in row().stopped_reason
    probe()
    assert row().health == "stopped"
    monkeypatch.undo()
    probe()
    assert states() == {"done": 3}


@pytest.mark.parametrize("fault", [slow(0.6), lost_before(), lost_after()])
def test_who_is_terminated_while_an_operation_is_under_way_loses_everything_in_review_mode(
    sales: Company, fault: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "SHOWN_AFTER", 0.3)
    monkeypatch.setattr(seeking, "ARRIVED_AFTER", -60.0)
    CompanyRow.objects.update_or_create(pk=1, defaults={"plan_mode": PlanMode.REVIEW})
    (person,) = sales.people(1)
    memory = sales.memories["chat"]
    memory.faults.nth("create", 1, fault)  # type: ignore[arg-type]
    services.store()

    async def both() -> None:
        from tenure.provisioning.execution.tables import Tables

        desk = Tables("desk")
        draining = asyncio.create_task(Drain("chat").run())
        while not memory.calls:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await desk.do(lambda: services.terminate_now(person, reason="dismissed"))
        await desk.close()
        await draining

    asyncio.run(both())
    # Where it was stored while they were planned, the sweep finds that.
    postponed.catch_up()
    drain()
    assert sales.open_users() == set()
    assert sales.members("sales") == set()
    assert Person.objects.get().planned_generation == Person.objects.get().generation
    assert not Operation.objects.filter(postponed__isnull=False).exists()
    assert states().keys() <= {"done", "cancelled"}


def test_a_postponed_plan_is_caught_up_by_the_sweep(sales: Company) -> None:
    (person,) = sales.people(1)
    apply()
    CompanyRow.objects.update_or_create(pk=1, defaults={"plan_mode": PlanMode.REVIEW})
    Operation.objects.update(state="started")
    services.terminate_now(person, reason="dismissed")
    assert Operation.objects.get().postponed == {
        "decided": True,
        "by": "system",
        "reason": "dismissed",
    }
    # The drain died, and its application is not worked on any more.
    Operation.objects.update(state="failed", started_at=now() - timedelta(hours=1))
    tasks.sweep.func(timestamp=0)
    disable = Operation.objects.get(kind="disable")
    assert (disable.state, disable.decided_reason) == ("planned", "dismissed")


def test_what_an_application_teaches_is_kept_for_the_next_drain(
    sales: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    sales.people(1)
    real = MemoryConnector.__init__
    seen = []

    def opened(self: MemoryConnector, config: ConnectorConfig) -> None:
        seen.append(config.limits.learnt.writes.rate)
        config.limits.learnt.writes.rate = 3.0
        config.limits.learnt.writes.paused_until = (now() + timedelta(hours=1)).timestamp()
        real(self, config)

    monkeypatch.setattr(MemoryConnector, "__init__", opened)
    apply()
    sales.person("2")
    apply()
    assert seen[0] is None
    assert seen[-1] == 3.0
    (told,) = pacing.told(row(), now())
    assert (told.kind, told.rate) == ("writes", 3.0)
    assert str(told).startswith("3.0 writes a second, no writes before")
    assert pacing.told(row(), now() + timedelta(hours=2))[0].paused_until is None


def test_a_secret_of_the_vault_that_no_key_opens_any_more(
    sales: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent with another; entered again, the probe finds that it works. Doctor tells."""
    monkeypatch.setenv(KEY_VARIABLE, new_key())
    real = sales.memories["chat"].name
    vault.keep("chat-token", real)
    Application.objects.update(settings={"name": "${box:chat-token}"})
    sales.people(3)
    monkeypatch.setenv(KEY_VARIABLE, new_key())
    apply()
    probe()
    assert sales.memories["chat"].users == {}
    assert states() == {"planned": 3}
    assert row().health == "stopped"
    assert "tenure secrets set chat-token" in row().stopped_reason
    told = {line.what: line for line in [*_secrets(), *_applications()]}
    assert not told["secret chat-token"].ok
    assert "tenure secrets set chat-token" in told["application chat"].detail
    vault.keep("chat-token", real)
    probe()
    assert row().health == "ok"
    assert states() == {"done": 3}
