"""People for whom nothing can be planned in an application are told of, wherever somebody looks."""

from __future__ import annotations

import pytest

from tenure.cli.checking import _undecided
from tenure.console.waiting_undecided import undecided_items
from tenure.notices.collecting import Kind, waiting
from tenure.people.models import Person
from tenure.people.services import raise_generation
from tenure.provisioning.planning import plans
from tenure.provisioning.questions.undecided import undecided
from tests.provisioning.company import Company

pytestmark = pytest.mark.django_db


def notices() -> list[str]:
    return [one.key for one in waiting() if one.kind is Kind.UNDECIDED]


def test_who_never_gets_what_comes_first_is_told_of_until_it_is_put_right(company: Company) -> None:
    company.application("mail")
    company.application("chat", requires=["mail"])
    company.application("wiki", requires=["mail"], mode="report")
    company.rule("everyone", "true", {"chat": [], "wiki": []})
    anna, ben = company.people(2)
    plans.store_lagging()
    (one,) = undecided()
    assert (one.application, one.count, one.who) == ("chat", 2, "Person 1, Person 2")
    (item,) = undecided_items()
    assert item.title == "Chat cannot be planned for 2 people"
    assert "requires an open account in mail, which this person does not get" in item.detail
    assert item.url == "/console/plan/?application=chat"
    (line,) = _undecided()
    assert not line.ok
    assert line.detail.startswith("nothing can be planned for Person 1, Person 2.")
    told = notices()

    raise_generation([anna.pk, ben.pk])
    plans.store_lagging()
    assert notices() == told, "it is the same still"
    company.person("3")
    plans.store_lagging()
    assert notices() != told, "it is somebody else"

    company.rule("mail", "true", {"mail": []})
    raise_generation(list(Person.objects.values_list("pk", flat=True)))
    plans.store_lagging()
    assert undecided() == undecided_items() == notices() == list(_undecided()) == []
