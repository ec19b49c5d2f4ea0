"""What goes into an expression: the types of attributes, how long they may be, and how each becomes
a value of the CEL engine. Knows no engine and no names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeAlias

from tenure.core import expression_tree as tree

LONGEST_TEXT = tree.LONGEST
LONGEST_LIST = 1_000


class AttributeType(StrEnum):
    """The type of an attribute. Dates are texts, `YYYY-MM-DD`, everywhere but in expressions."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    STRINGS = "strings"


Schema: TypeAlias = Mapping[str, AttributeType]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long texts and lists may be that go into an expression."""

    text: int
    items: int


#: An expression that multiplies what it is given takes only as much of it as it can be trusted
#: with: the first of these at which its worst case stays within `WORK`.
LEVELS = (
    Limits(LONGEST_TEXT, LONGEST_LIST),
    Limits(4_000, 400),
    Limits(1_000, 200),
    Limits(500, 100),
    Limits(250, 50),
)


class Unfit(ValueError):
    """A value that cannot go into an expression. str() is `what it is`."""


@lru_cache(maxsize=4096)
def day(text: str) -> datetime:
    """`YYYY-MM-DD` to midnight UTC. Raises `ValueError`."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no date written as YYYY-MM-DD") from None
    return datetime(found.year, found.month, found.day, tzinfo=UTC)


def to_text(value: object, limits: Limits) -> str | None:
    if not isinstance(value, str):
        raise Unfit(f"is {_shown(value)} and not a text")
    if len(value) > limits.text:
        raise Unfit(f"is longer than the {limits.text} characters that this expression can take")
    # The engine would end the text here and compare only what comes before.
    if "\0" in value:
        raise Unfit("contains a NUL character")
    return value or None


def _integer(value: object, limits: Limits) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unfit(f"is {_shown(value)} and not a whole number")
    return value


def _number(value: object, limits: Limits) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unfit(f"is {_shown(value)} and not a number")
    return float(value)


def _boolean(value: object, limits: Limits) -> bool:
    if not isinstance(value, bool):
        raise Unfit(f"is {_shown(value)} and neither true nor false")
    return value


def _date(value: object, limits: Limits) -> datetime | None:
    if value == "":
        return None
    if not isinstance(value, str):
        raise Unfit(f"is {_shown(value)} and not a date written as YYYY-MM-DD")
    try:
        return day(value)
    except ValueError as error:
        raise Unfit(f"is not a date: {error}") from None


def _texts(value: object, limits: Limits) -> list[str] | None:
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise Unfit(f"is {_shown(value)} and not a list of texts")
    items = list(value)
    if len(items) > limits.items:
        raise Unfit(f"has more than the {limits.items} items that this expression can take")
    return [text for item in items if (text := to_text(item, limits)) is not None] or None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


CONVERTERS: Mapping[AttributeType, Callable[[Any, Limits], Any]] = {
    AttributeType.STRING: to_text,
    AttributeType.INTEGER: _integer,
    AttributeType.NUMBER: _number,
    AttributeType.BOOLEAN: _boolean,
    AttributeType.DATE: _date,
    AttributeType.STRINGS: _texts,
}
