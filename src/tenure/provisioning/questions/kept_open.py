"""Accounts of people who have left that stay open because they are protected: somebody has to
decide what becomes of them, for no plan ever will."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from django.db.models import Q, QuerySet

from tenure.applications.models import Account, Application
from tenure.core import owners
from tenure.core.model import LifecycleState, OperationState, RemovalAction, Situation
from tenure.figures.services import figure, register
from tenure.provisioning.models import Operation
from tenure.provisioning.records.loading import Protecting

_GONE: Final = [LifecycleState.LEFT.value, LifecycleState.LEAVING.value]
#: So many that conditions protect are told of.
_MOST: Final = 500
#: What it takes to know whether one is protected.
_ASKED: Final = ("application_id", "own", "protected", "attributes", "remote_id", "active")
_BY_CONDITION: Final = "accounts of leavers that conditions protect"


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
    """All of them, in the order of applications. What protects one by itself is found by index;
    which ones conditions protect is counted ahead, for that takes a look at all leavers."""
    rows = _open_of_leavers().select_related("application", "person")
    found = list(rows.filter(Q(own=True) | ~Q(protected="")))
    if keys := set(figure(_BY_CONDITION, table=Account._meta.db_table)):
        found += rows.filter(pk__in=keys - {row.pk for row in found})
    if not found:
        return []
    asked = Protecting({row.application.pk: row.application for row in found}.values())
    in_order = sorted(found, key=lambda row: (row.application.position, row.pk))
    return [KeptOpen(row, why) for row in in_order if (why := asked.why(row))]


def _open_of_leavers() -> QuerySet[Account]:
    """What people who have left can still use, where it is to be taken away."""
    return (
        Account.objects.filter(situation=Situation.LINKED.value, person__state__in=_GONE)
        .exclude(active=False)
        .exclude(application__removal=RemovalAction.KEEP.value)
        .order_by("pk")
    )


def _by_condition() -> list[int]:
    """Ids of those that a condition of their application protects."""
    return list(islice(_that_conditions_protect(), _MOST))


def _that_conditions_protect() -> Iterator[int]:
    protecting = list(Application.objects.exclude(protect=[]))
    if not protecting:
        return
    asked = Protecting(protecting)
    # Not by a cursor: for that PostgreSQL would go through all accounts, in the order of their ids.
    for row in _open_of_leavers().filter(application__in=protecting).only(*_ASKED):
        if asked.why(row):
            yield row.pk


register(_BY_CONDITION, _by_condition)


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
