"""The accounts as they will be when operations are done, the way a perfect application does them.

Asked by whoever looks ahead: what follows from what. Knows nothing of how anything is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from tenure.core.drift import ACTIVE, ENTITLEMENTS, held_by, sent
from tenure.core.model import Observed, Operation, OperationKind, Value

_OPENS = {OperationKind.ENABLE: True, OperationKind.DISABLE: False}


def carried_out(
    observed: Sequence[Observed], operations: Sequence[Operation], at: datetime
) -> list[Observed]:
    """The accounts after the operations, in their order. One that is made is `APPLICATION-new`.
    Raises `KeyError` for an operation on an account that is not there."""
    accounts = {account.account: account for account in observed}
    for step in operations:
        if step.account is None:
            accounts[f"{step.application}-new"] = _made(step, at)
        elif step.kind is OperationKind.DELETE:
            del accounts[step.account]
        else:
            accounts[step.account] = _changed(accounts[step.account], step, at)
    return list(accounts.values())


def _made(step: Operation, at: datetime) -> Observed:
    key = f"{step.application}-new"
    return Observed(
        application=step.application,
        account=key,
        remote_id=key,
        attributes={n: c.after for n, c in step.attributes.items() if c.after is not None},
        active=step.active,
        entitlements=frozenset(step.grant),
        disabled_at=None if step.active else at,
    )


def _changed(account: Observed, step: Operation, at: datetime) -> Observed:
    if step.kind is OperationKind.TRANSFER:
        return replace(account, transferred=True)
    written: dict[str, Value | None] = {name: c.after for name, c in step.attributes.items()}
    after = {**account.attributes, **written}
    held = (account.entitlements | set(step.grant)) - set(step.revoke)
    touched = {*written, *step.grant, *step.revoke}
    if step.grant or step.revoke:
        given = (held_by(account.baseline) | set(step.grant)) - set(step.revoke)
        written[ENTITLEMENTS] = sorted(given)
    active = _OPENS.get(step.kind, account.active)
    if step.kind in _OPENS:
        written[ACTIVE] = active
        touched.add(ACTIVE)
    return replace(
        account,
        attributes={name: value for name, value in after.items() if value is not None},
        entitlements=held,
        active=active,
        disabled_at=at if step.kind is OperationKind.DISABLE else account.disabled_at,
        baseline=sent(account.baseline, written),
        unsure=account.unsure - touched,
    )
