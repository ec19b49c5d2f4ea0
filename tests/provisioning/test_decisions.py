"""What people decide about what a guard holds: for what they saw, and no more than that."""

from __future__ import annotations

import pytest

from tenure.applications.models import Application
from tenure.audit.models import Action, Event
from tenure.audit.services import acting
from tenure.people.models import Person
from tenure.people.services import raise_generation
from tenure.provisioning import services
from tenure.provisioning.models import Operation
from tenure.provisioning.questions.explain import explain
from tenure.provisioning.records.plan import Seen
from tenure.rules.models import AccessRule
from tests.provisioning.company import Company, apply, change, drain, states
from tests.provisioning.test_guards import leave


def held_plan(sales: Company, count: int = 10, of: int = 30) -> list[Person]:
    """So many removals are held, of people who have left."""
    people = sales.people(of)
    apply()
    leave(people[:count])
    apply()
    return people


def come_back(people: list[Person]) -> None:
    Person.objects.filter(pk__in=[p.pk for p in people]).update(ended_by_source_at=None)
    for person in people:
        change(person, title="Back")


def seen() -> Seen:
    found = services.preview().seen_in_all
    assert found is not None
    return Seen.parse(str(found))


def test_what_was_seen_is_said_and_read_back(sales: Company) -> None:
    held_plan(sales)
    found = seen()
    assert found.count == 10
    assert found == services.preview().seen["chat"]
    for wrong in ("", "12", "x-1", "3-", "12-1-1"):
        with pytest.raises(ValueError, match="tenure plan"):
            Seen.parse(wrong)


def test_what_is_held_since_somebody_looked_is_not_approved(sales: Company) -> None:
    people = held_plan(sales)
    looked = seen()
    leave(people[10:13])
    apply()
    done = services.approve(reason="they left", seen=looked)
    assert (done.count, done.again, done.gone) == (10, 3, 0)
    drain()
    assert len(sales.open_users()) == 20
    assert states()["held"] == 3
    event = Event.objects.get(action=Action.PLAN_APPROVED)
    assert event.after["new_since"] == 3


def test_a_rule_edited_since_is_planned_anew_and_only_the_same_goes(sales: Company) -> None:
    """The generation of everybody is raised: what is still due is approved at once."""
    held_plan(sales)
    looked = seen()
    raise_generation()
    done = services.approve(reason="they left", seen=looked)
    assert (done.count, done.again, done.gone) == (10, 0, 0)
    drain()
    assert len(sales.open_users()) == 20


def test_an_approval_of_what_shrank_is_for_what_is_left(sales: Company) -> None:
    people = held_plan(sales)
    looked = seen()
    come_back(people[:4])
    done = services.approve(application="chat", reason="they left", seen=looked)
    # The four who came back have another title now: that was not seen, and is shown again.
    assert (done.count, done.again, done.gone) == (6, 4, 4)
    drain()
    assert len(sales.open_users()) == 24
    again = Operation.objects.filter(state="held")
    assert {row.kind for row in again} == {"update"}
    assert "New since" in again[0].hold_reason


def test_less_of_a_change_is_covered_and_more_of_it_is_not(sales: Company) -> None:
    Application.objects.update(guard={"changes": {"percent": 0, "floor": 1}})
    people = sales.people(3)
    apply()
    for person in people:
        change(person, title="Lead", display_name=f"New {person.employee_number}")
    apply()
    assert states()["held"] == 3
    looked = seen()
    change(people[0], display_name="Person 1")
    change(people[1], display_name="Newer 2")
    done = services.approve(application="chat", reason="fine", seen=looked)
    assert (done.count, done.again) == (2, 1)
    drain()
    users = sales.users()
    assert users["p1@acme.example"].attributes["title"] == "Lead"
    assert users["p1@acme.example"].attributes["displayName"] == "Person 1"
    assert users["p2@acme.example"].attributes["displayName"] == "Person 2"
    assert users["p3@acme.example"].attributes["displayName"] == "New 3"


def test_nothing_is_approved_when_nobody_can_tell_what_was_seen(sales: Company) -> None:
    held_plan(sales)
    looked = Seen(4, seen().until)
    done = services.approve(reason="they left", seen=looked)
    assert (done.count, done.again) == (0, 10)
    drain()
    assert len(sales.open_users()) == 30


def test_some_operations_by_number(sales: Company) -> None:
    held_plan(sales)
    some = list(Operation.objects.filter(state="held").values_list("pk", flat=True)[:3])
    with acting("administrator anna"):
        assert services.approve(reason="these three", operations=some).count == 3
    drain()
    assert len(sales.open_users()) == 27
    assert states()["held"] == 7
    decided = Operation.objects.filter(pk__in=some)
    assert {(row.decided_by, row.decided_reason) for row in decided} == {
        ("administrator anna", "these three")
    }
    event = Event.objects.get(action=Action.PLAN_APPROVED)
    assert (event.actor, event.after["ids"]) == ("administrator anna", some)


