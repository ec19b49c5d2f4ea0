"""Search filters (RFC 4511, 4.5.1.7), built as values and never as text, so that what somebody is
called cannot become a part of the filter. The text form (RFC 4515) is read for what an
administrator wrote in the settings. It must not know people, groups or connections.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NewType

from tenure.connectors.ldap.ber import boolean, element, octets

#: A filter as it is sent.
Filter = NewType("Filter", bytes)

_AND, _OR, _NOT = 0xA0, 0xA1, 0xA2
_EQUAL, _SUBSTRINGS, _AT_LEAST, _AT_MOST = 0xA3, 0xA4, 0xA5, 0xA6
_PRESENT, _APPROXIMATELY, _EXTENSIBLE = 0x87, 0xA8, 0xA9
_ITEM = re.compile(
    r"(?P<name>[A-Za-z0-9.;-]*)(?P<extra>(?::[A-Za-z0-9.-]+)*)(?P<how>:=|~=|>=|<=|=)(?P<value>[^()]*)"
)
_ESCAPE = re.compile(r"\\([0-9A-Fa-f]{2})?")
_DEEPEST = 20


def equal(name: str, value: str | bytes) -> Filter:
    return Filter(element(_EQUAL, octets(name), octets(value)))


def at_least(name: str, value: str) -> Filter:
    return Filter(element(_AT_LEAST, octets(name), octets(value)))


def present(name: str) -> Filter:
    return Filter(octets(name, _PRESENT))


def both(*filters: Filter) -> Filter:
    return filters[0] if len(filters) == 1 else Filter(element(_AND, b"".join(filters)))


def any_of(filters: Iterable[Filter]) -> Filter:
    return Filter(element(_OR, b"".join(filters)))


def parse(text: str) -> Filter:
    """A filter from its text, such as `(&(objectClass=person)(!(cn=robot*)))`.

    Raises ValueError, saying where it is wrong.
    """
    text = text.strip()
    found, at = _parsed(text, 0, 0)
    if at != len(text):
        raise ValueError(f"after the filter ends, there is more: {text[at : at + 20]!r}")
    return found


def _parsed(text: str, at: int, depth: int) -> tuple[Filter, int]:
    if depth > _DEEPEST:
        raise ValueError(f"it has more than {_DEEPEST} levels")
    if text[at : at + 1] != "(":
        raise ValueError(f"expected '(' at place {at + 1}: {text[at : at + 20]!r}")
    kind = {"&": _AND, "|": _OR, "!": _NOT}.get(text[at + 1 : at + 2])
    if kind is None:
        match = _ITEM.match(text, at + 1)
        if match is None or not (match["name"] or match["extra"]):
            raise ValueError(f"expected 'attribute=value' at place {at + 2}")
        return _item(match), _closed(text, match.end())
    at += 2
    inner: list[Filter] = []
    while text[at : at + 1] == "(":
        one, at = _parsed(text, at, depth + 1)
        inner.append(one)
    if not inner or (kind == _NOT and len(inner) != 1):
        raise ValueError(f"expected {'one filter' if kind == _NOT else 'filters'} before {at + 1}")
    return Filter(element(kind, b"".join(inner))), _closed(text, at)


def _closed(text: str, at: int) -> int:
    if text[at : at + 1] != ")":
        raise ValueError(f"expected ')' at place {at + 1}")
    return at + 1


def _item(match: re.Match[str]) -> Filter:
    name, how, value = match["name"], match["how"], match["value"]
    if how == ":=":
        return _extensible(name, match["extra"].split(":")[1:], value)
    if match["extra"]:
        raise ValueError(f"expected ':=' after {name}{match['extra']}")
    if how == "=" and value == "*":
        return present(name)
    if how == "=" and "*" in value:
        return _substrings(name, value.split("*"))
    tag = {"=": _EQUAL, "~=": _APPROXIMATELY, ">=": _AT_LEAST, "<=": _AT_MOST}[how]
    return Filter(element(tag, octets(name), octets(_value(value))))


def _extensible(name: str, extra: list[str], value: str) -> Filter:
    whole_dn = "dn" in extra
    rules = [one for one in extra if one != "dn"]
    if len(rules) > 1:
        raise ValueError(f"{name} has more than one matching rule")
    parts = [octets(rules[0], 0x81)] if rules else []
    if name:
        parts.append(octets(name, 0x82))
    parts.append(octets(_value(value), 0x83))
    if whole_dn:
        parts.append(boolean(True, 0x84))
    return Filter(element(_EXTENSIBLE, b"".join(parts)))


def _substrings(name: str, parts: list[str]) -> Filter:
    first, *middle, last = parts
    pieces = [octets(_value(first), 0x80)] if first else []
    pieces += [octets(_value(one), 0x81) for one in middle if one]
    if last:
        pieces.append(octets(_value(last), 0x82))
    return Filter(element(_SUBSTRINGS, octets(name), element(0x30, b"".join(pieces))))


def _value(text: str) -> bytes:
    def escaped(match: re.Match[bytes]) -> bytes:
        if match[1] is None:
            raise ValueError(r"a backslash is written \5c, and others as their two digits, too")
        return bytes.fromhex(match[1].decode())

    return re.sub(_ESCAPE.pattern.encode(), escaped, text.encode())
