"""Closing what the application has no way to delete: a person is asked to, and nobody gets in
meanwhile.
"""

from __future__ import annotations

from typing import Any

from tenure.connectors.base import Connector, NotFound, Rejected, Unsupported
from tenure.core.model import OperationKind
from tenure.infra.clock import now
from tenure.provisioning.records.work import CLOSED_BY, IS_CLOSED, Work


async def at_least(connector: Connector, work: Work) -> dict[str, Any] | None:
    """What was read of it afterwards; None where it was not to be deleted, where it cannot be
    closed either, or does not show that it is. Raises `ConnectorError` where that may be another
    time."""
    can = connector.capabilities
    deletes = work.kind is OperationKind.DELETE and not work.legal_hold
    if not deletes or can.delete or not can.disable or can.disable_deletes:
        return None
    try:
        await connector.disable(work.remote_id)
        account = await connector.read(work.remote_id)
    except (NotFound, Rejected, Unsupported):
        return None
    if account.active is not False:
        return None
    at = now().isoformat(timespec="milliseconds")
    return {"at": at, "sent": CLOSED_BY, "read_back": IS_CLOSED}
