"""What counts as a difference between two values, and what does not."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.core.diff import changes, same
from tenure.core.model import Change

values = st.one_of(
    st.text(max_size=8), st.integers(), st.booleans(), st.lists(st.text(max_size=4), max_size=3)
)


@given(values)
def test_a_value_is_the_same_as_itself(value: object) -> None:
    assert same(value, value)  # type: ignore[arg-type]


@given(values, values)
def test_sameness_has_no_direction(left: object, right: object) -> None:
    assert same(left, right) == same(right, left)  # type: ignore[arg-type]


@given(st.text(max_size=12))
def test_unicode_forms_are_no_difference(text: str) -> None:
    assert same(unicodedata.normalize("NFD", text), unicodedata.normalize("NFC", text))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("", None),
        ([], None),
        (["a", "b"], ["b", "a", "a"]),
        ("true", True),
        (" a ", "a"),
        ("a", ["a"]),
        (5, "5"),
    ],
)
def test_these_mean_the_same(left: object, right: object) -> None:
    assert same(left, right)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("left", "right"),
    [("a", "b"), ("A", "a"), (True, False), (True, None), (1, True), (["a"], ["a", "b"]), (0, "")],
)
def test_these_differ(left: object, right: object) -> None:
    assert not same(left, right)  # type: ignore[arg-type]


def test_case_is_ignored_only_where_said() -> None:
    desired = {"userName": "Anna@acme.example", "title": "Lead"}
    observed = {"userName": "anna@acme.example", "title": "lead"}
    found = changes(desired, observed, caseless={"userName"})
    assert found == {"title": Change("lead", "Lead")}


def test_only_managed_attributes_are_compared() -> None:
    assert changes({"title": None}, {"title": "x", "phone": "1"}) == {"title": Change("x", None)}
    assert changes({"title": "y"}, {"title": "x"}, ignore={"title"}) == {}
