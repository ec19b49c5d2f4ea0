"""What is sensitive is known by its name only: to whoever reads why, and in the audit trail."""

from __future__ import annotations

import pytest

from tenure.audit.models import Event
from tenure.infra.clock import now
from tenure.people import local
from tenure.people.models import AttributeDefinition, Person
from tenure.people.selectors import HIDDEN
from tenure.provisioning.questions.explain import explain
from tests.provisioning.company import Company

pytestmark = pytest.mark.django_db

SECRET, OTHER = "Top-Secret-7", "Top-Secret-8"


@pytest.fixture
def clearance() -> None:
    AttributeDefinition.objects.create(
        name="clearance", label="Clearance", type="string", sensitive=True
    )


def trail() -> str:
    return " ".join(f"{event.before} {event.after} {event.reason}" for event in Event.objects.all())


def test_who_is_entered_by_hand_leaves_no_value_in_the_trail(clearance: None) -> None:
    given = {"given_name": "Anna", "family_name": "Nagy", "clearance": SECRET}
    made = local.add_person(given=given, reason="she is here", now=now())
    local.edit_person(person=made, given={**given, "clearance": OTHER}, reason="", now=now())
    assert Person.objects.get().attributes["clearance"] == OTHER
    assert "Top-Secret" not in trail()
    assert [event.after["clearance"] for event in Event.objects.order_by("id")] == [HIDDEN, HIDDEN]


def test_a_rule_that_reads_it_does_not_tell_it(clearance: None) -> None:
    company = Company()
    for slug in ("chat", "crm"):
        company.application(slug)
    company.rule("some", f'user.clearance == "{SECRET[:3]}" || has(user.clearance)', {"chat": []})
    company.rule("none", 'user.clearance == "x" && user.department == "Sales"', {"crm": []})
    anna = company.person("1", clearance=SECRET)
    chat, crm = explain(anna).applications
    assert chat.because[0].saw == {"clearance": HIDDEN}
    assert crm.not_because[0].saw == {"clearance": HIDDEN, "department": "Sales"}
    assert SECRET not in str(explain(anna).as_json())
