"""How fast the database grows, of what was noted day by day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tenure.figures import growth
from tenure.figures.models import Figure

pytestmark = pytest.mark.django_db

TODAY = datetime(2026, 11, 29, 12, tzinfo=UTC)


def noted(monkeypatch: pytest.MonkeyPatch, sizes: dict[int, int]) -> None:
    """Days ago -> bytes."""
    for ago, size in sizes.items():
        monkeypatch.setattr(growth, "_size", lambda size=size: size)
        growth.note(TODAY - timedelta(days=ago))


def test_bytes_a_day_over_the_last_month(monkeypatch: pytest.MonkeyPatch) -> None:
    noted(monkeypatch, {400: 1, 30: 1000, 10: 1500, 0: 4000})
    found = growth.growth(TODAY)
    assert (found.size, found.a_day, found.days) == (4000, 100.0, 30)


def test_one_day_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    noted(monkeypatch, {1: 1000, 0: 900_000})
    assert growth.growth(TODAY).a_day is None


def test_days_are_kept_for_a_year_or_so(monkeypatch: pytest.MonkeyPatch) -> None:
    noted(monkeypatch, dict.fromkeys(range(420, -1, -1), 1))
    (row,) = Figure.objects.all()
    assert len(row.value) == 400
    assert min(row.value) == (TODAY - timedelta(days=399)).date().isoformat()


def test_the_real_size_is_noted() -> None:
    growth.note(TODAY)
    assert growth.growth(TODAY).size > 1_000_000
