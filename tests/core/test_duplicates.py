"""Who may be here twice: by which rules, and who is not asked about."""

from __future__ import annotations

from tenure.core.acquaintance import SameAttribute
from tenure.core.duplicates import (
    MOST_ALIKE,
    Resemblance,
    differ,
    only_names,
    pairs,
    resemblance,
    telling,
)
from tenure.core.expressions import AttributeType
from tenure.people.attributes import STANDARD

SCHEMA = {name: kind for name, (_, kind) in STANDARD.items()} | {"birth_date": AttributeType.DATE}
ANNA = {"given_name": "Anna", "family_name": "Müller", "birth_date": "1990-02-03"}


def rules(*, names_too: bool = False) -> Resemblance:
    across = SameAttribute("email", "personal_email")
    return resemblance([across], [["family_name", "mobile"]], SCHEMA, names_too=names_too)


def shared(one: dict[str, str], other: dict[str, str], *, names_too: bool = False) -> list[str]:
    found = rules(names_too=names_too)
    both = found.person_keys(one) & found.person_keys(other)
    return sorted(found.why(place for place, _ in both).split(", ")) if both else []


def test_the_same_however_it_is_spelled() -> None:
    assert shared({"email": "A@x.example"}, {"email": "a@X.example"}) == ["email"]
    assert shared({"employee_number": "p-7"}, {"employee_number": "P-7"}) == ["employee_number"]
    spelled = {**ANNA, "given_name": "Анна", "family_name": "MUELLER"}
    assert shared(ANNA, spelled) == ["given_name and family_name and birth_date"]
    assert shared(ANNA, {**spelled, "birth_date": "1990-02-04"}) == []
    assert shared({}, {}) == []


def test_a_rule_of_a_source_counts_between_two_attributes() -> None:
    """What one source calls the work address may be what another calls the private one."""
    assert shared({"email": "a@x.example"}, {"personal_email": "a@x.example"}) == [
        "email = personal_email"
    ]
    mobile = {"family_name": "Nagy", "mobile": "+361"}
    assert shared(mobile, mobile) == ["family_name and mobile"]


def test_names_alone_count_only_where_they_are_asked_for() -> None:
    names = {name: ANNA[name] for name in ("given_name", "family_name")}
    assert shared(names, ANNA) == []
    assert shared(names, ANNA, names_too=True) == ["given_name and family_name"]
    found = rules(names_too=True)
    (place,) = {place for place, _ in found.person_keys(names)}
    likeness = pairs([(place, [1, 2])], found)[1, 2]
    assert only_names(likeness, found)
    days = telling(found, SCHEMA)
    assert days == {"birth_date"}
    assert differ(ANNA, {"birth_date": "1991-01-01"}, days)
    assert not differ(ANNA, {}, days)


def test_they_are_paired_by_the_strongest_rule_and_crowds_are_left_out() -> None:
    found = rules()
    crowd = range(10, 11 + MOST_ALIKE)
    paired = pairs([(5, [2, 1]), (1, [1, 2, 3]), (3, crowd)], found)
    assert sorted(paired) == [(1, 2), (1, 3), (2, 3)]
    assert (paired[1, 2].rank, paired[1, 3].rank) == (1, 1)
    assert paired[1, 2].why == "email, family_name and mobile"
