"""Limits on how much may be made, changed and taken away, and what an approval covers."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.core.guard import (
    Content,
    Counted,
    FailureLimit,
    Guard,
    Limit,
    SourceGuard,
    counted,
    covers,
    guard_from,
    judge,
    judge_failures,
    judge_missing,
    latest,
    limit_from,
    source_guard_from,
    span,
)
from tenure.core.model import Change, OperationKind

counts = st.integers(0, 10_000)
limits = st.builds(
    Limit,
    percent=st.none() | st.fractions(0, 100),
    floor=st.integers(0, 200),
    most=st.none() | st.integers(0, 500),
)


def held(new: int, recent: int, population: int, limit: Limit) -> bool:
    return judge(what="x", new=new, recent=recent, population=population, limit=limit).held


@given(st.lists(st.integers(1, 300), min_size=1, max_size=12), counts, limits)
def test_a_drip_trips_it_exactly_as_a_flood_does(
    drops: list[int], population: int, limit: Limit
) -> None:
    """In whatever portions it comes, the first one that is held is the one that goes over."""
    gone = 0
    for drop in drops:
        drip = held(drop, gone, population, limit)
        assert drip == held(gone + drop, 0, population, limit)
        if drip:
            break
        gone += drop
    assert gone <= limit.allowed(population)


@given(counts, counts, counts, counts, counts, limits)
def test_more_never_passes_where_less_was_held(
    new: int, recent: int, more: int, earlier: int, population: int, limit: Limit
) -> None:
    if new and held(new, recent, population, limit):
        assert held(new + more, recent + earlier, population, limit)


@given(counts, counts, limits, limits)
def test_a_tighter_limit_never_lets_more_through(
    new: int, population: int, limit: Limit, other: Limit
) -> None:
    both = Limit(limit.percent, limit.floor, min(limit.allowed(population), other.allowed(0)))
    if held(new, 0, population, limit):
        assert held(new, 0, population, both)


@given(counts, counts, limits)
def test_nothing_new_is_never_held(recent: int, population: int, limit: Limit) -> None:
    assert not held(0, recent, population, limit)


@pytest.mark.parametrize(("new", "expected"), [(5, False), (6, True)])
def test_a_small_company_may_lose_a_few(new: int, expected: bool) -> None:
    assert held(new, 0, 20, Limit()) is expected


@pytest.mark.parametrize(
    ("limit", "population", "allowed"),
    [
        (Limit(Fraction(10), 5, most=50), 1000, 50),
        (Limit(Fraction(10), 5, most=50), 200, 20),
        (Limit(Fraction(10), 5, most=3), 200, 3),
        (Limit(None, 0, most=50), 1_000_000, 50),
        (limit_from({"percent": "0.1", "floor": 0}), 1000, 1),
        (limit_from({"percent": "0.1", "floor": 0}), 999, 0),
    ],
)
def test_limits_are_exact(limit: Limit, population: int, allowed: int) -> None:
    assert limit.allowed(population) == allowed
    assert not held(allowed, 0, population, limit)
    assert held(allowed + 1, 0, population, limit)


@pytest.mark.parametrize(
    ("population", "removals", "changes"),
    [(20, 5, 50), (1_000, 100, 500), (10_000, 500, 2_000), (200_000, 500, 2_000)],
)
def test_however_large_the_company_is_nobody_loses_thousands_unseen(
    population: int, removals: int, changes: int
) -> None:
    application, source = Guard(), SourceGuard()
    for limit in (application.removals, source.leavers):
        assert limit.allowed(population) == removals
    for limit in (application.changes, source.changes):
        assert limit.allowed(population) == changes


def test_a_limit_that_somebody_gave_gets_no_end_of_ours() -> None:
    agreed = {"percent": 20, "floor": 5, "window": 86400}
    assert guard_from({"removals": agreed}).removals.allowed(10_000) == 2_000
    assert source_guard_from({"leavers": agreed}).leavers.allowed(10_000) == 2_000
    assert guard_from({"removals": {**agreed, "most": 700}}).removals.allowed(10_000) == 700


def test_the_reason_says_how_many_of_how_many() -> None:
    drip = judge(what="removals in Chat", new=41, recent=9, population=460, limit=Limit())
    assert drip.reason.startswith("41 removals in Chat after 9 within the last 24 hours: 10.9 %")
    flood = judge(
        what="removals in Chat", new=60, recent=0, population=460, limit=Limit(most=20, floor=2)
    )
    assert flood.reason == (
        "60 removals in Chat: 13.0 % of 460, and at most 20 are allowed within 24 hours "
        "(guard: 10 %, never under 2, never over 20)."
    )


def test_every_kind_is_counted() -> None:
    assert {kind: counted(kind) for kind in OperationKind} == {
        OperationKind.CREATE: Counted.CREATES,
        OperationKind.UPDATE: Counted.CHANGES,
        OperationKind.ENABLE: Counted.CHANGES,
        OperationKind.GRANT: Counted.CHANGES,
        OperationKind.REVOKE: Counted.CHANGES,
        OperationKind.DISABLE: Counted.REMOVALS,
        OperationKind.TRANSFER: Counted.CHANGES,
        OperationKind.DELETE: Counted.REMOVALS,
    }


@given(st.integers(0, 2000), st.integers(0, 2000))
def test_a_failure_rate_is_not_judged_by_a_handful(failed: int, well: int) -> None:
    limit = FailureLimit(Fraction(50), least=20)
    settled = failed + well
    found = judge_failures(where="Chat", failed=failed, settled=settled, limit=limit)
    assert found.held == (settled >= 20 and failed > well)


@given(st.integers(0, 2000), st.integers(1, 2000), st.integers(1, 2000))
def test_one_more_failure_never_lets_it_go_on(failed: int, well: int, more: int) -> None:
    limit = FailureLimit()
    if judge_failures(where="Chat", failed=failed, settled=failed + well, limit=limit).held:
        worse = judge_failures(
            where="Chat", failed=failed + more, settled=failed + more + well, limit=limit
        )
        assert worse.held


@pytest.mark.parametrize(
    ("read", "known", "expected"),
    [
        (50, 100, False),
        (49, 100, True),
        (0, 3, True),
        (0, 0, False),
        (1, 3, False),
        (900, 100, False),
    ],
)
def test_half_a_file_and_an_empty_one_are_held(read: int, known: int, expected: bool) -> None:
    limit = SourceGuard().missing
    found = judge_missing(source="HR", read=read, known=known, limit=limit)
    assert found.held is expected
    if expected:
        assert str(known) in found.reason
        assert str(known - read) in found.reason


changes = st.dictionaries(
    st.sampled_from("abc"), st.builds(Change, st.sampled_from("xy"), st.sampled_from("xyz"))
)
keys = st.frozensets(st.sampled_from(["group:a", "group:b", "group:c"]))
contents = st.builds(
    Content,
    account=st.sampled_from([None, "1", "2"]),
    attributes=changes,
    grant=keys,
    revoke=keys,
    active=st.booleans(),
)


@given(contents)
def test_an_approval_covers_what_was_seen(seen: Content) -> None:
    assert covers(seen, seen)


@given(contents, contents)
def test_an_approval_covers_nothing_more_than_was_seen(seen: Content, now: Content) -> None:
    """Whatever is covered does nothing that the approver did not look at."""
    if covers(seen, now):
        assert now.account == seen.account
        assert now.attributes.items() <= seen.attributes.items()
        assert now.grant <= seen.grant
        assert now.revoke <= seen.revoke
        assert seen.active or not now.active
    if covers(seen, now) and covers(now, seen):
        assert seen == now


def test_settings_replace_only_what_they_say() -> None:
    default = Guard()
    assert guard_from({}) == default
    found = guard_from(
        {
            "removals": {"most": 3},
            "creates": {"percent": 20, "window": 3600},
            "failures": {"least": 2},
        }
    )
    assert found.removals == Limit(most=3)
    assert found.creates == Limit(Fraction(20), 0, window=timedelta(hours=1))
    assert found.changes == default.changes
    assert found.failures == FailureLimit(least=2)
    assert default.creates.unlimited
    assert not found.creates.unlimited
    assert source_guard_from({"leavers": {"floor": 1}}).leavers == Limit(floor=1)


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(hours=24), "24 hours"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(days=7), "7 days"),
        (timedelta(hours=36), "36 hours"),
    ],
)
def test_a_window_is_said_as_people_say_it(length: timedelta, text: str) -> None:
    assert span(length) == text


def test_of_a_guard_that_counts_on_the_latest_reason_is_told() -> None:
    limit = Limit(most=9, floor=20)
    drip = [
        (
            "chat",
            Counted.REMOVALS,
            judge(what="removals in Chat", new=new, recent=9, population=460, limit=limit).reason,
        )
        for new in (1, 2)
    ]
    assert drip[0][2].startswith("1 removal in Chat after 9 ")
    assert drip[0][2].endswith("(guard: 10 %, never over 9).")
    nobodys = ("chat", Counted.REMOVALS, "An account that is nobody's.")
    assert list(latest([drip[0], nobodys, drip[1]]).values()) == [drip[1][2], nobodys[2]]
