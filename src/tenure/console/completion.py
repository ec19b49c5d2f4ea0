"""What could come next in an expression: attributes, values that people have, functions. Told from
the text before the cursor alone; values are asked for by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from tenure.core.expressions import AttributeType, Schema

_MOST: Final = 12
#: In a text that is compared with an attribute, or is looked for in it.
_IN_VALUE: Final = re.compile(
    r"""user\.(\w+)\s*(?:[=!]=\s*|in\s*\[(?:[^\]]*?,)?\s*|\.(?:startsWith|contains|endsWith)\(\s*)"([^"\\]*)$"""
)
_IN_HELD: Final = re.compile(r"""(?:^|[(&|!\s])"([^"\\]*)$""")
_ATTRIBUTE: Final = re.compile(r"\buser\.(\w*)$")
_WORD: Final = re.compile(r"(?<![\w.\"])([A-Za-z_]\w*)$")
_WORDS: Final[Mapping[str, str]] = {
    "user.": "an attribute of the person",
    "has(": "whether it has any value",
    "lower(": "in small letters",
    "upper(": "in capital letters",
    "date(": 'a day: date("2026-12-31")',
    "true": "everybody",
}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`insert` takes the place of the last `replace` characters."""

    insert: str
    label: str
    hint: str
    replace: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def suggestions(
    before: str,
    schema: Schema,
    labels: Mapping[str, str],
    values: Callable[[str], Sequence[tuple[str, int]]],
) -> list[Suggestion]:
    """For the text up to the cursor, the likeliest first."""
    found = _IN_VALUE.search(before)
    if found:
        return _values(found[2], values(found[1])) if found[1] in schema else []
    if before.count('"') % 2:
        held = _IN_HELD.search(before)
        groups = values("groups") if held and "groups" in schema else []
        return _values(held[1], groups) if held else []
    attribute = _ATTRIBUTE.search(before)
    if attribute:
        return _attributes(attribute[1], schema, labels)
    word = _WORD.search(before)
    typed = word[1] if word else ""
    return [
        Suggestion(text, text, hint, len(typed))
        for text, hint in _WORDS.items()
        if typed and text.startswith(typed) and text != typed
    ]


def _values(typed: str, values: Sequence[tuple[str, int]]) -> list[Suggestion]:
    wanted = typed.casefold()
    return [
        Suggestion(
            _escaped(value) + '"', value, f"{count:,} {'person' if count == 1 else 'people'}",
            len(typed),
        )
        for value, count in values
        if wanted in value.casefold()
    ][:_MOST]  # fmt: skip


def _attributes(typed: str, schema: Schema, labels: Mapping[str, str]) -> list[Suggestion]:
    wanted = typed.casefold()
    names = [n for n in schema if n.casefold().startswith(wanted)]
    names += [
        n
        for n in schema
        if n not in names and (wanted in n.casefold() or wanted in labels.get(n, "").casefold())
    ]
    return [
        Suggestion(name, name, f"{labels.get(name, '')} · {_KINDS[schema[name]]}", len(typed))
        for name in names[:_MOST]
    ]


_KINDS: Final = {
    AttributeType.STRING: "text",
    AttributeType.STRINGS: "list of texts",
    AttributeType.INTEGER: "whole number",
    AttributeType.NUMBER: "number",
    AttributeType.BOOLEAN: "yes or no",
    AttributeType.DATE: "date",
}


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
