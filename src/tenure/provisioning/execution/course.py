"""What the lanes of one drain share, and what it came to."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from tenure.applications.models import Application
from tenure.connectors.base import Learnt
from tenure.provisioning.execution.holding import Pulse
from tenure.provisioning.records.work import Outcome, Result


@dataclass(slots=True)
class Drained:
    """What one drain did. `busy`: somebody else is at it. `stopped`: why the application is."""

    sent: int = 0
    failed: int = 0
    busy: bool = False
    stopped: str = ""


@dataclass(slots=True)
class Course:
    """What the lanes of one drain share. `paused`: a person stopped writes. `stopped`: the
    application does not accept us. `unstored`: what became of a batch could not be stored. In all
    of these cases nothing more is begun."""

    application: Application
    groups: dict[str, str] = field(default_factory=dict)
    #: Those of them that are stored.
    kept: dict[str, str] = field(default_factory=dict)
    result: Drained = field(default_factory=Drained)
    paused: bool = False
    stopped: str = ""
    unstored: bool = False
    #: The kind of operation that it did not accept.
    stopped_on: str = ""
    #: What it teaches us of its limits meanwhile.
    learnt: Learnt = field(default_factory=Learnt)
    #: Whether the database has heard of the drain lately: otherwise another one may be at it.
    pulse: Pulse = field(default_factory=Pulse)

    #: Outcomes are stored in several threads.
    _counting: threading.Lock = field(default_factory=threading.Lock)

    @property
    def over(self) -> bool:
        ended = self.paused or self.unstored or bool(self.stopped)
        return ended or not self.pulse.is_felt()

    def count(self, outcomes: Sequence[Outcome]) -> None:
        """That these are stored."""
        with self._counting:
            self.result.sent += sum(o.result is not Result.PAUSED for o in outcomes)
            self.result.failed += sum(o.result is Result.FAILED for o in outcomes)
