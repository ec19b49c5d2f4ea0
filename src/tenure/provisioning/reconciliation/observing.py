"""What a listing says of accounts, compared with what is known of them, a page at a time.

A page on which nothing changed is compared as a whole, by fingerprints. New accounts are recorded
as nobody's, known ones are brought up to what the application says, and what somebody else changed
is told. It must not know how an application is asked, nor whose an account is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Q

from tenure.applications.models import Account, Application
from tenure.audit.models import Action
from tenure.audit.services import Entry, event, record_many
from tenure.connectors.base import Listed, RemoteAccount
from tenure.core.diff import same
from tenure.core.drift import ACTIVE, told
from tenure.core.drift import action as drift_action
from tenure.core.model import Change, DriftAction, OperationState, Situation
from tenure.core.veiling import Veil
from tenure.infra.bulk import insert_instances, update_rows
from tenure.infra.clock import now
from tenure.provisioning.models import Operation
from tenure.provisioning.records import locks, veiling
from tenure.provisioning.records.loading import CASELESS, drift_policy
from tenure.provisioning.records.work import CLOSES, IS_CLOSED
from tenure.runs import services as runs
from tenure.runs.models import Run, RunIssue, Severity

_OBSERVED = ("attributes", "user_name", "active", "fingerprint", "entitlements", "observed_at")
#: States of what was sent, of what goes on by itself, and of what does not.
_SENT = [OperationState.STARTED.value, OperationState.UNKNOWN.value]
_TO_SEND = [OperationState.PLANNED.value, OperationState.RETRYING.value]
_STUCK = [OperationState.HELD.value, OperationState.MANUAL.value, OperationState.FAILED.value]
#: A run tells of so many accounts, and counts the others.
_MOST_ISSUES = 10_000


@dataclass(slots=True)
class Reading:
    """One application being read, and what was found so far."""

    application: Application
    run: Run
    #: Remote id -> fingerprint of what we knew before.
    fingerprints: dict[str, bytes]
    at: datetime
    veil: Veil
    #: The attributes that accounts were read with before, and are now: what others changed shows in
    #: these only. None: in all.
    comparable: frozenset[str] | None = None
    #: Closing an account is deleting it there.
    closing_deletes: bool = False
    #: How many accounts we know by now.
    known: int = 0
    seen: set[str] = field(default_factory=set)
    counters: Counter[str] = field(default_factory=Counter)
    issues: list[RunIssue] = field(default_factory=list)
    #: People whose plan has to be looked at.
    affected: set[int] = field(default_factory=set)

    def complain(self, key: str, message: str) -> None:
        """Something that the run tells of one account."""
        if len(self.issues) < _MOST_ISSUES:
            self.issues.append(
                RunIssue(run=self.run, severity=Severity.WARNING, key=key[:300], message=message)
            )

    def found(
        self,
        action: Action,
        row: Account,
        *,
        before: Mapping[str, Any],
        after: Mapping[str, Any] | None = None,
        reason: str = "",
    ) -> Entry:
        """The event that somebody else did this to it; what is sensitive of it is veiled."""
        slug, owner = self.application.slug, veiling.owner_of(row.person, row)
        return event(
            action,
            subject_kind="account",
            subject_key=str(row.pk or row.remote_id),
            subject_label=f"{row.user_name or row.remote_id} in {self.application.name}",
            application=self.application.slug,
            person=str(row.person.uid) if row.person else "",
            reason=reason,
            before=self.veil.values(slug, owner, before),
            after=after and self.veil.values(slug, owner, after),
            run=self.run.pk,
        )


def changed_only(reading: Reading, page: Sequence[Listed]) -> list[RemoteAccount]:
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
def store(reading: Reading, accounts: Sequence[RemoteAccount]) -> None:
    """New accounts are recorded, as nobody's so far; known ones are updated."""
    remote = {account.remote_id: account for account in accounts}
    if not remote.keys() <= reading.fingerprints.keys():
        locks.before_new_accounts(reading.application, made=False)
    rows = {
        row.remote_id: row
        for row in Account.objects.select_for_update(of=("self",))
        .filter(application=reading.application, remote_id__in=remote)
        .exclude(situation=Situation.DELETED.value)
        .select_related("person")
        .order_by("pk")
    }
    ours = _ours(reading.application, [r.person_id for r in rows.values() if r.person_id])
    # What was sent or read since this reading began is newer than what the listing says.
    current = {k: r for k, r in rows.items() if not r.observed_at or r.observed_at <= reading.at}
    events: list[Entry] = []
    for key, row in current.items():
        events += _compare(reading, row, remote[key], ours)
    update_rows(list(current.values()), _OBSERVED)
    fresh = [_new(reading, account) for key, account in remote.items() if key not in rows]
    # Made by us, or listed by somebody else, this very moment: it is known already.
    insert_instances(fresh, skip=True)
    reading.counters["new"] += len(fresh)
    record_many(events)
    runs.advance(reading.run, done=len(accounts), counters=reading.counters)


