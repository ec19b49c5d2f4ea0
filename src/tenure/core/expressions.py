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
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeAlias, TypeVar

from cel_expr_python import cel  # type: ignore[import-untyped]

from tenure.core import expression_scopes as scopes
from tenure.core import expression_tree as tree
from tenure.core.expression_errors import ExpressionError, MissingAttribute, failure
from tenure.core.expression_values import (
    LEVELS,
    LONGEST_LIST,
    LONGEST_TEXT,
    AttributeType,
    Schema,
    Unfit,
)
from tenure.core.model import Value

__all__ = [
    "AttributeType",
    "Condition",
    "ConditionSet",
    "ExpressionError",
    "MissingAttribute",
    "Schema",
    "ValueExpression",
    "ValueSet",
    "compile_condition",
    "compile_row_condition",
    "compile_row_value",
    "compile_value",
    "condition_over",
    "value_over",
]

#: What can be evaluated on: a person's attributes, or `{"row": {column: cell}}`.
Given: TypeAlias = Mapping[str, Any]

_ERROR: Final = cel.Type.ERROR
_RESULTS = frozenset(
    (  # noqa: SIM905
        "STRING INT UINT DOUBLE BOOL TIMESTAMP NULL DYN LIST<STRING> LIST<DYN>"
    ).split()
)


class _Program:
    """One compiled text (of one expression, or of many as a list) with what it needs."""

    __slots__ = ("_expression", "_inputs", "names", "scope", "source", "type", "widest")

    def __init__(self, source: str, scope: scopes.Scope, longest: int) -> None:
        if len(source) > longest:
            raise ExpressionError(
                f"The expression has {len(source)} characters: at most {longest} are allowed",
                source,
            )
        if not source.strip():
            raise ExpressionError("The expression is empty", source)
        self._expression = scope.compile(scope.prepare(source), source)
        node = tree.parse(self._expression.serialize())
        limits = scopes.limits_for(node, scope)
        if limits is None:
            raise ExpressionError(
                "The expression could grow without measure: use fewer nested loops, `replace`,"
                " `split` and `join` inside one another",
                source,
            )
        self.source = source
        self.scope = scope
        self.type = self._expression.return_type().name()
        self.names = scope.names(node, source)
        #: Whether it takes all that any expression may be given.
        self.widest = limits == LEVELS[0]
        self._inputs = scope.inputs(self.names, limits)

    def bind(self, given: Given) -> scopes.Data:
        """What the engine is given. Raises `ExpressionError`."""
        try:
            return self._inputs.data(given)
        except Unfit as error:
            raise ExpressionError(str(error), self.source) from None

    def absent(self, data: scopes.Data) -> frozenset[str]:
        return self._inputs.absent(data)

    def run(self, data: scopes.Data) -> Any:
        """The result as Python has it. Raises `ExpressionError`."""
        try:
            result = self._expression.eval(data=data)
            plain = result.plain_value()
            failed = result.type() == _ERROR
        except Exception as error:  # whatever the engine throws, there is no answer
            raise failure(str(error), self.source, self.scope.root) from None
        if failed:
            raise failure(str(plain), self.source, self.scope.root)
        return plain

    def evaluate(self, given: Given) -> Any:
        return self.run(self.bind(given))


class _Expression:
    """What conditions and values share."""

    __slots__ = ("_program",)

    def __init__(self, program: _Program) -> None:
        self._program = program

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.source!r})"

    @property
    def source(self) -> str:
        return self._program.source

    @property
    def attributes(self) -> frozenset[str]:
        """The names of the person's attributes used, without `user.`. Empty over rows."""
        over_rows = isinstance(self._program.scope, scopes.RowScope)
        return frozenset() if over_rows else self._program.names

    @property
    def columns(self) -> frozenset[str]:
        """The names of the row's columns used. Empty over people."""
        over_rows = isinstance(self._program.scope, scopes.RowScope)
        return self._program.names if over_rows else frozenset()


class Condition(_Expression):
    """An expression that is true or false."""

    __slots__ = ()

    def holds(self, attributes: Given) -> bool:
        """Whether it is true. A missing attribute, or any other error, is false: never access by
        accident. CEL's `a || b` is true where one side is, even if the other is an error, and
        `a && b` false where one side is; `!` of an error is an error, and so false here."""
        try:
            return self._program.evaluate(attributes) is True
        except ExpressionError:
            return False


class ValueExpression(_Expression):
    """An expression that gives a value for an attribute."""

    __slots__ = ()

    def value(self, attributes: Given) -> Value | None:
        """The value; None for "", [] and null. A date comes back as `YYYY-MM-DD`.

        Raises `MissingAttribute` (a needed attribute or column is not there) or another
        `ExpressionError`.
        """
        return _value(self._program.evaluate(attributes), self.source)


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


def _condition(source: str, scope: scopes.Scope) -> _Program:
    program = _Program(source, scope, scopes.LONGEST_SOURCE)
    if program.type != "BOOL":
        raise ExpressionError(
            f"A condition is true or false: this gives {program.type.lower()}", source
        )
    return program


def _valued(source: str, scope: scopes.Scope) -> _Program:
    program = _Program(source, scope, scopes.LONGEST_SOURCE)
    if program.type not in _RESULTS:
        raise ExpressionError(
            "An attribute is a text, a number, true or false, a date or a list of texts: this gives"
            f" {program.type.lower()}",
            source,
        )
    return program


