"""Accounts of people who have left that stay open because they are protected: somebody has to
decide what becomes of them, for no plan ever will."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q

from tenure.applications.models import Account, Application
from tenure.core.model import LifecycleState, RemovalAction, Situation
from tenure.provisioning.records.loading import Protecting

#: So many accounts are looked at of what conditions may protect.
_MOST = 500


@dataclass(frozen=True, slots=True)
class KeptOpen:
    """One of them. `why`: what protects it."""

    account: Account
    why: str


def kept_open() -> list[KeptOpen]:
    """All of them, in the order of applications."""
    rows = (
        Account.objects.filter(
            situation=Situation.LINKED.value, person__state=LifecycleState.LEFT.value
        )
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
