"""Expressions over a person's attributes or a source's row: compiled, checked, bounded, run.

The language is CEL (cel-spec), run by its C++ engine. An expression is checked against the schema
when it is compiled; it can neither loop for ever nor fill the memory; it sees nothing but what it
is given. Knows no rule and no application: conditions and values are all that it gives.

    user.department == "Sales" && user.location in ["Berlin", "Wien"]
    has(user.preferred_name) ? user.preferred_name : user.given_name
    ascii(lower(row["First name"])) + "." + row["Employee ID"]

Empty means missing: "" and [] are the same as no attribute. Dates are compared as dates:
`user.start_date < date("2026-01-31")`. Beyond CEL's own functions and its strings extension there
are `lower`, `upper`, `ascii` (transliterates), `slug` and `date`.

Everything here may be used from several threads at once.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import datetime
from functools import lru_cache
from typing import Any

from tenure.core import expression_scopes as scopes
from tenure.core.expression_errors import ExpressionError, MissingAttribute
from tenure.core.expression_program import Given, Program
from tenure.core.expression_values import LONGEST_LIST, LONGEST_TEXT, AttributeType, Schema
from tenure.core.model import Value

__all__ = [
    "AttributeType",
    "Condition",
    "Expression",
    "ExpressionError",
    "Given",
    "MissingAttribute",
    "Schema",
    "ValueExpression",
    "compile_condition",
    "compile_row_condition",
    "compile_row_value",
    "compile_value",
    "condition_over",
    "value_over",
]

_RESULTS = frozenset(
    (  # noqa: SIM905
        "STRING INT UINT DOUBLE BOOL TIMESTAMP NULL DYN LIST<STRING> LIST<DYN>"
    ).split()
)


#: Compiling takes a hundred times as long as evaluating, and the same texts are compiled again for
#: every plan: as many programs as this are kept, of conditions and of values.
COMPILED = 4_096


class Expression:
    """What conditions and values share."""

    __slots__ = ("program",)

    def __init__(self, program: Program) -> None:
        self.program = program

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.source!r})"

    @property
    def source(self) -> str:
        return self.program.source

    @property
    def attributes(self) -> frozenset[str]:
        """The names of the person's attributes used, without `user.`. Empty over rows."""
        over_rows = isinstance(self.program.scope, scopes.RowScope)
        return frozenset() if over_rows else self.program.names

    @property
    def columns(self) -> frozenset[str]:
        """The names of the row's columns used. Empty over people."""
        over_rows = isinstance(self.program.scope, scopes.RowScope)
        return self.program.names if over_rows else frozenset()


class Condition(Expression):
    """An expression that is true or false."""

    __slots__ = ()

    def holds(self, attributes: Given) -> bool:
        """Whether it is true. A missing attribute, or any other error, is false: never access by
        accident. CEL's `a || b` is true where one side is, even if the other is an error, and
        `a && b` false where one side is; `!` of an error is an error, and so false here."""
        try:
            return self.decided(attributes)
        except ExpressionError:
            return False

    def decided(self, attributes: Given) -> bool:
        """The same. Raises `ExpressionError` where it has no answer though nothing is missing: a
        value of another kind or length, or one that a function cannot take."""
        try:
            return self.program.evaluate(attributes) is True
        except MissingAttribute:
            return False


class ValueExpression(Expression):
    """An expression that gives a value for an attribute."""

    __slots__ = ()

    def value(self, attributes: Given) -> Value | None:
        """The value; None for "", [] and null. A date comes back as `YYYY-MM-DD`.

        Raises `MissingAttribute` (a needed attribute or column is not there) or another
        `ExpressionError`.
        """
        text = self.text(attributes)
        if text is not None:
            return text or None
        return value_of(self.program.evaluate(attributes), self.source)

    def text(self, attributes: Given) -> str | None:
        """Where the expression is nothing but the name of a text, as most are: that text. None:
        the engine has to be asked."""
        read = self.program.text
        return None if read is None else read(attributes)


def compile_condition(source: str, schema: Schema, *, root: str = "user") -> Condition:
    """A condition over a person. Raises `ExpressionError` when it cannot be."""
    return Condition(_condition(source, scopes.people(schema, root)))


def compile_value(source: str, schema: Schema, *, root: str = "user") -> ValueExpression:
    """A value from a person's attributes. Raises `ExpressionError` when it cannot be."""
    return ValueExpression(_valued(source, scopes.people(schema, root)))


def compile_row_condition(source: str, columns: Collection[str] | None = None) -> Condition:
    """A condition over a source's row, evaluated on `{"row": cells}`. With `columns` any other
    column is an error. Raises `ExpressionError`."""
    return Condition(_condition(source, scopes.rows(_frozen(columns))))


def compile_row_value(source: str, columns: Collection[str] | None = None) -> ValueExpression:
    """A value from a source's row, evaluated on `{"row": cells}`. With `columns` any other column
    is an error. Raises `ExpressionError`."""
    return ValueExpression(_valued(source, scopes.rows(_frozen(columns))))


def condition_over(source: str, scope: scopes.Scope) -> Condition:
    """A condition over what another scope shows. Raises `ExpressionError`."""
    return Condition(_condition(source, scope))


def value_over(source: str, scope: scopes.Scope) -> ValueExpression:
    """A value from what another scope shows. Raises `ExpressionError`."""
    return ValueExpression(_valued(source, scope))


def _frozen(columns: Collection[str] | None) -> frozenset[str] | None:
    return None if columns is None else frozenset(columns)


@lru_cache(maxsize=COMPILED)
def _condition(source: str, scope: scopes.Scope) -> Program:
    program = Program(source, scope, scopes.LONGEST_SOURCE)
    if program.type != "BOOL":
        raise ExpressionError(
            f"A condition is true or false: this gives {program.type.lower()}", source
        )
    return program


@lru_cache(maxsize=COMPILED)
def _valued(source: str, scope: scopes.Scope) -> Program:
    program = Program(source, scope, scopes.LONGEST_SOURCE)
    if program.type not in _RESULTS:
        raise ExpressionError(
            "An attribute is a text, a number, true or false, a date or a list of texts: this gives"
            f" {program.type.lower()}",
            source,
        )
    return program


def value_of(result: Any, source: str) -> Value | None:
    """What a program gave, as an attribute's value. Raises `ExpressionError`."""
    if result is None or isinstance(result, bool | int):
        return result
    if isinstance(result, str):
        return _text(result, source) or None
    if isinstance(result, datetime):
        return result.date().isoformat()
    if isinstance(result, float) and math.isfinite(result):
        return result
    if isinstance(result, list):
        if len(result) > LONGEST_LIST:
            raise ExpressionError(f"The result has more than {LONGEST_LIST} items", source)
        if all(isinstance(item, str) for item in result):
            return [_text(item, source) for item in result if item] or None
    raise ExpressionError(
        "The result is no text, number, true or false, date or list of texts", source
    )


def _text(text: str, source: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise ExpressionError(f"The result is longer than {LONGEST_TEXT} characters", source)
    return text
