"""Reading an application's accounts: what is there, what changed, what is nobody's, what is gone.

The listing is read outside of any transaction, page by page, and compared by fingerprint: a page
on which nothing changed is compared as a whole. What is found is never written back here;
people whose accounts differ are marked, and planned like any other change.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection, transaction

from tenure.applications import health
from tenure.applications.connecting import connector_for
from tenure.applications.models import Account, Application, Entitlement
from tenure.audit.models import Action
from tenure.audit.services import Entry, event, record_many
from tenure.connectors.base import (
    ConnectorError,
    Listed,
    RemoteAccount,
    StopApplication,
)
from tenure.core.diff import same
from tenure.core.drift import action as drift_action
from tenure.core.drift import told
from tenure.core.model import Change, DriftAction, OperationState, Situation
from tenure.infra.bulk import among, insert_instances, update_rows
from tenure.infra.clock import now
from tenure.people.services import raise_generation
from tenure.provisioning import (
    correlating,
    fingerprints,
    first_contact,
    last_owner,
    missing,
    settling,
)
from tenure.provisioning.loading import CASELESS, drift_policy
from tenure.provisioning.models import Operation
from tenure.runs import services as runs
from tenure.runs.models import Run, RunIssue, RunKind, RunState, Severity

Progress = Callable[[int], None]
_OBSERVED = ("attributes", "user_name", "active", "fingerprint", "entitlements", "observed_at")


@dataclass(frozen=True, slots=True)
class ReconcileResult:
    """`counters`: seen, unchanged, changed, new, drift, memberships; of accounts that were not
    tied to anybody linked, orphans, disputed, ignored; gone, and missing where the listing lacks
    too many to believe it."""

    run: Run
    counters: Mapping[str, int]
    issues: tuple[RunIssue, ...] = ()


@dataclass(slots=True)
class _Reading:
    application: Application
    run: Run
    #: Remote id -> fingerprint of what we knew before.
    fingerprints: dict[str, bytes]
    at: datetime
    #: How many accounts we know by now.
    known: int = 0
    seen: set[str] = field(default_factory=set)
    counters: Counter[str] = field(default_factory=Counter)
    issues: list[RunIssue] = field(default_factory=list)
    affected: set[int] = field(default_factory=set)


async def reconcile_by_slug(
    slug: str, progress: Progress | None = None, *, accept_missing: bool = False
) -> ReconcileResult:
    """Read one application. Raises `ConnectorError` when it cannot be read: nothing changes then
    but its health; half a listing never makes an account count as gone. `accept_missing`: a person
    says that so many really are gone."""
    tables = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"reconcile-{slug}")
    loop = asyncio.get_running_loop()

    async def do(call: Callable[[], object]) -> object:
        return await loop.run_in_executor(tables, call)

    reading = await loop.run_in_executor(tables, lambda: _begin(slug))
    try:
        connector = await loop.run_in_executor(tables, lambda: connector_for(reading.application))
        if not connector.capabilities.listed:
            await do(lambda: _nothing_to_read(reading))
            return ReconcileResult(reading.run, dict(reading.counters), ())
        async with connector:
            pending: asyncio.Future[None] | None = None
            async for page in connector.accounts():
                fresh = _changed_only(reading, page)
                if pending is not None:
                    await pending
                    pending = None
                if fresh:
                    pending = loop.run_in_executor(
                        tables,
                        lambda f=fresh: _store(reading, f),  # type: ignore[misc]
                    )
                if progress:
                    progress(reading.counters["seen"])
            if pending is not None:
                await pending
            gone = await missing.verified(
                connector,
                await loop.run_in_executor(tables, lambda: _unseen(reading)),
                reading.known,
                accepted=accept_missing,
            )
            if gone.still_there:
                await do(lambda: _store(reading, gone.still_there))
            own = await connector.own_account()
            owners = await last_owner.told(connector)
            held = {}
            if connector.capabilities.entitlements:
                held = {
                    f"{item.kind}:{item.name}": (item.remote_id, item.members)
                    async for item in connector.entitlements()
                }
        await do(lambda: _finish(reading, held, gone, own, owners))
    except (ConnectorError, LookupError, ValueError) as error:
        message, stop = str(error), isinstance(error, StopApplication)
        await do(lambda: _failed(reading, message, stop=stop))
        raise
    finally:
        await do(_close)
        tables.shutdown(wait=False)
    return ReconcileResult(reading.run, dict(reading.counters), tuple(reading.issues))


def _close() -> None:
    """The connection of the thread in which this runs."""
    connection.close()


def _begin(slug: str) -> _Reading:
    application = Application.objects.get(slug=slug)
    known = fingerprints.of(application)
    run = runs.start(RunKind.RECONCILE, slug, total=len(known) or None)
    return _Reading(application, run, known, now(), known=len(known))


def _changed_only(reading: _Reading, page: Sequence[Listed]) -> list[RemoteAccount]:
    """The accounts of a page that are new or differ from when we last saw them."""
    listed = {item.remote_id: item.fingerprint for item in page}
    known, seen = reading.fingerprints, reading.seen
    new = listed.keys() - seen if not seen.isdisjoint(listed) else listed.keys()
    seen.update(new)
    reading.counters["seen"] += len(new)
    if len(new) == len(page) and listed.items() <= known.items():
        reading.counters["unchanged"] += len(page)
        return []
    # What comes twice counts as it came first.
    first = {item.remote_id: item for item in reversed(page) if item.remote_id in new}
    fresh = [item for key, item in first.items() if known.get(key) != item.fingerprint]
    reading.counters["unchanged"] += len(first) - len(fresh)
    reading.known += sum(item.remote_id not in known for item in fresh)
    return [item.load() for item in reversed(fresh)]


@transaction.atomic
def _store(reading: _Reading, accounts: Sequence[RemoteAccount]) -> None:
    """New accounts are recorded, as nobody's so far; known ones are updated."""
    remote = {account.remote_id: account for account in accounts}
    rows = {
        row.remote_id: row
        for row in Account.objects.select_for_update(of=("self",))
        .filter(application=reading.application, remote_id__in=remote)
        .exclude(situation=Situation.DELETED.value)
        .select_related("person")
    }
    busy = _under_way(reading.application, [r.person_id for r in rows.values() if r.person_id])
    # What was sent or read since this reading began is newer than what the listing says.
    current = {k: r for k, r in rows.items() if not r.observed_at or r.observed_at <= reading.at}
    events: list[Entry] = []
    for key, row in current.items():
        events += _compare(reading, row, remote[key], ours=row.person_id in busy)
    update_rows(list(current.values()), _OBSERVED)
    fresh = [_new(reading, account) for key, account in remote.items() if key not in rows]
    # Made by us, or listed by somebody else, this very moment: it is known already.
    insert_instances(fresh, skip=True)
    reading.counters["new"] += len(fresh)
    record_many(events)
    runs.advance(reading.run, done=len(accounts), counters=reading.counters)