def test_an_approved_run_goes_on_to_its_end(sales: Company) -> None:
    held_plan(sales)
    run = Operation.objects.filter(state="held")[0].run
    assert run is not None
    run.refresh_from_db()
    assert run.state == "held"
    services.approve(reason="they left")
    run.refresh_from_db()
    assert run.state == "running"
    drain()
    run.refresh_from_db()
    assert (run.state, run.done, run.total) == ("done", 10, 10)


def test_a_rejection_stands_until_what_is_due_changes(sales: Company) -> None:
    people = held_plan(sales)
    with acting("administrator anna"):
        assert services.reject(application="chat", reason="half a file").count == 10
    for _ in range(2):
        leave(people[:10])
        raise_generation()
        plan = services.preview()
        assert not plan.held
        assert not plan.lines
        assert len(plan.rejected) == 10
        apply()
        (told,) = services.preview().declined
        assert told.words == (
            "10 operations in Chat are due and not planned, since they were rejected by "
            "administrator anna: half a file."
        )
    assert len(sales.open_users()) == 30
    assert states()["rejected"] == 10
    event = Event.objects.get(action=Action.PLAN_REJECTED)
    assert (event.actor, event.reason) == ("administrator anna", "half a file")
    (why,) = explain(people[0]).applications
    assert [(s.kind, s.state, s.why) for s in why.steps] == [
        ("disable", "rejected", "by administrator anna: half a file")
    ]


def test_a_rejection_ends_when_they_come_back(sales: Company) -> None:
    people = held_plan(sales)
    services.reject(reason="half a file")
    come_back(people[:10])
    apply()
    assert "rejected" not in states()
    leave(people[:10])
    assert services.preview().held
    apply()
    assert states()["held"] == 10


def test_a_rejection_outlasts_a_mistake_in_a_mapping(sales: Company) -> None:
    """What is due cannot be said while an expression fails, so nothing is taken as changed."""
    people = sales.people(30)
    apply()
    for person in people:
        change(person, title="Lead")
    Application.objects.update(guard={"changes": {"percent": 0, "floor": 0}})
    apply()
    services.reject(reason="not now")
    row = Application.objects.get()
    right = list(row.mapping)
    row.mapping = [
        {**item, "expression": "user.title + user.cost_center"}
        if item["attribute"] == "title"
        else item
        for item in right
    ]
    row.save()
    raise_generation()
    apply()
    assert states()["rejected"] == 30
    Application.objects.update(mapping=right)
    raise_generation()
    assert not services.preview().lines


def test_a_rejected_operation_can_be_approved_after_all(sales: Company) -> None:
    held_plan(sales)
    services.reject(reason="half a file")
    first = Operation.objects.filter(state="rejected")[0]
    assert services.approve(reason="everything is there").count == 0
    assert services.approve(reason="she did leave", operations=[first.pk]).count == 1
    drain()
    assert len(sales.open_users()) == 29
    assert states()["rejected"] == 9


def test_terminating_somebody_overrules_a_rejection(sales: Company) -> None:
    people = held_plan(sales)
    services.reject(reason="half a file")
    people[0].refresh_from_db()
    services.terminate_now(people[0], reason="dismissed")
    drain()
    assert len(sales.open_users()) == 29


def test_a_rejected_run_is_over(sales: Company) -> None:
    held_plan(sales)
    run = Operation.objects.filter(state="held")[0].run
    assert run is not None
    services.reject(reason="half a file")
    run.refresh_from_db()
    assert run.state == "cancelled"


def test_a_rejected_change_comes_back_as_soon_as_it_is_another(sales: Company) -> None:
    Application.objects.update(guard={"changes": {"percent": 0, "floor": 0}})
    people = sales.people(2)
    apply()
    change(people[0], title="Lead")
    apply()
    services.reject(reason="not hers")
    change(people[0], title="Head")
    apply()
    assert states() == {"done": 2, "cancelled": 1, "held": 1}


def test_approving_in_review_mode_releases_nothing_that_nobody_reviewed(sales: Company) -> None:
    """A rule that gives more, edited after the plan was held, does not ride along."""
    people = held_plan(sales)
    AccessRule.objects.filter(slug="sales").update(condition='user.department == "None"')
    raise_generation()
    services.approve(reason="they left")
    drain()
    assert len(sales.open_users()) == 20
    assert len(sales.members("sales")) == 30 - len(people[:10])
