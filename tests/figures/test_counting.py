"""Figures: of this moment where there is little to count, of the last minute where it is much."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tenure.figures import services
from tenure.figures.models import Figure
from tenure.figures.services import FRESH, count_again, figure, register
from tenure.infra.clock import now

TABLE = "people_person"
pytestmark = pytest.mark.django_db


class Counter:
    """Something to count, and how often it was counted."""

    def __init__(self) -> None:
        self.value: object = 0
        self.asked = 0

    def __call__(self) -> object:
        self.asked += 1
        return self.value


@pytest.fixture
def counter() -> Iterator[Counter]:
    found = Counter()
    register("things", found)
    yield found
    del services._counts["things"]


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table has as many rows as need counting ahead. One that was never analysed has -1."""
    monkeypatch.setattr(services, "FEW", -2)


def grown_old() -> None:
    Figure.objects.update(counted_at=now() - FRESH - timedelta(seconds=1))


def test_a_small_table_is_counted_each_time(counter: Counter) -> None:
    assert [figure("things", table=TABLE), figure("things", table=TABLE)] == [0, 0]
    counter.value = 7
    assert figure("things", table=TABLE) == 7
    assert counter.asked == 3
    assert not Figure.objects.exists()


def test_a_large_one_is_counted_once_and_then_by_the_job(counter: Counter, large: None) -> None:
    counter.value = {"active": 7}
    assert figure("things", table=TABLE) == {"active": 7}
    counter.value = {"active": 8}
    assert figure("things", table=TABLE) == {"active": 7}
    assert counter.asked == 1
    assert count_again() == 0, "it is fresh"
    grown_old()
    assert count_again() == 1
    assert figure("things", table=TABLE) == {"active": 8}
    assert counter.asked == 2


@pytest.mark.parametrize("nothing", [None, 0, {}, []])
def test_nothing_is_an_answer_too(nothing: object, counter: Counter, large: None) -> None:
    counter.value = nothing
    assert figure("things", table=TABLE) == nothing
    assert figure("things", table=TABLE) == nothing
    grown_old()
    assert count_again() == 1


def test_a_figure_that_nobody_counts_any_more_is_left_alone(large: None) -> None:
    Figure.objects.create(name="of an older version", value=3, counted_at=now())
    grown_old()
    assert count_again() == 0
