"""Reading an application's accounts: what is there, what changed, what is nobody's, what is gone.

The listing is read outside of any transaction, page by page, and compared by fingerprint: an
account that did not change costs a dictionary look-up. What is found is never written back here;
people whose accounts differ are marked, and planned like any other change.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection, transaction

from tenure.applications import health
from tenure.applications.connecting import connector_for
from tenure.applications.models import Account, Application, Entitlement
from tenure.audit.models import Action, Event
from tenure.audit.services import event, record_many
from tenure.connectors.base import ConnectorError, Listed, RemoteAccount, StopApplication
from tenure.core.correlation import MatchRule, PeopleIndex
from tenure.core.diff import same
from tenure.core.model import OperationState, Situation
from tenure.infra.bulk import update_rows
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.services import raise_generation
from tenure.provisioning import settling
from tenure.provisioning.loading import CASELESS
from tenure.provisioning.models import Operation
from tenure.runs import services as runs
from tenure.runs.models import Run, RunIssue, RunKind, RunState, Severity

Progress = Callable[[int], None]
DEFAULT_MATCHING = (MatchRule("userName", "email"), MatchRule("emails.work", "email"))
_OBSERVED = ("attributes", "user_name", "active", "fingerprint", "entitlements", "observed_at")


@dataclass(frozen=True, slots=True)
class ReconcileResult:
    """`counters`: seen, unchanged, changed, new, linked, orphans, disputed, gone, drift."""

    run: Run
    counters: Mapping[str, int]
    issues: tuple[RunIssue, ...] = ()


@dataclass(slots=True)
class _Known:
    """One of our records, as little of it as a comparison needs."""

    pk: int
    fingerprint: bytes
    seen: bool = False


@dataclass(slots=True)
class _Reading:
    application: Application
    run: Run
    known: dict[str, _Known]
    at: datetime
    counters: Counter[str] = field(default_factory=Counter)
    issues: list[RunIssue] = field(default_factory=list)
    affected: set[int] = field(default_factory=set)
    matcher: PeopleIndex | None = None


async def reconcile_by_slug(slug: str, progress: Progress | None = None) -> ReconcileResult:
    """Read one application. Raises `ConnectorError` when it cannot be read: nothing changes then
    but its health; half a listing never makes an account count as gone."""
    tables = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"reconcile-{slug}")
    loop = asyncio.get_running_loop()

    async def do(call: Callable[[], object]) -> object:
        return await loop.run_in_executor(tables, call)

    reading = await loop.run_in_executor(tables, lambda: _begin(slug))
    try:
        connector = await loop.run_in_executor(tables, lambda: connector_for(reading.application))
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
            held = {}
            if connector.capabilities.entitlements:
                held = {
                    f"{item.kind}:{item.name}": (item.remote_id, item.members)
                    async for item in connector.entitlements()
                }
        await do(lambda: _finish(reading, held))
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
    rows = (
        Account.objects.filter(application=application)
        .exclude(situation=Situation.DELETED.value)
        .values_list("remote_id", "pk", "fingerprint")
    )
    known = {remote: _Known(pk, bytes(mark)) for remote, pk, mark in rows.iterator(5000)}
    run = runs.start(RunKind.RECONCILE, slug, total=len(known) or None)
    return _Reading(application, run, known, now())


def _changed_only(reading: _Reading, page: Sequence[Listed]) -> list[RemoteAccount]:
    """The accounts of a page that are new or differ from when we last saw them."""
    fresh = []
    for item in page:
        known = reading.known.get(item.remote_id)
        if known is not None and known.seen:
            continue
        reading.counters["seen"] += 1
        if known is None:
            reading.known[item.remote_id] = _Known(0, item.fingerprint, seen=True)
            fresh.append(item.load())
            continue
        known.seen = True
        if known.fingerprint == item.fingerprint:
            reading.counters["unchanged"] += 1
        else:
            fresh.append(item.load())
    return fresh


@transaction.atomic
def _store(reading: _Reading, accounts: Sequence[RemoteAccount]) -> None:
    """New accounts are tied to their owners where there is exactly one; known ones updated."""
    remote = {account.remote_id: account for account in accounts}
    rows = {
        row.remote_id: row
        for row in Account.objects.select_for_update(of=("self",))
        .filter(application=reading.application, remote_id__in=remote)
        .exclude(situation=Situation.DELETED.value)
        .select_related("person")
    }
    busy = _under_way(reading.application, [r.person_id for r in rows.values() if r.person_id])
    events: list[Event] = []
    for key, row in rows.items():
        events += _compare(reading, row, remote[key], ours=row.person_id in busy)
    update_rows(list(rows.values()), _OBSERVED)
    fresh = [_new(reading, account) for key, account in remote.items() if key not in rows]
    Account.objects.bulk_create(fresh, batch_size=1000)
    reading.counters["new"] += len(fresh)
    events += [
        _event(Action.ACCOUNT_ADOPTED, reading, row, after=row.attributes)
        for row in fresh
        if row.situation == Situation.LINKED.value
    ]
    record_many(events)
    runs.advance(reading.run, done=len(accounts), counters=reading.counters)


def _under_way(application: Application, people: Sequence[int]) -> set[int | None]:
    """People for whom we are just changing this application: no drift of somebody else's."""
    open_states = [OperationState.STARTED.value, OperationState.UNKNOWN.value]
    rows = Operation.objects.filter(
        application=application, person_id__in=people, state__in=open_states
    )
    return set(rows.values_list("person_id", flat=True))


