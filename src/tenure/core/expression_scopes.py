"""What expressions can see: a person's attributes, or the columns of a source's row.

A scope declares names to the CEL engine, compiles, and turns values into the engine's. Attributes
are declared by their whole dotted name, so that each has its own type and an unknown one is found
before anything runs. `has(user.x)` is written over, at the same length, as the name of a flag:
has() on a dotted variable would look inside its value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Protocol, TypeAlias

from cel_expr_python import cel  # type: ignore[import-untyped]
from cel_expr_python.ext import ext_strings  # type: ignore[import-untyped]

from tenure.core import expression_tree as tree
from tenure.core import names as folding
from tenure.core.expression_errors import ExpressionError, closest, compile_error
from tenure.core.expression_values import (
    CONVERTERS,
    LEVELS,
    LONGEST_TEXT,
    AttributeType,
    Limits,
    Schema,
    Unfit,
    day,
    to_text,
)

LONGEST_SOURCE = 4_000

#: The most characters and items that one evaluation may go through, in the worst case.
WORK = 20_000_000


Data: TypeAlias = dict[str, Any]
#: Reads a text from what is given; None where there is none that the engine would take as it is.
Text: TypeAlias = Callable[[Mapping[str, Any]], str | None]


class Inputs(Protocol):
    """Turns attributes into the engine's data, for one set of names and limits."""

    def data(self, attributes: Mapping[str, Any]) -> Data:
        """Raises `Unfit`."""

    def absent(self, data: Data) -> frozenset[str]:
        """Which of the names have no value in this data."""


class Scope(Hashable, Protocol):
    """What a kind of expression can see."""

    root: str

    def prepare(self, source: str) -> str:
        """The source as the engine is to read it. Same length, same positions."""

    def compile(self, prepared: str, source: str) -> cel.Expression:
        """Raises `ExpressionError`."""

    def names(self, node: tree.Node, source: str) -> frozenset[str]:
        """The attributes or columns used. Raises `ExpressionError` for one that cannot be."""

    def extents(self, limits: Limits) -> Mapping[str, tree.Extent]:
        """How large each variable can be."""

    def inputs(self, names: frozenset[str], limits: Limits) -> Inputs: ...

    def text(self, node: tree.Node) -> Text | None:
        """What reads the one text that the whole expression is, as `user.email` is; None for any
        other expression."""


def limits_for(node: tree.Node, scope: Scope) -> Limits | None:
    """The limits within which the tree cannot do more than `WORK`; None: there are none."""
    for level in LEVELS:
        if tree.work(node, scope.extents(level))[1] <= WORK:
            return level
    return None


# Functions of our own. What they raise becomes an error value in the engine.


def _short(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"a text is longer than {LONGEST_TEXT} characters")
    return text


def _function(
    name: str, implementation: Callable[[str], Any], gives: cel.Type = cel.Type.STRING
) -> cel.FunctionDecl:
    overload = cel.Overload(
        id=f"tenure_{name}_string",
        return_type=gives,
        parameters=[cel.Type.STRING],
        is_member=False,
        impl=implementation,
    )
    return cel.FunctionDecl(name, [overload])


_FUNCTIONS = (
    _function("lower", lambda text: _short(text.lower())),
    _function("upper", lambda text: _short(text.upper())),
    _function("ascii", lambda text: _short(folding.transliterate(text))),
    _function("slug", lambda text: _short(folding.slug(text))),
    _function("date", day, cel.Type.TIMESTAMP),
)
FUNCTION_NAMES = (  # noqa: SIM905
    "lower upper ascii slug date has size contains startsWith endsWith matches lowerAscii"
    " upperAscii trim replace split join substring charAt indexOf lastIndexOf reverse"
    " format string int double bool timestamp duration all exists exists_one map filter"
).split()


def _environment(variables: Mapping[str, cel.Type]) -> cel.Env:
    return cel.NewEnv(
        variables=variables,
        extensions=[ext_strings.ExtStrings()],
        functions=list(_FUNCTIONS),
    )