def _value(result: Any, source: str) -> Value | None:
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


# Many at once. One call of the engine costs as much as ten conditions inside it, so those whose
# attributes are all there are compiled into one list. One error in a list is an error of the whole
# list: then each is asked alone, which also names the culprit.

_LONGEST_LIST_SOURCE = 60_000
_MOST_IN_A_LIST = 100
#: Which attributes are missing differs from person to person. A list is compiled when the same
#: ones have been missing this often, and at most so many lists are kept.
_WORTH_COMPILING = 4
_KEPT_PLANS = 256

_E = TypeVar("_E", bound=_Expression)


@dataclass(slots=True)
class _Plan:
    """How to ask when certain names are absent. `lists` hold `ready`, in order; None: not yet."""

    ready: list[str]
    rest: list[str]
    seen: int = 0
    lists: list[tuple[_Program, list[str]]] | None = None


class _Together(Generic[_E]):
    """Expressions of one scope, evaluated together."""

    def __init__(self, members: Mapping[str, _E]) -> None:
        self.members = dict(members)
        self._programs = {name: member._program for name, member in members.items()}
        found = {id(program.scope): program.scope for program in self._programs.values()}
        if len(found) > 1:
            raise ValueError("Expressions that are evaluated together need the same schema.")
        self._scope = next(iter(found.values()), None)
        self._plans: OrderedDict[frozenset[str], _Plan] = OrderedDict()
        self._lock = threading.Lock()
        used = frozenset[str]().union(*(p.names for p in self._programs.values()))
        self._inputs = None if self._scope is None else self._scope.inputs(used, LEVELS[0])

    def together(self, given: Given) -> dict[str, Any]:
        """The raw results of those that could be had without an error. Who asks gets the others
        one by one."""
        if self._inputs is None:
            return {}
        try:
            data = self._inputs.data(given)
        except Unfit:
            return {}
        plan = self._plan(self._inputs.absent(data))
        results: dict[str, Any] = {}
        for program, names in plan.lists or ():
            try:
                # The list may trust in shorter values than its members do: bound to its own.
                own = data if program.widest else program.bind(given)
                results.update(zip(names, program.run(own), strict=True))
            except ExpressionError:
                continue
        return results

    def _plan(self, absent: frozenset[str]) -> _Plan:
        with self._lock:
            plan = self._plans.get(absent)
            if plan is None:
                plan = self._plans[absent] = self._new_plan(absent)
                if len(self._plans) > _KEPT_PLANS:
                    self._plans.popitem(last=False)
            else:
                self._plans.move_to_end(absent)
            plan.seen += 1
            if plan.lists is None and plan.seen >= _WORTH_COMPILING:
                plan.lists = self._compile(plan.ready)
            return plan

    def _new_plan(self, absent: frozenset[str]) -> _Plan:
        ready = [n for n, p in self._programs.items() if not p.names & absent]
        known = set(ready)
        return _Plan(ready, [n for n in self._programs if n not in known])

    def _compile(self, ready: Iterable[str]) -> list[tuple[_Program, list[str]]]:
        assert self._scope is not None
        lists: list[tuple[_Program, list[str]]] = []
        for names in self._portions(ready):
            # A line end closes a comment at an expression's end.
            text = ",".join(f"({self._programs[name].source}\n)" for name in names)
            try:
                lists.append((_Program(f"[{text}]", self._scope, _LONGEST_LIST_SOURCE), names))
            except ExpressionError:
                # Each is within its limits and all together are not: they stay one by one.
                continue
        return lists

    def _portions(self, names: Iterable[str]) -> Iterable[list[str]]:
        portion: list[str] = []
        length = 0
        for name in names:
            more = len(self._programs[name].source) + 4
            if portion and (
                length + more > _LONGEST_LIST_SOURCE - 2 or len(portion) >= _MOST_IN_A_LIST
            ):
                yield portion
                portion, length = [], 0
            portion.append(name)
            length += more
        if portion:
            yield portion


class ConditionSet:
    """Many conditions, asked at once for one person after the other."""

    def __init__(self, conditions: Mapping[str, Condition]) -> None:
        self._together = _Together(conditions)

    def holding(self, attributes: Given) -> list[str]:
        """The names of those that hold, in the order given: what `Condition.holds` says of each."""
        known = self._together.together(attributes)
        return [
            name
            for name, condition in self._together.members.items()
            if (known[name] is True if name in known else condition.holds(attributes))
        ]


class ValueSet:
    """Many values, asked at once for one person, account or row after the other."""

    def __init__(self, values: Mapping[str, ValueExpression]) -> None:
        self._together = _Together(values)

    def values(self, attributes: Given) -> dict[str, Value]:
        """Each name with its value, without those that have none, in the order given.

        Raises `MissingAttribute` or another `ExpressionError`, with `target` set, for the first
        that `ValueExpression.value` raises for.
        """
        known = self._together.together(attributes)
        found: dict[str, Value] = {}
        for name, expression in self._together.members.items():
            try:
                value = (
                    _value(known[name], expression.source)
                    if name in known
                    else expression.value(attributes)
                )
            except ExpressionError as error:
                error.target = name
                raise
            if value is not None:
                found[name] = value
        return found