def _compare(reading: _Reading, row: Account, remote: RemoteAccount, *, ours: bool) -> list[Event]:
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
    """A record for an account that we did not know, with its owner where that is certain."""
    row = Account(
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
    match = _matcher(reading).owners({"externalId": "", **remote.attributes})
    if match.only is not None and _is_free(reading, int(match.only)):
        row.person_id, row.situation = int(match.only), Situation.LINKED.value
        reading.affected.add(int(match.only))
        reading.counters["linked"] += 1
    elif match.people:
        row.situation = Situation.DISPUTED.value
        row.candidates = list(match.people)
        reading.counters["disputed"] += 1
    else:
        reading.counters["orphans"] += 1
        _complain(
            reading, row.user_name or row.remote_id, "This account belongs to nobody we know."
        )
    return row


def _matcher(reading: _Reading) -> PeopleIndex:
    if reading.matcher is None:
        rules = [
            MatchRule(item["account"], item["person"]) for item in reading.application.matching
        ] or list(DEFAULT_MATCHING)
        people: Iterable[tuple[int, dict[str, object]]] = Person.objects.values_list(
            "pk", "attributes"
        ).iterator(5000)
        reading.matcher = PeopleIndex(rules, ((str(pk), a) for pk, a in people))  # type: ignore[misc]
    return reading.matcher


def _is_free(reading: _Reading, person: int) -> bool:
    """Whether the person has no linked account here yet."""
    if person in reading.affected:
        return False
    return not Account.objects.filter(
        application=reading.application, person_id=person, situation=Situation.LINKED.value
    ).exists()


@transaction.atomic
def _finish(reading: _Reading, held: Mapping[str, tuple[str, frozenset[str] | None]]) -> None:
    """What was not listed is gone; memberships as they are now; whose plan has to be looked at."""
    gone = [known.pk for known in reading.known.values() if not known.seen and known.pk]
    _gone(reading, gone)
    _memberships(reading, held)
    raise_generation(reading.affected)
    runs.complain(reading.issues)
    Application.objects.filter(pk=reading.application.pk).update(reconciled_at=reading.at)
    health.resume(reading.application)
    seen = reading.counters["seen"]
    runs.finish(reading.run, counters=reading.counters, done=seen, total=seen)


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
        row.evidence = {
            "at": reading.at.isoformat(),
            "sent": "nothing",
            "read_back": "it is no longer in the application's list of accounts",
        }
        if row.person_id is not None:
            reading.affected.add(row.person_id)
        _complain(reading, row.user_name or row.remote_id, "This account was deleted there.")
    update_rows(rows, ["situation", "deleted_at", "active", "evidence"])
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
) -> Event:
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
