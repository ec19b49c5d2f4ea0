"""The kinds of values that the document is made of: lengths of time, prices, names, expressions."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
)

from tenure.configuration.durations import format_duration, parse_duration
from tenure.core.schedules import OFTENEST, SELDOMEST


class WrittenFloat(float):
    """A number with a point, with the text that it was written as, so that prices stay exact."""

    def __new__(cls, text: str) -> WrittenFloat:
        made = super().__new__(cls, text.replace("_", ""))
        made.text = text
        return made

    text: str


def _duration(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a length of time. Expected ISO 8601, such as P30D.")
    return parse_duration(value)


def _price(value: Any) -> Decimal:
    text = value.text if isinstance(value, WrittenFloat) else str(value)
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,8}(\.\d{1,4})?", text, re.ASCII):
        raise ValueError(
            f"{text!r} is not a price. Expected a number such as 7.25, of at most 8 digits before "
            "and 4 after the point."
        )
    return Decimal(text)


def format_price(amount: Decimal) -> str:
    """At least two places, and no more than are needed: `7.25`, `12.00`, `0.0125`."""
    short = amount.quantize(Decimal("0.01"))
    return format(short if short == amount else amount.normalize(), "f")


def _short(value: float) -> int | float:
    return int(value) if value == int(value) else value


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,99}$")]
AttributeName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Expression = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
EntitlementKey = Annotated[
    str,
    StringConstraints(pattern=r"^(group|role|licence):\S(.{0,298}\S)?$", max_length=309),
]
Duration = Annotated[
    timedelta,
    BeforeValidator(_duration, json_schema_input_type=str),
    PlainSerializer(format_duration, return_type=str),
    Field(json_schema_extra={"format": "duration", "type": "string"}),
]
Amount = Annotated[
    Decimal,
    BeforeValidator(_price, json_schema_input_type=str | float | int),
    PlainSerializer(format_price, return_type=str),
]


def _retention(value: Any) -> timedelta | None:
    return None if value is None or value == NEVER else _duration(value)


def _format_retention(value: timedelta | None) -> str:
    return NEVER if value is None else format_duration(value)


#: In place of a duration: however long it is.
NEVER = "never"
Retention = Annotated[
    timedelta | None,
    BeforeValidator(_retention, json_schema_input_type=str),
    PlainSerializer(_format_retention, return_type=str),
    Field(json_schema_extra={"type": "string"}),
]


def _read_again(value: Any) -> timedelta | None:
    if value == NEVER:
        return None
    try:
        every = _duration(value)
    except ValueError as error:
        raise ValueError(f"{error} Or {NEVER}: only when somebody asks for it.") from None
    if not OFTENEST <= every <= SELDOMEST:
        degree = "often" if every < OFTENEST else "seldom"
        raise ValueError(
            f"{format_duration(every)} is too {degree}. Expected {format_duration(OFTENEST)} to "
            f"{format_duration(SELDOMEST)}; or {NEVER}: only when somebody asks for it."
        )
    return every


#: How often an application is read by itself; None: never.
ReadAgain = Annotated[
    timedelta | None,
    BeforeValidator(_read_again, json_schema_input_type=str),
    PlainSerializer(_format_retention, return_type=str),
    Field(json_schema_extra={"type": "string"}),
]
OnRename = Literal["keep", "change"]
Number = Annotated[float, PlainSerializer(_short, return_type=int | float)]


class Part(BaseModel):
    """A piece of the document: no names but its own."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=False)
