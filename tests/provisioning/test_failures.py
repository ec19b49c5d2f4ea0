"""Every way in which an application fails, and what is left afterwards: never a duplicate, never
something forgotten."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tenure.applications import health
from tenure.applications.models import Application
from tenure.audit.models import Action, Event
from tenure.connectors.faults import ANY, lost_after, lost_before, rejected, retry_later, stopped
from tenure.infra.clock import now
from tenure.provisioning import services
from tenure.provisioning.execution import seeking
from tenure.provisioning.models import Operation
from tenure.provisioning.records import settling
from tests.provisioning.company import Company, apply, change, drain, linked, states


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back off for milliseconds, so that tests need not wait."""
    monkeypatch.setattr(settling, "_FIRST_WAIT", 0.001)
    monkeypatch.setattr(settling, "SHOWN_AFTER", 0.001)


@pytest.mark.parametrize("verb", ["create", "change_members", "read", "disable"])
@pytest.mark.parametrize("fault", [retry_later, lost_before, lost_after])
def test_a_passing_fault_of_any_step_is_overcome(sales: Company, verb: str, fault: object) -> None:
    people = sales.people(4)
    memory = sales.memories["chat"]
    memory.faults.next(verb, fault())  # type: ignore[operator]
    apply()
    services.terminate_now(people[0], reason="")
    drain()
    assert len(sales.users()) == 4
    assert sales.open_users() == {f"p{n}@acme.example" for n in (2, 3, 4)}
    assert sales.members("sales") == sales.open_users()
    assert set(states()) == {"done"}
    assert len(linked()) == 4


def test_a_create_whose_answer_is_lost_is_found_and_not_made_twice(sales: Company) -> None:
    sales.people(3)
    memory = sales.memories["chat"]
    memory.faults.nth("create", 1, lost_after()).nth("create", 2, lost_after())
    apply()
    creates = [call for call in memory.calls if call.verb == "create"]
    assert len(creates) == 3
    assert len(sales.users()) == 3
    assert states() == {"done": 3}


def test_a_refused_account_fails_alone_and_says_why(sales: Company) -> None:
    sales.people(3)
    sales.memories["chat"].faults.nth("create", 2, rejected("title"))
    apply()
    assert len(sales.users()) == 2
    assert states() == {"done": 2, "failed": 1}
    failed = Operation.objects.get(state="failed")
    assert "refuses" in failed.error
    assert Event.objects.filter(action=Action.OPERATION_FAILED).count() == 1
    assert services.preview().summary == {"create": 1}
    apply()
    assert len(sales.users()) == 3
    assert states() == {"done": 3, "cancelled": 1}


def test_bad_credentials_stop_the_application_and_fail_nothing(sales: Company) -> None:
    sales.people(50)
    sales.memories["chat"].faults.always(ANY, stopped())
    apply()
    row = Application.objects.get(slug="chat")
    assert row.health == "stopped"
    assert "credentials" in row.stopped_reason
    assert states() == {"planned": 50}
    assert Operation.objects.exclude(attempts=0).count() == 0
    assert Event.objects.filter(action=Action.APPLICATION_STOPPED).count() == 1
    drain()
    sales.memories["chat"].faults.clear()
    health.resume(row)
    drain()
    assert len(sales.users()) == 50
    assert states() == {"done": 50}


def test_an_application_that_does_not_answer_is_stopped_after_a_few_batches(
    sales: Company,
) -> None:
    sales.people(100)
    sales.memories["chat"].faults.always("create", retry_later())
    apply()
    assert Application.objects.get(slug="chat").health == "stopped"
    assert "failed" not in states()
    sales.memories["chat"].faults.clear()
    health.resume(Application.objects.get(slug="chat"))
    Operation.objects.update(not_before=None)
    drain()
    assert len(sales.users()) == 100


def test_retry_after_is_kept(sales: Company) -> None:
    sales.people(1)
    sales.memories["chat"].faults.always("create", retry_later(after=3600))
    apply()
    (row,) = Operation.objects.all()
    assert row.state == "retrying"
    assert row.not_before is not None
    assert row.not_before - now() > timedelta(minutes=59)
    assert Application.objects.get(slug="chat").health == "ok"


def test_a_leaver_does_not_wait_for_a_retry(sales: Company) -> None:
    """An update that has to wait an hour must not keep a leaver's account open."""
    (person,) = sales.people(1)
    apply()
    person.refresh_from_db()
    person.attributes = {**person.attributes, "title": "Lead"}
    person.generation += 1
    person.save()
    sales.memories["chat"].faults.always("update", retry_later(after=3600))
    apply()
    assert states() == {"done": 1, "retrying": 1}
    services.terminate_now(person, reason="")
    drain()
    assert sales.open_users() == set()
    assert states() == {"done": 2, "cancelled": 1}


