"""What checking any part of the document needs: expressions, kinds, names of attributes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from tenure.configuration.problems import Path, Problems
from tenure.core.expressions import AttributeType, ExpressionError
from tenure.core.nearest import near

_T = TypeVar("_T")


def compiles(compile_it: Callable[[], object], path: Path, problems: Problems) -> None:
    """An expression; where it is wrong, the problem is told at its very place."""
    try:
        compile_it()
    except ExpressionError as error:
        if error.line is not None and error.column is not None:
            problems.add_within(path, error.message, error.line, error.column)
        else:
            problems.add(path, error.message)


def chosen_kind(
    kind: str,
    known: Iterable[str],
    lookup: Callable[[str], _T],
    path: Path,
    problems: Problems,
) -> _T | None:
    """What the document calls so, of those that there are; None where there is none."""
    known = sorted(known)
    if kind in known:
        return lookup(kind)
    problems.add(path, f"There is no {path[-1]} {kind!r}. Known: {', '.join(known)}.")
    return None


def unknown_attribute(name: str, schema: Mapping[str, AttributeType]) -> str:
    """That people have none of this name, as a sentence."""
    return (
        f"People have no attribute {name!r}.{near(name, schema)} Add it to attributes:, or "
        "correct the name."
    )
