"""Accounts that are no longer listed: really gone, hidden, or a listing that is not to be believed.

Each is asked for by its id: what is found was only hidden (closed accounts often are), and what is
not found is gone. Where too many are not listed nothing is concluded at all: a token that sees
less than before finds none of them either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from tenure.connectors.base import Connector, ConnectorError, NotFound, RemoteAccount
from tenure.core.guard import Limit

#: More open accounts than that missing at once are not believed.
LIMIT = Limit(percent=Fraction(10), floor=20)
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Unseen:
    """One of our records that the listing lacks. `closed`: it was when it was last seen."""

    pk: int
    remote_id: str
    closed: bool


@dataclass(frozen=True, slots=True)
class Missing:
    """`keys` are records of accounts that are gone; `still_there` accounts that were only not
    listed; `doubt` says why nothing was concluded, of how many `unseen`."""

    keys: tuple[int, ...] = ()
    still_there: tuple[RemoteAccount, ...] = ()
    unseen: int = 0
    doubt: str = ""


async def verified(
    connector: Connector, unseen: Sequence[Unseen], known: int, *, accepted: bool
) -> Missing:
    """What is true of the accounts that were not listed, of so many `known`. `accepted`: a person
    says that they are gone, however many."""
    doubtful = sum(not one.closed for one in unseen)
    if doubtful > LIMIT.allowed(known) and not accepted:
        return Missing(
            unseen=doubtful,
            doubt=(
                f"{doubtful} of {known} accounts are not listed any more. Nothing was concluded: "
                "the token may see less than before. If they really are gone: `tenure reconcile "
                "APPLICATION --accept-missing`."
            ),
        )
    limit = asyncio.Semaphore(_AT_ONCE)

    async def ask(one: Unseen) -> RemoteAccount | int | None:
        async with limit:
            try:
                return await connector.read(one.remote_id)
            except NotFound:
                return one.pk
            except ConnectorError:
                return None  # Not known now; the next reading asks again.

    answers = await asyncio.gather(*(ask(one) for one in unseen))
    return Missing(
        keys=tuple(answer for answer in answers if isinstance(answer, int)),
        still_there=tuple(answer for answer in answers if isinstance(answer, RemoteAccount)),
        unseen=len(unseen),
    )
