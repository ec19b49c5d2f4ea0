"""Contractors of whom nobody knows a last day are told of; everybody else is not."""

from __future__ import annotations

from datetime import date

import pytest

from tenure.infra.clock import now
from tenure.people.models import Company, Person
from tenure.people.selectors import lacks_end, people_page, people_without_end
from tenure.people.services import company, restand

pytestmark = pytest.mark.django_db


def person(kind: str, **columns: object) -> Person:
    attributes = {"employment_type": kind} if kind else {}
    row = Person(display_name=f"A {kind}", attributes=attributes, **columns)
    restand([row], now())
    row.save()
    return row


def test_contractors_without_a_last_day_are_found_whatever_the_case() -> None:
    found = [person("contractor"), person("Contractor", end_date=date(9999, 12, 31))]
    person("contractor", end_date=date(2099, 1, 1))
    person("contractor", terminated_at=now())
    person("contractor", start_date=date(2020, 1, 1), end_date=date(2020, 1, 2))
    person("employee")
    person("")
    rows, count = people_without_end()
    assert (set(rows), count) == (set(found), 2)
    assert set(people_page(endless=True).rows) == set(found)
    assert lacks_end(found[0])


def test_the_company_says_of_whom() -> None:
    company()
    Company.objects.update(warn_without_end=["Intern"])
    person("contractor")
    intern = person("intern")
    assert people_without_end()[0] == [intern]
    Company.objects.update(warn_without_end=[])
    assert people_without_end() == ([], 0)
