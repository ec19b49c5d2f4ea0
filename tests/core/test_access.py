"""Rules to access, with reasons; owners of accounts that were there before us."""

from __future__ import annotations

from tenure.core.access import Rule, RuleBook
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
    refusals = rules.refusals({"location": "Berlin"})["chat"]
    assert [(r.rule, r.missing) for r in refusals] == [
        ("others", ("department",)),
        ("negated", ("department",)),
    ]


def test_no_rules_give_nothing() -> None:
    assert RuleBook([]).due({"department": "Sales"}) == {}
