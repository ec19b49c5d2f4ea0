"""Conditions as rows of a form: attribute, relation, values; all of them, or any. What a form can
say is written as an expression, and read back from one that says no more than a form can.

Knows attributes by name and type only. An expression that a form cannot show is left alone: `read`
gives None, and nobody rewrites it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tenure.core.expression_values import AttributeType, Schema

#: The condition that everybody meets.
EVERYBODY: Final = "true"


class Relation(StrEnum):
    """How an attribute and the values of a clause stand to each other."""

    IS = "is"
    IS_NOT = "is_not"
    ONE_OF = "one_of"
    NONE_OF = "none_of"
    BEGINS = "begins"
    CONTAINS = "contains"
    HOLDS = "holds"
    GIVEN = "given"
    MISSING = "missing"
    YES = "yes"
    NO = "no"
    BEFORE = "before"
    FROM = "from"
    LESS = "less"
    MORE = "more"


_WORDS: Final[Mapping[Relation, str]] = {
    Relation.IS: "is",
    Relation.IS_NOT: "is not",
    Relation.ONE_OF: "is one of",
    Relation.NONE_OF: "is none of",
    Relation.BEGINS: "begins with",
    Relation.CONTAINS: "contains",
    Relation.HOLDS: "include",
    Relation.GIVEN: "has any value",
    Relation.MISSING: "is empty",
    Relation.YES: "is yes",
    Relation.NO: "is no",
    Relation.BEFORE: "is before",
    Relation.FROM: "is on or after",
    Relation.LESS: "is less than",
    Relation.MORE: "is at least",
}
_TEXT: Final = (
    Relation.IS, Relation.IS_NOT, Relation.ONE_OF, Relation.NONE_OF, Relation.BEGINS,
    Relation.CONTAINS,
)  # fmt: skip
_PRESENCE: Final = (Relation.GIVEN, Relation.MISSING)
_BY_TYPE: Final[Mapping[AttributeType, tuple[Relation, ...]]] = {
    AttributeType.STRING: (*_TEXT, *_PRESENCE),
    AttributeType.STRINGS: (Relation.HOLDS, *_PRESENCE),
    AttributeType.BOOLEAN: (Relation.YES, Relation.NO, *_PRESENCE),
    AttributeType.DATE: (Relation.BEFORE, Relation.FROM, *_PRESENCE),
    AttributeType.INTEGER: (Relation.IS, Relation.LESS, Relation.MORE, *_PRESENCE),
    AttributeType.NUMBER: (Relation.LESS, Relation.MORE, *_PRESENCE),
}
_NO_VALUE: Final = frozenset({*_PRESENCE, Relation.YES, Relation.NO})
_MANY: Final = frozenset({Relation.ONE_OF, Relation.NONE_OF})
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_WHOLE: Final = re.compile(r"-?\d{1,18}")
_DECIMAL: Final = re.compile(r"-?\d{1,15}\.\d{1,9}")


class PlainProblem(ValueError):
    """A row of the form cannot be used. `clause` is its place, from 0; str() says why."""

    def __init__(self, clause: int, message: str) -> None:
        super().__init__(message)
        self.clause = clause


@dataclass(frozen=True, slots=True)
class Clause:
    """One row. `values` is empty where the relation needs none, one otherwise, or several."""

    attribute: str
    relation: Relation
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plain:
    """A whole condition. No clause: everybody. `any`: one clause is enough."""

    clauses: tuple[Clause, ...] = ()
    any: bool = False


def relations() -> list[tuple[str, str]]:
    """Every relation with its words, in the order in which a form offers them."""
    return [(relation.value, words) for relation, words in _WORDS.items()]


def relations_of(kind: AttributeType) -> tuple[Relation, ...]:
    """Those that make sense for an attribute of this type, the usual one first."""
    return _BY_TYPE[kind]


def takes(relation: Relation) -> str:
    """ "none", "one" or "many": how many values."""
    return "none" if relation in _NO_VALUE else "many" if relation in _MANY else "one"


def write(plain: Plain, schema: Schema) -> str:
    """As an expression. Raises `PlainProblem` for a row that is not whole, or does not fit."""
    if not plain.clauses:
        return EVERYBODY
    parts = [_written(i, clause, schema) for i, clause in enumerate(plain.clauses)]
    return (" || " if plain.any else " && ").join(parts)


def read(source: str, schema: Schema) -> Plain | None:
    """The form that writes exactly this expression; None where there is none."""
    if source.strip() == EVERYBODY:
        return Plain()
    parts = _parts(source)
    if parts is None:
        return None
    joints = set(parts[1::2])
    if len(joints) > 1:
        return None
    clauses = []
    for text in parts[0::2]:
        clause = _clause(text.strip(), schema)
        if clause is None:
            return None
        clauses.append(clause)
    found = Plain(tuple(clauses), any=joints == {"||"})
    try:
        # What is not said again in the same words is not shown as a form.
        same = _tokens(write(found, schema)) == _tokens(source)
    except PlainProblem:
        return None
    return found if same else None


def spoken(plain: Plain, labels: Mapping[str, str]) -> str:
    """In words: `Department is Sales and Location is one of Berlin or Wien`."""
    if not plain.clauses:
        return "Everybody"
    joint = " or " if plain.any else " and "
    return joint.join(_spoken(clause, labels) for clause in plain.clauses)


def _spoken(clause: Clause, labels: Mapping[str, str]) -> str:
    label = labels.get(clause.attribute, clause.attribute)
    values = list(clause.values)
    listed = (
        values[0]
        if len(values) == 1
        else ", ".join(values[:-1]) + " or " + values[-1]
        if values
        else ""
    )
    return f"{label} {_WORDS[clause.relation]} {listed}".rstrip()


# Writing.


def _written(place: int, clause: Clause, schema: Schema) -> str:
    kind = schema.get(clause.attribute)
    if kind is None:
        known = "choose one from the list" if not clause.attribute else "there is none of that name"
        raise PlainProblem(place, f"Attribute {clause.attribute!r}: {known}.")
    if clause.relation not in _BY_TYPE[kind]:
        allowed = ", ".join(_WORDS[r] for r in _BY_TYPE[kind])
        raise PlainProblem(
            place, f"{clause.attribute} cannot be asked whether it {_WORDS[clause.relation]}. "
            f"Choose one of: {allowed}.",
        )  # fmt: skip
    values = [value.strip() for value in clause.values if value.strip()]
    wanted = takes(clause.relation)
    if wanted != "none" and not values:
        raise PlainProblem(place, f"Say what {clause.attribute} is compared with.")
    if wanted == "one" and len(values) > 1:
        raise PlainProblem(place, "Give one value here, or choose `is one of`.")
    name = f"user.{clause.attribute}"
    match clause.relation:
        case Relation.GIVEN:
            return f"has({name})"
        case Relation.MISSING:
            return f"!has({name})"
        case Relation.YES:
            return f"{name} == true"
        case Relation.NO:
            return f"{name} == false"
        case Relation.ONE_OF:
            return f"{name} in [{', '.join(map(_quoted, values))}]"
        case Relation.NONE_OF:
            return f"!({name} in [{', '.join(map(_quoted, values))}])"
        case Relation.HOLDS:
            return f"{_quoted(values[0])} in {name}"
        case Relation.BEGINS:
            return f"{name}.startsWith({_quoted(values[0])})"
        case Relation.CONTAINS:
            return f"{name}.contains({_quoted(values[0])})"
    signs = {
        Relation.IS: "==", Relation.IS_NOT: "!=", Relation.BEFORE: "<", Relation.FROM: ">=",
        Relation.LESS: "<", Relation.MORE: ">=",
    }  # fmt: skip
    return f"{name} {signs[clause.relation]} {_literal(place, values[0], kind)}"


def _literal(place: int, text: str, kind: AttributeType) -> str:
    if kind is AttributeType.DATE:
        if not _DAY.fullmatch(text):
            raise PlainProblem(place, f"{text!r} is no day. Expected one such as 2026-12-31.")
        return f'date("{text}")'
    if kind is AttributeType.INTEGER:
        if not _WHOLE.fullmatch(text):
            raise PlainProblem(place, f"{text!r} is no whole number.")
        return text
    if kind is AttributeType.NUMBER:
        number = text if "." in text else f"{text}.0"
        if not _DECIMAL.fullmatch(number):
            raise PlainProblem(place, f"{text!r} is no number. Expected one such as 12.5.")
        return number
    return _quoted(text)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


# Reading.

_STRING: Final = r'"(?:[^"\\\n]|\\["\\])*"'
_TOKEN: Final = re.compile(rf"\s*({_STRING}|&&|\|\||[=!<>]=|[A-Za-z_][\w.]*|-?\d[\d.]*|\S)")
_NAME: Final = r"user\.([A-Za-z_]\w*)"
_VALUE: Final = rf'({_STRING}|date\("\d{{4}}-\d\d-\d\d"\)|-?\d[\d.]*|true|false)'
_SIGNED: Final = re.compile(rf"{_NAME}\s*(==|!=|<|>=)\s*{_VALUE}")
_LIST: Final = rf"\[\s*({_STRING}(?:\s*,\s*{_STRING})*)\s*\]"
_SHAPES: Final[Sequence[tuple[Relation, re.Pattern[str]]]] = (
    (Relation.GIVEN, re.compile(rf"has\(\s*{_NAME}\s*\)")),
    (Relation.MISSING, re.compile(rf"!\s*has\(\s*{_NAME}\s*\)")),
    (Relation.ONE_OF, re.compile(rf"{_NAME}\s+in\s+{_LIST}")),
    (Relation.NONE_OF, re.compile(rf"!\s*\(\s*{_NAME}\s+in\s+{_LIST}\s*\)")),
    (Relation.BEGINS, re.compile(rf"{_NAME}\.startsWith\(\s*({_STRING})\s*\)")),
    (Relation.CONTAINS, re.compile(rf"{_NAME}\.contains\(\s*({_STRING})\s*\)")),
)
_HELD: Final = re.compile(rf"({_STRING})\s+in\s+{_NAME}")


def _tokens(source: str) -> list[str]:
    return _TOKEN.findall(source)


def _parts(source: str) -> list[str] | None:
    """Clauses and the joints between them, in turn."""
    pieces: list[str] = [""]
    for token in re.findall(rf"{_STRING}|&&|\|\||[\s\S]", source):
        if token in ("&&", "||"):
            pieces += [token, ""]
        else:
            pieces[-1] += token
    return pieces if all(piece.strip() for piece in pieces) else None


def _clause(text: str, schema: Schema) -> Clause | None:
    for relation, shape in _SHAPES:
        found = shape.fullmatch(text)
        if found:
            values = tuple(_strings(found[2])) if found.re.groups > 1 else ()
            return Clause(found[1], relation, values)
    held = _HELD.fullmatch(text)
    if held:
        return Clause(held[2], Relation.HOLDS, (_unquoted(held[1]),))
    signed = _SIGNED.fullmatch(text)
    return _compared(signed[1], signed[2], signed[3], schema) if signed else None


def _compared(name: str, sign: str, value: str, schema: Schema) -> Clause | None:
    if value in ("true", "false"):
        return (
            Clause(name, Relation.YES if value == "true" else Relation.NO) if sign == "==" else None
        )
    kind = schema.get(name)
    if value.startswith("date("):
        plain = value[6:-2]
        relation = {"<": Relation.BEFORE, ">=": Relation.FROM}.get(sign)
    elif value.startswith('"'):
        plain = _unquoted(value)
        relation = {"==": Relation.IS, "!=": Relation.IS_NOT}.get(sign)
    else:
        plain = value
        relation = {"<": Relation.LESS, ">=": Relation.MORE, "==": Relation.IS}.get(sign)
    if relation is None or kind is None:
        return None
    return Clause(name, relation, (plain,))


def _strings(listed: str) -> Iterator[str]:
    for found in re.finditer(_STRING, listed):
        yield _unquoted(found[0])
