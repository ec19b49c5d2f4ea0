"""Limits on how much may be taken away."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.core.guard import Limit, judge, limit_from

counts = st.integers(0, 10_000)


@given(counts, counts, counts)
def test_a_slow_drip_trips_it_as_a_flood_does(first: int, second: int, population: int) -> None:
    """What passed before counts: two halves are held exactly when the whole is."""
    limit = Limit()
    whole = judge(what="x", new=first + second, recent=0, population=population, limit=limit)
    drip = judge(what="x", new=second, recent=first, population=population, limit=limit)
    assert drip.held == (whole.held and second > 0)


@given(counts)
def test_nothing_new_is_never_held(recent: int) -> None:
    assert not judge(what="x", new=0, recent=recent, population=1, limit=Limit()).held


@pytest.mark.parametrize(("new", "held"), [(5, False), (6, True)])
def test_a_small_company_may_lose_a_few(new: int, held: bool) -> None:
    assert judge(what="x", new=new, recent=0, population=20, limit=Limit()).held is held


def test_the_reason_says_how_many_of_how_many() -> None:
    drip = judge(what="removals in Chat", new=41, recent=9, population=460, limit=Limit())
    assert drip.reason.startswith("41 removals in Chat after 9 within the last 24 hours: 10.9 %")
    held = judge(what="removals in Chat", new=60, recent=0, population=460, limit=Limit())
    assert held.reason.startswith("60 removals in Chat: 13.0 % of 460, and at most 46")


def test_limits_are_exact() -> None:
    limit = limit_from({"percent": "0.1", "floor": 0})
    assert limit == Limit(Fraction(1, 10), 0)
    assert limit.allowed(1000) == 1
    assert limit.allowed(999) == 0
    assert limit_from({}) == Limit()
