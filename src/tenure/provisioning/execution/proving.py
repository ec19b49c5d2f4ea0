"""That an account is closed, or gone: read back, and not taken from the answer to what was sent.

"There is no such account" is the answer of a wrong address and of a token that sees less than
before, too, and whoever believes it leaves a leaver inside with a proof that they are not. So it is
believed of an account that was not found by its id and by its names, where accounts can be listed
and others that are known to be there are shown.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from typing import Final

from tenure.connectors.base import Connector, ConnectorError, NotFound, RetryLater, Unsupported
from tenure.core.model import OperationKind
from tenure.provisioning.execution.beside import Once
from tenure.provisioning.execution.seeking import Known, Objection, identity, nobody
from tenure.provisioning.reconciliation.missing import LIMIT
from tenure.provisioning.records.work import (
    CLOSED_BY,
    CLOSES,
    IS_CLOSED,
    NOT_THERE,
    WAS_GONE,
    Outcome,
    Work,
)

#: Of a deletion: the application has answered that it was done, and has closed the account only.
KEPT: Final = "kept there, but closed"
#: So many others that are known to be there are asked for before an account counts as gone.
_ASKED: Final = 5


async def _nothing(_account: object, _person: str) -> str:
    return ""


class Proof:
    """For one batch on one open connector."""

    def __init__(
        self,
        connector: Connector,
        work: Sequence[Work] = (),
        objection: Objection = _nothing,
        known: Known = nobody,
    ) -> None:
        self._connector = connector
        self._objection = objection
        self._known = known
        self._ours = {item.remote_id for item in work if item.kind in CLOSES}
        #: Accounts can be listed there: an account that is not found is not there.
        self._listed = False
        #: How many others are known, of which some were shown; asked once.
        self._shows = Once(self._must_show_accounts)
        self._gone: set[str] = set()

    async def read_back(self, outcome: Outcome) -> None:
        """Read back what was taken away. What still shows it open is not done."""
        work = outcome.work
        try:
            await self._read_back(outcome)
        except ConnectorError:
            if work.progress.pop(WAS_GONE, None):
                # Not believed: whoever tries again sends it again.
                work.progress.pop("account", None)
            raise

    async def _read_back(self, outcome: Outcome) -> None:
        work = outcome.work
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        sent = "delete" if work.kind is OperationKind.DELETE else CLOSED_BY
        try:
            account = await self._connector.read(work.remote_id)
        except NotFound:
            outcome.evidence = {"at": at, "sent": sent, "read_back": NOT_THERE}
            looked = NOT_THERE
            if work.progress.get(WAS_GONE):
                looked = await self.must_be_gone(work)
                outcome.evidence |= {"answered": "no such account", "read_back": looked}
            if work.kind is OperationKind.DISABLE:
                self._is_gone(outcome, looked)
            return
        if work.kind is OperationKind.DISABLE and account.active is False:
            outcome.evidence = {"at": at, "sent": sent, "read_back": IS_CLOSED}
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
        if work.progress.get(WAS_GONE):
            raise RetryLater(
                f"The application answered that there is no such account to {sent}, and shows it "
                "open."
            )
        raise RetryLater(f"The application accepted to {sent} the account and still shows it open.")

    def _is_gone(self, outcome: Outcome, looked: str) -> None:
        """It was to be closed, and is not there: whose doing that is. Where it had been sent before
        and closing is deleting, ours as far as anybody can tell."""
        work = outcome.work
        was_gone = bool(work.progress.get(WAS_GONE))
        if self._connector.capabilities.disable_deletes and (work.unsure or not was_gone):
            outcome.removed = True
            outcome.message = f"Closing an account is deleting it in this application: {looked}."
        elif was_gone:
            outcome.gone = True
            outcome.message = f"Not deleted by Tenure: it was to be closed, and {looked}."

    async def must_be_gone(self, work: Work) -> str:
        """An account that was gone before we closed or deleted it, and is not found by its id: how
        it was looked for. Raises where that does not prove that it is gone."""
        known = await self._shows.answer()
        self._gone.add(work.remote_id)
        if len(self._gone) > LIMIT.allowed(known):
            raise NotFound(
                f"The application answers of {len(self._gone)} accounts at once that they are not "
                "there: the token may see less than before, so it is believed of no more of them."
            )
        by = ["its id"]
        for attribute, value in identity(self._connector, work):
            by.append(f"its {attribute}")
            for found in await self._connector.find(attribute, value):
                if found.remote_id == work.remote_id:
                    raise RetryLater(
                        "The application answers that there is no such account, and finds it by "
                        f"its {attribute}."
                    )
                if not work.person or not await self._objection(found, work.person):
                    raise NotFound(
                        "The application answers that there is no such account, and has another "
                        f"one with the same {attribute}, {found.remote_id}."
                    )
        return f"{NOT_THERE}, looked for by {' and '.join(by)}"

    async def end(self) -> None:
        """The batch is over."""
        await self._shows.end()

    async def must_be_readable(self) -> None:
        """At a wrong address there are no accounts, and nobody is in any group."""
        if not self._listed:
            pages = self._connector.accounts()
            await anext(pages, None)
            if isinstance(pages, AsyncGenerator):
                await pages.aclose()
            self._listed = True

    async def _must_show_accounts(self) -> int:
        """How many are known to be there besides. Raises where they cannot be listed, or most of
        those that are asked for are not shown."""
        await self.must_be_readable()
        known = sorted({*await self._known()} - self._ours)
        asked = random.sample(known, min(_ASKED, len(known)))
        shown = sum(await asyncio.gather(*(self._is_shown(one) for one in asked)))
        if asked and 2 * shown <= len(asked):
            raise NotFound(
                "The application answers that there is no such account, and shows only "
                f"{shown} of {len(asked)} others that are known to be there: the token may see "
                "less than before, so it is not believed."
            )
        return len(known)

    async def _is_shown(self, remote_id: str) -> bool:
        try:
            await self._connector.read(remote_id)
        except NotFound:
            return False
        return True