def _under_way(application: Application, people: Sequence[int]) -> set[int | None]:
    """People for whom we are just changing this application: no drift of somebody else's."""
    open_states = [OperationState.STARTED.value, OperationState.UNKNOWN.value]
    rows = Operation.objects.filter(
        application=application, person_id__in=people, state__in=open_states
    )
    return set(rows.values_list("person_id", flat=True))


def _compare(reading: _Reading, row: Account, remote: RemoteAccount, *, ours: bool) -> list[Entry]:
    """Bring one record up to what the application says now, and tell what somebody changed."""
    differing = {
        name: (row.attributes.get(name), remote.attributes.get(name))
        for name in sorted(row.attributes.keys() | remote.attributes.keys())
        if not same(
            row.attributes.get(name), remote.attributes.get(name), caseless=name in CASELESS
        )
    }
    if remote.active is not None and row.active is not None and remote.active != row.active:
        differing["active"] = (row.active, remote.active)
        row.disabled_at = None if remote.active else (row.disabled_at or reading.at)
        Account.objects.filter(pk=row.pk).update(disabled_at=row.disabled_at)
    row.attributes = dict(remote.attributes)
    row.user_name = str(remote.attributes.get("userName") or row.user_name)
    row.active = remote.active
    row.fingerprint = remote.fingerprint
    row.observed_at = reading.at
    if not differing or ours:
        return []
    reading.counters["changed"] += 1
    if row.situation != Situation.LINKED.value or row.person_id is None:
        return []
    reading.counters["drift"] += 1
    reading.affected.add(row.person_id)
    policy = drift_policy(reading.application)
    said = [
        told(name, Change(new, old))
        for name, (old, new) in differing.items()
        if drift_action(policy, name) is DriftAction.REPORT
    ]
    if said:
        _complain(reading, row.user_name or row.remote_id, f"Changed there: {'; '.join(said)}.")
    return [
        _event(
            Action.ACCOUNT_DRIFTED,
            reading,
            row,
            before={name: old for name, (old, _) in differing.items()},
            after={name: new for name, (_, new) in differing.items()},
        )
    ]


