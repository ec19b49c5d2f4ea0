"""Closing what a leaver has is never given up, whatever the application says, and however often."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tenure.applications.models import Account
from tenure.audit.models import Action, Event
from tenure.audit.services import acting
from tenure.connectors.base import AlreadyExists, Capabilities, NotFound
from tenure.connectors.faults import Fault, lost_before, rejected
from tenure.connectors.memory import MemoryConnector
from tenure.infra.clock import now
from tenure.notices.collecting import Kind, waiting
from tenure.people.models import Person
from tenure.provisioning import services, tasks
from tenure.provisioning.decisions import byhand, lives
from tenure.provisioning.execution import lane
from tenure.provisioning.models import Operation
from tenure.provisioning.questions import selectors
from tenure.provisioning.reconciliation.reconcile import reconcile_by_slug
from tenure.provisioning.records import lasting, settling
from tenure.runs.models import Run
from tenure.sso.receipt import receipt_of
from tests.provisioning.company import Company, apply, change, drain, linked


@pytest.fixture
def leaver(sales: Company, monkeypatch: pytest.MonkeyPatch) -> Person:
    """Somebody with an account, in an application that never counts as unreachable."""
    monkeypatch.setattr(lane, "_PATIENCE", 100)
    person = sales.person("1")
    apply()
    return person


def closing() -> Operation:
    return Operation.objects.get(kind="disable")


def close_in_vain(sales: Company, leaver: Person, fault: Fault) -> Operation:
    """Until any other operation would have failed for good."""
    sales.memories["chat"].faults.always("disable", fault)
    services.terminate_now(leaver, reason="gone")
    for _ in range(settling.MOST_ATTEMPTS):
        Operation.objects.filter(state__in=["unknown", "retrying"]).update(not_before=None)
        drain()
    return closing()


def when_due(wait: timedelta = timedelta()) -> None:
    """The next attempt, when it is due."""
    Operation.objects.filter(state="failed").update(not_before=now() - timedelta(seconds=1) + wait)
    tasks.sweep(0)
    drain()


@pytest.mark.parametrize("fault", [lost_before, rejected])
def test_what_closes_a_leavers_access_fails_is_told_once_and_goes_on(
    sales: Company, leaver: Person, fault: Callable[[], Fault]
) -> None:
    row = close_in_vain(sales, leaver, fault())
    assert (row.state, row.error.startswith(lasting.STILL_OPEN)) == ("failed", True)
    assert row.not_before is not None
    run = Run.objects.get(pk=row.run_id)
    assert (run.state, run.done) == ("failed", run.total)
    assert "1 of them a leaver's, tried again by itself" in run.message
    (told,) = [item for item in waiting() if item.kind is Kind.FAILED]
    attempts = row.attempts
    when_due()
    row = closing()
    assert (row.state, row.attempts) == ("failed", attempts + 1)
    assert [item.key for item in waiting() if item.kind is Kind.FAILED] == [told.key]
    assert Event.objects.filter(action=Action.OPERATION_FAILED).count() == 1
    sales.memories["chat"].faults.clear()
    when_due(timedelta(hours=1))
    assert closing().state == "failed", "before its time"
    Operation.objects.filter(state="failed").update(not_before=now())
    lasting.bring_back(now())
    assert [waits.count for waits in selectors.failed()] == [1], "it is told while it is tried"
    drain()
    assert closing().state == "done"
    assert linked()["p1@acme.example"].evidence is not None
    run.refresh_from_db()
    assert (run.state, run.message, run.done) == ("done", "", run.total)
    assert not [item for item in waiting() if item.kind is Kind.FAILED]


def test_a_reading_of_the_application_brings_it_back_at_once(
    sales: Company, leaver: Person
) -> None:
    row = close_in_vain(sales, leaver, rejected())
    assert row.not_before is not None
    assert row.not_before > now() + timedelta(minutes=30)
    sales.memories["chat"].faults.clear()
    asyncio.run(reconcile_by_slug("chat"))
    tasks.sweep(0)
    drain()
    assert closing().state == "done"


def test_it_ends_when_somebody_did_it_by_hand_or_tries_again(
    sales: Company, leaver: Person
) -> None:
    row = close_in_vain(sales, leaver, rejected())
    assert services.retry_failed(run=row.run_id).people == 1
    drain()
    again = Operation.objects.filter(kind="disable").latest("pk")
    assert (again.pk > row.pk, again.state, lasting.bring_back(now())) == (True, "failed", 0)
    with pytest.raises(byhand.TaskRefused, match="Say what was done there, and by whom"):
        byhand.done(again.pk)
    byhand.done(again.pk, note="locked it in its admin page")
    again.refresh_from_db()
    assert (again.state, again.evidence["by"]) == ("done", "system")
    said = Event.objects.get(action=Action.REMOVAL_SAID_DONE)
    assert (said.reason, "not proven" in said.get_action_display()) == (
        again.evidence["note"],
        True,
    )
    leaver.refresh_from_db()
    (account,) = receipt_of(leaver).lines[0].accounts
    assert (account.part.verdict, "as system said" in account.part.words) == ("said", True)
    assert not Event.objects.filter(action=Action.TASK_DONE).exists()
    assert lasting.bring_back(now() + timedelta(days=1)) == 0
    asyncio.run(reconcile_by_slug("chat"))
    assert Account.objects.get().active, "it was not true"
    apply()
    assert Operation.objects.filter(kind="disable").latest("pk").pk > again.pk


def test_what_takes_nothing_from_a_leaver_is_given_up_as_before(sales: Company) -> None:
    sales.person("1")
    sales.memories["chat"].faults.always("create", rejected())
    apply()
    row = Operation.objects.get()
    assert (row.state, row.not_before) == ("failed", None)
    assert lasting.bring_back(now() + timedelta(days=1)) == 0


def test_its_waits_double_from_ten_minutes_to_six_hours() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)

    def minutes(beyond: int, *, refused: bool = False) -> float:
        waits = [lasting.comes_back(beyond, at, refused=refused) - at for _ in range(200)]
        return sum(waits, timedelta()) / len(waits) / timedelta(minutes=1)

    assert [round(minutes(n) / 10) for n in (-7, 0, 1, 2)] == [1, 1, 2, 4]
    assert round(minutes(30_000) / 60) == 6
    assert round(minutes(-7, refused=True) / 60) == 1


def test_a_conflict_while_an_account_is_closed_is_tried_again(
    sales: Company, leaver: Person
) -> None:
    """No name is written that could be taken: a 409 says that something else is at it."""
    taken = Fault(lambda: AlreadyExists("DELETE /x was answered 409."))
    sales.memories["chat"].faults.nth("disable", 1, taken)
    services.terminate_now(leaver, reason="gone")
    drain()
    Operation.objects.filter(state="retrying").update(not_before=None)
    drain()
    assert (closing().state, closing().attempts) == ("done", 2)


def test_nobody_is_in_a_group_that_is_gone(sales: Company) -> None:
    """Taking somebody out of it is done; a group that is there and refuses is not."""
    first, second = sales.people(2)
    apply()
    memory = sales.memories["chat"]
    change(first, department="Support")
    memory.faults.always("change_members", Fault(lambda: NotFound("There is nothing there.")))
    apply()
    assert Operation.objects.get(kind="revoke").state == "failed"
    (group,) = [one.remote_id for one in memory.groups.values() if one.name == "sales"]
    memory.delete_group(group)
    memory.faults.clear()
    change(second, department="Support")
    apply()
    row = Operation.objects.get(kind="revoke", person=second)
    assert (row.state, row.progress) == ("done", {"revoke": ["group:sales"]})
    event = Event.objects.get(action=Action.ENTITLEMENT_REVOKED, person=str(second.uid))
    assert "is not there any more" in event.reason


def test_nothing_is_deleted_under_a_legal_hold_where_closing_is_deleting(
    sales: Company, leaver: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = Capabilities(entitlements=frozenset({"group"}), disable_deletes=True)
    monkeypatch.setattr(
        MemoryConnector,
        "capabilities",
        property(lambda self: usual, lambda self, value: None),
        raising=False,
    )
    with acting("ada"):
        lives.hold(leaver, reason="case 12")
    services.terminate_now(leaver, reason="gone")
    drain()
    assert closing().state == "manual"
    assert [call.verb for call in sales.memories["chat"].calls].count("disable") == 0
    (task,) = byhand.tasks()
    assert "placed by ada (case 12)" in task.cause
    assert task.how == "Close it there by hand, without deleting it."
    lives.release(Person.objects.get(pk=leaver.pk), reason="case closed")
    drain()
    assert closing().state == "done"
