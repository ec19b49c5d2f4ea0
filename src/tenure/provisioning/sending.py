"""Sending one batch of operations to one application, and saying what became of each.

No tables here: a batch of `Work` goes in, an `Outcome` for each comes out. Access is taken before
it is given; memberships of one group travel together. Every step that is known to be done is kept
in `progress`, so that whoever tries again does only the rest.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from tenure.connectors.base import (
    AlreadyExists,
    Connector,
    ConnectorError,
    NotFound,
    OutcomeUnknown,
    Rejected,
    RemoteAccount,
    RetryLater,
    StopApplication,
    Transferring,
    Unsupported,
)
from tenure.core.model import OperationKind, Value
from tenure.core.transfers import OWNER

log = logging.getLogger(__name__)


class Result(StrEnum):
    """What the engine does next with the operation."""

    DONE = "done"
    RETRY = "retry"
    UNKNOWN = "unknown"
    FAILED = "failed"
    STOPPED = "stopped"
    #: Not begun: a person stopped writes first, or the application does not accept us.
    PAUSED = "paused"
    MANUAL = "manual"
    NOT_MADE = "not_made"


@dataclass(slots=True)
class Work:
    """One operation to send. `unsure`: it may have been sent before, so look first. `outdated`:
    only look, for it is no longer wanted like this."""

    operation: int
    kind: OperationKind
    person: str
    external_id: str
    remote_id: str
    attributes: Mapping[str, Value | None]
    grant: tuple[str, ...]
    revoke: tuple[str, ...]
    progress: dict[str, Any] = field(default_factory=dict)
    unsure: bool = False
    #: Whether an account that is made is open.
    active: bool = True
    outdated: bool = False


@dataclass(slots=True)
class Outcome:
    """What became of one operation."""

    work: Work
    result: Result = Result.DONE
    message: str = ""
    after: float | None = None
    account: RemoteAccount | None = None
    adopted: bool = False
    evidence: dict[str, Any] | None = None
    #: Something was sent that may have been done, although nobody said so.
    may_be_done: bool = False


#: An account that is there, and the uid of the person it is wanted for -> why it may not be theirs;
#: "" where it may.
Objection = Callable[[RemoteAccount, str], Awaitable[str]]


def _never() -> bool:
    return False


class Batch:
    """One batch on one open connector. `groups` maps entitlement keys to remote ids; one that is
    not there yet is made when the first account needs it."""

    def __init__(
        self,
        connector: Connector,
        work: Sequence[Work],
        groups: dict[str, str],
        *,
        objection: Objection,
        concurrency: int,
        paused: Callable[[], bool] = _never,
    ) -> None:
        self.connector = connector
        self.groups = groups
        self._objection = objection
        self._paused = paused
        self.outcomes = {item.operation: Outcome(item) for item in work}
        self._limit = asyncio.Semaphore(concurrency)
        #: The application does not accept us: the rest would be refused the same.
        self._refused = False

    async def send(self) -> list[Outcome]:
        """Everything, in the order that keeps access closed rather than open."""
        closing = [o for o in self._open() if o.work.kind is OperationKind.DISABLE]
        await self._each(closing, self._account)
        await self._memberships("revoke")
        rest = [o for o in self._open() if o.work.kind is not OperationKind.DISABLE]
        await self._each(rest, self._account)
        await self._memberships("grant")
        removed = [
            o for o in self._open() if o.work.kind in (OperationKind.DISABLE, OperationKind.DELETE)
        ]
        await self._each(removed, self._prove)
        return list(self.outcomes.values())

    def _open(self) -> list[Outcome]:
        return [o for o in self.outcomes.values() if o.result is Result.DONE]

    async def _each(
        self, outcomes: Sequence[Outcome], step: Callable[[Outcome], Awaitable[None]]
    ) -> None:
        async def one(outcome: Outcome) -> None:
            async with self._limit:
                if self._refused or (self._paused() and not outcome.work.progress):
                    outcome.result = Result.PAUSED
                    return
                try:
                    await step(outcome)
                except Exception as error:
                    self._fail([outcome], error)

        await asyncio.gather(*(one(outcome) for outcome in outcomes))

    async def _account(self, outcome: Outcome) -> None:
        work = outcome.work
        if work.progress.get("account"):
            return
        match work.kind:
            case OperationKind.CREATE:
                await self._create(outcome)
            case OperationKind.UPDATE:
                await self.connector.update(work.remote_id, work.attributes)
            case OperationKind.DISABLE:
                await self.connector.disable(work.remote_id)
            case OperationKind.ENABLE:
                await self.connector.enable(work.remote_id)
            case OperationKind.TRANSFER:
                await self._transfer(work)
            case OperationKind.DELETE:
                await self._delete(work)
            case OperationKind.GRANT | OperationKind.REVOKE:
                pass
        work.progress["account"] = True

    async def _create(self, outcome: Outcome) -> None:
        work = outcome.work
        if work.progress.get("remote_id"):
            return
        found = await self._ours(work) if work.unsure else None
        if found is None and work.outdated:
            outcome.result = Result.NOT_MADE
            outcome.message = "It was not made, and is no longer wanted as it was planned."
            return
        # Whether one found by its name alone was made by us is not known: it is compared.
        outcome.adopted = found is not None and not _carries(found, work)
        if found is None:
            try:
                found = await self.connector.create(
                    {k: v for k, v in work.attributes.items() if v is not None},
                    external_id=work.external_id,
                    active=work.active,
                )
            except AlreadyExists as error:
                found = await self._adopt(work, error)
                outcome.adopted = True
        outcome.account = found
        work.remote_id = found.remote_id
        work.progress["remote_id"] = found.remote_id

    async def _ours(self, work: Work) -> RemoteAccount | None:
        """The account that an earlier attempt may have made, found before anything is sent."""
        for attribute, value in self._identity(work):
            for account in await self.connector.find(attribute, value):
                if not await self._objection(account, work.person):
                    return account
        return None

    async def _adopt(self, work: Work, error: AlreadyExists) -> RemoteAccount:
        """An account with this name is there, whatever a search showed before. It is taken over
        when the rules say that it is this person's; its attributes are brought into line by the
        next plan."""
        found: dict[str, RemoteAccount] = {}
        for attribute, value in self._identity(work):
            found |= {a.remote_id: a for a in await self.connector.find(attribute, value)}
        if len(found) == 1:
            account = next(iter(found.values()))
            objection = await self._objection(account, work.person)
            if not objection:
                return account
            raise Rejected(f"{error} {objection}")
        if found:
            raise Rejected(f"{error} {len(found)} accounts there could be meant: decide by hand.")
        raise Rejected(
            f"{error} No account with that name can be seen there: it may be deleted, hidden or "
            "outside what this token may see."
        )

    def _identity(self, work: Work) -> list[tuple[str, str]]:
        searchable = self.connector.capabilities.searchable
        names = [n for n in ("externalId", "userName", "login", "email") if n in searchable]
        values = {"externalId": work.external_id} | dict(work.attributes)
        return [(name, str(values[name])) for name in names if values.get(name)]

    async def _delete(self, work: Work) -> None:
        try:
            await self.connector.delete(work.remote_id)
        except NotFound:
            # Gone already. The read afterwards is what proves it, not this answer.
            work.progress["was_gone"] = True

    async def _transfer(self, work: Work) -> None:
        if not isinstance(self.connector, Transferring):
            raise Unsupported(
                "This application cannot hand over what an account owns.",
                "Do it there by hand, then mark it as done.",
            )
        await self.connector.transfer(work.remote_id, str(work.attributes[OWNER]))

    async def _memberships(self, what: str) -> None:
        """Grant or revoke group by group, all accounts of the batch together."""
        by_group: dict[str, list[Outcome]] = {}
        for outcome in self._open():
            work = outcome.work
            done = set(work.progress.get(what, ()))
            for key in work.grant if what == "grant" else work.revoke:
                if key not in done and work.remote_id and not work.outdated:
                    by_group.setdefault(key, []).append(outcome)
        await asyncio.gather(*(self._group(what, k, o) for k, o in sorted(by_group.items())))

    async def _group(self, what: str, key: str, outcomes: list[Outcome]) -> None:
        async with self._limit:
            if self._refused:
                for outcome in outcomes:
                    outcome.result = Result.PAUSED
                return
            try:
                await self._change(what, key, outcomes)
            except (Rejected, NotFound) as error:
                if len(outcomes) == 1:
                    fail(outcomes[0], error)
                    return
            except Exception as error:
                self._fail(outcomes, error)
                return
            else:
                return
        # One refused member must not fail the others: find it.
        for outcome in outcomes:
            await self._group(what, key, [outcome])

    def _fail(self, outcomes: Sequence[Outcome], error: Exception) -> None:
        """A fault of ours, and not of the application's, fails what met it and nothing else."""
        if not isinstance(error, ConnectorError):
            log.error("A connector failed.", exc_info=error)
            error = Broken(broken(error))
        self._refused = self._refused or isinstance(error, StopApplication)
        for outcome in outcomes:
            fail(outcome, error)

    async def _change(self, what: str, key: str, outcomes: list[Outcome]) -> None:
        members = [outcome.work.remote_id for outcome in outcomes]
        kind, _, name = key.partition(":")
        if what == "grant":
            if not self.groups.get(key):
                self.groups[key] = (await self.connector.create_entitlement(kind, name)).remote_id
            await self.connector.change_members(kind, self.groups[key], add=members)
        elif self.groups.get(key):
            await self.connector.change_members(kind, self.groups[key], remove=members)
        for outcome in outcomes:
            outcome.work.progress.setdefault(what, []).append(key)

    async def _prove(self, outcome: Outcome) -> None:
        """Read back what was taken away. What still shows it open is not done."""
        work = outcome.work
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        sent = "delete" if work.kind is OperationKind.DELETE else "disable"
        try:
            account = await self.connector.read(work.remote_id)
        except NotFound:
            outcome.evidence = {"at": at, "sent": sent, "read_back": "the account is not there"}
            return
        if work.kind is OperationKind.DISABLE and account.active is False:
            outcome.evidence = {"at": at, "sent": sent, "read_back": "the account is closed"}
            return
        if work.kind is OperationKind.DELETE and account.active is False:
            outcome.evidence = {"at": at, "sent": sent, "read_back": "kept there, but closed"}
            return
        work.progress.pop("account", None)
        outcome.may_be_done = True
        raise RetryLater(f"The application accepted to {sent} the account and still shows it open.")


