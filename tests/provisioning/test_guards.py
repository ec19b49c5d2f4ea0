"""What a guard holds, and what people decide about it."""

from __future__ import annotations

from tenure.applications.models import Application
from tenure.audit.models import Action, Event
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.provisioning import services
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
    assert services.approve(application="chat", reason="the branch closed") == 10
    drain()
    assert len(sales.open_users()) == 20
    assert Operation.objects.filter(kind="disable", decided_by="").count() == 0
    event = Event.objects.get(action=Action.PLAN_APPROVED)
    assert event.reason == "the branch closed"


def test_rejected_operations_are_cancelled_and_come_back_with_the_next_change(
    sales: Company,
) -> None:
    people = sales.people(30)
    apply()
    leave(people[:10])
    apply()
    assert services.reject(application="chat", reason="half a file") == 10
    drain()
    assert len(sales.open_users()) == 30
    leave(people[:10])
    assert services.preview().held


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
    Application.objects.update(removal_limit={"percent": 0, "floor": 0})
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
