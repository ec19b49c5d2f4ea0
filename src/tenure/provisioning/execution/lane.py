"""One lane of a drain: claim, send, settle, again, over a connection of its own; where much is due
over three, so that what is claimed does not wait for what is settled, nor one batch for another.

A drain has two. The wide one takes whatever is due, in big batches. The fast one takes leavers'
removals only, as soon as they are due, so that they neither wait for the batch that is travelling
nor for the outcomes of the last one to be stored.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime, timedelta

from tenure.applications import health, pacing
from tenure.applications.connecting import longest_answer
from tenure.applications.models import Account, Application, Entitlement
from tenure.connectors.base import Connector, ConnectorError, Limits, RemoteAccount
from tenure.core.model import Situation
from tenure.core.planner import LEAVER_URGENCY
from tenure.infra.clock import now
from tenure.infra.machine_clock import now_for_all
from tenure.provisioning.execution import claiming, joining, postponed, seeking
from tenure.provisioning.execution.beside import over
from tenure.provisioning.execution.choosing import SMALLEST, Choosing, Upcoming
from tenure.provisioning.execution.course import Course
from tenure.provisioning.execution.owning import Owners
from tenure.provisioning.execution.sending import Batch
from tenure.provisioning.execution.settlers import More, Settling
from tenure.provisioning.execution.tables import Tables
from tenure.provisioning.execution.together import Race
from tenure.provisioning.models import Operation
from tenure.provisioning.planning import guarding, plans
from tenure.provisioning.planning.drafting import Scope
from tenure.provisioning.records import settling
from tenure.provisioning.records.work import Outcome, Result, Work

#: Batches in a row in which nothing came through before the application counts as unreachable.
_PATIENCE = 3
#: A retry that is due sooner than this is waited for; a later one is left to the next drain.
_WORTH_WAITING = timedelta(seconds=30)
#: Whoever waits for a retry looks this often whether something else came up.
_GLANCE = 1.0
_LOOKED_FOR = "what became of it is known now"


class Lane:
    """Batch after batch. `leavers`: only removals for who leaves; `more`: connections beside its
    own, to be asked for when more is due than one small batch."""

    def __init__(
        self,
        course: Course,
        connector: Connector,
        tables: Tables,
        *,
        more: Callable[[], Awaitable[More]] | None = None,
        leavers: bool = False,
    ) -> None:
        self._course = course
        self._application = course.application
        self._connector = connector
        self._tables = tables
        self._claims = tables
        self._more = more
        self._helping: asyncio.Task[None] | None = None
        #: The next batch, being claimed while one travels.
        self._ahead: asyncio.Future[Upcoming | None] | None = None
        self._settling = Settling(tables)
        self._leavers = leavers
        self._choosing = Choosing(course, leavers=leavers)
        #: When it was last looked whether more is due.
        self._looked = now()
        self._silent = 0
        #: Of those batches some had more than leavers' removals.
        self._silent_to_all = False
        self._owners: Owners | None = None
        self._race = Race()

    async def until_nothing_is_due(self) -> None:
        """Send batch after batch."""
        async with self._settling as settling:
            try:
                await self._batches(settling)
                if self._helping is not None:
                    await self._helping
            finally:
                await over(self._ahead, self._helping)

    async def _batches(self, settling: Settling) -> None:
        """While one travels the last ones are settled and the next is claimed, unless the last
        went badly: then there may be no next."""
        upcoming = await self._next()
        while upcoming:
            rows, work = upcoming
            if not self._silent:
                self._ahead = self._claims.submit(self._choosing.behind, rows)
            if self._more is not None and len(work) >= SMALLEST:
                self._helping = asyncio.create_task(self._helped(self._more, settling))
                self._more = None
            outcomes = await self._send(work)
            await settling.begin(self._settle, rows, outcomes)
            upcoming = await self._ahead if self._ahead else None
            self._ahead = None
            await self.keep_groups()
            if self._course.over or _is_trouble(outcomes):
                await settling.done()
                await self._count_silence(rows, outcomes)
                if await self._tables.do(self._held_up, outcomes, upcoming):
                    upcoming = None
            else:
                self._silent = 0
            if upcoming is None:
                # What was settled last may be what others wait for.
                await settling.done()
                upcoming = await self._next()

    async def _helped(self, more: Callable[[], Awaitable[More]], settling: Settling) -> None:
        """More connections, used as soon as they are there; nothing waits for them."""
        given = await more()
        self._claims = given.claims
        settling.over(given.settling)

    async def try_one(self, kind: str) -> bool | None:
        """Send one operation of this kind ("" for any): whether that works, None where there is
        none. Anything that the application says about the operation itself means that it works."""
        found = await self._claims.do(self._choosing.one, kind)
        if not found:
            return None
        rows, work = found
        outcomes = await self._send(work)
        await self._tables.do(self._settle, rows, outcomes)
        silent = _nothing_came_through(outcomes)
        if silent and rows[0].urgency <= LEAVER_URGENCY and await _answers(self._connector):
            return None  # It may be about this leaver alone: something else has to show it.
        if silent or outcomes[0].result is Result.STOPPED:
            self._stop(outcomes[0])
            return False
        return None if self._course.over else True

    async def _count_silence(self, rows: Sequence[Operation], outcomes: Sequence[Outcome]) -> None:
        """Whether the application went silent. Where nothing but leavers' removals met that, which
        come before everything else, it may be about them alone: then it is asked."""
        if not _nothing_came_through(outcomes):
            self._silent = 0
            return
        to_all = any(row.urgency > LEAVER_URGENCY for row in rows)
        self._silent_to_all = to_all or (self._silent > 0 and self._silent_to_all)
        self._silent += 1
        asked = self._silent >= _PATIENCE and not (self._silent_to_all or self._leavers)
        if asked and await _answers(self._connector):
            self._silent = 0

    def _stop(self, outcome: Outcome) -> None:
        self._course.stopped = outcome.message
        self._course.stopped_on = outcome.work.kind.value

    async def find_groups(self) -> None:
        """Entitlement key -> remote id; what we do not know yet is looked for there once."""
        known = await self._tables.do(_entitlements, self._application)
        self._course.groups, self._course.kept = known, dict(known)
        if any(not r for r in known.values()) and self._connector.capabilities.entitlements:
            there = await joining.shown(self._connector)
            known.update({key: known[key] or there.meant(key) for key in known})
            await self.keep_groups()

    async def keep_groups(self) -> None:
        """Store what was learnt of them."""
        kept, self._course.kept = self._course.kept, dict(self._course.groups)
        if kept != self._course.kept:
            await self._claims.do(_keep_entitlements, self._application, kept, self._course.kept)

    async def _next(self) -> Upcoming | None:
        """More work: now, or when the earliest retry is due if that is soon."""
        while True:
            self._looked = now()
            found = await self._claims.do(self._choosing.next)
            if found or self._leavers:
                return found
            due = await self._soon()
            if due is None:
                return None
            await asyncio.sleep(max(0.05, min(_GLANCE, (due - now()).total_seconds())))

    async def has_more(self) -> bool:
        """Whether there is a retry to be waited for of which nothing was known at the last look:
        the other lane may have left it."""
        return await self._soon() is not None

    async def _soon(self) -> datetime | None:
        due = await self._tables.do(claiming.next_due, self._application, self._looked)
        if self._course.over or due is None or due - now() > _WORTH_WAITING:
            return None
        return due

    async def _send(self, work: list[Work]) -> list[Outcome]:
        async def objection(account: RemoteAccount, person: str) -> str:
            return await self._tables.do(self._objection, account, person)

        async def known() -> Collection[str]:
            return await self._tables.do(_known, self._application)

        started = time.monotonic()
        batch = Batch(
            self._connector,
            work,
            self._course.groups,
            objection=objection,
            concurrency=int(self._application.limits.get("concurrency", Limits().concurrency)),
            paused=lambda: self._course.over,
            race=self._race,
            known=known,
            longest=longest_answer(self._application),
        )
        outcomes = await batch.send()
        self._choosing.took(len(work), time.monotonic() - started)
        return outcomes

    # Below: in the threads of the tables.

    def _objection(self, account: RemoteAccount, person: str) -> str:
        self._owners = self._owners or Owners(self._application)
        return self._owners.objection(account, person)

    def _held_up(self, outcomes: Sequence[Outcome], ahead: Upcoming | None) -> bool:
        """After a batch that did not go well: whether nothing more is to be begun, or too much
        fails. What was claimed ahead waits again then, held where the rest is."""
        refused = next((o for o in outcomes if o.result is Result.STOPPED), None)
        if refused is None and self._silent >= _PATIENCE and not self._leavers:
            refused = outcomes[0]
        if refused is not None:
            self._stop(refused)
        failing = any(o.result is Result.FAILED for o in outcomes) and guarding.is_failing(
            self._application, now()
        )
        if not (self._course.over or failing):
            return False
        if ahead:
            claiming.give_back(ahead[0])
        if failing:
            guarding.hold_failing(self._application, now())
        return True

    def _settle(self, rows: Sequence[Operation], outcomes: Sequence[Outcome]) -> None:
        """Where it fails (a full disk, a database that is read-only) the next would fail as well:
        whatever else was sent would have to be looked for afterwards."""
        try:
            self._store(rows, outcomes)
        except BaseException:
            self._course.unstored = True
            raise

    def _store(self, rows: Sequence[Operation], outcomes: Sequence[Outcome]) -> None:
        settling.settle(self._application, outcomes, {row.pk: row for row in rows}, now())
        # It is known now what became of these: the rest can be planned.
        looked_for = {outcome.work.operation for outcome in outcomes if outcome.work.outdated}
        found = frozenset(row.person_id for row in rows if row.pk in looked_for and row.person_id)
        if found:
            plans.store(Scope(people=found), now=now_for_all(), reason=_LOOKED_FOR, by_itself=True)
        postponed.catch_up(self._application)
        settling.close_runs(now())
        settling.wake_those_behind(rows)
        pacing.keep(self._application, self._course.learnt)
        if any(o.result is Result.DONE for o in outcomes):
            health.works(self._application)
        self._course.count(outcomes)


def _is_trouble(outcomes: Sequence[Outcome]) -> bool:
    bad = (Result.STOPPED, Result.FAILED)
    return any(o.result in bad for o in outcomes) or _nothing_came_through(outcomes)


def _nothing_came_through(outcomes: Sequence[Outcome]) -> bool:
    return all(o.result in (Result.RETRY, Result.UNKNOWN) and o.after is None for o in outcomes)


async def _answers(connector: Connector) -> bool:
    """Whether the application can be read."""
    try:
        return all(check.ok for check in await connector.check())
    except ConnectorError:
        return False


def _known(application: Application) -> list[str]:
    """Remote ids of open accounts; not of those that were made just now, and may not be listed
    yet."""
    arrived = longest_answer(application) + seeking.ARRIVED_AFTER
    before = now() - timedelta(seconds=arrived)
    rows = Account.objects.filter(application=application, active=True, created_at__lt=before)
    rows = rows.exclude(situation=Situation.DELETED.value)
    return list(rows.values_list("remote_id", flat=True))


def _entitlements(application: Application) -> dict[str, str]:
    rows = Entitlement.objects.filter(application=application, managed=True)
    return dict(rows.values_list("key", "remote_id"))


def _keep_entitlements(
    application: Application, before: dict[str, str], groups: dict[str, str]
) -> None:
    """A reconciliation may have found another one meanwhile: that stays."""
    for key, remote_id in groups.items():
        if remote_id != (known := before.get(key, "")):
            rows = Entitlement.objects.filter(application=application, key=key, remote_id=known)
            rows.update(remote_id=remote_id)