def _new(reading: _Reading, remote: RemoteAccount) -> Account:
    """A record for an account that we did not know. Whose it is, is decided when all are read."""
    return Account(
        application=reading.application,
        remote_id=remote.remote_id,
        user_name=str(remote.attributes.get("userName") or ""),
        situation=Situation.UNMATCHED.value,
        active=remote.active,
        attributes=dict(remote.attributes),
        fingerprint=remote.fingerprint,
        created_at=reading.at,
        observed_at=reading.at,
    )


def _unseen(reading: _Reading) -> list[missing.Unseen]:
    unseen = among(reading.fingerprints.keys() - reading.seen, "text")
    rows = Account.objects.filter(application=reading.application, remote_id__in=unseen).exclude(
        situation=Situation.DELETED.value
    )
    return [
        missing.Unseen(pk, remote, active is False)
        for pk, remote, active in rows.values_list("pk", "remote_id", "active")
    ]


@transaction.atomic
def _finish(
    reading: _Reading,
    held: Mapping[str, tuple[str, frozenset[str] | None]],
    gone: missing.Missing,
    own: str | None,
    owners: frozenset[str] | None,
) -> None:
    """What was not listed is gone; memberships as they are now; whose plan has to be looked at."""
    application = reading.application
    _gone(reading, gone.keys)
    if gone.doubt:
        reading.counters["missing"] = gone.unseen
        _complain(reading, "", gone.doubt)
    _own(application, own)
    _memberships(reading, held)
    last_owner.observed(application, owners)
    _correlate(reading)
    raise_generation(reading.affected)
    runs.complain(reading.issues)
    first_contact.read(application, at=reading.at, found=reading.counters["seen"])
    health.readable(application)
    seen = reading.counters["seen"]
    runs.finish(reading.run, counters=reading.counters, done=seen, total=seen)


@transaction.atomic
def _nothing_to_read(reading: _Reading) -> None:
    """Nobody can read it: what people said of its accounts stays as it is."""
    first_contact.read(reading.application, at=reading.at, found=0)
    health.readable(reading.application)
    message = "Nothing can be read there: what is known is what people said they did."
    runs.finish(reading.run, message=message, counters=reading.counters, done=0, total=0)


def _correlate(reading: _Reading) -> None:
    """Whose the accounts are that are not tied to anybody, if anything can have changed."""
    application = reading.application
    if not (
        reading.counters["new"]
        or reading.counters["changed"]
        or application.correlated_by != correlating.digest(application)
        or correlating.undecided(application).filter(situation=Situation.UNLINKED.value).exists()
    ):
        return
    found = correlating.correlate_application(application, reading.run.pk)
    reading.counters.update(found.counters)
    for row, message in found.told:
        _complain(reading, row.user_name or row.remote_id, message)


def _own(application: Application, own: str | None) -> None:
    """The account whose credentials we use is never touched: not by us."""
    if own is None:
        return
    rows = Account.objects.filter(application=application)
    rows.filter(own=True).exclude(remote_id=own).update(own=False)
    rows.filter(remote_id=own, own=False).update(own=True)


