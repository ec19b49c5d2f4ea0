"""Expressions over JSON: what an application answers, and what is sent to it.

The language is that of `expressions`, with the same limits; only what it sees differs. Each name is
declared, and where its keys are known, a wrong one is found before anything runs. Whatever is null
is missing. Knows no application.

    item.profile.email
    item.emails.filter(e, e.type == "work")[0].value
    {"login": account.userName, "admin": false}
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from cel_expr_python import cel  # type: ignore[import-untyped]

from tenure.core import expression_scopes as scopes
from tenure.core import expression_tree as tree
from tenure.core.expression_errors import (
    ExpressionError,
    MissingAttribute,
    closest,
    compile_error,
)
from tenure.core.expression_program import Program
from tenure.core.expression_values import Limits, Unfit
from tenure.core.expressions import Condition, ValueExpression, condition_over

#: Name -> the keys that it has; None: whatever it has.
Names: TypeAlias = Mapping[str, Iterable[str] | None]
_DEEPEST = 30
_PAST_END = re.compile(r"Index error: index=\d")
_UNKNOWN = re.compile(r"There is no name or function '(\w+)\.[^']*'")
_INT64 = 2**63


class JsonExpression(ValueExpression):
    """An expression that gives anything JSON can hold."""

    __slots__ = ()

    @property
    def names(self) -> frozenset[str]:
        """What it uses: `item.email` where one key of a name is used, `item` where all of it is."""
        return self.program.names

    def json(self, given: Mapping[str, Any]) -> Any:
        """The value. Raises `MissingAttribute` (something is not there) or `ExpressionError`."""
        try:
            return self.program.evaluate(given)
        except ExpressionError as error:
            # `[0]` of a list that is empty is as little there as a key that an object has not.
            if _PAST_END.search(str(error)):
                raise MissingAttribute("entry", error.expression, what="entry") from None
            raise


def compile_json(source: str, names: Names) -> JsonExpression:
    """An expression over these names. Raises `ExpressionError` when it cannot be."""
    return JsonExpression(Program(source, scope_of(names), scopes.LONGEST_SOURCE))


def compile_json_condition(source: str, names: Names) -> Condition:
    """The same, for true or false. What has no answer is false. Raises `ExpressionError`."""
    return condition_over(source, scope_of(names))


def scope_of(names: Names) -> JsonScope:
    """The scope of these names; the same object for the same names."""
    found = {name: None if keys is None else frozenset(keys) for name, keys in names.items()}
    return _scope(tuple(sorted(found.items(), key=lambda pair: pair[0])))


@lru_cache(maxsize=256)
def _scope(names: tuple[tuple[str, frozenset[str] | None], ...]) -> JsonScope:
    return JsonScope(dict(names))


class JsonScope:
    """Names that hold JSON."""

    root = ""

    def __init__(self, names: Mapping[str, frozenset[str] | None]) -> None:
        self._names = dict(names)
        self._environment = scopes._environment(dict.fromkeys(names, cel.Type.DYN))

    def prepare(self, source: str) -> str:
        return source

    def compile(self, prepared: str, source: str) -> cel.Expression:
        try:
            return self._environment.compile(prepared)
        except RuntimeError as error:
            found = compile_error(
                str(error),
                source,
                root=self.root,
                names=self._names,
                functions=scopes.FUNCTION_NAMES,
            )
            found.message = self._mended(found.message)
            raise found from None

    def _mended(self, message: str) -> str:
        if "cannot be the range of a comprehension" in message:
            # The engine goes through x.y, and not through x["y"], unless it is told to.
            return 'What is gone through here has to be written x.y, or dyn(x["y"])'
        unknown = _UNKNOWN.fullmatch(message)
        return f"{message}{closest(unknown[1], self._names)}" if unknown else message

    def names(self, node: tree.Node, source: str) -> frozenset[str]:
        found: set[str] = set()
        for root, keys in self._names.items():
            here = tree.Name(root)
            named = [k for part in tree.walk(node) if (k := _key(part, here)) is not None]
            if sum(part == here for part in tree.walk(node)) > len(named):
                found.add(root)
                if keys is not None:
                    raise ExpressionError(
                        f"{root} is used by its parts, as in {root}.{min(keys, default='name')}",
                        source,
                    )
            for key in named:
                if keys is not None and key not in keys:
                    raise ExpressionError(_no_key(root, key, keys), source)
                found.add(f"{root}.{key}")
        return frozenset(found)

    def extents(self, limits: Limits) -> Mapping[str, tree.Extent]:
        return dict.fromkeys(self._names, tree.Extent(limits.text))

    def inputs(self, names: frozenset[str], limits: Limits) -> scopes.Inputs:
        return _JsonInputs(names, limits)

    def text(self, node: tree.Node) -> None:
        """What is only named may be anything here."""


def _no_key(root: str, key: str, keys: frozenset[str]) -> str:
    near = closest(key, keys)
    known = ", ".join(sorted(keys)) or "nothing"
    return f"There is no {root}.{key}{near or f'. {root} has {known}'}"


def _key(node: tree.Node, root: tree.Name) -> str | None:
    match node:
        case tree.Select(operand=tree.Name() as named, field=field) if named == root:
            return field
        case tree.Call("_[_]", (tree.Name() as named, tree.Constant(str(key)))) if named == root:
            return key
        case tree.Call("@in", (tree.Constant(str(key)), tree.Name() as named)) if named == root:
            return key
    return None


class _JsonInputs:
    """Only what is used goes into the engine: an answer may be large."""

    def __init__(self, names: frozenset[str], limits: Limits) -> None:
        self._limits = limits
        self._whole = {name for name in names if "." not in name}
        self._parts: dict[str, list[str]] = {}
        for name in sorted(names):
            root, dot, key = name.partition(".")
            if dot and root not in self._whole:
                self._parts.setdefault(root, []).append(key)

    def data(self, attributes: Mapping[str, Any]) -> scopes.Data:
        data: scopes.Data = {}
        for name in self._whole:
            data[name] = self._fit(name, attributes.get(name))
        for name, keys in self._parts.items():
            given = attributes.get(name)
            if isinstance(given, Mapping):
                given = {key: given[key] for key in keys if given.get(key) is not None}
            elif isinstance(given, list | tuple):
                pass  # `"x" in changed`
            elif given is None:
                given = {}
            data[name] = self._fit(name, given)
        return data

    def absent(self, data: scopes.Data) -> frozenset[str]:
        return frozenset()

    def _fit(self, name: str, value: Any, depth: int = 0) -> Any:
        if depth > _DEEPEST:
            raise Unfit(f"{name} is nested too deeply")
        if isinstance(value, str):
            if len(value) > self._limits.text:
                raise Unfit(
                    f"{name} holds a text of more than the {self._limits.text} characters that "
                    "this expression can take"
                )
            if "\0" in value:
                raise Unfit(f"{name} holds a NUL character")
            return value
        if isinstance(value, dict | Mapping):
            return {
                str(key): self._fit(f"{name}.{key}", item, depth + 1)
                for key, item in value.items()
                if item is not None
            }
        if isinstance(value, list | tuple | set | frozenset):
            if len(value) > self._limits.items:
                raise Unfit(
                    f"{name} has more than the {self._limits.items} items that this expression "
                    "can take"
                )
            return [self._fit(name, item, depth + 1) for item in value]
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _INT64:
            raise Unfit(f"{name} holds a number of more than 64 bits")
        return value
