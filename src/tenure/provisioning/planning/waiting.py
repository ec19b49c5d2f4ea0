"""Which lines of a plan wait, and why: what guards hold, and what waits with that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from tenure.applications.models import Application
from tenure.core.guard import Counted, counted, latest
from tenure.core.model import ApplicationMode, OperationKind, OperationState
from tenure.provisioning.planning.guarding import Held
from tenure.provisioning.records.plan import REPORT_MODE, PlanLine, Seen

_REPORT = ApplicationMode.REPORT.value
_EARLIEST = datetime.min.replace(tzinfo=UTC)


def undecided(lines: Iterable[PlanLine]) -> dict[tuple[str, Counted], set[int | None]]:
    """What guards count: (application, what) -> people for whom nobody has approved it."""
    found: dict[tuple[str, Counted], set[int | None]] = {}
    for line in lines:
        waits = line.state in (OperationState.PLANNED, OperationState.HELD)
        if waits and not line.decided and line.hold_reason != REPORT_MODE:
            found.setdefault((line.application, counted(line.kind)), set()).add(line.person_id)
    return found


def held_back(lines: Sequence[PlanLine], by_guards: Held) -> list[PlanLine]:
    """The lines, with what would be held once they are stored. Nothing is handed over of who may
    keep it after all: that waits with the removal."""
    lines = [_hold(line, by_guards) for line in lines]
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


def reasons(applications: Mapping[str, Application], lines: Iterable[PlanLine]) -> tuple[str, ...]:
    """Why something is held, each reason once; of a guard the latest."""
    waiting = [
        (line.application, counted(line.kind), line.hold_reason)
        for line in sorted(lines, key=lambda line: line.held_at or _EARLIEST)
        if line.state is OperationState.HELD and applications[line.application].mode != _REPORT
    ]
    found = latest(waiting)
    told = (f"{applications[slug].name}: {why}" for (slug, _), why in found.items())
    return tuple(dict.fromkeys(told))


def seen(stored: Iterable[PlanLine]) -> dict[str, Seen]:
    """Application -> what is held there, whatever it is about to give way to."""
    held: dict[str, list[datetime | None]] = {}
    for line in stored:
        if line.state is OperationState.HELD:
            held.setdefault(line.application, []).append(line.held_at)
    return {slug: Seen.of(instants) for slug, instants in held.items()}


def wait(line: PlanLine, reason: str) -> PlanLine:
    """The line, held for that reason if there is one."""
    if not reason or line.state is not OperationState.PLANNED:
        return line
    return replace(line, state=OperationState.HELD, hold_reason=reason)


def _hold(line: PlanLine, held: Held) -> PlanLine:
    """What would be held once it is stored. What is held already keeps its reason."""
    why = held.get((line.application, counted(line.kind)))
    if why is None or line.decided or line.state is not OperationState.PLANNED:
        return line
    return replace(line, state=OperationState.HELD, hold_reason=why)
