"""Expressions over JSON: what they see, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest

from tenure.core.expressions import ExpressionError, MissingAttribute
from tenure.core.json_expressions import compile_json, compile_json_condition

NAMES: dict[str, Any] = {"item": None, "settings": ("url", "org"), "changed": None}
ITEM = {
    "login": "ada",
    "none": None,
    "emails": [{"type": "home", "value": "h"}, {"type": "work", "value": "w"}],
    "count": 3,
    "open": True,
}


def value(source: str, item: Any = ITEM, **more: Any) -> Any:
    return compile_json(source, NAMES).json({"item": item, "settings": {"org": "acme"}, **more})


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("item.login", "ada"),
        ("item.count + 1", 4),
        ("!item.open", False),
        ('item.emails.filter(e, e.type == "work")[0].value', "w"),
        ('dyn(item["emails"]).map(e, {"address": e.value})', [{"address": "h"}, {"address": "w"}]),
        ('{"user": item.login, "org": settings.org, "none": null}', None),
        ("has(item.none)", False),
        ("has(item.login)", True),
        ('"login" in item', True),
        ('"title" in changed', True),
        ("upper(item.login) + slug(settings.org)", "ADAacme"),
    ],
)
def test_values(source: str, wanted: Any) -> None:
    found = value(source, changed=["title"])
    if wanted is None:
        wanted = {"user": "ada", "org": "acme", "none": None}
    assert found == wanted


@pytest.mark.parametrize(
    "source", ["item.title", "item.none", "item.emails[0].kind", "settings.url"]
)
def test_what_is_not_there_is_missing(source: str) -> None:
    with pytest.raises(MissingAttribute):
        value(source)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("settings.ulr", r"There is no settings\.ulr: did you mean url"),
        ("settings.secret", r"settings has org, url"),
        ("settings", "settings is used by its parts"),
        ("itm.login", "did you mean item"),
        ("item.login +", "ends too early"),
        ('item["emails"].map(e, e)', r'x\.y, or dyn\(x\["y"\]\)'),
        ('item.login == "a', "is not closed"),
        ("", "empty"),
    ],
)
def test_mistakes_are_named_before_anything_runs(source: str, told: str) -> None:
    with pytest.raises(ExpressionError, match=told):
        compile_json(source, NAMES)


@pytest.mark.parametrize(
    ("item", "told"),
    [
        ({"login": "x" * 20_000}, "holds a text of more than"),
        ({"login": "a\0b"}, "NUL"),
        ({"login": ["x"] * 2_000}, "more than the 1000 items"),
        ({"login": 10**30}, "more than 64 bits"),
    ],
)
def test_what_an_application_answers_has_limits(item: Any, told: str) -> None:
    with pytest.raises(ExpressionError, match=told):
        value("item.login", item)


def test_only_what_is_used_goes_in() -> None:
    assert value("item.login", {"login": "ada", "story": "x" * 1_000_000}) == "ada"


def test_the_names_that_are_used() -> None:
    assert compile_json('item.a + item["b"]', NAMES).names == {"item.a", "item.b"}
    assert compile_json("item", NAMES).names == {"item"}
    assert compile_json("size(item) > 0 ? item.a : settings.org", NAMES).names == {
        "item",
        "item.a",
        "settings.org",
    }


def test_a_condition_without_an_answer_does_not_hold() -> None:
    condition = compile_json_condition("item.locked == false", NAMES)
    assert not condition.holds({"item": {}})
    assert condition.holds({"item": {"locked": False}})
