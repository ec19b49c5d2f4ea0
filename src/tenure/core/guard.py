"""Is this safe to run? Limits on how much may be taken away, cumulative over a window.

A limit counts what was taken lately together with what is about to be: a slow drip trips it as
well as a flood. What is over a limit is held whole, for a person to look at.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

WINDOW = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `percent` of the population, but `floor` are always allowed: a company of twenty
    may lose a person without an alarm."""

    percent: Fraction = Fraction(10)
    floor: int = 5

    def allowed(self, population: int) -> int:
        """How many may go within the window."""
        return max(self.floor, int(population * self.percent / 100))


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it is held, and the sentence that says so."""

    held: bool
    reason: str = ""


PASSED = Verdict(held=False)


def judge(*, what: str, new: int, recent: int, population: int, limit: Limit) -> Verdict:
    """`new` are about to happen, `recent` happened within the window, of a `population` counted
    before any of them. `what` completes `12 ...`: `removals in Chat`."""
    allowed = limit.allowed(population)
    if new == 0 or new + recent <= allowed:
        return PASSED
    share = f"{(new + recent) * 100 / population:.1f} %" if population else "all"
    before = f" after {recent} within the last 24 hours" if recent else ""
    return Verdict(
        held=True,
        reason=(
            f"{new} {what}{before}: {share} of {population}, and at most {allowed} are allowed "
            f"within 24 hours (guard: {float(limit.percent):g} %, never under {limit.floor})."
        ),
    )


def limit_from(settings: dict[str, object]) -> Limit:
    """From configuration, `{"percent": 10, "floor": 5}`; what is not given is the default."""
    default = Limit()
    percent = settings.get("percent")
    floor = settings.get("floor")
    return Limit(
        percent=default.percent if percent is None else Fraction(str(percent)),
        floor=default.floor if floor is None else int(str(floor)),
    )
