"""Accounts that own an application, and what would take the last of them away.

Planning holds what would take the last owner away, and tells. Two who leave at once are each not
the last when they are planned: so whoever claims operations asks again, one after the other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.db.models import Q, QuerySet

from tenure.applications.models import Account, Application
from tenure.connectors.base import Connector, ConnectorError, KnowsOwners
from tenure.core import owners
from tenure.core.model import LifecycleState, OperationKind, OperationState, Situation
from tenure.people.services import raise_generation
from tenure.provisioning.models import Operation

_GOING = frozenset(
    state.value for state in (LifecycleState.LEFT, LifecycleState.LEAVING, LifecycleState.SUSPENDED)
)
_BUSY = (OperationState.STARTED, OperationState.UNKNOWN, OperationState.RETRYING)
_TAKING = (OperationKind.DISABLE, OperationKind.DELETE)


def last_of_each(slugs: Mapping[int, str]) -> dict[int, str]:
    """Account -> why it is never taken away, for the last owner of each of the applications, whose
    names are given by id. Of several who all leave it is the first."""
    of_each: dict[int, list[tuple[int, str | None]]] = {}
    rows = _open(slugs).values_list("application_id", "pk", "person__state")
    for application, key, state in rows:
        of_each.setdefault(application, []).append((key, state))
    found = {}
    for application, accounts in of_each.items():
        going = [key for key, state in accounts if state in _GOING]
        if len(accounts) == 1 or len(going) == len(accounts):
            found[accounts[0][0]] = owners.reason(slugs[application])
    return found


def held_back(application: Application, rows: Sequence[Operation], now: datetime) -> set[int]:
    """Those of the operations, about to be sent, that would take the last owner away: they are held
    from now on, whoever approved them."""
    taking = [row for row in rows if row.account_id is not None and _takes(application, row)]
    if not taking:
        return set()
    # What is under way first: what is settled between the two is then no owner any more, and the
    # other way round it would be counted as one.
    busy = Operation.objects.filter(application=application, state__in=[s.value for s in _BUSY])
    going = busy.filter(kind__in=[k.value for k in _TAKING]).values_list("account_id", flat=True)
    taken = set(going)
    there = set(_open([application.pk]).values_list("pk", flat=True)) - taken
    held = set()
    for row in taking:
        if row.account_id in there:
            if len(there) == 1:
                held.add(row.pk)
            else:
                there.discard(row.account_id)
    Operation.objects.filter(pk__in=held).update(
        state=OperationState.HELD.value, hold_reason=owners.reason(application.name), held_at=now
    )
    return held


async def told(connector: Connector) -> frozenset[str] | None:
    """Remote ids of the owners' accounts; None where the application does not tell, or not now:
    then those that are known stay known."""
    if not isinstance(connector, KnowsOwners):
        return None
    try:
        return await connector.owners()
    except ConnectorError:
        return None


def observed(application: Application, told: Collection[str] | None) -> None:
    """Who owns it, as it was just read; None where it does not tell. What waited for another owner
    is planned anew."""
    named = Q(remote_id__in=told or ())
    if application.keeps_owner:
        named |= Q(entitlements__contains=[application.keeps_owner])
    rows = Account.objects.filter(application=application)
    if told is not None or application.keeps_owner:
        rows.filter(owner=True).exclude(named).update(owner=False)
        rows.filter(named, owner=False).update(owner=True)
    waiting = Operation.objects.filter(
        application=application,
        state=OperationState.HELD.value,
        hold_reason=owners.reason(application.name),
        person_id__isnull=False,
    )
    raise_generation(list(waiting.values_list("person_id", flat=True)))


def _open(applications: Collection[int]) -> QuerySet[Account]:
    """Accounts that own one of these applications and are open, in their order."""
    there = Account.objects.filter(application__in=list(applications), owner=True)
    gone = Situation.DELETED.value
    return there.exclude(situation=gone).exclude(active=False).order_by("pk")


def _takes(application: Application, row: Operation) -> bool:
    return owners.takes(
        OperationKind(row.kind), row.revoke, row.attributes, application.keeps_owner
    )
