"""Accounts that are no longer listed: really gone, hidden, or a listing that is not to be believed.

Each is asked for by its id: what is found was only hidden (closed accounts often are), and what is
not found is gone. Where too many are not listed nothing is concluded at all: a token that sees
less than before finds none of them either. Of what we are closing ourselves at that moment the
outcome tells, when it is stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

from tenure.applications.models import Account
from tenure.audit.models import Action
from tenure.audit.services import Entry, record_many
from tenure.connectors.base import Connector, ConnectorError, NotFound, RemoteAccount
from tenure.core.guard import Limit
from tenure.core.model import OperationState, Situation
from tenure.infra.bulk import among, update_rows
from tenure.provisioning.models import Operation
from tenure.provisioning.reconciliation.observing import Reading
from tenure.provisioning.records import nobodys, settling
from tenure.provisioning.records.work import CLOSED_BY, CLOSES, NOT_THERE

#: More open accounts than that missing at once are not believed.
LIMIT = Limit(percent=Fraction(10), floor=20)
#: Nor are most of them, if they are more than these.
_FEW = 3
_AT_ONCE = 8
_UNDER_WAY = [
    OperationState.STARTED.value,
    OperationState.UNKNOWN.value,
    OperationState.RETRYING.value,
]


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
    connector: Connector, unseen: Sequence[Unseen], known: int, *, listed: int, accepted: bool
) -> Missing:
    """What is true of the accounts that were not listed, of so many `known`, where `listed` were.
    `accepted`: a person says that they are gone, however many."""
    doubtful = sum(not one.closed for one in unseen)
    # An application in which nobody is left at all is a wrong one, however small it is.
    nobody = listed == 0 and doubtful > 1
    most = doubtful > _FEW and 2 * doubtful > known
    if (nobody or most or doubtful > LIMIT.allowed(known)) and not accepted:
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


def unseen(reading: Reading) -> list[Unseen]:
    """Accounts that are known, and not deleted, and were not listed."""
    lacking = among(reading.fingerprints.keys() - reading.seen, "text")
    rows = Account.objects.filter(application=reading.application, remote_id__in=lacking).exclude(
        situation=Situation.DELETED.value
    )
    found = list(rows.values_list("pk", "remote_id", "active"))
    ours = _closing(reading) if found else set()
    return [Unseen(pk, remote, active is False) for pk, remote, active in found if pk not in ours]


def _closing(reading: Reading) -> set[int | None]:
    """Accounts that we are closing or deleting ourselves, or may have: they are not missed."""
    rows = Operation.objects.filter(
        application=reading.application, kind__in=CLOSES, state__in=_UNDER_WAY
    )
    return set(rows.values_list("account_id", flat=True))


def record(reading: Reading, keys: Sequence[int]) -> None:
    """These accounts are gone: they stay here as deleted, and their owners are planned anew."""
    # One that we made or changed just now may not be listed yet.
    sure = reading.at - timedelta(seconds=settling.SHOWN_AFTER)
    there = Account.objects.filter(pk__in=keys, observed_at__lt=sure).order_by("pk")
    found = list(there.select_for_update(of=("self",)).select_related("person"))
    # Only now: no outcome of these is stored from here on.
    ours = _closing(reading) if found else set()
    rows = [row for row in found if row.pk not in ours]
    events = [_deleted(reading, row) for row in rows]
    for row in rows:
        row.deleted_there = not _gone_by_closing(reading, row)
        row.situation, row.deleted_at, row.active = Situation.DELETED.value, reading.at, False
        if row.person_id is not None:
            reading.affected.add(row.person_id)
        if row.deleted_there:
            row.evidence = {
                "at": reading.at.isoformat(),
                "sent": "nothing",
                "read_back": "it is neither listed by the application nor found when asked for",
            }
            reading.complain(row.user_name or row.remote_id, "This account was deleted there.")
    update_rows(rows, ["situation", "deleted_at", "active", "evidence", "deleted_there"])
    nobodys.leave_alone(rows)
    reading.counters["gone"] += len(rows)
    record_many(events)


def _gone_by_closing(reading: Reading, row: Account) -> bool:
    """Whether we closed it, and it was not there any more right then, or is not because closing is
    deleting there: nobody else did anything, and what proves it stays what was seen then."""
    proof = row.evidence or {}
    if row.active is not False or proof.get("sent") != CLOSED_BY:
        return False
    return reading.closing_deletes or proof.get("read_back") == NOT_THERE


def _deleted(reading: Reading, row: Account) -> Entry:
    """The event that an account is gone, with what it was when it was last seen."""
    lacking = "Neither listed by the application nor found when asked for."
    ours = _gone_by_closing(reading, row)
    return reading.found(
        Action.ACCOUNT_DELETED if ours else Action.ACCOUNT_DELETED_THERE,
        row,
        before={"active": row.active, "entitlements": row.entitlements},
        reason=f"{lacking} {'Closing it deleted it.' if ours else 'Not deleted by Tenure.'}",
    )
