"""What a compiled expression is made of: the names it uses, and how much it could make.

The CEL engine bounds iterations but not memory: `s.replace("a", "aaaaaaaaaa")`, repeated, fills a
machine from a line of text. So the tree of a checked expression is read here, and the most it
could allocate is computed before it ever runs. Knows the wire format of `cel.expr.CheckedExpr`
(cel-spec, proto/cel/expr/checked.proto and syntax.proto), and nothing of people or rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

Scalar: TypeAlias = str | bytes | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal. Numbers keep no value: nobody asks for it."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class Name:
    """A variable, by its whole dotted name where it was declared so."""

    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """`operand.field`; with `test`, `has(operand.field)`."""

    operand: Node
    field: str
    test: bool


@dataclass(frozen=True, slots=True)
class Call:
    """A function or an operator (`_+_`). A receiver is the first argument."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Items:
    """A list, a map's keys and values, or a message's fields."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Fold:
    """What `all`, `exists`, `map` and `filter` become: `step` runs once for each of `over`."""

    variable: str
    second_variable: str
    over: Node
    accumulator: str
    start: Node
    condition: Node
    step: Node
    result: Node


Node: TypeAlias = Constant | Name | Select | Call | Items | Fold

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def parse(serialized: bytes) -> Node:
    """The tree in `google.protobuf.Any(cel.expr.CheckedExpr)`, the engine's serialized form."""
    checked = _fields(_only(serialized, 2))
    return _node(_message(checked, 4))