class _Ours(NamedTuple):
    """What we sent, and nobody has answered, or what did not show yet."""

    #: For whom: what changes at their accounts is no drift of somebody else's.
    people: frozenset[int | None]
    #: Account -> what was sent to close it.
    closing: Mapping[int | None, str]


def _ours(application: Application, people: Sequence[int]) -> _Ours:
    accepted = Q(progress__has_key="account")
    may_be_done = Q(kind__in=CLOSES, started_at__isnull=False, account__unsure__contains=[ACTIVE])
    rows = Operation.objects.filter(
        Q(state__in=_SENT) | Q(state__in=[*_TO_SEND, *_STUCK]) & (accepted | may_be_done),
        application=application,
        person_id__in=people,
    )
    found = list(rows.values_list("person_id", "account_id", "kind", "state"))
    return _Ours(
        people=frozenset(person for person, _, _, state in found if state not in _STUCK),
        closing={account: kind for _, account, kind, _ in found if kind in CLOSES},
    )


def _compare(reading: Reading, row: Account, remote: RemoteAccount, ours: _Ours) -> list[Entry]:
    """Bring one record up to what the application says now, and tell what somebody changed."""
    differing = {
        name: (row.attributes.get(name), remote.attributes.get(name))
        for name in sorted(row.attributes.keys() | remote.attributes.keys())
        if not same(
            row.attributes.get(name), remote.attributes.get(name), caseless=name in CASELESS
        )
    }
    if reading.comparable is not None and (unknown := differing.keys() - reading.comparable):
        # Nobody changed these: they were not asked for before.
        differing = {name: both for name, both in differing.items() if name not in unknown}
        if row.person_id is not None:
            reading.affected.add(row.person_id)
    if remote.active is not None and row.active is not None and remote.active != row.active:
        differing["active"] = (row.active, remote.active)
        row.disabled_at = None if remote.active else (row.disabled_at or reading.at)
        # What was proven is not so any more, or was not brought about by us.
        row.evidence = None
        if remote.active is False and row.pk in ours.closing:
            # Nobody answered, and it shows that it was done.
            row.evidence = {
                "at": now().isoformat(timespec="milliseconds"),
                "sent": ours.closing[row.pk],
                "read_back": IS_CLOSED,
            }
        Account.objects.filter(pk=row.pk).update(disabled_at=row.disabled_at, evidence=row.evidence)
    row.attributes = dict(remote.attributes)
    row.user_name = str(remote.attributes.get("userName") or row.user_name)
    row.active = remote.active
    row.fingerprint = remote.fingerprint
    row.observed_at = reading.at
    if not differing:
        reading.counters["unchanged"] += 1
    if not differing or row.person_id in ours.people:
        return []
    reading.counters["changed"] += 1
    if row.situation != Situation.LINKED.value or row.person_id is None:
        return []
    reading.counters["drift"] += 1
    reading.affected.add(row.person_id)
    policy = drift_policy(reading.application)
    said = [
        told(name, Change(new, old), hidden=name in reading.veil.of(policy.slug))
        for name, (old, new) in differing.items()
        if drift_action(policy, name) is DriftAction.REPORT
    ]
    if said:
        reading.complain(row.user_name or row.remote_id, f"Changed there: {'; '.join(said)}.")
    return [
        reading.found(
            Action.ACCOUNT_DRIFTED,
            row,
            before={name: old for name, (old, _) in differing.items()},
            after={name: new for name, (_, new) in differing.items()},
        )
    ]


def _new(reading: Reading, remote: RemoteAccount) -> Account:
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
