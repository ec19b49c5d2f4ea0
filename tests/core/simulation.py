"""Carrying out a plan on observed accounts, the way a perfect application would."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tenure.core.foresight import carried_out
from tenure.core.model import Observed, Operation, OperationKind


def carry_out(
    observed: Sequence[Observed], operations: Sequence[Operation], now: datetime
) -> list[Observed]:
    """The accounts after the operations, in their order; none is made twice."""
    there = {account.account for account in observed}
    for step in operations:
        if step.kind is OperationKind.CREATE:
            assert step.account is None
            assert f"{step.application}-new" not in there, "made twice"
        else:
            assert step.account is not None
    return carried_out(observed, operations, now)
