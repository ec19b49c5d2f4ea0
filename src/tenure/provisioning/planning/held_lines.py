"""Lines of a plan that would be held once it is stored, as a look at it shows them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tenure.core.guard import Counted, counted
from tenure.core.model import OperationKind, OperationState
from tenure.provisioning.planning.guarding import Held
from tenure.provisioning.records.plan import PlanLine


def hold(line: PlanLine, held: Held) -> PlanLine:
    """What would be held once it is stored. What is held already keeps its reason."""
    why = held.get((line.application, counted(line.kind)))
    if why is None or line.decided or line.state is not OperationState.PLANNED:
        return line
    return replace(line, state=OperationState.HELD, hold_reason=why)


def wait(line: PlanLine, reason: str) -> PlanLine:
    if not reason or line.state is not OperationState.PLANNED:
        return line
    return replace(line, state=OperationState.HELD, hold_reason=reason)


def with_what_waits(lines: Iterable[PlanLine]) -> list[PlanLine]:
    """Nothing is handed over of who may keep it after all: that waits with the removal."""
    lines = list(lines)
    held = {
        (line.application, line.person_id): line.hold_reason
        for line in lines
        if line.state is OperationState.HELD and counted(line.kind) is Counted.REMOVALS
    }
    return [
        wait(line, held.get((line.application, line.person_id), ""))
        if line.kind is OperationKind.TRANSFER and not line.decided
        else line
        for line in lines
    ]
