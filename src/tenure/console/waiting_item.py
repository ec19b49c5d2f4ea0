"""One thing that waits for a person, and how a number is told."""

from __future__ import annotations

from dataclasses import dataclass

from tenure.console.look import Mark


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that waits. `ask` is what the link to it says."""

    mark: Mark
    title: str
    detail: str
    url: str
    ask: str


def plural(count: int, one: str, many: str = "") -> str:
    """`1 account`, `1,284 accounts`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
