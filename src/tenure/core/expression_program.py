"""One compiled text, of one expression or of many as a list: within limits, and run.

What a result means (true or false, a value) is the business of `expressions`; which names there
are is that of a scope.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from cel_expr_python import cel  # type: ignore[import-untyped]

from tenure.core import expression_scopes as scopes
from tenure.core import expression_tree as tree
from tenure.core.expression_errors import ExpressionError, failure
from tenure.core.expression_values import LEVELS, Unfit

#: What can be evaluated on: a person's attributes, or `{"row": {column: cell}}`.
Given: TypeAlias = Mapping[str, Any]

_ERROR: Final = cel.Type.ERROR


class Program:
    """One compiled text (of one expression, or of many as a list) with what it needs."""

    __slots__ = ("_expression", "_inputs", "names", "scope", "source", "text", "type", "widest")

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
        #: Where the whole expression is one text that is given: what reads it, without the engine.
        self.text = scope.text(node)
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
