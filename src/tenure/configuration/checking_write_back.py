"""Whether what a source is to hold of ours can be written there, and overwrites nothing of HR's."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from tenure.configuration.document_sources import Source
from tenure.configuration.problems import Path, Problems
from tenure.core.expressions import ExpressionError, compile_row_value
from tenure.core.nearest import near
from tenure.readers.registry import writable_columns


def check_write_back(
    source: Source, settings: Mapping[str, Any], path: Path, problems: Problems
) -> None:
    """`settings` are those that the reader is opened with."""
    place = (*path, "write_back")
    if not source.write_back:
        return
    try:
        writable = writable_columns(source.reader, settings)
    except ValidationError:
        # The settings are wrong, and that is said of them.
        return
    if writable is not None and not writable:
        problems.add(place, "This source takes nothing back. Take it out.")
        return
    seen: dict[str, str] = {}
    for name, column in source.write_back.items():
        if writable is not None and column not in writable:
            problems.add(
                (*place, name),
                f"The source takes no {column!r} back.{near(column, writable)} It takes: "
                f"{', '.join(writable)}.",
            )
        first = seen.setdefault(column, name)
        if first != name:
            problems.add((*place, name), f"{column} holds {first} already. Take another column.")
        for other in _readers_of(column, source, name):
            problems.add(
                (*place, name),
                f"{column} is read as {other}: writing {name} into it would overwrite that. Take "
                f"another column, or map {name} to this one and {other} to another.",
            )


def _readers_of(column: str, source: Source, name: str) -> list[str]:
    """Other attributes that the mapping takes from that column."""
    found = []
    for other, expression in source.mapping.items():
        with suppress(ExpressionError):
            if other != name and column in compile_row_value(expression).columns:
                found.append(other)
    return found
