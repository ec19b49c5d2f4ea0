"""Access rules: each change is recorded with who, before and after, and raises generations."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tenure.audit.models import Event
from tenure.audit.services import acting
from tenure.people.models import Person
from tenure.rules.services import RuleDefinition, remove_rule, save_rule

pytestmark = pytest.mark.django_db

SALES = RuleDefinition(
    slug="sales", name="Sales", condition='user.department == "Sales"', gives={"chat": []}
)


def test_a_change_is_recorded_with_actor_before_and_after() -> None:
    person = Person.objects.create(display_name="Anna", generation=1)
    with acting("administrator anna"):
        assert save_rule(definition=SALES)
        assert save_rule(definition=replace(SALES, condition="true"))
        assert not save_rule(definition=replace(SALES, condition="true"))
        remove_rule(slug="sales")
    made, changed, removed = Event.objects.order_by("id")
    assert {e.actor for e in (made, changed, removed)} == {"administrator anna"}
    assert made.before is None
    assert changed.before == {"condition": SALES.condition}
    assert changed.after == {"condition": "true"}
    assert removed.before["condition"] == "true"
    assert removed.after is None
    person.refresh_from_db()
    assert person.generation == 4


def test_a_description_makes_no_new_plans() -> None:
    save_rule(definition=SALES)
    person = Person.objects.create(display_name="Anna", generation=1)
    assert not save_rule(definition=replace(SALES, description="Who sells."))
    person.refresh_from_db()
    assert person.generation == 1
    assert Event.objects.latest("id").after == {"description": "Who sells."}
