"""What of an account differs from what it should be: managed attributes only, in canonical form.

Applications give values back in their own ways: another order, another Unicode normal form,
`"true"` for true, a lower-cased e-mail. None of that is a difference.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence, Set
from typing import TypeAlias

from tenure.core.model import Attributes, Change, Value

Canonical: TypeAlias = str | bool | int | float | frozenset[str] | None


def canonical(value: Value | None, *, caseless: bool = False) -> Canonical:
    """The form in which two values are compared. Empty is None; several values are a set."""
    if isinstance(value, str):
        return _text(value, caseless=caseless)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    parts = frozenset(text for part in value if (text := _text(part, caseless=caseless)))
    return parts or None


def same(left: Value | None, right: Value | None, *, caseless: bool = False) -> bool:
    """Whether two values mean the same to an administrator."""
    if left == right and isinstance(left, bool) == isinstance(right, bool):
        return True
    a, b = canonical(left, caseless=caseless), canonical(right, caseless=caseless)
    if isinstance(a, bool) or isinstance(b, bool):
        return _as_bool(a) is not None and _as_bool(a) == _as_bool(b)
    if isinstance(a, frozenset) != isinstance(b, frozenset):
        # One value, and a list of just that one, are the same to every directory.
        return _as_set(a) == _as_set(b)
    if isinstance(a, (int, float)) != isinstance(b, (int, float)):
        return str(a) == str(b) if a is not None and b is not None else False
    return a == b


def comparable(value: Value) -> str:
    """The form in which names are looked for and compared: case does not matter."""
    return unicodedata.normalize("NFC", str(value).strip()).casefold()


def comparables(value: Value | None) -> frozenset[str]:
    """All texts of a value in that form; none of what is empty."""
    if value is None:
        return frozenset()
    if isinstance(value, str) or not isinstance(value, Sequence):
        return frozenset({comparable(value)})
    return frozenset(map(comparable, value))


def changes(
    desired: Mapping[str, Value | None],
    observed: Attributes,
    *,
    ignore: Set[str] = frozenset(),
    caseless: Set[str] = frozenset(),
    unsure: Set[str] = frozenset(),
) -> dict[str, Change]:
    """Attribute -> change, for every managed attribute that differs, or may (`unsure`), by name."""
    return {
        name: Change(observed.get(name), desired[name])
        for name in sorted(desired)
        if name not in ignore
        and (
            name in unsure or not same(desired[name], observed.get(name), caseless=name in caseless)
        )
    }


def _text(value: str, *, caseless: bool) -> str | None:
    text = unicodedata.normalize("NFC", value.strip())
    return (text.casefold() if caseless else text) or None


def _as_bool(value: Canonical) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.casefold())
    return None


def _as_set(value: Canonical) -> frozenset[str]:
    if value is None:
        return frozenset()
    return value if isinstance(value, frozenset) else frozenset({str(value)})
