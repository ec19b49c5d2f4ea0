"""Several changes in one request, where an application takes that and as long as it is faster.

Whether it is faster is found out: whoever drains lets both ways run against each other, keeps to
the one that gets more done, and tries the other one again now and then. No tables here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tenure.connectors.base import (
    Answered,
    Bulking,
    Change,
    Connector,
    ConnectorError,
    OutcomeUnknown,
    Together,
)
from tenure.core.model import OperationKind
from tenure.provisioning.records.work import Work

#: Fewer at once say nothing of what is faster, and gain little.
_WORTH = 8
#: Every so many times the slower way is tried again; less often, the more that costs.
_AGAIN = 16
#: How much the latest time counts.
_WEIGHT = 0.5

#: Kinds of operation that are one write to one account.
VERBS = frozenset({"create", "update", "disable", "enable", "delete"})


class Race:
    """Changes done per second in either way, as one drain sees it."""

    def __init__(self) -> None:
        self._rates: dict[bool, float] = {}
        self._times = 0

    async def choice(self, connector: Connector, count: int) -> int:
        """How many of so many changes go in one request; 0: each goes alone."""
        if count < 2 or not isinstance(connector, Bulking):
            return 0
        try:
            offered = await connector.together()
        except ConnectorError:
            return 0
        return offered.most if offered.most > 1 and self._together(offered, count) else 0

    def took(self, together: bool, done: int, seconds: float) -> None:
        """So many were done. What went wrong says nothing of how fast it is."""
        if done < _WORTH:
            return
        rate = done / max(seconds, 1e-6)
        before = self._rates.get(together, rate)
        self._rates[together] = before + _WEIGHT * (rate - before)

    def _together(self, offered: Together, count: int) -> bool:
        if offered.always:
            return True
        if count < _WORTH:
            return False
        for way in (True, False):
            if way not in self._rates:
                return way
        faster = self._rates[True] >= self._rates[False]
        ratio = self._rates[faster] / self._rates[not faster]
        self._times += 1
        if self._times < _AGAIN * ratio * ratio:
            return faster
        self._times = 0
        return not faster


async def in_one_request(
    connector: Connector, work: Sequence[Work], halted: Callable[[], bool]
) -> list[Answered]:
    """What became of each. One that the connector says nothing of may have been done."""
    assert isinstance(connector, Bulking)
    answers = await connector.bulk([_change(item) for item in work], halted=halted)
    lacking = OutcomeUnknown("The connector does not say what became of it.")
    return [*answers[: len(work)], *([lacking] * (len(work) - len(answers)))]


def _change(work: Work) -> Change:
    match work.kind:
        case OperationKind.CREATE:
            given = {name: value for name, value in work.attributes.items() if value is not None}
            return Change("create", "", given, work.external_id, work.active)
        case OperationKind.UPDATE:
            return Change("update", work.remote_id, work.attributes)
        case OperationKind.DISABLE:
            return Change("disable", work.remote_id)
        case OperationKind.ENABLE:
            return Change("enable", work.remote_id)
        case _:
            return Change("delete", work.remote_id)
