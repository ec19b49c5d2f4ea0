"""Whose a new record is: never somebody's for whom anything else speaks, in whatever order."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.core.acquaintance import (
    EMPLOYEE_NUMBER,
    Acquaintance,
    Recognition,
    SameAttribute,
    likeness,
)
from tenure.core.expressions import AttributeType

NUMBER, EMAIL, BADGE = (
    SameAttribute(EMPLOYEE_NUMBER, EMPLOYEE_NUMBER),
    SameAttribute("email", "email"),
    SameAttribute("badge", "pass"),
)
SCHEMA = dict.fromkeys(
    ("employee_number", "email", "badge", "pass", "given_name", "family_name"),
    AttributeType.STRING,
) | {"birth_date": AttributeType.DATE}
RULES = Recognition([NUMBER, EMAIL, BADGE], [["given_name", "family_name", "birth_date"]], SCHEMA)

few = st.sampled_from(["", "1", "2", "3"])
records = st.lists(
    st.fixed_dictionaries({"employee_number": few, "email": few, "badge": few}), max_size=4
)
people = st.lists(
    st.fixed_dictionaries({"employee_number": few, "email": few, "pass": few}), max_size=4
)
some = st.frozensets(st.sampled_from("0123"))


def recognise(
    new: list[dict[str, str]],
    known: list[dict[str, str]],
    taken: frozenset[str] = frozenset(),
    gone: frozenset[str] = frozenset(),
    order: random.Random | None = None,
) -> dict[str, Acquaintance]:
    """Records are `r0`, `r1` ..., people are known by their place."""
    there = [(f"r{n}", RULES.record_keys(_filled(one))) for n, one in enumerate(new)]
    theirs = [(str(n), RULES.person_keys(_filled(one))) for n, one in enumerate(known)]
    if order:
        order.shuffle(there)
        order.shuffle(theirs)
    return RULES.recognise(dict(there), dict(theirs), taken=taken, gone=gone)


def _filled(one: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in one.items() if value}


def _shared(record: dict[str, str], person: dict[str, str]) -> list[str]:
    pairs = [("employee_number", "employee_number"), ("email", "email"), ("badge", "pass")]
    return [a for a, b in pairs if record[a] and record[a] == person[b]]


@given(records, people, some, some)
def test_who_is_known_is_the_only_one_for_whom_anything_speaks(
    new: list[dict[str, str]],
    known: list[dict[str, str]],
    taken: frozenset[str],
    gone: frozenset[str],
) -> None:
    found = recognise(new, known, taken, gone)
    owners = [one.known for one in found.values() if one.known]
    assert len(owners) == len(set(owners))
    for place, record in enumerate(new):
        one = found[f"r{place}"]
        possible = {str(n) for n, person in enumerate(known) if _shared(record, person)}
        if one.known:
            assert possible == {one.known}
            assert one.known not in taken
            assert one.known not in gone or one.by == EMPLOYEE_NUMBER
            assert one.by == _shared(record, known[int(one.known)])[0].replace(
                "badge", "badge = pass"
            )
        else:
            assert set(one.candidates or ()) <= possible
            assert bool(one.candidates) == bool(possible)


@given(records, people, some, some, st.randoms())
def test_the_order_does_not_matter(
    new: list[dict[str, str]],
    known: list[dict[str, str]],
    taken: frozenset[str],
    gone: frozenset[str],
    order: random.Random,
) -> None:
    assert recognise(new, known, taken, gone) == recognise(new, known, taken, gone, order)


@given(records, people, some)
def test_one_more_person_for_whom_something_speaks_makes_nobody_surer(
    new: list[dict[str, str]], known: list[dict[str, str]], gone: frozenset[str]
) -> None:
    before = recognise(new, known, gone=gone)
    after = recognise(new, [*known, {"employee_number": "1", "email": "1", "pass": ""}], gone=gone)
    for key, one in after.items():
        if one.known and one.known != str(len(known)):
            assert before[key].known == one.known


def test_names_and_a_birthday_suggest_and_say_so() -> None:
    born = {"birth_date": "1990-02-03"}
    new = [{"given_name": "ŁUKASZ", "family_name": "Mueller-Nagy", **born}]
    known = [
        {"given_name": "Lukasz", "family_name": "Müller Nagy", **born},
        {"given_name": "Lukasz", "family_name": "Müller Nagy", "birth_date": "1990-02-04"},
        {"given_name": "Lukasz", "family_name": "Müller Nagy"},
    ]
    (one,) = recognise(new, known).values()
    assert not one.known
    assert one.candidates == {"0": "given_name and family_name and birth_date"}
    # What is certain goes before.
    new[0]["email"] = known[1]["email"] = "l@acme.example"
    (one,) = recognise(new, known).values()
    assert (one.known, one.by) == ("1", "email")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Müller", "MUELLER"),
        ("Szűcs-Nagy", "szucs nagy"),
        ("Мария", "Maria"),
        ("Мария", "Mariya"),
        ("Đorđe", "Djordje"),
        ("O’Brien", "O'Brien"),
        ("Groß", "Gross"),
        ("José", "José"),
    ],
)
def test_the_same_name_in_two_spellings(one: str, other: str) -> None:
    assert likeness(one) == likeness(other) != ""


@given(st.text(max_size=20))
def test_likeness_is_plain_and_settled(text: str) -> None:
    found = likeness(text)
    assert found.isascii()
    assert found == found.lower()
    assert likeness(text.upper().lower()) == likeness(text.lower())


def test_numbers_and_days_are_not_alike_because_digits_repeat() -> None:
    assert likeness("1990-11-12") != likeness("1990-1-12")
    assert likeness(11) == "11"
    assert likeness(None) == likeness(True) == likeness(["a"]) == ""
