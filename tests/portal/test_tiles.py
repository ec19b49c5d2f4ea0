"""What a tile says of an account that is closed for a while."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.services import restand
from tenure.portal.tiles import tiles_of
from tests.provisioning.company import Company, apply


@pytest.mark.django_db(transaction=True)
def test_nothing_is_said_to_come_in_a_minute_that_does_not() -> None:
    company = Company()
    company.application("chat", lead=timedelta(days=7), closed_ahead=True, leave="disable")
    company.rule("everyone", "true", {"chat": []})
    person = company.person("1")

    def tile(**columns: object) -> str:
        row = Person.objects.get(pk=person.pk)
        for name, value in columns.items():
            setattr(row, name, value)
        restand([row], now())
        row.generation += 1
        row.save()
        apply()
        (found,) = tiles_of(row)
        return found.word

    first = now().date() + timedelta(days=5)
    assert tile(start_date=first) == f"From {first.day} {first:%b}"
    assert tile(start_date=None) == "Ready"
    assert tile(on_leave=True) == "Closed"
