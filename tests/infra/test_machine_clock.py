"""A machine whose clock is not the database's."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from tenure.infra import machine_clock
from tenure.infra.machine_clock import ClockWrong, require_right
from tenure.people.models import Person
from tenure.provisioning.tasks import sweep

pytestmark = pytest.mark.django_db


def shift(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    monkeypatch.setattr(machine_clock, "_machine", lambda: datetime.now(UTC) + by)


@pytest.mark.parametrize("seconds", [0, 5, -5])
def test_a_little_is_tolerated(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    shift(monkeypatch, timedelta(seconds=seconds))
    require_right()


@pytest.mark.parametrize(("hours", "word"), [(3, "ahead of"), (-3, "behind")])
def test_hours_are_told(monkeypatch: pytest.MonkeyPatch, hours: int, word: str) -> None:
    shift(monkeypatch, timedelta(hours=hours))
    with pytest.raises(ClockWrong, match=f"seconds {word} the database's"):
        require_right()


def test_an_answer_that_takes_long_is_no_wrong_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    said = iter(
        [datetime.now(UTC) - timedelta(minutes=2), datetime.now(UTC) + timedelta(minutes=2)]
    )
    monkeypatch.setattr(machine_clock, "_machine", lambda: next(said))
    require_right()


def test_nobodys_last_day_ends_by_a_wrong_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock that the sweep reads went wrong together with the machine's."""
    person = Person.objects.create(
        employee_number="1",
        display_name="Ann",
        start_date=date(2024, 1, 1),
        end_date=datetime.now(UTC).date() + timedelta(days=2),
        next_look_at=datetime.now(UTC) + timedelta(days=2),
    )
    ahead = timedelta(days=30)
    shift(monkeypatch, ahead)
    monkeypatch.setattr("tenure.infra.clock._tell", lambda: datetime.now(UTC) + ahead)
    with pytest.raises(ClockWrong):
        sweep(0)
    person.refresh_from_db()
    assert person.state == "active"
