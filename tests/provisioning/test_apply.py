"""From people and rules to accounts, and gone again, on an application in memory."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tenure.applications.models import Account, Application
from tenure.audit.models import Action, Event
from tenure.infra import clock
from tenure.people.models import Person
from tenure.provisioning import services
from tenure.provisioning.models import Operation
from tenure.provisioning.questions.explain import explain
from tenure.runs.models import Run
from tests.provisioning.company import Company, apply, change, drain, linked, states


def test_people_get_accounts_with_their_groups(sales: Company) -> None:
    sales.people(3)
    sales.person("9", department="Support", title="Lead")
    apply()
    assert sales.open_users() == {f"p{n}@acme.example" for n in ("1", "2", "3", "9")}
    assert sales.users()["p9@acme.example"].attributes["title"] == "Lead"
    assert sales.members("sales") == {f"p{n}@acme.example" for n in (1, 2, 3)}
    assert len(sales.members("all")) == 4
    assert states() == {"done": 4}
    assert Run.objects.get(kind="execute").state == "done"


def test_applying_again_sends_nothing(sales: Company) -> None:
    sales.people(3)
    apply()
    before = len(sales.memories["chat"].calls)
    assert services.preview().lines == ()
    assert services.store().released == 0
    drain()
    assert len(sales.memories["chat"].calls) == before


def test_a_preview_changes_nothing(sales: Company) -> None:
    sales.people(3)
    plan = services.preview()
    assert plan.summary == {"create": 3}
    assert Operation.objects.count() == 0
    assert sales.users() == {}
    assert plan == services.preview()


def test_a_mover_changes_groups_and_attributes_and_loses_before_gaining(sales: Company) -> None:
    sales.application("tracker", groups=["dev"])
    sales.rule("dev", 'user.department == "Engineering"', {"tracker": ["group:dev"]})
    (person,) = sales.people(1)
    apply("chat", "tracker")
    change(person, department="Engineering", title="Engineer")
    plan = services.preview()
    assert [(line.application, line.kind) for line in plan.lines] == [
        ("chat", "update"),
        ("chat", "revoke"),
        ("tracker", "create"),
    ]
    apply("chat", "tracker")
    assert sales.members("sales") == set()
    assert sales.members("all") == {"p1@acme.example"}
    assert sales.users()["p1@acme.example"].attributes["title"] == "Engineer"
    assert sales.members("dev", "tracker") == {"p1@acme.example"}
    verbs = [call.verb for call in sales.memories["chat"].calls]
    assert verbs[-2:] == ["change_members", "update"]


def test_a_leaver_is_closed_with_proof_and_leaves_the_groups(sales: Company) -> None:
    people = sales.people(3)
    apply()
    stored = services.terminate_now(people[0], reason="dismissed")
    assert stored is not None
    drain()
    assert sales.open_users() == {"p2@acme.example", "p3@acme.example"}
    assert "p1@acme.example" not in sales.members("all") | sales.members("sales")
    account = linked()["p1@acme.example"]
    assert account.active is False
    assert account.evidence is not None
    assert account.evidence["read_back"] == "the account is closed"
    events = Event.objects.filter(person=str(people[0].uid)).values_list("action", flat=True)
    assert Action.ACCOUNT_DISABLED in events
    assert Action.PERSON_TERMINATED in events
    people[0].refresh_from_db()
    told = explain(people[0], "chat").as_json()["applications"][0]
    assert told["due"] is False
    assert told["account"]["evidence"]["read_back"] == "the account is closed"


def test_a_leaver_goes_before_a_backlog(sales: Company) -> None:
    leaver = sales.person("0")
    apply()
    sales.people(200)
    services.store()
    services.terminate_now(leaver, reason="dismissed")
    sales.memories["chat"].calls.clear()
    drain()
    verbs = [call.verb for call in sales.memories["chat"].calls]
    assert verbs.index("disable") < verbs.index("create")


def test_disabled_accounts_are_deleted_after_their_time(
    sales: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    Application.objects.update(delete_after=timedelta(days=30))
    people = sales.people(2)
    apply()
    services.terminate_now(people[0], reason="")
    drain()
    assert services.preview().lines == ()
    later = clock.now() + timedelta(days=30, seconds=5)
    monkeypatch.setattr("tenure.provisioning.services.now", lambda: later)
    monkeypatch.setattr("tenure.provisioning.planning.plans.clock_now", lambda: later)
    plan = services.preview()
    assert [(line.kind, line.person) for line in plan.lines] == [("delete", "1")]
    apply()
    assert set(sales.users()) == {"p2@acme.example"}
    tombstone = Account.objects.get(user_name="p1@acme.example")
    assert tombstone.situation == "deleted"
    assert tombstone.evidence is not None
    assert tombstone.evidence["read_back"] == "the account is not there"


def test_a_person_who_comes_back_gets_the_same_account(sales: Company) -> None:
    (person,) = sales.people(1)
    apply()
    remote = linked()["p1@acme.example"].remote_id
    services.terminate_now(person, reason="")
    drain()
    Person.objects.filter(pk=person.pk).update(
        terminated_at=None, generation=Person.objects.get(pk=person.pk).generation + 1
    )
    assert [line.kind for line in services.preview().lines] == ["enable", "grant"]
    apply()
    assert sales.open_users() == {"p1@acme.example"}
    assert linked()["p1@acme.example"].remote_id == remote
    assert sales.members("sales") == {"p1@acme.example"}


def test_an_outdated_operation_is_planned_anew_and_not_sent(sales: Company) -> None:
    """Somebody leaves between the plan and its execution: their account is never made."""
    person, _ = sales.people(2)
    services.store()
    person = Person.objects.get(pk=person.pk)
    person.ended_by_source_at = clock.now()
    person.generation += 1
    person.save()
    drain()
    assert set(sales.users()) == {"p2@acme.example"}
    assert states() == {"done": 1, "cancelled": 1}


def test_report_mode_shows_and_writes_nothing(sales: Company) -> None:
    Application.objects.update(mode="report")
    sales.people(2)
    plan = services.preview()
    assert plan.summary == {"create": 2}
    assert {line.state for line in plan.lines} == {"held"}
    apply()
    assert sales.users() == {}
    assert Operation.objects.count() == 0


def test_the_emergency_stop_stops_and_lets_go_on(sales: Company) -> None:
    sales.people(2)
    services.stop_writes(reason="test")
    apply()
    assert sales.users() == {}
    assert states() == {"planned": 2}
    services.resume_writes()
    drain()
    assert len(sales.open_users()) == 2


def test_cost_counts_seats_before_and_after(sales: Company) -> None:
    Application.objects.update(seat_price="7.25", seat_currency="EUR")
    people = sales.people(3)
    assert services.preview().as_json()["cost"] == {"EUR": {"before": "0.00", "after": "21.75"}}
    apply()
    Person.objects.filter(pk=people[0].pk).update(
        terminated_at=clock.now(), generation=people[0].generation + 1
    )
    assert services.preview().as_json()["cost"] == {"EUR": {"before": "21.75", "after": "14.50"}}