class Broken(ConnectorError):
    """A connector that did something else than its port promises."""


def broken(error: Exception) -> str:
    """What an administrator reads of an exception that nobody expected."""
    text = f"{type(error).__name__}: {error}".strip().removesuffix(":")[:300]
    return (
        f"The connector failed by itself ({text}). Whether anything was done there is not known. "
        "This is a fault of Tenure, or an answer that nobody expected: the log has where."
    )


def _carries(account: RemoteAccount, work: Work) -> bool:
    """Whether the account has the external id that we give to this person's."""
    return account.attributes.get("externalId") == work.external_id


def fail(outcome: Outcome, error: ConnectorError) -> None:
    """The error as what the engine does next."""
    outcome.message = str(error)
    match error:
        case RetryLater():
            outcome.result, outcome.after = Result.RETRY, error.after
        case OutcomeUnknown():
            outcome.result, outcome.may_be_done = Result.UNKNOWN, True
        case StopApplication():
            outcome.result = Result.STOPPED
        case Unsupported():
            outcome.result = Result.MANUAL
            outcome.message = f"{error} {error.instructions}".strip()
        case Broken():
            outcome.result, outcome.may_be_done = Result.FAILED, True
        case NotFound():
            outcome.result = Result.FAILED
            outcome.message = f"{error} Reconcile the application to see what became of it."
        case _:
            outcome.result = Result.FAILED
