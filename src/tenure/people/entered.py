"""Values of attributes as somebody types them, for people who come from no source and for asking
what would be. Says what is wrong in a sentence."""

from __future__ import annotations

import math
from datetime import date
from typing import Final

from tenure.core.cleaning import clean_text
from tenure.core.expressions import AttributeType
from tenure.core.model import Value

#: An attribute is no document.
LONGEST: Final = 500
_YES, _NO = frozenset({"true", "yes"}), frozenset({"false", "no"})


def entered(name: str, text: str, kind: AttributeType) -> Value | None:
    """The value, None for an empty text. Raises `ValueError`."""
    text = clean_text(text)
    if not text:
        return None
    if len(text) > LONGEST:
        raise ValueError(f"{name} has {len(text)} characters, at most {LONGEST} fit.")
    match kind:
        case AttributeType.DATE:
            return day(name, text).isoformat()
        case AttributeType.BOOLEAN:
            if text.lower() not in _YES | _NO:
                raise ValueError(f"{name} is true or false, and not {text!r}.")
            return text.lower() in _YES
        case AttributeType.INTEGER:
            if not text.lstrip("+-").isdecimal():
                raise ValueError(f"{name} is a whole number, and not {text!r}.")
            return int(text)
        case AttributeType.NUMBER:
            return _number(name, text)
        case AttributeType.STRINGS:
            return [part.strip() for part in text.split(",") if part.strip()]
    return text


def as_entered(value: Value | None) -> str:
    """As `entered` takes it back."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    return ", ".join(value)


def day(name: str, text: str) -> date:
    """A day. Raises `ValueError`."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{name} is a day such as 2026-12-01, and not {text!r}.") from None


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{name} is a number, and not {text!r}.")
    return number
