"""That an account is closed, or gone: read back, and not taken from the answer to what was sent."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Final

from tenure.connectors.base import Connector, NotFound, RetryLater, Unsupported
from tenure.core.model import OperationKind
from tenure.provisioning.records.work import Outcome

#: Of a deletion: the application has answered that it was done, and has closed the account only.
KEPT: Final = "kept there, but closed"


class Proof:
    """On one open connector."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        #: Accounts can be listed there: an account that is not found is not there.
        self._listed = False

    async def read_back(self, outcome: Outcome) -> None:
        """Read back what was taken away. What still shows it open is not done."""
        work = outcome.work
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        sent = "delete" if work.kind is OperationKind.DELETE else "disable"
        try:
            account = await self._connector.read(work.remote_id)
        except NotFound:
            if work.progress.get("was_gone"):
                await self.must_be_readable()
            outcome.evidence = {"at": at, "sent": sent, "read_back": "the account is not there"}
            return
        if work.kind is OperationKind.DISABLE and account.active is False:
            outcome.evidence = {"at": at, "sent": sent, "read_back": "the account is closed"}
            return
        if work.kind is OperationKind.DELETE and account.active is False:
            outcome.evidence = {"at": at, "sent": sent, "read_back": KEPT}
            return
        if work.kind is OperationKind.DISABLE and account.active is None:
            raise Unsupported(
                "The application accepted to close the account, and does not show whether it is.",
                "Look there whether anybody can still sign in with it, and close it if so.",
            )
        work.progress.pop("account", None)
        outcome.may_be_done = True
        raise RetryLater(f"The application accepted to {sent} the account and still shows it open.")

    async def must_be_readable(self) -> None:
        """An account that was gone before we deleted it is gone only where accounts are: at a wrong
        address there is none, and somebody would be inside with a proof that they are not."""
        if not self._listed:
            pages = self._connector.accounts()
            await anext(pages, None)
            if isinstance(pages, AsyncGenerator):
                await pages.aclose()
            self._listed = True
