"""Sending one batch of operations to one application, and saying what became of each.

No tables here: a batch of `Work` goes in, an `Outcome` for each comes out. Access is taken before
it is given; memberships of one group travel together. Every step that is known to be done is kept
in `progress`, so that whoever tries again does only the rest.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Sequence
from copy import deepcopy

from tenure.connectors.base import (
    AlreadyExists,
    Bulking,
    Connector,
    ConnectorError,
    NotFound,
    Rejected,
    RemoteAccount,
    StopApplication,
    Transferring,
    Unsupported,
)
from tenure.connectors.http import Timeouts
from tenure.connectors.lease import may_write
from tenure.core import transfers
from tenure.core.model import OperationKind
from tenure.core.veiling import scrubbed
from tenure.provisioning.execution import closing, making_way
from tenure.provisioning.execution.joining import Joining
from tenure.provisioning.execution.proving import Proof
from tenure.provisioning.execution.seeking import (
    Known,
    Objection,
    Seeker,
    cannot_tell,
    identity,
    nobody,
)
from tenure.provisioning.execution.together import VERBS, Race, in_one_request
from tenure.provisioning.records.work import (
    BY_WAY_OF,
    CLOSES,
    SENT,
    WAS_GONE,
    Broken,
    Outcome,
    Result,
    Taken,
    Work,
    broken,
    fail,
    made,
    was_there,
)

log = logging.getLogger(__name__)


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
        race: Race | None = None,
        known: Known = nobody,
        longest: float = Timeouts().total,
    ) -> None:
        self.connector = connector
        self._objection = objection
        self._paused = paused
        self._race = race or Race()
        self.outcomes = {item.operation: Outcome(item) for item in work}
        #: What earlier batches did of those that they began.
        self._before = {item.operation: deepcopy(item.progress) for item in work if item.progress}
        self._concurrency = concurrency
        self._limit = asyncio.Semaphore(concurrency)
        self._private = frozenset[str]().union(*(item.private for item in work))
        #: The application does not accept us: the rest would be refused the same.
        self._refused = False
        self._proof = Proof(connector, work, objection, known)
        self._seeker = Seeker(connector, work, objection, known, longest=longest)
        self._joining = Joining(connector, groups, self._proof)

    async def send(self) -> list[Outcome]:
        """Everything; what was asked for it ends with it."""
        try:
            return await self._send()
        finally:
            await asyncio.gather(self._seeker.end(), self._proof.end())

    async def _send(self) -> list[Outcome]:
        """In the order that keeps access closed rather than open."""
        closing = [o for o in self._open() if o.work.kind is OperationKind.DISABLE]
        await self._accounts(closing)
        await self._memberships("revoke")
        rest = [o for o in self._open() if o.work.kind is not OperationKind.DISABLE]
        await self._accounts(rest)
        await self._memberships("grant")
        await self._each([o for o in self._open() if o.work.kind in CLOSES], self._proof.read_back)
        for outcome in self.outcomes.values():
            # One answer may tell of several accounts.
            outcome.message = scrubbed(outcome.message, self._private)
        return list(self.outcomes.values())

    def _open(self) -> list[Outcome]:
        return [o for o in self.outcomes.values() if o.result is Result.DONE]

    async def _each(
        self, outcomes: Sequence[Outcome], step: Callable[[Outcome], Awaitable[None]]
    ) -> None:
        waiting = iter(outcomes)

        async def some() -> None:
            for outcome in waiting:
                async with self._limit:
                    if self._stays(outcome):
                        continue
                    try:
                        await step(outcome)
                    except Exception as error:
                        self._fail([outcome], error)

        # As many as may be under way, not one for each: a task costs as much as half a request.
        await asyncio.gather(*(some() for _ in range(min(self._concurrency, len(outcomes)))))

    def _stays(self, outcome: Outcome) -> bool:
        """Whether it is not begun: somebody stopped writes, the application refuses us, or another
        worker may be at it by now."""
        work = outcome.work
        begun = work.progress != self._before.get(work.operation, {})
        if self._refused or (self._paused() and not begun) or not may_write.get()():
            outcome.result = Result.PAUSED
            return True
        return False

    def _halted(self) -> bool:
        return self._refused or self._paused() or not may_write.get()()

    async def _accounts(self, outcomes: Sequence[Outcome]) -> None:
        """Account by account, or several in one request where that is possible and faster."""
        if not isinstance(self.connector, Bulking):
            await self._each(outcomes, self._account)
            return
        many: list[Outcome] = []
        alone: list[Outcome] = []
        for outcome in outcomes:
            (many if self._may_travel(outcome.work) else alone).append(outcome)
        together = await self._race.choice(self.connector, len(many))
        began = asyncio.get_running_loop().time()
        if together:
            parts = [many[at : at + together] for at in range(0, len(many), together)]
            await asyncio.gather(self._each(alone, self._account), *map(self._together, parts))
        else:
            await self._each(outcomes, self._account)
        done = sum(o.result is Result.DONE for o in many)
        self._race.took(bool(together), done, asyncio.get_running_loop().time() - began)

    def _may_travel(self, work: Work) -> bool:
        """Whether it is one write, with nothing to be looked at first. What nobody answered goes
        alone: it may be what keeps the answer about all the others away."""
        looks = work.kind is OperationKind.CREATE and (work.unsure or work.outdated)
        return (
            work.kind in VERBS
            and not looks
            and not work.unanswered
            and not self._would_delete(work)
            and not work.progress.get("account")
            and not work.progress.get(BY_WAY_OF)
            and not work.progress.get("remote_id")
            and bool(getattr(self.connector.capabilities, work.kind, True))
        )

    async def _together(self, outcomes: Sequence[Outcome]) -> None:
        async with self._limit:
            sent = [outcome for outcome in outcomes if not self._stays(outcome)]
            if not sent:
                return
            try:
                answers = await in_one_request(self.connector, [o.work for o in sent], self._halted)
            except Exception as error:
                self._fail(sent, error)
                return
        taken: dict[int, AlreadyExists] = {}
        for outcome, answer in zip(sent, answers, strict=True):
            work = outcome.work
            if isinstance(answer, AlreadyExists) and work.kind is OperationKind.CREATE:
                taken[work.operation] = answer
            elif isinstance(answer, NotFound) and work.kind in CLOSES:
                work.progress |= {WAS_GONE: True, "account": True}
            elif isinstance(answer, ConnectorError):
                self._fail([outcome], answer)
            else:
                if answer is not None:
                    made(outcome, answer)
                work.progress["account"] = True

        async def adopt(outcome: Outcome) -> None:
            found = await self._adopt(outcome.work, taken[outcome.work.operation])
            was_there(outcome, found)
            made(outcome, found)
            outcome.work.progress["account"] = True

        await self._each([o for o in sent if o.work.operation in taken], adopt)

    async def _account(self, outcome: Outcome) -> None:
        work = outcome.work
        if work.progress.get("account"):
            return
        try:
            self._must_be_able(work)
        except Unsupported as error:
            outcome.closed = await closing.at_least(self.connector, work)
            raise Unsupported(f"{error} It is closed.") if outcome.closed else error from None
        match work.kind:
            case OperationKind.CREATE:
                await self._create(outcome)
            case OperationKind.UPDATE:
                outcome.message = await making_way.update(self.connector, work)
            case OperationKind.DISABLE:
                await self._close(work)
            case OperationKind.ENABLE:
                await self.connector.enable(work.remote_id)
            case OperationKind.TRANSFER:
                await self._transfer(work)
            case OperationKind.DELETE:
                await self._delete(outcome)
            case OperationKind.GRANT | OperationKind.REVOKE:
                return  # Nothing was begun yet.
        work.progress["account"] = True

    def _must_be_able(self, work: Work) -> None:
        kind = work.kind
        if work.outdated:
            return  # It is only looked for.
        if self._would_delete(work):
            raise Unsupported(
                f"Closing an account is deleting it in this application, and {work.legal_hold}.",
                "Close it there by hand, without deleting it.",
            )
        if kind is OperationKind.TRANSFER:
            return  # It says itself what a person has to do instead.
        if not getattr(self.connector.capabilities, kind.value, True):
            raise Unsupported(f"This application has no way for us to {kind.value} accounts.")

    def _would_delete(self, work: Work) -> bool:
        """Whether something would be deleted that a legal hold keeps."""
        deletes = work.kind is OperationKind.DELETE or (
            work.kind is OperationKind.DISABLE and self.connector.capabilities.disable_deletes
        )
        return deletes and bool(work.legal_hold)

    async def _create(self, outcome: Outcome) -> None:
        work = outcome.work
        if work.progress.get("remote_id"):
            return
        found = await self._seeker.ours(work) if work.unsure else None
        outcome.found = found is not None if work.unsure else None
        if found is None and work.outdated:
            outcome.result = Result.NOT_MADE
            outcome.message = "It was not made, and is no longer wanted as it was planned."
            return
        if found is not None:
            was_there(outcome, found)
        else:
            try:
                found = await self.connector.create(
                    {k: v for k, v in work.attributes.items() if v is not None},
                    external_id=work.external_id,
                    active=work.active,
                )
            except AlreadyExists as error:
                found = await self._adopt(work, error)
                was_there(outcome, found)
        made(outcome, found)

    async def _adopt(self, work: Work, error: AlreadyExists) -> RemoteAccount:
        """An account with this name is there, whatever a search showed before. It is taken over
        when the rules say that it is this person's; its attributes are brought into line by the
        next plan."""
        found: dict[str, RemoteAccount] = {}
        for attribute, value in identity(self.connector, work):
            found |= {a.remote_id: a for a in await self.connector.find(attribute, value)}
        if not found and SENT in work.progress:
            found = {a.remote_id: a for a in await self._seeker.listed(work)}
        if len(found) == 1:
            account = next(iter(found.values()))
            objection = await self._objection(account, work.person)
            if not objection:
                return account
            raise Taken(f"{error} {objection}")
        if found:
            raise Rejected(f"{error} {len(found)} accounts there could be meant: decide by hand.")
        if SENT in work.progress:
            raise cannot_tell(
                "the name is taken by now, by an account that its list does not show either"
            )
        raise Taken(
            f"{error} No account with that name can be seen there: it may be deleted, hidden or "
            "outside what this token may see."
        )

    async def _close(self, work: Work) -> None:
        try:
            await self.connector.disable(work.remote_id)
        except NotFound:
            work.progress[WAS_GONE] = True

    async def _delete(self, outcome: Outcome) -> None:
        work = outcome.work
        try:
            if work.outdated:
                await self.connector.read(work.remote_id)
                outcome.result = Result.NOT_MADE
                outcome.message = "It was not deleted, and is no longer wanted as it was planned."
            else:
                await self.connector.delete(work.remote_id)
        except NotFound:
            # The read afterwards is what proves it, not this answer.
            work.progress[WAS_GONE] = True

    async def _transfer(self, work: Work) -> None:
        if not isinstance(self.connector, Transferring):
            raise Unsupported(
                "This application cannot hand over what an account owns.",
                "Do it there by hand, then mark it as done.",
            )
        if transfers.OWNER not in work.attributes:
            raise Unsupported(*transfers.BY_HAND)
        await self.connector.transfer(work.remote_id, str(work.attributes[transfers.OWNER]))

    async def _memberships(self, what: str) -> None:
        """Grant or revoke group by group, all accounts of the batch together."""
        by_group: dict[str, list[Outcome]] = {}
        for outcome in self._open():
            work = outcome.work
            done = set(work.progress.get(what, ()))
            for key in work.grant if what == "grant" else work.revoke:
                if key not in done and work.has_account:
                    by_group.setdefault(key, []).append(outcome)
        await asyncio.gather(*(self._group(what, k, o) for k, o in sorted(by_group.items())))

    async def _group(self, what: str, key: str, outcomes: list[Outcome]) -> None:
        async with self._limit:
            begun = [outcome for outcome in outcomes if not self._stays(outcome)]
            if not begun:
                return
            try:
                await self._change(what, key, begun)
            except (Rejected, NotFound) as error:
                if len(begun) == 1:
                    fail(begun[0], error)
                    return
            except Exception as error:
                self._fail(begun, error)
                return
            else:
                return
        # One refused member must not fail the others: find it.
        for outcome in begun:
            await self._group(what, key, [outcome])

    def _fail(self, outcomes: Sequence[Outcome], error: Exception) -> None:
        """A fault of ours, and not of the application's, fails what met it and nothing else."""
        if not isinstance(error, ConnectorError):
            trace = "".join(traceback.format_exception(error)).rstrip()
            log.error("A connector failed.\n%s", scrubbed(trace, self._private))
            error = Broken(broken(error))
        self._refused = self._refused or isinstance(error, StopApplication)
        for outcome in outcomes:
            fail(outcome, error)

    async def _change(self, what: str, key: str, outcomes: list[Outcome]) -> None:
        members = [outcome.work.remote_id for outcome in outcomes]
        said = ""
        if what == "grant":
            await self._joining.join(key, members)
        else:
            said = await self._joining.leave(key, members)
        for outcome in outcomes:
            outcome.message = f"{outcome.message} {said}".strip()
            outcome.work.progress.setdefault(what, []).append(key)
