"""Local records of accounts after operations on them: made, changed, closed, tombstones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from tenure.applications.models import Account, Application
from tenure.core.drift import ACTIVE, ENTITLEMENTS, Baseline, held_by, sent
from tenure.core.model import OperationKind, OperationState, Situation
from tenure.infra.bulk import among, insert_instances, update_rows
from tenure.infra.clock import now as clock_now
from tenure.infra.instances import blanks, relate
from tenure.people.models import Person
from tenure.people.services import lock, raise_generation
from tenure.provisioning.models import Operation
from tenure.provisioning.records import locks
from tenure.provisioning.records.work import MADE_WAY, Outcome, Result, carries

#: What every operation says of its account, and what only some kinds do: the rest may have been
#: read, or decided, otherwise since it was begun, and is not written over.
_ALWAYS = ("unsure", "entitlements", "fingerprint", "baseline", "observed_at")
_SWITCHED = ("active", "disabled_at", "transferred_at", "evidence")
_GONE = ("active", "disabled_at", "evidence", "deleted_at", "situation", "deleted_there")
_OF_KIND = {
    OperationKind.UPDATE: ("user_name", "attributes"),
    OperationKind.DISABLE: _SWITCHED,
    OperationKind.ENABLE: _SWITCHED,
    OperationKind.TRANSFER: ("transferred_at",),
    OperationKind.DELETE: ("active", "evidence", "deleted_at", "situation"),
    OperationKind.CREATE: (
        *("user_name", "attributes", *_SWITCHED, "deleted_at"),
        *("person", "situation", "candidates", "situation_reason", "adopted_at"),
    ),
}


def is_made(row: Operation, outcome: Outcome) -> bool:
    """Whether there is something to store: it is done, or an account was made and the rest of the
    operation is still to come. An account that exists must be known here, whatever follows."""
    return outcome.result is Result.DONE or (
        row.kind == OperationKind.CREATE and outcome.account is not None
    )


def not_made(
    known: Mapping[str, Account], done: Sequence[tuple[Operation, Outcome]]
) -> list[tuple[Outcome, Account]]:
    """Those that came to no new account but to somebody else's: some applications answer with the
    account that is there where the name is taken. It stays its owner's, and what may have been
    written to it is put right by their next plan."""
    found = []
    for row, outcome in done:
        account = known.get(outcome.work.remote_id)
        if row.kind != OperationKind.CREATE or outcome.account is None or account is None:
            continue
        linked = account.situation == Situation.LINKED
        if linked and account.person_id not in (None, row.person_id):
            account.unsure = sorted({*account.unsure, *row.attributes, *row.grant, ACTIVE})
            account.fingerprint = b""
            found.append((outcome, account))
    update_rows([account for _, account in found], ["unsure", "fingerprint"])
    raise_generation([account.person_id for _, account in found if account.person_id])
    return found


def store_accounts(
    application: Application,
    known: Mapping[str, Account],
    done: Sequence[tuple[Operation, Outcome]],
    now: datetime,
) -> None:
    """Bring the records of accounts up to what was just done, and tie operations to them. `known`
    are the accounts that were made, as far as they were there before."""
    elsewhere = _linked_elsewhere(application, done)
    mapped = [str(item["attribute"]) for item in application.mapping]
    fresh: list[Account] = []
    changed: dict[OperationKind, list[Account]] = {}
    gone: list[Account] = []
    tied: list[tuple[Operation, Account]] = []
    blank = blanks(Account, application_id=application.pk, created_at=now)
    for row, outcome in done:
        of_kind = changed.setdefault(outcome.work.kind, [])
        if row.kind == OperationKind.CREATE:
            account = known.get(outcome.work.remote_id) or row.account
            if account is not None and outcome.account is None:
                # Made by an earlier attempt: only the memberships are new.
                _after(account, row, outcome, now)
                tied.append((row, account))
                of_kind.append(account)
                continue
            if account is None:
                account = blank()
                account.remote_id = outcome.work.remote_id
                fresh.append(account)
            else:
                of_kind.append(account)
            _made(account, row, outcome, now, mapped)
            if elsewhere.get(row.person_id, account.remote_id) != account.remote_id:
                # Tied to another account while this one was made: neither is forgotten, and whose
                # this is a person decides.
                account.situation, account.person_id = Situation.DISPUTED.value, None
                account.candidates = [str(row.person_id)]
                account.situation_reason = "The person whose it could be has another account here."
            tied.append((row, account))
        elif row.account is not None:
            _after(row.account, row, outcome, now)
            (gone if outcome.gone or outcome.removed else of_kind).append(row.account)
    if application.keeps_owner:
        of = {row.pk: account for row, account in tied}
        for row, outcome in done:
            account = of.get(row.pk) or row.account
            if account is not None:
                _own(account, application.keeps_owner, outcome)
    insert_instances(fresh, numbered=True)
    # Only now: it has its key.
    for row, account in tied:
        row.account_id = account.pk
        relate(row, "account", account)
    always = (*_ALWAYS, "owner") if application.keeps_owner else _ALWAYS
    for kind, accounts in changed.items():
        update_rows(accounts, [*always, *_OF_KIND.get(kind, ())])
        _look_at_disabled(application, accounts)
    update_rows(gone, [*always, *_GONE])
    _plan_again(done)


def known_ones(
    application: Application, done: Sequence[tuple[Operation, Outcome]]
) -> dict[str, Account]:
    """Remote id -> the record that there is of an account that was made. Of all that these
    operations are on, nobody else stores or changes any until the transaction ends."""
    made = [o.work.remote_id for row, o in done if row.kind == OperationKind.CREATE]
    if made:
        locks.before_new_accounts(application, made=True)
    rows = Account.objects.filter(
        application=application, remote_id__in=among(made, "text")
    ).exclude(situation=Situation.DELETED.value)
    found = {account.remote_id: account for account in rows}
    before = {row.account_id for row, _ in done if row.account_id is not None}
    locks.take_accounts(before | {account.pk for account in found.values()})
    return found


def _linked_elsewhere(
    application: Application, done: Sequence[tuple[Operation, Outcome]]
) -> dict[int | None, str]:
    """Person id -> remote id of the account that is linked to them already."""
    people = [row.person_id for row, _ in done if row.kind == OperationKind.CREATE]
    rows = Account.objects.filter(
        application=application, person__in=among(people), situation=Situation.LINKED.value
    )
    return dict(rows.values_list("person_id", "remote_id"))


def touched(row: Operation, *, known: Mapping[str, Any] | None = None) -> set[str]:
    """What of an account the operation changes; `known`: only the steps that these say are done."""
    kind = OperationKind(row.kind)
    found: set[str] = set()
    if known is None or known.get("account") or known.get(MADE_WAY):
        if kind is OperationKind.UPDATE:
            found |= row.attributes.keys()
        elif kind in (OperationKind.DISABLE, OperationKind.ENABLE, OperationKind.DELETE):
            found.add(ACTIVE)
    for name, keys in (("grant", row.grant), ("revoke", row.revoke)):
        found |= set(keys) if known is None else {*known.get(name, ())}
    return found


def doubt(
    uncertain: Iterable[tuple[Operation, set[str]]], *, travels: timedelta | None = None
) -> None:
    """What these operations may have changed is not sure until it is written again, or read.
    `travels`: nobody waits for their answers any more, and so long after they were begun what was
    sent may still arrive."""
    rows: dict[int, Account] = {}
    for row, names in uncertain:
        if row.account is not None and names and travels is not None:
            until = (row.started_at or clock_now()) + travels
            row.account.unsure_until = max(until, row.account.unsure_until or until)
            rows[row.account.pk] = row.account
        if row.account is not None and names - set(row.account.unsure):
            row.account.unsure = sorted({*row.account.unsure, *names})
            row.account.fingerprint, row.account.observed_at = b"", clock_now()
            rows[row.account.pk] = row.account
    changed = ["unsure", "unsure_until", "fingerprint", "observed_at"]
    locks.take_accounts(rows.keys())
    update_rows(list(rows.values()), changed)


def agree(agreed: Mapping[str, Baseline]) -> None:
    """Account id -> what its baseline becomes without anything being sent. One that somebody else
    is changing is left to the next plan: they may wait for its owner, whom the caller has taken."""
    if not agreed:
        return
    accounts = Account.objects.filter(pk__in=[int(key) for key in agreed]).order_by("pk")
    rows = list(accounts.select_for_update(skip_locked=True, no_key=True))
    for row in rows:
        row.baseline = sent(row.baseline, agreed[str(row.pk)])
    update_rows(rows, ["baseline"])


def _made(
    account: Account, row: Operation, outcome: Outcome, now: datetime, mapped: Iterable[str]
) -> None:
    """An account that was just made, or was there already and is taken over. Of every `mapped`
    attribute something was said: of one that was not sent, that it is empty."""
    remote = outcome.account
    attributes = dict(remote.attributes) if remote else _changed({}, outcome.work.attributes)
    granted = list(outcome.work.progress.get("grant", ()))
    account.person_id = row.person_id
    account.situation = Situation.LINKED.value
    account.user_name = str(attributes.get("userName") or "")
    account.active = remote.active if remote and remote.active is not None else row.active
    account.attributes = attributes
    account.entitlements = sorted({*account.entitlements, *granted})
    account.fingerprint = remote.fingerprint if remote else b""
    account.disabled_at = now if account.active is False else None
    account.observed_at = now
    account.candidates, account.situation_reason = [], ""
    # An attempt before this one may have granted what nobody has confirmed.
    unsure = {*account.unsure, *(row.grant if outcome.work.unsure else ())}
    account.unsure = sorted(unsure.difference(granted))
    written = {**dict.fromkeys(mapped), **outcome.work.attributes}
    opened = row.active
    if outcome.adopted:
        # What it should be was not written: the next plan compares, as with any account found.
        account.adopted_at, account.situation_reason = now, "Found when it was to be made."
    else:
        account.created_at = now
    if outcome.found or outcome.adopted:
        if remote is None or not carries(remote, outcome.work):
            return
        # We made it, maybe of other values than are wanted by now: what is there is what our side
        # said, and no change of somebody else.
        written = {name: attributes.get(name) for name in written}
        opened = account.active is not False
    account.baseline = sent({}, {**written, ACTIVE: opened, ENTITLEMENTS: granted})


def _after(account: Account, row: Operation, outcome: Outcome, now: datetime) -> None:
    """An account that was there before, as it is after the operation."""
    kind = OperationKind(row.kind)
    granted = set(outcome.work.progress.get("grant", ()))
    revoked = set(outcome.work.progress.get("revoke", ()))
    account.entitlements = sorted((set(account.entitlements) | granted) - revoked)
    if granted or revoked:
        held = sorted((held_by(account.baseline) | granted) - revoked)
        account.baseline = sent(account.baseline, {ENTITLEMENTS: held})
    if kind is OperationKind.UPDATE:
        account.attributes = _changed(account.attributes, outcome.work.attributes)
        account.baseline = sent(account.baseline, outcome.work.attributes)
        account.user_name = str(account.attributes.get("userName") or account.user_name)
    elif kind is OperationKind.ENABLE:
        account.active, account.disabled_at, account.evidence = True, None, None
        account.transferred_at = None
        account.baseline = sent(account.baseline, {ACTIVE: True})
    elif kind is OperationKind.DISABLE:
        account.active, account.disabled_at = False, account.disabled_at or now
        account.baseline = sent(account.baseline, {ACTIVE: False})
        account.evidence = outcome.evidence
        if outcome.gone or outcome.removed:
            account.situation, account.deleted_at = Situation.DELETED.value, now
            account.deleted_there = outcome.gone
    elif kind is OperationKind.TRANSFER:
        account.transferred_at = now
    elif kind is OperationKind.DELETE:
        account.active, account.deleted_at = False, now
        account.situation = Situation.DELETED.value
        account.evidence = outcome.evidence
    if account.unsure_until is None or account.unsure_until <= now:
        # One that was made and is not wanted any more ends without the rest of its grants.
        known = outcome.work.progress if kind is OperationKind.CREATE else None
        account.unsure = sorted(set(account.unsure) - touched(row, known=known))
    account.fingerprint = b""
    account.observed_at = now


def _own(account: Account, by: str, outcome: Outcome) -> None:
    """Whether it owns the application now, as far as an entitlement says that."""
    if by and by in outcome.work.progress.get("grant", ()):
        account.owner = True
    elif by and by in outcome.work.progress.get("revoke", ()):
        account.owner = False


def _plan_again(done: Sequence[tuple[Operation, Outcome]]) -> None:
    """What was there already has to be compared with what it should be; what waited for things to
    be handed over can be deleted now; and nobody need close by hand what is gone."""
    again = [
        row.person_id
        for row, outcome in done
        if row.person_id
        and (outcome.found or outcome.adopted or row.kind == OperationKind.TRANSFER)
    ]
    # What was done to a nobody's account may not be what is wanted of whose it is by now.
    nobodys = [row.account_id for row, _ in done if not row.person_id and row.account_id]
    if nobodys:
        owned = Account.objects.filter(pk__in=nobodys, person__isnull=False)
        again += [pk for pk in owned.values_list("person_id", flat=True) if pk is not None]
    gone = [
        row.account_id
        for row, outcome in done
        if outcome.gone or outcome.removed or row.kind == OperationKind.DELETE
    ]
    if gone:
        tasks = Operation.objects.filter(
            account__in=gone, person__isnull=False, state=OperationState.MANUAL.value
        )
        again += [pk for pk in tasks.values_list("person_id", flat=True) if pk is not None]
    if again:
        raise_generation(again)


def look_at_unclosed(application: Application, rows: Sequence[Operation]) -> None:
    """An account that somebody is asked to close, and does not, is deleted some time later."""
    if application.delete_after is None:
        return
    _look_at(
        {
            row.person_id: row.asked_at + application.delete_after
            for row in rows
            if row.kind == OperationKind.DISABLE
            and row.state == OperationState.MANUAL
            and row.asked_at is not None
            and row.person_id is not None
        }
    )


def _look_at(when: Mapping[int, datetime]) -> None:
    """See that these people are planned at these times, if not before."""
    lock(when)
    for person, at in when.items():
        Person.objects.filter(
            Q(next_look_at__isnull=True) | Q(next_look_at__gt=at), pk=person
        ).update(next_look_at=at)


def _look_at_disabled(application: Application, accounts: Sequence[Account]) -> None:
    """A disabled account is deleted some time later: see that its person is planned then."""
    if application.delete_after is None:
        return
    _look_at(
        {
            account.person_id: account.disabled_at + application.delete_after
            for account in accounts
            if account.disabled_at is not None
            and account.situation == Situation.LINKED
            and account.person_id is not None
        }
    )


def _changed(attributes: Mapping[str, object], wanted: Mapping[str, object]) -> dict[str, object]:
    merged = {**attributes, **wanted}
    return {name: value for name, value in merged.items() if value is not None}