# People.

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = frozenset(
    (  # noqa: SIM905
        "as break const continue else false for function if import in let loop null package"
        " namespace return true var void while"
    ).split()
)
#: A comment, a text (triple quotes first; raw texts know no escapes), or has(root.name).
_SKIPPED = (
    r"""//[^\n]*|[bB]?[rR][bB]?(?:\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3}|"[^"\n]*"|'[^'\n]*')"""
    r"""|\"{3}(?:\\[\s\S]|[\s\S])*?\"{3}|'{3}(?:\\[\s\S]|[\s\S])*?'{3}"""
    r"""|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'"""
)
_CEL_TYPES = {
    AttributeType.STRING: cel.Type.STRING,
    AttributeType.INTEGER: cel.Type.INT,
    AttributeType.NUMBER: cel.Type.DOUBLE,
    AttributeType.BOOLEAN: cel.Type.BOOL,
    AttributeType.DATE: cel.Type.TIMESTAMP,
    AttributeType.STRINGS: cel.Type.List(cel.Type.STRING),
}


class PeopleScope:
    """`user.department` and its like, by a schema."""

    def __init__(self, schema: Schema, root: str = "user") -> None:
        for name in (root, *schema):
            if not _IDENTIFIER.fullmatch(name) or name in _RESERVED:
                raise ValueError(
                    f"{name!r} cannot be an attribute's name: use letters, digits and _, beginning"
                    " with a letter, and no word of the expression language."
                )
        self.root = root
        self.schema = dict(schema)
        variables = {f"{root}.{name}": _CEL_TYPES[kind] for name, kind in schema.items()}
        flags = {f"has.{root}.{name}": cel.Type.BOOL for name in schema}
        self._known = tuple(variables)
        self._environment = _environment(variables | flags)
        self._has = re.compile(
            rf"(?P<skip>{_SKIPPED})"
            rf"|(?<![\w.])has(?P<a>\s*)\((?P<path>\s*{root}\s*\.\s*[A-Za-z_]\w*\s*)\)"
        )

    def prepare(self, source: str) -> str:
        return self._has.sub(_flag, source)

    def compile(self, prepared: str, source: str) -> cel.Expression:
        try:
            return self._environment.compile(prepared)
        except RuntimeError as error:
            raise compile_error(
                str(error),
                source,
                root=self.root,
                names=self._known,
                functions=FUNCTION_NAMES,
            ) from None

    def names(self, node: tree.Node, source: str) -> frozenset[str]:
        prefix = self.root + "."
        used = (name.removeprefix("has.") for name in tree.names(node))
        return frozenset(n.removeprefix(prefix) for n in used if n.startswith(prefix))

    def extents(self, limits: Limits) -> Mapping[str, tree.Extent]:
        sizes = {
            AttributeType.STRING: tree.Extent(limits.text),
            AttributeType.STRINGS: tree.Extent(limits.items, tree.Extent(limits.text)),
        }
        return {
            f"{self.root}.{name}": sizes[kind]
            for name, kind in self.schema.items()
            if kind in sizes
        }

    def inputs(self, names: frozenset[str], limits: Limits) -> Inputs:
        return _PeopleInputs(self.root, self.schema, names, limits)

    def text(self, node: tree.Node) -> Text | None:
        if not isinstance(node, tree.Name):
            return None
        name = node.name.removeprefix(f"{self.root}.")
        if self.schema.get(name) is not AttributeType.STRING:
            return None
        # An empty one is missing, which is for the engine to say.
        return lambda given: _plain(given.get(name)) or None


def _flag(match: re.Match[str]) -> str:
    if match["skip"] is not None:
        return match[0]
    return f"has{match['a']}.{match['path']} "


def _plain(value: object) -> str | None:
    """A text that goes through the engine unchanged."""
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or "\0" in value:
        return None
    return value if value.isascii() or _is_utf8(value) else None


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class _PeopleInputs:
    def __init__(self, root: str, schema: Schema, names: frozenset[str], limits: Limits) -> None:
        self._names = {f"{root}.{name}": name for name in names}
        self._takes = [
            (name, f"{root}.{name}", f"has.{root}.{name}", CONVERTERS[schema[name]])
            for name in sorted(names)
        ]
        self._limits = limits

    def data(self, attributes: Mapping[str, Any]) -> Data:
        data: Data = {}
        limits = self._limits
        for name, key, flag, convert in self._takes:
            value = attributes.get(name)
            if value is not None:
                try:
                    value = convert(value, limits)
                except Unfit as error:
                    raise Unfit(f"The attribute {name} {error}") from None
            if value is None:
                data[flag] = False
            else:
                data[key] = value
                data[flag] = True
        return data

    def absent(self, data: Data) -> frozenset[str]:
        return frozenset(self._names[key] for key in self._names.keys() - data.keys())


