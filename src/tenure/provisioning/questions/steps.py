"""What is under way for one person, waits for something or somebody, failed or was refused: each
with the reason why it is that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tenure.core.model import OperationKind, OperationState
from tenure.provisioning.models import Operation

_FIRST: Final = frozenset(
    {OperationKind.CREATE.value, OperationKind.ENABLE.value, OperationKind.DELETE.value}
)
_DELETE: Final = OperationKind.DELETE.value


@dataclass(frozen=True, slots=True)
class Step:
    """One operation in its application. `waits`: it goes when others are done, which are before it
    elsewhere."""

    operation: int
    kind: str
    state: str
    why: str
    waits: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "operation": self.operation,
            "kind": self.kind,
            "state": self.state,
            "why": self.why,
        }


def steps_of(rows: Sequence[Operation]) -> dict[str, tuple[Step, ...]]:
    """Application slug -> its steps, in the order of the operations, which are all of one person's
    that are not settled."""
    found: dict[str, list[Step]] = {}
    for row in rows:
        before = list(_before(row, rows)) if row.state == OperationState.PLANNED.value else []
        why = f"waits for {' and '.join(before)}" if before else _why(row)
        step = Step(row.pk, row.kind, row.state, why, waits=bool(before))
        found.setdefault(row.application.slug, []).append(step)
    return {slug: tuple(steps) for slug, steps in found.items()}


def _before(row: Operation, every: Iterable[Operation]) -> Iterator[str]:
    """What has to be done elsewhere first, as claims do it."""
    for other in every:
        if other.application_id not in row.after or other.kind not in _FIRST:
            continue
        if (row.kind == _DELETE) == (other.kind == _DELETE):
            yield f"{other.application.name} ({other.kind}, {other.state})"


def _why(row: Operation) -> str:
    if row.state == OperationState.REJECTED.value:
        return f"by {row.decided_by}: {row.decided_reason}"
    why = row.hold_reason if row.state == OperationState.HELD.value else row.error
    if row.state == OperationState.MANUAL.value:
        return f"{row.reason}. {why}"
    return why or row.reason
