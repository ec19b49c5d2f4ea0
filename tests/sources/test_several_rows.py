"""Several rows with one employee number in one file: a person is here by any of them, and the order
of the rows means nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.core.lifecycle import WorkingLife, standing
from tenure.core.model import LifecycleState
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.sources.rows import MappedRow
from tenure.sources.several import choose
from tests.sources.hr import complaints, person, row, source, take


def day(days: int) -> str:
    return str(now().date() + timedelta(days=days))


def others() -> list[str]:
    return [row(n) for n in range(2, 12)]


@pytest.mark.django_db
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


@pytest.mark.django_db
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


@pytest.mark.django_db
def test_two_people_with_one_number_are_never_one(tmp_path: Path) -> None:
    hr = source()
    take(hr, tmp_path, [row(1, given="Anna", family="Nagy"), *others()])
    wrong = row(1, given="Bo", family="Lind", status="Terminated")
    result = take(hr, tmp_path, [wrong, *others(), row(1, given="Anna", family="Nagy")])
    assert person(1).display_name == "Anna Nagy"
    assert person(1).state == "active"
    assert result.counts["errors"] == 1
    assert "the names are of two people" in complaints(result)[0][1]


NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
TODAY = NOW.date()


@st.composite
def contracts(draw: st.DrawFn) -> list[MappedRow]:
    """Rows of one person, in any order."""
    found = []
    for number in range(draw(st.integers(1, 4))):
        start = TODAY + timedelta(days=draw(st.integers(-40, 40)))
        length = draw(st.none() | st.integers(0, 40))
        attributes = {"given_name": "Anna", "family_name": "Nagy", "start_date": str(start)}
        if length is not None:
            attributes["end_date"] = str(start + timedelta(days=length))
        left = NOW if length is None and draw(st.booleans()) else None
        digest = bytes([number])
        found.append(MappedRow("1", digest, attributes, None, number, ended_at=left))
    return found


def state(row: MappedRow, at: datetime = NOW) -> LifecycleState:
    life = WorkingLife(start_date=row.start_date, end_date=row.end_date, terminated_at=row.ended_at)
    return standing(life, at).state


@given(contracts(), st.randoms())
def test_the_order_of_rows_means_nothing_and_any_contract_keeps_somebody(
    rows: list[MappedRow], random: Random
) -> None:
    found = choose(rows, None, NOW)
    mixed = list(rows)
    random.shuffle(mixed)
    assert choose(mixed, None, NOW) == found
    # As long as one row follows the other they are here, though no import comes between.
    for day in range(60):
        at = NOW + timedelta(days=day)
        if all(state(row, at) is not LifecycleState.ACTIVE for row in rows):
            break
        assert state(found, at) is LifecycleState.ACTIVE