def names(node: Node) -> frozenset[str]:
    """Every name used, without those that the expression itself introduces."""
    return frozenset(_names(node, frozenset()))


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, each before its parts."""
    yield node
    for part in _parts(node):
        yield from walk(part)


def _parts(node: Node) -> tuple[Node, ...]:
    match node:
        case Select(operand=operand):
            return (operand,)
        case Call(arguments=arguments):
            return arguments
        case Items(items=items):
            return items
        case Fold():
            return (node.over, node.start, node.condition, node.step, node.result)
        case _:
            return ()


def _names(node: Node, bound: frozenset[str]) -> Iterator[str]:
    if isinstance(node, Name):
        if node.name not in bound:
            yield node.name
    elif isinstance(node, Fold):
        yield from _names(node.over, bound)
        yield from _names(node.start, bound)
        inside = bound | {node.variable, node.second_variable, node.accumulator}
        for part in (node.condition, node.step, node.result):
            yield from _names(part, inside)
    else:
        for part in _parts(node):
            yield from _names(part, bound)


# Protocol buffers: only what these two messages need.


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _fields(data: bytes) -> list[tuple[int, int | bytes]]:
    found: list[tuple[int, int | bytes]] = []
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            found.append((number, value))
            continue
        if wire == _BYTES:
            size, at = _varint(data, at)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"not a serialized expression: wire type {wire}")
        found.append((number, data[at : at + size]))
        at += size
    return found


def _message(fields: list[tuple[int, int | bytes]], number: int) -> bytes:
    for found, value in fields:
        if found == number and isinstance(value, bytes):
            return value
    return b""


def _messages(fields: list[tuple[int, int | bytes]], number: int) -> list[bytes]:
    return [v for found, v in fields if found == number and isinstance(v, bytes)]


def _only(data: bytes, number: int) -> bytes:
    return _message(_fields(data), number)


def _node(data: bytes) -> Node:
    for number, value in _fields(data):
        if isinstance(value, bytes) and number in _READERS:
            return _READERS[number](value)
    return Constant(None)


def _constant(data: bytes) -> Node:
    for number, value in _fields(data):
        if isinstance(value, bytes) and number == 6:
            return Constant(value.decode())
        if isinstance(value, bytes) and number == 7:
            return Constant(value)
    return Constant(None)


def _name(data: bytes) -> Node:
    return Name(_only(data, 1).decode().removeprefix("."))


def _select(data: bytes) -> Node:
    fields = _fields(data)
    tested = any(number == 3 and value for number, value in fields)
    return Select(_node(_message(fields, 1)), _message(fields, 2).decode(), tested)


def _call(data: bytes) -> Node:
    fields = _fields(data)
    arguments = [*_messages(fields, 1), *_messages(fields, 3)]
    return Call(_message(fields, 2).decode(), tuple(_node(a) for a in arguments))


def _list(data: bytes) -> Node:
    return Items(tuple(_node(item) for item in _messages(_fields(data), 1)))


def _struct(data: bytes) -> Node:
    found: list[Node] = []
    for entry in _messages(_fields(data), 2):
        fields = _fields(entry)
        found += [_node(part) for n in (3, 4) for part in _messages(fields, n)]
    return Items(tuple(found))


def _fold(data: bytes) -> Node:
    fields = _fields(data)
    return Fold(
        variable=_message(fields, 1).decode(),
        second_variable=_message(fields, 8).decode(),
        over=_node(_message(fields, 2)),
        accumulator=_message(fields, 3).decode(),
        start=_node(_message(fields, 4)),
        condition=_node(_message(fields, 5)),
        step=_node(_message(fields, 6)),
        result=_node(_message(fields, 7)),
    )


_READERS: Mapping[int, Callable[[bytes], Node]] = {
    3: _constant,
    4: _name,
    5: _select,
    6: _call,
    7: _list,
    8: _struct,
    9: _fold,
}


# The most that an expression could make.


@dataclass(frozen=True, slots=True)
class Extent:
    """The most that a value could be: `length` characters, or items of extent `item` each."""

    length: int = 1
    item: Extent | None = None

    @property
    def total(self) -> int:
        """Characters and items altogether."""
        return self.length * (1 if self.item is None else self.item.total)


_ONE = Extent()


def work(node: Node, variables: Mapping[str, Extent]) -> tuple[Extent, int]:
    """The extent of the result, and an upper bound of everything allocated or passed over on the
    way, in characters and items. `variables` are the extents of what goes in."""
    match node:
        case Constant(value=value):
            return (Extent(len(value)) if isinstance(value, str | bytes) else _ONE), 1
        case Name(name=name):
            return variables.get(name, _ONE), 1
        case Select(operand=operand, test=test):
            whole, cost = work(operand, variables)
            return (_ONE if test else whole.item or whole), cost + 1
        case Items(items=items):
            parts = [work(item, variables) for item in items]
            return Extent(len(parts), _widest([p[0] for p in parts])), sum(
                (p[1] for p in parts), len(parts) + 1
            )
        case Fold():
            return _fold_work(node, variables)
        case Call(function=function, arguments=arguments):
            parts = [work(argument, variables) for argument in arguments]
            extents = [p[0] for p in parts]
            made = _result(function, extents)
            passed = 1 if function in _PASSES_ON else max((e.length for e in extents), default=1)
            made_new = 0 if function in _PASSES_ON else made.total
            return made, sum(p[1] for p in parts) + made_new + passed


def _fold_work(node: Fold, variables: Mapping[str, Extent]) -> tuple[Extent, int]:
    over, cost = work(node.over, variables)
    start, start_cost = work(node.start, variables)
    item = over.item or _ONE
    # A macro's step only ever adds to what there is: seen with nothing in the accumulator, it
    # makes exactly one round's addition.
    inside = {
        **variables,
        node.variable: item,
        node.second_variable: item,
        node.accumulator: Extent(0, None if start.item is None else _ONE),
    }
    _, condition_cost = work(node.condition, inside)
    step, step_cost = work(node.step, inside)
    growth = Extent(over.length * step.length, step.item) if node_grows(node) else step
    inside[node.accumulator] = growth
    result, result_cost = work(node.result, inside)
    rounds = over.length * (condition_cost + step_cost)
    return result, cost + start_cost + rounds + growth.total + result_cost


def node_grows(node: Fold) -> bool:
    """Whether the fold gathers a list (`map`, `filter`) and not a single answer."""
    return isinstance(node.start, Items)


def _widest(extents: list[Extent]) -> Extent:
    length = max((e.length for e in extents), default=0)
    items = [e.item for e in extents if e.item is not None]
    return Extent(length, _widest(items) if items else None)


#: These hand on what they are given, or answer yes or no without looking at all of it.
_PASSES_ON = frozenset({"_?_:_", "_[_]", "_&&_", "_||_", "!_", "@not_strictly_false", "dyn"})

_ANSWERS = frozenset(
    (  # noqa: SIM905
        "_==_ _!=_ _<_ _<=_ _>_ _>=_ _&&_ _||_ !_ -_ _-_ _*_ _/_ _%_ @in @not_strictly_false"
        " startsWith endsWith contains matches size int uint double bool timestamp duration"
        " date indexOf lastIndexOf type getFullYear getMonth getDate getDayOfMonth"
        " getDayOfWeek getDayOfYear getHours getMinutes getSeconds getMilliseconds"
    ).split()
)

_SAME_SIZE = frozenset(["lowerAscii", "upperAscii", "trim", "substring", "charAt", "reverse"])

#: Our own functions refuse to make more than this (see `functions`).
LONGEST = 10_000
_OURS = frozenset({"lower", "upper", "ascii", "slug"})


def _result(function: str, arguments: list[Extent]) -> Extent:
    """The most that one call could return. What is not known is taken to be large."""
    first = arguments[0] if arguments else _ONE
    if function in _ANSWERS:
        return _ONE
    if function in _SAME_SIZE or function == "dyn":
        return first
    if function in _OURS:
        return Extent(LONGEST)
    if function == "_?_:_":
        return _widest(arguments[1:])
    if function == "_[_]":
        return first.item or _ONE
    if function == "_+_":
        return Extent(sum(e.length for e in arguments), _widest(arguments).item)
    if function == "split":
        return Extent(first.length + 1, Extent(first.length))
    if function == "join":
        item = first.item.total if first.item else 1
        return Extent(first.length * (item + sum(e.length for e in arguments[1:])))
    if function == "replace":
        return Extent((first.length + 1) * (arguments[2].length + 1))
    if function == "string":
        return Extent(first.length + 64)
    total = sum(e.total for e in arguments)
    if function == "format":
        # Up to 1,000 decimals for each argument, and 30 characters for a number in a list.
        return Extent(32 * total + 1_100 * (1 + sum(e.length for e in arguments[1:])))
    return Extent(64 + 8 * total)