def _gone(reading: _Reading, keys: Sequence[int]) -> None:
    rows = list(
        # One that we made or changed just now may not be listed yet.
        Account.objects.filter(
            pk__in=keys, observed_at__lt=reading.at - timedelta(seconds=settling.SHOWN_AFTER)
        ).select_related("person")
    )
    for row in rows:
        row.situation, row.deleted_at, row.active = (
            Situation.DELETED.value,
            reading.at,
            False,
        )
        row.deleted_there = True
        row.evidence = {
            "at": reading.at.isoformat(),
            "sent": "nothing",
            "read_back": "it is neither listed by the application nor found when asked for",
        }
        if row.person_id is not None:
            reading.affected.add(row.person_id)
        _complain(reading, row.user_name or row.remote_id, "This account was deleted there.")
    update_rows(rows, ["situation", "deleted_at", "active", "evidence", "deleted_there"])
    correlating.cancel_orphan_steps(rows)
    reading.counters["gone"] += len(rows)
    record_many(
        [
            _event(Action.ACCOUNT_DRIFTED, reading, row, before=None, after={"deleted": True})
            for row in rows
        ]
    )


def _memberships(reading: _Reading, held: Mapping[str, tuple[str, frozenset[str] | None]]) -> None:
    """Who holds which managed entitlement, as the application says."""
    rows = Entitlement.objects.filter(application=reading.application, managed=True)
    of: dict[str, set[str]] = {}
    told: set[str] = set()
    for item in rows:
        remote_id, members = held.get(item.key, ("", frozenset()))
        if remote_id and remote_id != item.remote_id:
            Entitlement.objects.filter(pk=item.pk).update(remote_id=remote_id)
        if members is None:
            continue
        told.add(item.key)
        for member in members:
            of.setdefault(member, set()).add(item.key)
    _made_sure(reading, told)
    if not told:
        return
    changed = []
    accounts = Account.objects.filter(application=reading.application).exclude(
        situation=Situation.DELETED.value
    )
    for row in accounts.only("pk", "remote_id", "entitlements", "person_id").iterator(5000):
        now_held = sorted((set(row.entitlements) - told) | of.get(row.remote_id, set()))
        if now_held != row.entitlements:
            row.entitlements = now_held
            changed.append(row)
            if row.person_id is not None:
                reading.affected.add(row.person_id)
    update_rows(changed, ["entitlements"])
    reading.counters["memberships"] += len(changed)


def _made_sure(reading: _Reading, told: set[str]) -> None:
    """Whatever requests without an answer may have changed there: it was read since."""
    rows = list(
        Account.objects.filter(application=reading.application, observed_at__lte=reading.at)
        .exclude(unsure=[])
        # Something may still arrive there.
        .exclude(unsure_until__gt=reading.at)
    )
    kinds = {row.kind for row in Entitlement.objects.filter(application=reading.application)}
    for row in rows:
        row.unsure = [n for n in row.unsure if n.partition(":")[0] in kinds and n not in told]
        if row.person_id is not None:
            reading.affected.add(row.person_id)
    update_rows(rows, ["unsure"])


def _failed(reading: _Reading, message: str, *, stop: bool) -> None:
    runs.finish(reading.run, RunState.FAILED, message=message, counters=reading.counters)
    if stop:
        health.stop(reading.application, message)


def _complain(reading: _Reading, key: str, message: str) -> None:
    if len(reading.issues) < 10_000:
        reading.issues.append(
            RunIssue(run=reading.run, severity=Severity.WARNING, key=key[:300], message=message)
        )


def _event(
    action: Action, reading: _Reading, row: Account, *, before: object = None, after: object = None
) -> Entry:
    return event(
        action,
        subject_kind="account",
        subject_key=str(row.pk or row.remote_id),
        subject_label=f"{row.user_name or row.remote_id} in {reading.application.name}",
        application=reading.application.slug,
        person=str(row.person.uid) if row.person else "",
        before=before,
        after=after,
        run=reading.run.pk,
    )
