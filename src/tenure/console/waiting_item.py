"""One thing that waits for a person, how many of them are shown at once, and how a number is
told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
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


#: More than so many are not all shown at once: only the first of them.
_AT_MOST, _FIRST = 8, 6
#: What they ask for, by what their mark means, in the order in which it matters.
_ASKS = (
    ("remove", "stopped or failed"),
    ("wait", "to decide"),
    ("change", "to put right"),
)


@dataclass(frozen=True, slots=True)
class Waits:
    """Everything that waits, as the page shows it: the first, the rest, and how many of what."""

    first: Sequence[Item]
    rest: Sequence[Item]
    tally: Sequence[tuple[str, int, str]]


def laid_out(items: Sequence[Item]) -> Waits:
    """What is shown at once, and what is opened."""
    shown = len(items) if len(items) <= _AT_MOST else _FIRST
    counts = Counter(item.mark.meaning for item in items)
    tally = [(meaning, counts[meaning], words) for meaning, words in _ASKS if counts[meaning]]
    return Waits(items[:shown], items[shown:], tally)


def plural(count: int, one: str, many: str = "") -> str:
    """`1 account`, `1,284 accounts`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
