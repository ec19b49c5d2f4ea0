"""Lengths of time as ISO 8601 writes them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.configuration.durations import LONGEST, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("P30D", timedelta(days=30)),
        ("P2W", timedelta(days=14)),
        ("PT12H", timedelta(hours=12)),
        ("P1DT30M", timedelta(days=1, minutes=30)),
        ("PT90S", timedelta(seconds=90)),
        ("P0D", timedelta(0)),
    ],
)
def test_reads(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    "text",
    [
        "",
        "P",
        "PT",
        "P1DT",
        "30D",
        "p30d",
        "P1.5D",
        "P-1D",
        "P1M",
        "P1Y",
        "P1W2D",
        "30 days",
        "P٣D",
    ],
)
def test_refuses_and_says_what_is_expected(text: str) -> None:
    with pytest.raises(ValueError, match="P30D is 30 days"):
        parse_duration(text)


def test_refuses_what_is_too_long() -> None:
    with pytest.raises(ValueError, match="longer than 36500 days"):
        parse_duration("P99999D")


@pytest.mark.parametrize("length", [timedelta(days=-1), timedelta(milliseconds=1)])
def test_writes_nothing_that_it_could_not_read(length: timedelta) -> None:
    with pytest.raises(ValueError, match="whole seconds"):
        format_duration(length)


@given(st.integers(0, int(LONGEST.total_seconds())))
def test_round_trip(seconds: int) -> None:
    length = timedelta(seconds=seconds)
    assert parse_duration(format_duration(length)) == length