def test_an_account_that_is_there_already_is_adopted_and_brought_into_line(sales: Company) -> None:
    sales.people(1)
    memory = sales.memories["chat"]
    there = memory.add_user({"userName": "P1@acme.example", "title": "Old"})
    apply()
    apply()
    assert len(memory.users) == 1
    assert linked().popitem()[1].remote_id == there.remote_id
    assert "title" not in memory.users[there.remote_id].attributes
    assert Event.objects.filter(action=Action.ACCOUNT_ADOPTED).count() == 1
    assert services.preview().lines == ()


def test_an_account_of_somebody_else_is_never_taken_over(sales: Company) -> None:
    first = sales.person("1")
    apply()
    second = sales.person("2")
    second.attributes = {**second.attributes, "email": "P1@acme.example"}
    second.save()
    apply()
    assert linked().popitem()[1].person_id == first.pk
    failed = Operation.objects.get(state="failed")
    assert "belongs to somebody else" in failed.error


def test_what_still_shows_open_after_disabling_is_not_done(sales: Company) -> None:
    """The application says yes and does nothing: no evidence, no `done`."""
    (person,) = sales.people(1)
    apply()
    memory = sales.memories["chat"]
    memory.set_active = lambda remote_id, active: None  # type: ignore[method-assign]
    services.terminate_now(person, reason="")
    drain()
    row = Operation.objects.get(kind="disable")
    assert row.state in ("retrying", "failed", "planned")
    assert row.evidence is None
    assert linked()["p1@acme.example"].evidence is None


def test_an_operation_that_never_succeeds_is_given_up_and_told(sales: Company) -> None:
    sales.people(2)
    sales.memories["chat"].faults.sometimes("create", 1.0, lost_before())
    services.store()
    for _ in range(settling.MOST_ATTEMPTS):
        drain()
        health.resume(Application.objects.get(slug="chat"))
        Operation.objects.update(not_before=None)
    assert states() == {"failed": 2}
    assert all("Given up" in row.error for row in Operation.objects.filter(state="failed"))


def test_an_account_that_may_have_been_made_is_known_before_its_person_is_planned_anew(
    sales: Company,
) -> None:
    """Its answer is lost, and the person changes before anybody looked."""
    (person,) = sales.people(1)
    memory = sales.memories["chat"]
    memory.faults.nth("create", 1, lost_after()).nth("find", 1, retry_later(after=3600))
    apply()
    assert states() == {"unknown": 1}
    change(person, title="Lead")
    Operation.objects.update(not_before=None)
    drain()
    drain()
    assert sales.users()["p1@acme.example"].attributes["title"] == "Lead"
    assert sales.members("sales") == {"p1@acme.example"}
    assert "unknown" not in states()


def test_an_account_that_was_not_made_after_all_is_not_made_for_a_leaver(
    sales: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeking, "ARRIVED_AFTER", -60.0)
    (person,) = sales.people(1)
    sales.memories["chat"].faults.nth("create", 1, lost_before())
    sales.memories["chat"].faults.nth("find", 1, retry_later(after=3600))
    apply()
    assert states() == {"unknown": 1}
    services.terminate_now(person, reason="")
    Operation.objects.update(not_before=None)
    drain()
    assert sales.users() == {}
    assert states() == {"cancelled": 1}
    assert Event.objects.filter(action=Action.OPERATION_REPLACED).count() == 1


def test_an_account_that_is_not_shown_at_once_is_not_made_twice(
    sales: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names are not unique there, and reads come from a replica that lags."""
    monkeypatch.setattr(settling, "SHOWN_AFTER", 0.5)
    sales.people(1)
    memory = sales.memories["chat"]
    memory.unique, memory.shown_after = False, 0.3
    memory.faults.nth("create", 1, lost_after())
    apply()
    assert len(memory.users) == 1
    assert states() == {"done": 1}


def test_a_created_account_is_tied_to_its_operation_and_its_event(sales: Company) -> None:
    sales.people(1)
    apply()
    account = linked()["p1@acme.example"]
    assert Operation.objects.get().account_id == account.pk
    assert Event.objects.get(action=Action.ACCOUNT_CREATED).subject_key == str(account.pk)


def test_what_was_sent_and_gives_way_to_a_new_plan_is_told(sales: Company) -> None:
    (person,) = sales.people(1)
    apply()
    change(person, title="Lead")
    sales.memories["chat"].faults.always("update", lost_after())
    services.store()
    drain()
    sales.memories["chat"].faults.clear()
    change(person, title="Head")
    apply()
    event = Event.objects.get(action=Action.OPERATION_REPLACED)
    assert event.after["operation"] == "update"
    assert event.after["title"] == "Lead"
