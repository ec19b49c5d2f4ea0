"""Who holds which managed entitlement, as the application says.

Members are listed with their entitlement, accounts hold a list of keys: one is turned into the
other. Where an application does not show members, what is known of them stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set

from django.db.models import Q, QuerySet

from tenure.applications.models import Account, Entitlement
from tenure.connectors.base import Connector, RemoteEntitlement
from tenure.core.entitlements import Shown
from tenure.core.model import Situation
from tenure.infra.bulk import among, update_rows
from tenure.provisioning.reconciliation.observing import Reading
from tenure.provisioning.records import locks

#: Everything that accounts can hold there.
Held = Sequence[RemoteEntitlement]


async def listed(connector: Connector) -> Held:
    """What the application says now."""
    if not connector.capabilities.entitlements:
        return []
    return [item async for item in connector.entitlements()]


def store(reading: Reading, held: Held) -> None:
    """Every account holds what the application says that it holds."""
    rows = Entitlement.objects.filter(application=reading.application, managed=True)
    of: dict[str, set[str]] = {}
    told: set[str] = set()
    shown = Shown((one.kind, one.remote_id, one.name) for one in held)
    members_of = {(one.kind, one.remote_id): one.members for one in held}
    for item in rows:
        remote_id = shown.meant(item.key, item.remote_id)
        members = members_of.get((item.kind, remote_id), frozenset())
        if remote_id and remote_id != item.remote_id:
            Entitlement.objects.filter(pk=item.pk).update(remote_id=remote_id)
        if members is None:
            continue
        told.add(item.key)
        for member in members:
            of.setdefault(member, set()).add(item.key)

    def differing(rows: Iterable[Account]) -> Iterator[tuple[Account, list[str]]]:
        for row in rows:
            holds = sorted((set(row.entitlements) - told) | of.get(row.remote_id, set()))
            if holds != row.entitlements:
                yield row, holds

    every = _not_changed_since(reading)
    there = every.exclude(situation=Situation.DELETED.value) if told else every.none()
    seen = there.only("pk", "remote_id", "entitlements").iterator(5000)
    taken = {row.pk for row, _ in differing(seen)} | set(
        _unsure(every, reading).values_list("pk", flat=True)
    )
    locks.take_accounts(taken)
    # As they are now that nobody else changes them.
    _made_sure(reading, _unsure(every, reading).filter(pk__in=among(taken)), told)
    changed = []
    for row, holds in differing(there.filter(pk__in=among(taken))):
        row.entitlements = holds
        changed.append(row)
        if row.person_id is not None:
            reading.affected.add(row.person_id)
    update_rows(changed, ["entitlements"])
    reading.counters["memberships"] += len(changed)


def _not_changed_since(reading: Reading) -> QuerySet[Account]:
    """What was granted or taken since this reading began is newer than what was read."""
    before = Q(observed_at=None) | Q(observed_at__lte=reading.at)
    return Account.objects.filter(before, application=reading.application)


def _unsure(accounts: QuerySet[Account], reading: Reading) -> QuerySet[Account]:
    """Those at which requests without an answer may have changed something, and nothing arrives any
    more."""
    rows = accounts.filter(observed_at__isnull=False).exclude(unsure=[])
    return rows.exclude(unsure_until__gt=reading.at)


def _made_sure(reading: Reading, accounts: QuerySet[Account], told: Set[str]) -> None:
    """Whatever may have changed there: it was read since."""
    rows = list(accounts)
    kinds = {row.kind for row in Entitlement.objects.filter(application=reading.application)}
    for row in rows:
        row.unsure = [n for n in row.unsure if n.partition(":")[0] in kinds and n not in told]
        if row.person_id is not None:
            reading.affected.add(row.person_id)
    update_rows(rows, ["unsure"])
