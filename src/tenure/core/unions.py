"""Two people who are one: which of their accounts stays whose.

In one application a person has one account that Tenure works on. Where both have one, one stays
and nothing is done to the other: whose it is, or whether it is to go, a human decides afterwards.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum


class Fate(StrEnum):
    """What becomes of an account when its owner and somebody else are found to be one."""

    STAYS = "stays"
    MOVES = "moves"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Held:
    """A linked account. `other`: of the person who is to be no more."""

    account: int
    application: str
    other: bool


def fates(accounts: Iterable[Held], take: Collection[str] = ()) -> dict[int, Fate]:
    """Account -> what becomes of it. In the applications `take` the other one's account is the one
    to go on with, if there is one."""
    by_application: dict[str, list[Held]] = {}
    for held in accounts:
        by_application.setdefault(held.application, []).append(held)
    found: dict[int, Fate] = {}
    for application, held_there in by_application.items():
        wanted = application in take
        ordered = sorted(held_there, key=lambda held: (held.other is not wanted, held.account))
        for place, held in enumerate(ordered):
            if place:
                found[held.account] = Fate.UNDECIDED
            else:
                found[held.account] = Fate.MOVES if held.other else Fate.STAYS
    return found
