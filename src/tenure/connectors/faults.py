"""Things that go wrong, on purpose and on demand, in an application held in memory.

A plan says which call of which verb meets which fault: by number, always, or by seeded chance, so
that a run that failed can be run again. It must not know what the verbs do.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tenure.connectors.base import (
    ConnectorError,
    OutcomeUnknown,
    Rejected,
    RetryLater,
    StopApplication,
)

#: Stands for every verb in a plan.
ANY = "*"


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one call: it takes `delay` seconds longer, and then fails with `error`
    (None: it does not), either before anything was done or `after` it was; or it is done `late`,
    that many seconds after it failed. A `blind` search finds nothing, whatever is there."""

    error: Callable[[], ConnectorError] | None = None
    after: bool = False
    delay: float = 0.0
    late: float | None = None
    blind: bool = False


def retry_later(after: float | None = None) -> Fault:
    """Nothing was done; come back in `after` seconds."""
    return Fault(lambda: RetryLater("The application is busy. Nothing was changed.", after=after))


def lost_before() -> Fault:
    """The request got lost on its way, and nobody can tell."""
    return Fault(_lost)


def lost_after() -> Fault:
    """It was done, and the answer got lost."""
    return Fault(_lost, after=True)


def timeout(seconds: float, *, after: bool = False) -> Fault:
    """No answer within `seconds`; it was done if `after`, and else never reached anybody."""
    return Fault(_lost, after=after, delay=seconds)


def late(seconds: float) -> Fault:
    """No answer is waited for any longer, and `seconds` later it is done all the same."""
    return Fault(_lost, late=seconds)


def blind() -> Fault:
    """A search that says there is nothing, whatever there is."""
    return Fault(blind=True)


def rejected(*fields: str) -> Fault:
    """The application refuses these values."""
    return Fault(lambda: Rejected("The application refuses these values.", fields))


def stopped() -> Fault:
    """The credentials are no longer good."""
    return Fault(lambda: StopApplication("The credentials are wrong: enter new ones."))


def slow(seconds: float) -> Fault:
    """It works, later."""
    return Fault(delay=seconds)


def _lost() -> ConnectorError:
    return OutcomeUnknown("It was sent and no answer came: whether it was done is not known.")


@dataclass(slots=True)
class _Chance:
    verb: str
    probability: float
    fault: Fault


@dataclass(slots=True)
class Faults:
    """A plan. The same seed and the same order of calls give the same faults."""

    seed: int = 0
    _numbered: dict[tuple[str, int], Fault] = field(default_factory=dict)
    _always: dict[str, Fault] = field(default_factory=dict)
    _chances: list[_Chance] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def nth(self, verb: str, number: int, fault: Fault) -> Faults:
        """The call of `verb` with this number, from 1, counted since the application began."""
        self._numbered[verb, number] = fault
        return self

    def next(self, verb: str, fault: Fault) -> Faults:
        """The next call of `verb`."""
        return self.nth(verb, self._counts[verb] + 1, fault)

    def always(self, verb: str, fault: Fault) -> Faults:
        """Every call of `verb`, or of `ANY`, until `clear`."""
        self._always[verb] = fault
        return self

    def sometimes(self, verb: str, probability: float, fault: Fault) -> Faults:
        """Calls of `verb`, or of `ANY`, with this probability."""
        self._chances.append(_Chance(verb, probability, fault))
        return self

    def clear(self) -> None:
        """Nothing goes wrong any more. Calls go on being counted."""
        self._numbered.clear()
        self._always.clear()
        self._chances.clear()

    def take(self, verb: str) -> Fault:
        """What happens to this call of `verb`; it counts as made."""
        self._counts[verb] += 1
        for found in (
            self._numbered.pop((verb, self._counts[verb]), None),
            self._always.get(verb),
            self._always.get(ANY),
        ):
            if found is not None:
                return found
        for chance in self._chances:
            if chance.verb in (verb, ANY) and self._random.random() < chance.probability:
                return chance.fault
        return Fault()
