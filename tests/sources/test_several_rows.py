"""Several rows with one employee number in one file: a person is here by any of them, and the order
of the rows means nothing."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import permutations
from pathlib import Path

import pytest

from tenure.infra.clock import now
from tenure.people.models import Person
from tests.sources.hr import complaints, person, row, source, take

pytestmark = pytest.mark.django_db


def day(days: int) -> str:
    return str(now().date() + timedelta(days=days))


def others() -> list[str]:
    return [row(n) for n in range(2, 12)]


def test_the_row_of_an_old_contract_locks_nobody_out_wherever_it_stands(tmp_path: Path) -> None:
    hr = source(absence="leave")
    old = row(1, status="Terminated", end="2024-06-30")
    new = row(1, start="2025-01-01")
    for first, again in ((old, new), (new, old)):
        assert take(hr, tmp_path, [first, *others(), again]).counts["left"] == 0
        assert person(1).state == "active"
        assert person(1).start_date == date(2025, 1, 1)
    result = take(hr, tmp_path, [old, *others(), new])
    assert (result.counts["changed"], result.counts["unchanged"]) == (0, 11)
    assert complaints(result) == [
        (2, "Employee number 1 is on line 13 too: that one counts, by which they are here longest.")
    ]
    assert "errors" not in result.counts
    take(hr, tmp_path, [old, *others(), row(1, start="2025-01-01", status="Terminated")])
    assert person(1).state == "left"
    take(hr, tmp_path, [old, *others(), new])
    assert take(hr, tmp_path, others()).counts["left"] == 1


def test_contracts_that_follow_one_another_have_no_night_between_them(tmp_path: Path) -> None:
    now_here = row(1, start="2024-01-01", end=day(3), email="a@acme.example")
    to_come = row(1, start=day(4), email="a@acme.example", manager="2")
    for order in permutations([now_here, to_come, row(2)]):
        hr = source(f"hr{Person.objects.count()}x{order.index(now_here)}{order.index(to_come)}")
        take(hr, tmp_path, list(order))
        anna = person(1)
        assert (anna.state, anna.start_date, anna.end_date) == ("active", date(2024, 1, 1), None)
        assert "manager" not in anna.attributes
        hr.delete()
        Person.objects.all().delete()


def test_two_people_with_one_number_are_never_one(tmp_path: Path) -> None:
    hr = source()
    take(hr, tmp_path, [row(1, given="Anna", family="Nagy"), *others()])
    wrong = row(1, given="Bo", family="Lind", status="Terminated")
    result = take(hr, tmp_path, [wrong, *others(), row(1, given="Anna", family="Nagy")])
    assert person(1).display_name == "Anna Nagy"
    assert person(1).state == "active"
    assert result.counts["errors"] == 1
    assert "the names are of two people" in complaints(result)[0][1]
