"""Looking for an account that an earlier attempt may have made, before another one is.

Where the application refuses a second account of one name, a search is enough: it says so itself,
if the same name is sent again. Anywhere else a search that finds nothing proves nothing, as some
applications ignore what they are asked for: it is waited until whatever was sent has arrived, and
then everything is listed, once for a batch. Where the list does not show what is there, a person
has to look.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime

from tenure.connectors.base import Connector, NotFound, RemoteAccount, RetryLater, Unsupported
from tenure.core.diff import comparable, comparables
from tenure.core.model import OperationKind
from tenure.infra.clock import now
from tenure.provisioning.execution.beside import Once
from tenure.provisioning.records.work import IDENTIFYING, RENAMED, SENT, Work

#: Seconds from when no answer is waited for any more until a request has arrived, or never will.
ARRIVED_AFTER = 15.0
#: So many of those that are known to be there a list may lack: one in so many.
_LACKS = 10
#: So many of those that it lacks beyond that are asked for by themselves.
_ASKED = 20

#: An account that is there, and the uid of the person it is wanted for -> why it may not be theirs;
#: "" where it may.
Objection = Callable[[RemoteAccount, str], Awaitable[str]]
#: Remote ids of the accounts that are open there, as far as is known.
Known = Callable[[], Awaitable[Collection[str]]]
#: Name of an attribute, and a value as it is compared.
_Key = tuple[str, str]


async def nobody() -> Collection[str]:
    """Nothing is known of who is there."""
    return ()


class Seeker:
    """For one batch on one open connector."""

    def __init__(
        self,
        connector: Connector,
        work: Sequence[Work],
        objection: Objection,
        known: Known,
        *,
        longest: float,
    ) -> None:
        self._connector = connector
        self._arrived_after = longest + ARRIVED_AFTER
        self._objection = objection
        self._known = known
        self._wanted = {
            key
            for item in work
            if item.kind is OperationKind.CREATE and item.unsure
            for key in self._keys(item)
        }
        #: The list, as far as somebody looks for what is in it.
        self._listing = Once(self._read)

    async def ours(self, work: Work) -> RemoteAccount | None:
        """The account that an earlier attempt made; None where there is none. Raises `RetryLater`
        while that can change, and `Unsupported` where it cannot be told."""
        for attribute, value in identity(self._connector, work):
            for account in await self._connector.find(attribute, value):
                if not await self._objection(account, work.person):
                    return account
        if SENT not in work.progress or self._would_be_refused(work):
            return None
        for account in await self.listed(work):
            if not await self._objection(account, work.person):
                return account
        # Whatever was sent has arrived, and everybody was listed: it was not made.
        del work.progress[SENT]
        return None

    async def listed(self, work: Work) -> list[RemoteAccount]:
        """The accounts of the names that were sent, in the list of everybody. Raises as `ours`."""
        self._wait_until_arrived(work)
        there = await self._listing.answer()
        found = {one.remote_id: one for key in self._keys(work) for one in there.get(key, ())}
        return list(found.values())

    async def end(self) -> None:
        """The batch is over."""
        await self._listing.end()

    def _would_be_refused(self, work: Work) -> bool:
        """Whether the application itself says so when the account is made a second time. Not where
        nothing is sent any more (its owner has left), or another name is (`RENAMED`)."""
        able = self._connector.capabilities
        again = not work.outdated and not work.progress.get(RENAMED)
        return able.unique_names and (again or not able.listed)

    def _wait_until_arrived(self, work: Work) -> None:
        sent = datetime.fromisoformat(work.progress[SENT])
        left = self._arrived_after - (now() - sent).total_seconds()
        if left > 0:
            raise RetryLater(
                "Whether the account was made is not known, and the application may make two of "
                "one name: it is looked for once more when whatever was sent has arrived.",
                after=left,
            )

    def _keys(self, work: Work) -> list[_Key]:
        return [(name, comparable(value)) for name, value in identity(self._connector, work)]

    async def _read(self) -> dict[_Key, list[RemoteAccount]]:
        if not self._connector.capabilities.listed:
            raise cannot_tell("its accounts cannot be listed")
        names = {name for name, _ in self._wanted}
        found: dict[_Key, list[RemoteAccount]] = {}
        seen: set[str] = set()
        async for page in self._connector.accounts():
            for one in page:
                seen.add(one.remote_id)
                account = one.load()
                for name in names:
                    for text in comparables(account.attributes.get(name)):
                        if (name, text) in self._wanted:
                            found.setdefault((name, text), []).append(account)
        known = set(await self._known())
        lacking = known - seen
        if len(lacking) * _LACKS > len(known) and not await self._gone(lacking):
            raise cannot_tell(
                f"its list lacks {len(lacking)} of {len(known)} accounts that are known"
            )
        return found

    async def _gone(self, lacking: Collection[str]) -> bool:
        """Whether somebody deleted there what the list lacks; asked of some."""
        for remote_id in sorted(lacking)[:_ASKED]:
            try:
                await self._connector.read(remote_id)
            except NotFound:
                continue
            return False
        return True


def identity(connector: Connector, work: Work) -> list[tuple[str, str]]:
    """What the account that the work makes, or has, can be searched by: attribute and value."""
    searchable = connector.capabilities.searchable
    names = [name for name in IDENTIFYING if name in searchable]
    values = {"externalId": work.external_id, **work.names, **work.attributes}
    return [(name, str(values[name])) for name in names if values.get(name)]


def cannot_tell(why: str) -> Unsupported:
    """Nobody answered what was sent, and neither a search nor the list of everybody helps."""
    return Unsupported(
        "It was sent, and nobody answered. Whether it was made cannot be told: a search finds "
        f"nothing, and {why}.",
        "Look there whether they have it.",
    )
