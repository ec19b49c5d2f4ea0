"""Rules to access, with reasons; owners of accounts that were there before us."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tenure.core.access import Rule, RuleBook
from tenure.core.correlation import MatchRule, PeopleIndex
from tenure.core.expressions import AttributeType, compile_condition

SCHEMA = {"department": AttributeType.STRING, "location": AttributeType.STRING}


def book(**conditions: str) -> RuleBook:
    return RuleBook(
        [
            Rule(
                slug,
                slug.title(),
                compile_condition(text, SCHEMA),
                {"chat": frozenset({f"group:{slug}"})},
            )
            for slug, text in conditions.items()
        ]
    )


def test_access_is_the_union_with_the_reason_for_each_part() -> None:
    rules = book(sales='user.department == "Sales"', berlin='user.location == "Berlin"')
    access = rules.due({"department": "Sales", "location": "Berlin"})["chat"]
    assert access.entitlements == {"group:sales", "group:berlin"}
    assert access.by_entitlement == {"group:sales": ("sales",), "group:berlin": ("berlin",)}
    assert [(b.name, b.saw) for b in access.because] == [
        ("Sales", {"department": "Sales"}),
        ("Berlin", {"location": "Berlin"}),
    ]


def test_a_missing_attribute_gives_nothing_even_when_negated() -> None:
    rules = book(others='user.department != "Sales"', negated='!(user.department == "Sales")')
    assert rules.due({"location": "Berlin"}) == {}
    refusals = rules.refusals({"location": "Berlin"}, "chat")
    assert [(r.rule, r.missing) for r in refusals] == [
        ("others", ("department",)),
        ("negated", ("department",)),
    ]


def test_no_rules_give_nothing() -> None:
    assert RuleBook([]).due({"department": "Sales"}) == {}


@given(st.lists(st.sampled_from(["a@x", "b@x", "c@x"]), max_size=4))
def test_an_account_is_matched_only_by_a_value_that_one_person_has(emails: list[str]) -> None:
    people = [(str(number), {"email": email}) for number, email in enumerate(emails)]
    index = PeopleIndex([MatchRule("userName", "email")], people)
    match = index.owners({"userName": "A@X"})
    expected = [key for key, attributes in people if attributes["email"] == "a@x"]
    assert list(match.people) == expected
    assert match.only == (expected[0] if len(expected) == 1 else None)


def test_the_first_rule_that_finds_anybody_decides() -> None:
    index = PeopleIndex(
        [MatchRule("number", "employee_number"), MatchRule("userName", "email")],
        [("1", {"employee_number": "10", "email": "x@x"}), ("2", {"email": "a@x"})],
    )
    assert index.owners({"number": "10", "userName": "a@x"}).only == "1"
    assert index.owners({"userName": "a@x"}).only == "2"
    assert index.owners({"userName": ""}).people == ()
