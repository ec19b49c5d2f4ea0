"""Names made from people's names: transliterated, safe in a mail address, and in a fixed order.

Makes candidates and never asks whether one is taken: who calls knows what exists, and stops at the
first that does not.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from anyascii import anyascii

from tenure.core.model import Attributes

#: RFC 5321, section 4.5.3.1.1: octets before the `@`.
LOCAL_PART_LENGTH = 64

#: `{n}` counts from two (the second of that name) to here.
LAST_NUMBER = 999

#: What a placeholder stands for: an attribute of the person, whole or its first letter.
_ATTRIBUTES: Mapping[str, tuple[str, bool]] = {
    "first": ("given_name", False),
    "middle": ("middle_name", False),
    "last": ("family_name", False),
    "f": ("given_name", True),
    "m": ("middle_name", True),
    "l": ("family_name", True),
    "employee_number": ("employee_number", False),
}
PLACEHOLDERS = (*_ATTRIBUTES, "n")

_SEPARATORS = "._-"
#: Letters that are written like one too: the okina, the Arabic hamza and ayn.
_APOSTROPHES = re.compile(r"['`\"]")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_RUN = re.compile(r"([._-])[._-]+")
#: Letter by letter it would be `oy`, which nobody writes (ISO 843).
_GREEK_OU = re.compile("(?P<capital>Ο)[υύΥΎ]|ο[υύ]")
_LITERAL = re.compile(r"[A-Za-z0-9._-]*")


def transliterate(text: str) -> str:
    """The text in ASCII: `Łukasz` is `Lukasz`, `Straße` `Strasse`, `Москва` `Moskva`. Symbols that
    are no letters (emoji) are dropped; spaces and punctuation stay."""
    if text.isascii():
        return text
    plain = unicodedata.normalize("NFKC", text)
    plain = _GREEK_OU.sub(lambda found: "Ou" if found["capital"] else "ou", plain)
    kept = (c for c in plain if unicodedata.category(c) not in ("So", "Cs", "Cf", "Co"))
    return anyascii("".join(kept))


def fold(text: str) -> str:
    """The text as a part of a mail address or user name, its case kept: letters, digits and single
    `.`, `_`, `-` between them (a subset of the dot-string of RFC 5321, section 4.1.2).

    Apostrophes are dropped, anything else becomes one hyphen. May be empty.
    """
    plain = _APOSTROPHES.sub("", transliterate(text))
    return _tidy(_UNSAFE.sub("-", plain))


def slug(text: str) -> str:
    """Lower-case letters and digits with single hyphens between. May be empty."""
    plain = _APOSTROPHES.sub("", transliterate(text)).lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def _tidy(text: str) -> str:
    return _RUN.sub(r"\1", text).strip(_SEPARATORS)


@dataclass(frozen=True, slots=True)
class _Format:
    """Literals and placeholders in turn, as `string.Formatter` gives them."""

    pieces: tuple[tuple[str, str | None], ...]

    @property
    def numbered(self) -> bool:
        return any(name == "n" for _, name in self.pieces)

    def parts(self, attributes: Attributes) -> dict[str, str]:
        """Every placeholder but `n` with its folded value."""
        return {
            name: _part(name, attributes)
            for _, name in self.pieces
            if name is not None and name != "n"
        }

    def render(self, parts: Mapping[str, str], number: str) -> str:
        """The name, no longer than a local part may be: the longest part gives way first."""
        short = dict(parts)
        while True:
            text = self._fill(short, number)
            if len(text) <= LOCAL_PART_LENGTH or not any(short.values()):
                return text[:LOCAL_PART_LENGTH]
            longest = max(short, key=lambda name: len(short[name]))
            short[longest] = short[longest][:-1]

    def _fill(self, parts: Mapping[str, str], number: str) -> str:
        text = ""
        for literal, name in self.pieces:
            value = "" if name is None else number if name == "n" else parts[name]
            text += literal
            # A part that is empty takes the separator before it along; one at the beginning, the
            # separator after it.
            text = text + value if value or name is None else text.rstrip(_SEPARATORS)
        return _tidy(text)


def _part(placeholder: str, attributes: Attributes) -> str:
    attribute, initial = _ATTRIBUTES[placeholder]
    value = attributes.get(attribute, "")
    text = fold(str(value)).lower() if isinstance(value, str | int) else ""
    return text[:1] if initial else text


def _parse(text: str) -> _Format:
    try:
        found = list(string.Formatter().parse(text))
    except ValueError as error:
        raise ValueError(
            f"The name format {text!r} is not complete: {error}. Placeholders look like {{first}}."
        ) from None
    for literal, name, spec, conversion in found:
        if not _LITERAL.fullmatch(literal):
            raise ValueError(
                f"The name format {text!r} has characters that a name cannot have:"
                f" use letters, digits, '.', '_' and '-' around the placeholders."
            )
        if name is not None and (name not in PLACEHOLDERS or spec or conversion):
            raise ValueError(
                f"The name format {text!r} has the unknown placeholder {{{name}}}:"
                f" known are {', '.join('{' + p + '}' for p in PLACEHOLDERS)}."
            )
    if not found:
        raise ValueError("A name format is empty: write for example {first}.{last}.")
    return _Format(tuple((literal, name) for literal, name, _, _ in found))


def candidates(formats: Sequence[str], attributes: Attributes) -> Iterator[str]:
    """Every name that the formats give this person, best first, each once, in lower case.

    Placeholders: `{first}`, `{middle}`, `{last}`, their initials `{f}`, `{m}`, `{l}`,
    `{employee_number}`, and `{n}`, which counts from 2 to 999. Where a person has no such value
    the part is left out with the separator beside it; a format of which no part is left gives
    nothing. Raises `ValueError` at once for a format that cannot be read. No `@domain`: that is
    the caller's.
    """
    parsed = [_parse(text) for text in formats]
    return _candidates(parsed, attributes)


def _candidates(formats: Sequence[_Format], attributes: Attributes) -> Iterator[str]:
    seen: set[str] = set()
    for form in formats:
        parts = form.parts(attributes)
        if parts and not any(parts.values()):
            continue
        numbers = map(str, range(2, LAST_NUMBER + 1)) if form.numbered else iter([""])
        for number in numbers:
            name = form.render(parts, number).lower()
            if name and name not in seen:
                seen.add(name)
                yield name
