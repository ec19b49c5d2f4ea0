"""Distinguished names (RFC 4514): read, written and compared without asking the directory.

Two names are compared by their types and values without case and without needless blanks, which is
what the matching rules of `cn`, `ou`, `uid`, `dc` and `o` do. It must not know accounts.
"""

from __future__ import annotations

import re
from typing import TypeAlias

#: The name's parts from the entry upwards; each is one or more pairs of type and value.
Parts: TypeAlias = tuple[tuple[tuple[str, str], ...], ...]

_TYPE = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)*)\s*=\s*")
_VALUE = re.compile(r'(?:\\[0-9A-Fa-f]{2}|\\.|[^,+"\\;<>])*', re.DOTALL)
_PAIR = re.compile(r"((?:\\[0-9A-Fa-f]{2})+)|\\(.)", re.DOTALL)
_SPECIAL = re.compile(r'[,+"\\<>;=\x00-\x1f]')


def parse(text: str) -> Parts:
    """The parts of a name; none for an empty one. Raises ValueError, saying where it is wrong."""
    parts: list[tuple[tuple[str, str], ...]] = []
    pairs: list[tuple[str, str]] = []
    at = 0
    if not text.strip():
        return ()
    while True:
        kind = _TYPE.match(text, at)
        if kind is None:
            raise ValueError(f"expected 'type=value' at place {at + 1} of {text!r}")
        value = _VALUE.match(text, kind.end())
        assert value is not None
        pairs.append((kind[1], _unescaped(value[0])))
        at = value.end()
        if at == len(text) or text[at] in ",;":
            parts.append(tuple(pairs))
            pairs = []
        elif text[at] != "+":
            raise ValueError(f"expected ',' at place {at + 1} of {text!r}")
        if at == len(text):
            return tuple(parts)
        at += 1


def written(parts: Parts) -> str:
    """The name as text."""
    return ",".join("+".join(f"{kind}={escaped(value)}" for kind, value in rdn) for rdn in parts)


def rdn(kind: str, value: str) -> str:
    """The last part of a name, as text."""
    return f"{kind}={escaped(value)}"


def key(text: str) -> Parts:
    """What is the same for two spellings of one name. Raises ValueError."""
    return keyed(parse(text))


def keyed(parts: Parts) -> Parts:
    return tuple(tuple(sorted((k.casefold(), _plain(v)) for k, v in rdn)) for rdn in parts)


def same(left: str, right: str) -> bool:
    """Whether both name one entry; what is no name names nothing."""
    try:
        return key(left) == key(right)
    except ValueError:
        return False


def below(parts: Parts, base: Parts) -> bool:
    """Whether it is `base`, or stands anywhere under it."""
    return not base or keyed(parts)[-len(base) :] == keyed(base)


def escaped(value: str) -> str:
    """A value as it stands in a name (RFC 4514, 2.4)."""
    text = _SPECIAL.sub(lambda m: f"\\{m[0]}" if m[0] >= " " else f"\\{ord(m[0]):02x}", value)
    if text[:1] in {" ", "#"}:
        text = f"\\{text}"
    if text.endswith(" ") and not text.endswith("\\ "):
        text = f"{text[:-1]}\\ "
    return text


def _unescaped(text: str) -> str:
    # A blank at the end counts only where it is escaped.
    bare = text.rstrip(" ")
    if bare.endswith("\\") and len(bare) < len(text):
        bare += " "

    def plain(match: re.Match[str]) -> str:
        if match[1] is not None:
            return bytes.fromhex(match[1].replace("\\", "")).decode(errors="replace")
        return match[2]

    return _PAIR.sub(plain, bare)


def _plain(value: str) -> str:
    return " ".join(value.split()).casefold()