# Rows.


class RowScope:
    """`row["Employee ID"]`: every column a text, an empty cell an empty text. With another `root`
    anything that is a map of texts: `account.userName`."""

    def __init__(self, columns: Iterable[str] | None = None, root: str = "row") -> None:
        self.root = root
        self._columns = None if columns is None else frozenset(columns)
        self._environment = _environment({root: cel.Type.Map(cel.Type.STRING, cel.Type.STRING)})

    def prepare(self, source: str) -> str:
        return source

    def compile(self, prepared: str, source: str) -> cel.Expression:
        try:
            return self._environment.compile(prepared)
        except RuntimeError as error:
            raise compile_error(
                str(error),
                source,
                root=self.root,
                names=[f'{self.root}["..."]'],
                functions=FUNCTION_NAMES,
            ) from None

    def names(self, node: tree.Node, source: str) -> frozenset[str]:
        here = tree.Name(self.root)
        named = [c for part in tree.walk(node) if (c := _column(part, here)) is not None]
        rows = sum(part == here for part in tree.walk(node))
        if len(named) != rows:
            what, example = _SPOKEN[self.root]
            raise ExpressionError(
                f"{what} is named by a text, as in {example}, and nothing else", source
            )
        for column in named:
            if self._columns is not None and column not in self._columns:
                raise ExpressionError(
                    f"There is no column {column!r}{closest(column, self._columns)}",
                    source,
                )
        return frozenset(named)

    def extents(self, limits: Limits) -> Mapping[str, tree.Extent]:
        return {self.root: tree.Extent(1, tree.Extent(limits.text))}

    def inputs(self, names: frozenset[str], limits: Limits) -> Inputs:
        return _RowInputs(self.root, names, limits)

    def text(self, node: tree.Node) -> Text | None:
        match node:
            case tree.Select(test=False) | tree.Call("_[_]"):
                column = _column(node, tree.Name(self.root))
                if column is not None:
                    return lambda given: _plain(given[self.root].get(column))
        return None


_SPOKEN = {
    "row": ("A column", 'row["Employee ID"]'),
    "account": ("An attribute", 'account.userName or account["name.givenName"]'),
}


def _column(node: tree.Node, root: tree.Name) -> str | None:
    match node:
        case tree.Select(operand=tree.Name() as named, field=field) if named == root:
            return field
        case tree.Call("_[_]", (tree.Name() as named, tree.Constant(str(column)))):
            return column if named == root else None
        case tree.Call("@in", (tree.Constant(str(column)), tree.Name() as named)):
            return column if named == root else None
    return None


class _RowInputs:
    def __init__(self, root: str, columns: frozenset[str], limits: Limits) -> None:
        self._root = root
        self._columns = columns
        self._limits = limits

    def data(self, attributes: Mapping[str, Any]) -> Data:
        given = attributes[self._root]
        cells: dict[str, str] = {}
        for column in self._columns:
            value = given.get(column)
            if value is not None:
                try:
                    cells[column] = to_text(value, self._limits) or ""
                except Unfit as error:
                    raise Unfit(f"The column {column!r} {error}") from None
        return {self._root: cells}

    def absent(self, data: Data) -> frozenset[str]:
        return frozenset(self._columns - data[self._root].keys())


@lru_cache(maxsize=64)
def _people(schema: tuple[tuple[str, AttributeType], ...], root: str) -> PeopleScope:
    return PeopleScope(dict(schema), root)


def people(schema: Schema, root: str = "user") -> PeopleScope:
    """The scope of this schema; the same object for the same schema."""
    return _people(tuple(sorted(schema.items())), root)


@lru_cache(maxsize=64)
def rows(columns: frozenset[str] | None, root: str = "row") -> RowScope:
    """The scope of rows with these columns, or with any."""
    return RowScope(columns, root)
