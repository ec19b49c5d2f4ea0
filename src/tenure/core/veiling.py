"""Sensitive values as everybody but their application sees them: that one is there, and whether it
is the same as another.

An attribute of an account is sensitive where its expression reads a sensitive attribute of the
person, directly or by a group that is defined by one. In place of its value stands a digest with a
key, for that owner and attribute alone: two digests tell that a value changed, never what it is,
and nothing about two people who have the same.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

from tenure.core.groups import ATTRIBUTE, GroupBook
from tenure.core.mapping import MappedAttribute
from tenure.core.model import Change, Value

#: In place of a value of which nothing is to be compared.
HIDDEN = "(not shown)"
_DIGITS = 12
_MARK = re.compile(rf"\(sensitive [0-9a-f]{{{_DIGITS}}}\)")


@dataclass(frozen=True, slots=True)
class Veil:
    """`names`: application -> the sensitive attributes of its accounts. `key` is the
    installation's own."""

    names: Mapping[str, frozenset[str]] = field(default_factory=dict)
    key: bytes = field(default=b"", repr=False)

    def of(self, application: str) -> frozenset[str]:
        return self.names.get(application, frozenset())

    def value(self, owner: str, name: str, value: object) -> str | None:
        """What stands for the value. `owner` is the person's uid, or what identifies an account
        of nobody."""
        return None if value is None or value == "" else mark(self.key, owner, name, value)

    def values(
        self, application: str, owner: str, given: Mapping[str, Value | None]
    ) -> dict[str, Value | None]:
        """Attribute -> value, the sensitive ones veiled."""
        hidden = self.of(application)
        if hidden.isdisjoint(given):
            return dict(given)
        return {n: self.value(owner, n, v) if n in hidden else v for n, v in given.items()}

    def changes(
        self, application: str, owner: str, given: Mapping[str, Change]
    ) -> Mapping[str, Change]:
        """Attribute -> change, the sensitive ones veiled; what is given where none is."""
        hidden = self.of(application)
        if hidden.isdisjoint(given):
            return given
        return {
            n: Change(self.value(owner, n, c.before), self.value(owner, n, c.after))
            if n in hidden
            else c
            for n, c in given.items()
        }


def mark(key: bytes, owner: str, name: str, value: object) -> str:
    """`(sensitive 9f86d081884c)`: a digest of the value, with a key, for this owner and name."""
    said = json.dumps([owner, name, value], ensure_ascii=False, default=list)
    digest = hashlib.blake2b(said.encode(), key=key, digest_size=_DIGITS // 2).hexdigest()
    return f"(sensitive {digest})"


def is_veiled(value: object) -> bool:
    """Whether it is what stands for a value."""
    # Most values do not even begin like one, and very many are asked.
    return isinstance(value, str) and value[:1] == "(" and _MARK.fullmatch(value) is not None


def reading_sensitive(
    attributes: Iterable[MappedAttribute], sensitive: Collection[str], groups: GroupBook
) -> frozenset[str]:
    """The attributes of an account whose expressions read any of the person's `sensitive` ones."""
    hidden = frozenset(sensitive)
    if any(g.condition is not None and hidden & g.condition.attributes for g in groups.groups):
        hidden |= {ATTRIBUTE}
    return frozenset(a.name for a in attributes if hidden & a.expression.attributes)


def texts_of(values: Iterable[object]) -> frozenset[str]:
    """Every text by which one of these values could be told, lists item by item."""
    found: set[str] = set()
    for value in values:
        if isinstance(value, str):
            found.add(value.strip())
        elif isinstance(value, (list, tuple)):
            found |= texts_of(value)
        elif value is not None and not isinstance(value, bool):
            found.add(str(value))
    return frozenset(found - {""})


def scrubbed(text: str, private: Collection[str]) -> str:
    """The text without the private ones, however an answer or an address writes them. Nothing
    inside of longer words is touched: a grade `A` leaves sentences alone."""
    if not text or not private:
        return text
    forms = {
        form
        for one in private
        for form in (one, quote(one, safe=""), quote(one), quote_plus(one), json.dumps(one)[1:-1])
    }
    every = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
    return re.sub(rf"(?<!\w)(?:{every})(?!\w)", HIDDEN, text, flags=re.IGNORECASE)
