"""What workers take in hand, told as it happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tenure.applications.models import Application
from tenure.connectors.memory_application import Happened
from tenure.core.model import OperationState
from tenure.provisioning.execution import claiming
from tenure.provisioning.models import Operation
from tenure.provisioning.records.work import ONLY_LOOKS

_DOES = {
    "create": "created", "disable": "closed", "enable": "opened", "delete": "deleted",
    "transfer": "handed over",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker takes an operation in hand; `state` is what it was in before. `changes`: what it is
    to change there, nothing where it is only looked what an earlier attempt did."""

    at: datetime
    slug: str
    person: str
    remote_id: str
    kind: str
    state: str
    changes: tuple[Happened, ...] = ()


@contextmanager
def claims_told(told: Callable[[Claim], None]) -> Iterator[None]:
    """Whatever workers take in hand within the block is told."""
    claim = claiming.claim

    def claim_and_tell(
        application: Application, most: int, at: datetime, **terms: Any
    ) -> tuple[list[Operation], list[int]]:
        rows, stale = claim(application, most, at, **terms)
        for row in rows:
            person = str(row.person.uid) if row.person else ""
            remote = row.account.remote_id if row.account else ""
            about = (application.slug, person, remote, row.kind, row.state)
            told(Claim(at, *about, tuple(_changes(row, remote))))
        return rows, stale

    claiming.claim = claim_and_tell  # type: ignore[assignment]
    try:
        yield
    finally:
        claiming.claim = claim


def _changes(row: Operation, remote: str) -> Iterator[Happened]:
    """What is there when it was done, if all of it has to be."""
    looks = row.kind in ("create", "delete") and row.state == OperationState.UNKNOWN.value
    if looks or ONLY_LOOKS in row.progress:
        return
    if row.kind in _DOES:
        yield Happened(_DOES[row.kind], remote)  # type: ignore[arg-type]
    if row.kind == "update":
        given = {name: change["to"] for name, change in row.attributes.items()}
        yield Happened("updated", remote, given)
    if row.kind != "delete":
        yield from (Happened("joined", remote, key.partition(":")[2]) for key in row.grant)
        yield from (Happened("left", remote, key.partition(":")[2]) for key in row.revoke)
