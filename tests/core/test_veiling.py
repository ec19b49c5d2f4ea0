"""What stands for a sensitive value, which attributes are sensitive, and texts without them."""

from __future__ import annotations

import pytest

from tenure.core.expressions import AttributeType, compile_condition, compile_value
from tenure.core.groups import Group, GroupBook
from tenure.core.mapping import MappedAttribute
from tenure.core.model import Change
from tenure.core.veiling import Veil, is_veiled, mark, reading_sensitive, scrubbed, texts_of

SCHEMA = {
    "band": AttributeType.STRING,
    "born": AttributeType.DATE,
    "email": AttributeType.STRING,
    "groups": AttributeType.STRINGS,
}
MAPPING = {
    "userName": "user.email",
    "band": "user.band",
    "age": "string(user.born.getFullYear())",
    "paid": 'has(user.band) && user.band > "C" ? "much" : "little"',
    "teams": "user.groups",
}


def mapping() -> list[MappedAttribute]:
    return [MappedAttribute(n, compile_value(e, SCHEMA)) for n, e in MAPPING.items()]


def test_what_is_computed_from_it_is_sensitive_too() -> None:
    plain = GroupBook([Group("it", compile_condition('user.email == "x"', SCHEMA))])
    by_band = GroupBook([Group("rich", compile_condition('user.band == "D"', SCHEMA))])
    assert reading_sensitive(mapping(), {"band", "born"}, plain) == {"band", "age", "paid"}
    assert reading_sensitive(mapping(), {"band"}, by_band) == {"band", "paid", "teams"}
    assert reading_sensitive(mapping(), (), by_band) == frozenset()


def test_a_digest_tells_the_same_from_another_and_nothing_of_two_people() -> None:
    key, other = b"k" * 32, b"o" * 32
    seen = mark(key, "anna", "band", "C")
    assert is_veiled(seen)
    assert seen == mark(key, "anna", "band", "C")
    values = [
        mark(key, "anna", "band", "D"), mark(key, "ben", "band", "C"),
        mark(key, "anna", "paid", "C"), mark(other, "anna", "band", "C"),
        mark(key, "anna", "band", ["C"]),
    ]  # fmt: skip
    assert len({seen, *values}) == 6


def test_only_what_is_sensitive_is_veiled() -> None:
    veil = Veil({"chat": frozenset({"band"})}, b"k")
    given = {"band": Change(None, "C"), "title": Change("a", "b")}
    veiled = veil.changes("chat", "anna", given)
    assert veiled["title"] == given["title"]
    assert veiled["band"].before is None
    assert is_veiled(veiled["band"].after)
    assert veil.changes("crm", "anna", given) is given
    assert veil.values("chat", "anna", {"band": "", "title": "x"}) == {"band": None, "title": "x"}


@pytest.mark.parametrize(
    ("said", "without"),
    [
        ("Kanarienweg 4711 is none", "(not shown) is none"),
        ('{"nickName":"KANARIENWEG 4711"}', '{"nickName":"(not shown)"}'),
        ("GET /users?q=Kanarienweg%204711", "GET /users?q=(not shown)"),
        ("q=Kanarienweg+4711&n=1", "q=(not shown)&n=1"),
        ("grade C: Care is taken", "grade (not shown): Care is taken"),
        ("caf\\u00e9 noir", "(not shown) noir"),
        ("8", "(not shown)"),
        ("18 users", "18 users"),
    ],
)
def test_answers_are_told_without_it(said: str, without: str) -> None:
    private = texts_of(["Kanarienweg 4711", ["C", "café"], 8, True, None, " "])
    assert scrubbed(said, private) == without
