"""Carrying out a plan on observed accounts, the way a perfect application would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from tenure.core.model import Observed, Operation, OperationKind


def carry_out(
    observed: Sequence[Observed], operations: Sequence[Operation], now: datetime
) -> list[Observed]:
    """The accounts after the operations, in their order."""
    accounts = {account.account: account for account in observed}
    for step in operations:
        if step.kind is OperationKind.CREATE:
            assert step.account is None
            key = f"{step.application}-new"
            assert key not in accounts, "made twice"
            accounts[key] = Observed(
                application=step.application,
                account=key,
                remote_id=key,
                attributes={n: c.after for n, c in step.attributes.items() if c.after is not None},
                active=step.active,
                disabled_at=None if step.active else now,
                entitlements=frozenset(step.grant),
            )
            continue
        assert step.account is not None
        if step.kind is OperationKind.DELETE:
            del accounts[step.account]
            continue
        account = accounts[step.account]
        attributes = dict(account.attributes)
        for name, change in step.attributes.items():
            attributes.pop(name, None)
            if change.after is not None:
                attributes[name] = change.after
        active = {OperationKind.ENABLE: True, OperationKind.DISABLE: False}.get(
            step.kind, account.active
        )
        accounts[step.account] = replace(
            account,
            attributes=attributes,
            entitlements=(account.entitlements | set(step.grant)) - set(step.revoke),
            active=active,
            disabled_at=now if step.kind is OperationKind.DISABLE else account.disabled_at,
        )
    return list(accounts.values())
