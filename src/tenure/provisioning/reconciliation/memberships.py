"""Who holds which managed entitlement, as the application says.

Members are listed with their entitlement, accounts hold a list of keys: one is turned into the
other. Where an application does not show members, what is known of them stays.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q

from tenure.applications.models import Account, Entitlement
from tenure.connectors.base import Connector, RemoteEntitlement
from tenure.core.entitlements import Shown
from tenure.core.model import Situation
from tenure.infra.bulk import update_rows
from tenure.provisioning.reconciliation.observing import Reading

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
    _made_sure(reading, told)
    if not told:
        return
    changed = []
    # What was granted or taken since this reading began is newer than what was read.
    before = Q(observed_at=None) | Q(observed_at__lte=reading.at)
    accounts = Account.objects.filter(before, application=reading.application).exclude(
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


def _made_sure(reading: Reading, told: set[str]) -> None:
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
