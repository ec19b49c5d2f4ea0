"""The steps of a connection check: what was tried, how it went, what was found by all of them.

It must not know what is tried.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tenure.connectors.base import ConnectorError, Unsupported


class Outcome(StrEnum):
    """How a step went. `differs`: not as it should, and it is worked round or told."""

    WORKS = "works"
    FAILS = "fails"
    DIFFERS = "differs"
    SKIPPED = "not tried"


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the result."""

    what: str
    outcome: Outcome
    detail: str = ""
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "outcome": self.outcome.value,
            "detail": self.detail,
            "seconds": round(self.seconds, 3),
        }


@dataclass(slots=True)
class Trial:
    """What was found. `settings` are those that would fit better, `notes` why; `left` is what could
    not be removed, by name."""

    steps: list[Step] = field(default_factory=list)
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    left: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Nothing failed and nothing was left behind."""
        return not self.left and all(step.outcome is not Outcome.FAILS for step in self.steps)


Tell = Callable[[Step], Awaitable[None]]


@dataclass(slots=True)
class Line:
    """A step while it goes on: the last thing said is how it went."""

    outcome: Outcome = Outcome.WORKS
    detail: str = ""

    def say(self, outcome: Outcome, detail: str) -> None:
        self.outcome, self.detail = outcome, detail


class Journal:
    """Steps as they are done, told to whoever waits for them."""

    def __init__(self, tell: Tell) -> None:
        self.trial = Trial()
        #: What was seen that only the connector can make sense of; see `base.Fits`.
        self.seen: dict[str, str] = {}
        self._tell = tell

    async def done(self, step: Step) -> None:
        """A step that is over."""
        self.trial.steps.append(step)
        await self._tell(step)

    @asynccontextmanager
    async def step(self, what: str) -> AsyncIterator[Line]:
        """One step: an error of the application inside becomes its outcome."""
        began = time.monotonic()
        line = Line()
        try:
            yield line
        except Unsupported as error:
            line.say(Outcome.DIFFERS, f"It cannot do this: {error}")
        except ConnectorError as error:
            line.say(Outcome.FAILS, str(error))
        await self.done(Step(what, line.outcome, line.detail, time.monotonic() - began))
