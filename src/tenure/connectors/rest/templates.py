"""Texts and bodies with expressions in them: compiled once, filled in for each request.

One rule: a text that begins with `=` is an expression and keeps its type; in one-line texts
(addresses, headers, query, forms) `{expression}` stands for text. `{{` and `}}` are braces. What is
missing leaves its key out of a body, a form or a query, and nothing behind in a text. An
expression that is nothing but a name, such as `=attributes`, gives it as it is, nulls included.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from tenure.connectors.base import Rejected
from tenure.core.expressions import ExpressionError, MissingAttribute
from tenure.core.json_expressions import JsonExpression, Names, compile_json

#: In a body: the keys of this object go into the one around it.
SPREAD = "..."

_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


class Missing:
    """Nothing is there, and nothing is to be sent."""


MISSING: Final = Missing()


def is_expression(source: Any) -> bool:
    return isinstance(source, str) and source.startswith("=")


@dataclass(frozen=True, slots=True)
class Text:
    """A one-line text. `parts` are literal texts and expressions."""

    parts: tuple[str | JsonExpression, ...]
    names: frozenset[str]

    def fill(self, given: Mapping[str, Any]) -> str:
        """The text. What is missing leaves nothing behind."""
        return self.escaped(given, str)

    def escaped(self, given: Mapping[str, Any], escape: Callable[[str], str]) -> str:
        """The text, its expressions escaped. What is missing leaves nothing behind."""
        return "".join(
            part
            if isinstance(part, str)
            else ""
            if (value := evaluate(part, given)) is MISSING or value is None
            else escape(as_text(value))
            for part in self.parts
        )

    def address(self, given: Mapping[str, Any], encode: Callable[[str], str]) -> str:
        """The text as a part of an address: `encode` is for data, and a setting may be a part of a
        path or a host. Raises `Rejected` for what is missing."""
        made: list[str] = []
        for part in self.parts:
            if isinstance(part, str):
                made.append(part)
                continue
            value = evaluate(part, given)
            if value is MISSING or value is None:
                raise Rejected(
                    f"{part.source.strip()} has no value, and the address needs one. Give the "
                    "account that attribute, or correct the specification."
                )
            ours = all(name.startswith("settings.") for name in part.names)
            made.append(quote(as_text(value), safe="/:") if ours else encode(as_text(value)))
        return "".join(made)

    def value(self, given: Mapping[str, Any]) -> Any:
        """As a value: a text that is nothing but one expression may be MISSING."""
        if len(self.parts) == 1 and not isinstance(self.parts[0], str):
            value = evaluate(self.parts[0], given)
            return MISSING if value is MISSING or value is None else as_text(value)
        return self.fill(given)


@dataclass(frozen=True, slots=True)
class Body:
    """A value with expressions at any depth."""

    make: Callable[[Mapping[str, Any]], Any]
    names: frozenset[str]

    def fill(self, given: Mapping[str, Any]) -> Any:
        """The value, or MISSING."""
        return self.make(given)


def evaluate(expression: JsonExpression, given: Mapping[str, Any]) -> Any:
    """The value; MISSING where something that it needs is not there. Raises `Rejected`."""
    try:
        return expression.json(given)
    except MissingAttribute:
        return MISSING
    except ExpressionError as error:
        raise Rejected(f"{error}. Correct the specification or the value.") from None


def as_text(value: Any) -> str:
    """As applications write it in addresses: true and false in lower case, 5.0 as 5."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list):
        return ",".join(as_text(one) for one in value)
    return str(value)


def compile_text(source: str, names: Names) -> Text:
    """Raises `ExpressionError`."""
    if is_expression(source):
        whole = compile_json(source[1:], names)
        return Text((whole,), whole.names)
    parts: list[str | JsonExpression] = []
    used: set[str] = set()
    for literal, expression in _pieces(source):
        if literal:
            parts.append(literal)
        if expression is not None:
            made = compile_json(expression, names)
            parts.append(made)
            used |= made.names
    return Text(tuple(parts), frozenset(used))


def compile_body(source: Any, names: Names, *, inline: bool = False) -> Body:
    """Raises `ExpressionError`, its `target` the place in the body. `inline`: `{...}` counts in
    every text too."""
    used: set[str] = set()
    make = _compile(source, names, used, (), inline)
    return Body(make, frozenset(used))


_Make = Callable[[Mapping[str, Any]], Any]


def _compile(
    source: Any, names: Names, used: set[str], place: tuple[str, ...], inline: bool
) -> _Make:
    if isinstance(source, Mapping):
        return _object(
            [
                (str(k), _compile(v, names, used, (*place, str(k)), inline))
                for k, v in source.items()
            ]
        )
    if isinstance(source, list):
        return _list(
            [_compile(v, names, used, (*place, str(i)), inline) for i, v in enumerate(source)]
        )
    try:
        if is_expression(source):
            expression = compile_json(source[1:], names)
            used |= expression.names
            if _NAME.fullmatch(source[1:].strip()):
                return _itself(source[1:].strip().split("."))
            return lambda given: evaluate(expression, given)
        if inline and isinstance(source, str):
            text = compile_text(source, names)
            used |= text.names
            return text.value
    except ExpressionError as error:
        error.target = ".".join(place)
        raise
    return lambda given: source


def _itself(keys: list[str]) -> _Make:
    """Something by its name alone is taken as it is: with what is null in it, however large."""

    def make(given: Mapping[str, Any]) -> Any:
        found: Any = given
        for key in keys:
            if not isinstance(found, Mapping) or key not in found:
                return MISSING
            found = found[key]
        return found

    return make


def _object(entries: list[tuple[str, _Make]]) -> _Make:
    def make(given: Mapping[str, Any]) -> Any:
        made: dict[str, Any] = {}
        for key, value_of in entries:
            value = value_of(given)
            if value is MISSING:
                continue
            if key == SPREAD:
                if isinstance(value, Mapping):
                    made.update(value)
                continue
            made[key] = value
        return made

    return make


def _list(entries: list[_Make]) -> _Make:
    def make(given: Mapping[str, Any]) -> Any:
        values = [value_of(given) for value_of in entries]
        return [value for value in values if value is not MISSING]

    return make


def _pieces(source: str) -> list[tuple[str, str | None]]:
    """(text before, expression), the last one with None."""
    pieces: list[tuple[str, str | None]] = []
    literal: list[str] = []
    at = 0
    while at < len(source):
        two = source[at : at + 2]
        if two in {"{{", "}}"}:
            literal.append(two[0])
            at += 2
        elif source[at] == "{":
            end = _closing(source, at)
            pieces.append(("".join(literal), source[at + 1 : end]))
            literal = []
            at = end + 1
        else:
            literal.append(source[at])
            at += 1
    return [*pieces, ("".join(literal), None)]


def _closing(source: str, start: int) -> int:
    depth, quote = 0, ""
    for at in range(start, len(source)):
        char = source[at]
        if quote:
            if char == quote and source[at - 1] != "\\":
                quote = ""
        elif char in "\"'":
            quote = char
        elif char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if depth == 0:
                return at
    raise ExpressionError("A { is not closed by }. A brace alone is written {{", source)
