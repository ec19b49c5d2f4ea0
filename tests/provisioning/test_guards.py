"""What a guard holds, and what people decide about it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F

from tenure.applications.models import Application
from tenure.audit.models import Action, Event
from tenure.connectors.faults import rejected
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.provisioning import services
from tenure.provisioning.execution import choosing
from tenure.provisioning.models import Operation
from tests.provisioning.company import Company, apply, change, drain, states


def leave(people: list[Person]) -> None:
    for person in people:
        person.refresh_from_db()
        person.ended_by_source_at = now()
        person.generation += 1
        person.save()


def test_a_flood_of_removals_is_held_whole_and_the_rest_goes(sales: Company) -> None:
    people = sales.people(30)
    apply()
    leave(people[:10])
    change(people[20], title="Lead")
    plan = services.preview()
    assert plan.held
    assert "10 removals in Chat: 33.3 % of 30" in plan.held_reasons[0]
    apply()
    assert len(sales.open_users()) == 30
    assert sales.users()["p21@acme.example"].attributes["title"] == "Lead"
    assert states() == {"done": 31, "held": 10}
    assert Event.objects.filter(action=Action.PLAN_HELD).count() == 1


def test_approved_operations_go_and_say_who_decided(sales: Company) -> None:
    people = sales.people(30)
    apply()
    leave(people[:10])
    apply()
    assert services.approve(application="chat", reason="the branch closed").count == 10
    drain()
    assert len(sales.open_users()) == 20
    assert Operation.objects.filter(kind="disable", decided_by="").count() == 0
    event = Event.objects.get(action=Action.PLAN_APPROVED)
    assert event.reason == "the branch closed"


def test_a_slow_drip_is_held_too(sales: Company) -> None:
    people = sales.people(30)
    apply()
    for number in range(5):
        leave(people[number : number + 1])
        apply()
    assert len(sales.open_users()) == 25
    leave(people[5:6])
    apply()
    assert len(sales.open_users()) == 25
    assert states()["held"] == 1


def test_an_approved_removal_does_not_count_against_the_next(sales: Company) -> None:
    people = sales.people(30)
    apply()
    leave(people[:10])
    apply()
    services.approve(application="chat", reason="yes")
    drain()
    leave(people[10:12])
    apply()
    assert len(sales.open_users()) == 18


def test_a_person_who_terminates_somebody_is_not_held(sales: Company) -> None:
    Application.objects.update(guard={"removals": {"percent": 0, "floor": 0}})
    people = sales.people(3)
    apply()
    services.terminate_now(people[0], reason="dismissed")
    drain()
    assert len(sales.open_users()) == 2


def test_what_is_held_is_planned_anew_when_its_person_changes(sales: Company) -> None:
    """They come back before anybody approved: nothing is left to approve."""
    people = sales.people(30)
    apply()
    leave(people[:10])
    apply()
    Person.objects.filter(pk__in=[p.pk for p in people[:10]]).update(ended_by_source_at=None)
    for person in people[:10]:
        change(person, title="Back")
    apply()
    assert "held" not in states()
    assert len(sales.open_users()) == 30


def test_a_mass_change_is_held_and_counts_accounts_not_operations(sales: Company) -> None:
    """A person who gets two operations is one account."""
    sales.people(20)
    apply()
    Application.objects.update(guard={"changes": {"percent": 50, "floor": 0}})
    for person in Person.objects.order_by("pk")[:10]:
        change(person, title="Lead", department="Support")
    apply()
    assert "held" not in states()
    change(Person.objects.order_by("pk")[10], title="Lead")
    plan = services.preview()
    assert plan.held_reasons == (
        "Chat: 1 change in Chat after 10 within the last 24 hours: 55.0 % of 20, and at most 10 "
        "are allowed within 24 hours (guard: 50 %, never under 0).",
    )
    apply()
    assert states()["held"] == 1


def test_what_one_person_gets_twice_counts_once(sales: Company) -> None:
    people = sales.people(4)
    apply()
    Application.objects.update(guard={"changes": {"percent": 0, "floor": 1}})
    for title in ("Lead", "Head", "Chief"):
        change(people[0], title=title)
        apply()
    assert "held" not in states()
    change(people[1], title="Lead")
    apply()
    assert states()["held"] == 1


def test_new_accounts_are_limited_where_somebody_says_so(sales: Company) -> None:
    Application.objects.update(guard={"creates": {"most": 5}})
    sales.people(5)
    apply()
    assert len(sales.users()) == 5
    sales.person("6")
    plan = services.preview()
    assert "1 new account in Chat after 5 within the last 24 hours" in plan.held_reasons[0]
    apply()
    assert len(sales.users()) == 5
    services.approve(reason="six are right")
    drain()
    assert len(sales.users()) == 6


def test_an_absolute_limit_holds_in_a_company_of_any_size(sales: Company) -> None:
    Application.objects.update(guard={"removals": {"percent": 100, "most": 2}})
    people = sales.people(10)
    apply()
    leave(people[:3])
    apply()
    assert states()["held"] == 3
    assert "never over 2" in Operation.objects.filter(state="held")[0].hold_reason


def test_what_happened_before_the_window_is_forgotten(sales: Company) -> None:
    people = sales.people(10)
    apply()
    Application.objects.update(guard={"removals": {"percent": 0, "floor": 2, "window": 3600}})
    leave(people[:2])
    apply()
    Operation.objects.filter(kind="disable").update(finished_at=now() - timedelta(hours=2))
    leave(people[2:4])
    apply()
    assert len(sales.open_users()) == 6


def test_what_waits_unsent_counts_too(sales: Company) -> None:
    """A drip into an application that is stopped is seen before any of it is sent."""
    people = sales.people(10)
    apply()
    services.stop_writes(application="chat", reason="maintenance")
    for number in range(6):
        leave(people[number : number + 1])
        services.store()
    assert states()["held"] == 6
    services.resume_writes(application="chat")
    drain()
    assert len(sales.open_users()) == 10


def test_deleting_closed_accounts_is_a_removal_too(sales: Company) -> None:
    people = sales.people(10)
    apply()
    leave(people)
    apply()
    services.approve(reason="the company is sold")
    drain()
    Application.objects.update(delete_after=timedelta(0))
    Person.objects.update(generation=F("generation") + 1)
    apply()
    assert states()["held"] == 10
    assert len(sales.users()) == 10


def test_a_failure_rate_holds_what_is_left(sales: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "SMALLEST", 10)
    Application.objects.update(guard={"failures": {"percent": 50, "least": 10}})
    sales.people(60)
    memory = sales.memories["chat"]
    memory.faults.always("create", rejected("title"))
    apply()
    found = states()
    assert set(found) == {"failed", "held"}
    # What was claimed ahead of the verdict is given back, not sent.
    assert found["failed"] <= 20
    assert found["held"] >= 40
    reason = Operation.objects.filter(state="held")[0].hold_reason
    assert reason.startswith(f"{found['failed']} of {found['failed']} operations in Chat failed")
    event = Event.objects.get(action=Action.PLAN_HELD)
    assert (event.application, event.reason) == ("chat", reason)

    memory.faults.clear()
    services.approve(reason="the attribute is there now")
    drain()
    assert len(sales.users()) == found["held"]
    services.retry_failed()
    drain()
    assert len(sales.users()) == 60


def test_some_failures_hold_nothing(sales: Company) -> None:
    Application.objects.update(guard={"failures": {"percent": 50, "least": 4}})
    sales.people(12)
    faults = sales.memories["chat"].faults
    for number in range(1, 13, 3):
        faults.nth("create", number, rejected("title"))
    apply()
    assert states() == {"done": 8, "failed": 4}


def test_leavers_are_removed_whatever_else_fails(sales: Company) -> None:
    people = sales.people(12)
    apply()
    Application.objects.update(guard={"failures": {"percent": 10, "least": 2}})
    sales.memories["chat"].faults.always("update", rejected("title"))
    for person in people[:10]:
        change(person, title="Lead")
    leave(people[10:])
    apply()
    assert len(sales.open_users()) == 10


def test_removals_that_failed_are_not_sent_again_in_a_flood(sales: Company) -> None:
    """What failed was not done; sent again, all of it counts, together with what is new."""
    people = sales.people(30)
    apply()
    faults = sales.memories["chat"].faults
    faults.always("disable", rejected("active"))
    leave(people[:5])
    apply()
    assert states() == {"done": 30, "failed": 5}
    faults.clear()
    leave(people[5:10])
    services.follow([person.pk for person in people[5:10]], reason="HR says so")
    services.retry_failed()
    apply()
    assert len(sales.open_users()) == 30
    assert states()["held"] == 10


def test_last_days_that_come_together_are_held_when_they_come(sales: Company) -> None:
    """However long ago each of them was set, and whoever agreed to it then."""
    people = sales.people(30)
    apply()
    yesterday = (now() - timedelta(days=1)).date()
    for person in people[:10]:
        person.refresh_from_db()
        person.end_date = yesterday
        person.next_look_at = now()
        person.save()
    apply()
    assert Person.objects.filter(state="left").count() == 10
    assert len(sales.open_users()) == 30
    assert states() == {"done": 30, "held": 10}
    # One of them has to go this second: a person says so, and it goes past all of that.
    services.terminate_now(people[0], reason="dismissed")
    drain()
    assert len(sales.open_users()) == 29
    assert states() == {"done": 31, "held": 9}
