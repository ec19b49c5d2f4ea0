"""Accounts of people who have left that stay open because they are protected: somebody has to
decide what becomes of them, for no plan ever will."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q

from tenure.applications.models import Account, Application
from tenure.core import owners
from tenure.core.model import LifecycleState, OperationState, RemovalAction, Situation
from tenure.provisioning.models import Operation
from tenure.provisioning.records.loading import Protecting

_GONE = [LifecycleState.LEFT.value, LifecycleState.LEAVING.value]
#: So many accounts are looked at of what conditions may protect.
_MOST = 500


@dataclass(frozen=True, slots=True)
class KeptOpen:
    """One of them. `why`: what protects it."""

    account: Account
    why: str

    @property
    def way_out(self) -> str:
        """What somebody has to do so that it is closed."""
        if self.account.own:
            return (
                "Give Tenure the credentials of another account there (best a service account that "
                "is nobody's), and reconcile it: the next plan closes this one."
            )
        return "Hand it over and close it there, or let go of the protection."


def kept_open() -> list[KeptOpen]:
    """All of them, in the order of applications."""
    rows = (
        Account.objects.filter(situation=Situation.LINKED.value, person__state__in=_GONE)
        .exclude(active=False)
        .exclude(application__removal=RemovalAction.KEEP.value)
        .select_related("application", "person")
        .order_by("application__position", "pk")
    )
    found = {row.pk: row for row in rows.filter(Q(own=True) | ~Q(protected=""))}
    protecting = list(Application.objects.exclude(protect=[]))
    if protecting:
        found |= {row.pk: row for row in rows.filter(application__in=protecting)[:_MOST]}
    if not found:
        return []
    asked = Protecting({row.application.pk: row.application for row in found.values()}.values())
    in_order = sorted(found.values(), key=lambda row: (row.application.position, row.pk))
    return [KeptOpen(row, why) for row in in_order if (why := asked.why(row))]


@dataclass(frozen=True, slots=True)
class LastOwner:
    """Somebody whose access to an application is not taken, because they are its last owner."""

    application: str
    person: str
    why: str


def last_owners_who_left() -> list[LastOwner]:
    """Those who have left, in the order of applications."""
    rows = Operation.objects.filter(
        state=OperationState.HELD.value,
        hold_reason__startswith=owners.BEGINS,
        person__state__in=_GONE,
    ).order_by("application__position", "pk")
    found = rows.values_list("application__slug", "person__display_name", "hold_reason")
    return [LastOwner(slug, str(person), why) for slug, person, why in found]
