"""Several sources of one person: who goes first for what, and who says that they are here."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.services import terminate
from tenure.readers.base import ReaderError
from tenure.sources.layers import Layer, put_together
from tenure.sources.models import Source
from tests.sources.hr import person, row, source, take

pytestmark = pytest.mark.django_db
ENDED = datetime(2026, 3, 1, tzinfo=UTC)


def together(*layers: Layer) -> Person:
    made = Person(employee_number="1")
    put_together(made, layers, "UTC")
    return made


def test_a_source_may_be_the_first_for_single_attributes() -> None:
    hr = Layer(0, "hr", {"display_name": "Anna", "phone": "1", "title": "Engineer"})
    directory = Layer(
        1, "ad", {"display_name": "anna", "phone": "2"}, first_for=frozenset({"phone", "title"})
    )
    made = together(hr, directory)
    assert made.attributes["phone"] == "2"
    assert (made.attributes["title"], made.display_name) == ("Engineer", "Anna")
    assert (made.origins["phone"], made.origins["title"]) == ("ad", "hr")


def test_dates_that_do_not_agree_are_one_source_s_whoever_is_first_for_one_of_them() -> None:
    """A start after an end is no working life: it would end the import of everybody else."""
    hr = Layer(0, "hr", {"start_date": "2024-01-01", "end_date": "2024-12-31"})
    other = Layer(
        1, "ad", {"start_date": "2025-06-01"}, first_for=frozenset({"start_date", "phone"})
    )
    made = together(hr, other)
    assert (made.start_date, made.end_date) == (date(2024, 1, 1), date(2024, 12, 31))
    assert made.origins["start_date"] == "hr"


def test_somebody_stays_while_an_authoritative_source_has_them() -> None:
    """Moved from one company's HR system to another's: the first one's last day ends nothing."""
    moved = {"display_name": "Anna", "status": "Terminated", "end_date": "2026-02-28"}
    stays = {"display_name": "Anna", "status": "Active", "start_date": "2026-03-01"}
    first = Layer(0, "de", moved, ended_at=ENDED, authoritative=True)
    second = Layer(1, "at", stays, authoritative=True)
    made = together(first, second)
    assert made.ended_by_source_at is None
    assert (made.start_date, made.end_date) == (date(2026, 3, 1), None)
    assert made.origins["status"] == "at"
    # Whoever is not asked says nothing, and both together end it.
    lone = together(first, Layer(1, "ad", stays))
    assert lone.ended_by_source_at == ENDED
    later = datetime(2026, 6, 1, tzinfo=UTC)
    both = together(first, Layer(1, "at", stays, ended_at=later, authoritative=True))
    assert both.ended_by_source_at == later


def test_what_a_source_says_that_let_them_go_counts_only_where_no_other_says_anything() -> None:
    """They would keep the department that they left, and whatever it gives, for good."""
    said = {"employee_number": "1", "given_name": "Anna", "department": "Finance", "phone": "1"}
    first = Layer(
        0, "de", said, ended_at=ENDED, authoritative=True, first_for=frozenset({"department"})
    )
    stays = {"employee_number": "P-7", "department": "Sales", "phone": "2"}
    made = together(first, Layer(1, "at", stays, authoritative=True))
    assert (made.attributes["department"], made.attributes["phone"]) == ("Sales", "2")
    assert (made.origins["department"], made.origins["given_name"]) == ("at", "de")
    # It is the same person, by the number that they had.
    assert made.attributes["employee_number"] == "1"
    # Nobody has them any more: what was said first stays said.
    gone = together(first, Layer(1, "at", stays, ended_at=ENDED, authoritative=True))
    assert gone.attributes["department"] == "Finance"


def test_through_imports(tmp_path: Path) -> None:
    first = source("de", position=0, authoritative=True, absence="leave")
    second = source("at", position=1, authoritative=True, first_for=["given_name"])
    take(first, tmp_path, [row(n) for n in range(1, 9)])
    take(second, tmp_path, [row(1, given="Anni", email="anni@acme.example")])
    take(first, tmp_path, [row(n) for n in range(3, 9)])
    assert (person(1).state, person(2).state) == ("active", "left")
    assert person(1).attributes["given_name"] == "Anni"
    take(second, tmp_path, [row(1, given="Anni", status="Terminated")])
    assert person(1).state == "left"


def test_whom_another_source_lets_go_is_a_leaver_for_the_guard_too(tmp_path: Path) -> None:
    """The order of the sources is changed: what the old one said long ago would count now."""
    new, old = source("new", position=0), source("old", position=1)
    everybody = range(1, 31)
    take(new, tmp_path, [row(n) for n in everybody])
    gone = [row(n, status="Terminated") for n in everybody]
    take(old, tmp_path, gone, accept="they are in the new one")
    assert person(1).state == "active"
    Source.objects.filter(pk=new.pk).update(position=2)
    new.refresh_from_db()
    with pytest.raises(ReaderError, match="30 people would leave by what other sources say"):
        take(new, tmp_path, [row(n) for n in everybody])
    assert {person(n).state for n in everybody} == {"active"}
    take(new, tmp_path, [row(n) for n in everybody], accept="they are gone")
    assert {person(n).state for n in everybody} == {"left"}


def test_who_was_let_go_by_hand_and_is_gone_from_hr_comes_back_as_the_other_source_says(
    tmp_path: Path,
) -> None:
    """What HR said last would count for good, the access of their old department with it."""
    hr = source("hr", position=0, authoritative=True, absence="leave")
    plant = source("plant", position=1, authoritative=True, absence="leave")
    rows = [row(n, family="Nagy") for n in range(1, 11)]
    take(hr, tmp_path, rows)
    terminate(person(1), at=now(), reason="at once", now=now())
    assert take(hr, tmp_path, rows[1:]).counts["left"] == 0
    starts = (now() + timedelta(days=2)).date().isoformat()
    take(plant, tmp_path, [row(1, family="Kim", start=starts)])
    back = person(1)
    assert back.terminated_at is None
    assert back.attributes["family_name"] == "Kim"
