"""How a leaver's receipt looks: the words and meanings of its verdicts. Knows no database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tenure.console.look import Mark
from tenure.console.waiting_item import plural
from tenure.core.receipt import Told, Verdict
from tenure.sso.receipt import Line, Receipt

MARKS: Final = {
    Verdict.DONE: Mark("Ended", "make"),
    Verdict.SAID: Mark("Said so", "change"),
    Verdict.UNDER_WAY: Mark("Under way", "change"),
    Verdict.BY_ITSELF: Mark("Expires", "change"),
    Verdict.BY_HAND: Mark("By hand", "wait"),
    Verdict.OPEN: Mark("Open"),
    Verdict.NOTHING: Mark("None"),
}
TOLD: Final = {
    Told.ARRIVED: Mark("Arrived", "make"),
    Told.WAITING: Mark("On its way", "change"),
    Told.FAILED: Mark("Not delivered", "remove"),
}
_SAID: Final = {
    Verdict.DONE: "Everything has ended, and there is proof.",
    Verdict.SAID: "Everything has ended, but of some of it a person's word is all there is.",
    Verdict.UNDER_WAY: "Not all of it has ended yet: it is being done.",
    Verdict.BY_ITSELF: "What could be ended has ended; the rest expires by itself.",
    Verdict.BY_HAND: "Somebody has to do something by hand.",
    Verdict.OPEN: "They have access, as they are to.",
    Verdict.NOTHING: "There is, and was, no access of theirs.",
}
_QUIET: Final = (Verdict.OPEN, Verdict.NOTHING)


@dataclass(frozen=True, slots=True)
class Shown:
    """A receipt for a page: `lines` are those that say something."""

    receipt: Receipt
    mark: Mark
    said: str
    lines: Sequence[Line]
    left: int


def shown(receipt: Receipt) -> Shown | None:
    """None for somebody who has not lost anything. Of those who are here, only what they lost."""
    lines = list(receipt.lines)
    if not receipt.gone:
        lines = [line for line in lines if line.verdict not in _QUIET]
        if not lines:
            return None
    left = len(receipt.left)
    said = _SAID[receipt.verdict]
    if left:
        where = f"{left} of {plural(len(lines), 'application')}"
        said = f"Something has to be done by hand in {where}."
    if receipt.as_administrator:
        said = f"{said} {receipt.as_administrator}" if left else receipt.as_administrator
    return Shown(receipt, MARKS[receipt.verdict], said, lines, left)
