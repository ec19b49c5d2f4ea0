"""Many expressions, asked at once for one person, account or row after the other.

A value that is nothing but a text that is given needs no engine. One call of that costs as much as
ten conditions inside it, so those whose attributes are all there are compiled into one list. One
error in a list is an error of the whole list: then each is asked alone, which also names the
culprit.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from tenure.core.expression_errors import ExpressionError
from tenure.core.expression_program import Given, Program
from tenure.core.expression_values import LEVELS, Unfit
from tenure.core.expressions import Condition, Expression, ValueExpression, value_of
from tenure.core.model import Value

_LONGEST_LIST_SOURCE = 60_000
_MOST_IN_A_LIST = 100
#: Which attributes are missing differs from person to person. A list is compiled when the same
#: ones have been missing this often, and at most so many lists are kept.
_WORTH_COMPILING = 4
_KEPT_PLANS = 256

_E = TypeVar("_E", bound=Expression)


@dataclass(slots=True)
class _Plan:
    """How to ask when certain names are absent. `lists` hold `ready`, in order; None: not yet."""

    ready: list[str]
    rest: list[str]
    seen: int = 0
    lists: list[tuple[Program, list[str]]] | None = None


class _Together(Generic[_E]):
    """Expressions of one scope, evaluated together."""

    def __init__(self, members: Mapping[str, _E]) -> None:
        self.members = dict(members)
        # One that has a text is never asked of the engine together with others.
        self.programs = {n: m.program for n, m in members.items() if m.program.text is None}
        found = {id(member.program.scope): member.program.scope for member in members.values()}
        if len(found) > 1:
            raise ValueError("Expressions that are evaluated together need the same schema.")
        self._scope = next(iter(found.values()), None)
        self._plans: OrderedDict[frozenset[str], _Plan] = OrderedDict()
        self._lock = threading.Lock()
        used = frozenset[str]().union(*(p.names for p in self.programs.values()))
        self._inputs = None if self._scope is None else self._scope.inputs(used, LEVELS[0])

    def together(self, given: Given) -> dict[str, Any]:
        """The raw results of those that could be had without an error. Who asks gets the others
        one by one."""
        if self._inputs is None or not self.programs:
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
        ready = [n for n, p in self.programs.items() if not p.names & absent]
        known = set(ready)
        return _Plan(ready, [n for n in self.programs if n not in known])

    def _compile(self, ready: Iterable[str]) -> list[tuple[Program, list[str]]]:
        assert self._scope is not None
        lists: list[tuple[Program, list[str]]] = []
        for names in self._portions(ready):
            # A line end closes a comment at an expression's end.
            text = ",".join(f"({self.programs[name].source}\n)" for name in names)
            try:
                lists.append((Program(f"[{text}]", self._scope, _LONGEST_LIST_SOURCE), names))
            except ExpressionError:
                # Each is within its limits and all together are not: they stay one by one.
                continue
        return lists

    def _portions(self, names: Iterable[str]) -> Iterable[list[str]]:
        portion: list[str] = []
        length = 0
        for name in names:
            more = len(self.programs[name].source) + 4
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

    def holding(self, attributes: Given, failing: set[str] | None = None) -> list[str]:
        """The names of those that hold, in the order given: what `Condition.holds` says of each.
        Those that have no answer are added to `failing`, see `Condition.decided`."""
        known = self._together.together(attributes)
        found = []
        for name, condition in self._together.members.items():
            try:
                if known[name] is True if name in known else condition.decided(attributes):
                    found.append(name)
            except ExpressionError:
                if failing is not None:
                    failing.add(name)
        return found


class ValueSet:
    """Many values, asked at once for one person, account or row after the other."""

    def __init__(self, values: Mapping[str, ValueExpression]) -> None:
        self._texts = [(n, v.program.text) for n, v in values.items() if v.program.text is not None]
        self._together = _Together(values)

    def known(self, attributes: Given) -> dict[str, Value | None]:
        """The values of those that could be had together, by name. Who asks gets the others, and
        what is wrong with them, one by one."""
        found: dict[str, Value | None] = {}
        for name, read in self._texts:
            text = read(attributes)
            if text is not None:
                found[name] = text or None
        for name, result in self._together.together(attributes).items():
            try:
                found[name] = value_of(result, self._together.members[name].source)
            except ExpressionError:
                continue
        return found

    def values(self, attributes: Given) -> dict[str, Value]:
        """Each name with its value, without those that have none, in the order given.

        Raises `MissingAttribute` or another `ExpressionError`, with `target` set, for the first
        that `ValueExpression.value` raises for.
        """
        known = self.known(attributes)
        found: dict[str, Value] = {}
        for name, expression in self._together.members.items():
            value = known[name] if name in known else targeted(name, expression, attributes)
            if value is not None:
                found[name] = value
        return found


def targeted(name: str, expression: ValueExpression, attributes: Given) -> Value | None:
    """One value. What is raised says in `target` for which name it was."""
    try:
        return expression.value(attributes)
    except ExpressionError as error:
        error.target = name
        raise
