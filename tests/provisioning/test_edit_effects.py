"""What an edit of a group or a mapping changes, told before it is saved: as many accounts as are
changed once it is."""

from __future__ import annotations

import pytest

from tenure.applications.models import Application
from tenure.people.models import Person
from tenure.people.services import raise_generation
from tenure.provisioning import services
from tenure.provisioning.questions.group_effects import effect_of_group
from tenure.provisioning.questions.mapping_effects import effect_of_mapping
from tenure.provisioning.questions.mapping_preview import lines
from tenure.rules.groups import GroupDefinition, group_definitions, save_group
from tests.provisioning.company import Company, apply

FIELD = GroupDefinition("field", "Field", 'user.department == "Sales"', ("7",))


@pytest.fixture
def grouped(sales: Company) -> Company:
    """People 1-3 in Sales, 4-6 in Support, 7 of the board; whoever is in the field has the group
    `field` and a title that says so."""
    for department, numbers in (("Sales", "123"), ("Support", "456"), ("Board", "7")):
        for number in numbers:
            sales.person(number, department)
    sales.application("crm")
    sales.rule("field", '"field" in user.groups', {"crm": []})
    row = Application.objects.get(slug="chat")
    in_field = 'has(user.groups) && "field" in user.groups ? "in the field" : ""'
    row.mapping[2] = {"attribute": "title", "expression": in_field}
    row.save()
    save_group(definition=FIELD)
    apply("chat", "crm")
    return sales


def changed() -> set[tuple[str, str]]:
    """(application, person) of the accounts that a plan for everybody changes."""
    return {(line.application, line.person) for line in services.preview().lines}


def test_a_group_by_whom_it_gains_and_loses(grouped: Company) -> None:
    assert changed() == set()
    edited = GroupDefinition("field", "Field", 'user.department == "Support"', ["7", "1"])
    found = effect_of_group("field", edited)
    assert (found.met, found.meets) == (4, 5)
    assert (found.shifts["crm"].gains, found.shifts["crm"].loses) == (3, 2)
    assert found.shifts["chat"].written == {"title": 5}
    assert (found.people, found.accounts) == (5, 10)
    assert found.plan is not None
    assert found.plan.accounts == 10
    # Nothing is kept of it.
    assert group_definitions() == [FIELD]
    assert changed() == set()
    save_group(definition=edited)
    assert len(changed()) == 10
    assert changed() == {(line.application, line.person) for line in found.plan.added}


def test_a_group_that_is_removed(grouped: Company) -> None:
    found = effect_of_group("field", None)
    assert (found.met, found.meets, found.accounts) == (4, 0, 8)
    assert found.shifts["crm"].loses == 4


def test_a_name_alone_changes_nothing(grouped: Company) -> None:
    other = GroupDefinition("field", "Outside", FIELD.condition, FIELD.people)
    assert effect_of_group("field", other).accounts == 0


def test_a_mapping_by_what_becomes_of_the_accounts_that_are_there(grouped: Company) -> None:
    edited = [
        {"attribute": "userName", "expression": 'user.department + "." + user.email'},
        {"attribute": "displayName", "expression": "user.display_name", "when": "create"},
        {"attribute": "title", "expression": 'user.department == "Sales" ? "Seller" : ""'},
    ]
    found = effect_of_mapping("chat", edited)
    # Those of the field who are not in Sales lose the title, too.
    assert found.shifts["chat"].written == {"userName": 7, "title": 4}
    assert (found.meets, found.people, found.accounts) == (7, 7, 7)
    assert changed() == set()
    Application.objects.filter(slug="chat").update(mapping=edited)
    raise_generation()
    assert len(changed()) == 7


def test_a_mapping_that_reads_groups_is_shown_on_a_person(grouped: Company) -> None:
    row, person = Application.objects.get(slug="chat"), Person.objects.get(employee_number="1")
    expressions = {item["attribute"]: item["expression"] for item in row.mapping}
    found = {line.attribute: line for line in lines(row, expressions, person)}
    assert (found["title"].problem, found["title"].value) == ("", "in the field")
