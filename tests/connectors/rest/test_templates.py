"""Texts and bodies with expressions in them."""

from __future__ import annotations

from typing import Any

import pytest

from tenure.connectors.base import NotFound, Rejected
from tenure.connectors.http import segment
from tenure.connectors.rest.templates import MISSING, compile_body, compile_text
from tenure.core.expressions import ExpressionError

NAMES: dict[str, Any] = {"account": None, "settings": ("url",), "id": None}
GIVEN = {
    "account": {"userName": "ada", "n": 5.0, "yes": True, "empty": None, "tags": ["a", "b"]},
    "settings": {"url": "https://x.test/base"},
    "id": "a/b?c",
}


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("plain", "plain"),
        ("{account.userName}@x", "ada@x"),
        ("{account.n} {account.yes} {account.tags}", "5 true a,b"),
        ("<{account.title}>", "<>"),
        ("{{literal}} {account.userName}", "{literal} ada"),
        ('{ {"a": account.userName}.a }', "ada"),
        ('{account.userName == "}" ? "1" : "2"}', "2"),
        ('="=" + account.userName', "=ada"),
    ],
)
def test_texts(source: str, wanted: str) -> None:
    assert compile_text(source, NAMES).fill(GIVEN) == wanted


def test_what_goes_into_an_address_is_encoded_and_must_be_there() -> None:
    path = compile_text("{settings.url}/users/{id}", NAMES)
    assert path.address(GIVEN, segment) == "https://x.test/base/users/a%2Fb%3Fc"
    with pytest.raises(Rejected, match=r"account\.title has no value"):
        compile_text("/users/{account.title}", NAMES).address(GIVEN, segment)
    with pytest.raises(NotFound):
        compile_text("/users/{id}", NAMES).address({**GIVEN, "id": ".."}, segment)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ({"a": "=account.userName", "b": "{literal}"}, {"a": "ada", "b": "{literal}"}),
        ({"a": "=account.title", "b": 1}, {"b": 1}),
        ({"a": "=account.empty"}, {"a": None}),
        ({"...": "=account.more", "a": 1}, {"a": 1}),
        ({"...": '={"a": 0, "b": 2}', "a": 1}, {"a": 1, "b": 2}),
        (["=account.userName", "=account.title", {"x": "=account.n"}], ["ada", {"x": 5.0}]),
        ("=account.tags.map(t, {'tag': t})", [{"tag": "a"}, {"tag": "b"}]),
        (None, None),
    ],
)
def test_bodies(source: Any, wanted: Any) -> None:
    assert compile_body(source, NAMES).fill(GIVEN) == wanted


def test_a_name_alone_is_taken_as_it_is() -> None:
    large = {"text": "x" * 100_000, "none": None}
    assert compile_body("=account", NAMES).fill({"account": large}) is large
    assert compile_body("=account.gone", NAMES).fill({"account": large}) is MISSING


def test_braces_count_where_texts_are_short() -> None:
    body = compile_body({"q": "{account.userName}*", "t": "{account.title}"}, NAMES, inline=True)
    assert body.fill(GIVEN) == {"q": "ada*"}


def test_a_mistake_says_where_in_the_body() -> None:
    with pytest.raises(ExpressionError) as told:
        compile_body({"users": [{"name": "=acount.userName"}]}, NAMES)
    assert told.value.target == "users.0.name"
    with pytest.raises(ExpressionError, match="not closed"):
        compile_text("/users/{id", NAMES)
