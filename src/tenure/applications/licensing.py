"""Licences: seats that are open, what they cost, and what was given back lately."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Final

from django.db.models import Count, Q

from tenure.applications import selectors
from tenure.applications.models import Account, Application, Entitlement
from tenure.applications.selectors import EntitlementRow
from tenure.figures.services import figure, register
from tenure.infra.clock import now

#: Seats that were closed in so many days count as given back lately.
DAYS: Final = 30
_RECLAIMED: Final = "seats given back"


@dataclass(frozen=True, slots=True)
class Licence:
    """One application's seats. `cost` is of a month; `reclaimed` seats were closed or deleted in
    the last days, `saved` is what that is worth a month; `orphans` are open and nobody's."""

    application: Application
    seats: int
    cost: Mapping[str, Decimal]
    reclaimed: int
    orphans: int
    entitlements: tuple[EntitlementRow, ...] = ()

    @property
    def saved(self) -> Decimal | None:
        return _times(self.application, self.reclaimed)

    @property
    def wasted(self) -> Decimal | None:
        return _times(self.application, self.orphans)


@dataclass(frozen=True, slots=True)
class Sums:
    """Currency -> amount a month, of everything."""

    cost: Mapping[str, Decimal] = field(default_factory=dict)
    saved: Mapping[str, Decimal] = field(default_factory=dict)
    wasted: Mapping[str, Decimal] = field(default_factory=dict)


def licences() -> list[Licence]:
    """Every application, the dearest first within what has a price."""
    given_back: dict[str, int] = figure(_RECLAIMED, table="applications_account")
    told = Q(price__isnull=False) | Q(seats__isnull=False)
    with_terms = set(Entitlement.objects.filter(told).values_list("application_id", flat=True))
    found = []
    for row in selectors.applications():
        priced: Sequence[EntitlementRow] = ()
        if row.application.pk in with_terms:
            priced = [
                item
                for item in selectors.entitlements(row.application)
                if item.entitlement.price is not None or item.entitlement.seats is not None
            ]
        found.append(
            Licence(
                application=row.application,
                seats=row.seats,
                cost=row.cost,
                reclaimed=given_back.get(str(row.application.pk), 0),
                orphans=row.unmatched,
                entitlements=tuple(priced),
            )
        )
    return sorted(found, key=lambda item: -sum(item.cost.values(), Decimal(0)))


def sums(rows: Sequence[Licence]) -> Sums:
    """Of all of them."""
    cost: dict[str, Decimal] = {}
    saved: dict[str, Decimal] = {}
    wasted: dict[str, Decimal] = {}
    for row in rows:
        for currency, amount in row.cost.items():
            cost[currency] = cost.get(currency, Decimal(0)) + amount
        for sum_of, amount_of in ((saved, row.saved), (wasted, row.wasted)):
            if amount_of:
                currency = row.application.seat_currency
                sum_of[currency] = sum_of.get(currency, Decimal(0)) + amount_of
    return Sums(cost, saved, wasted)


def _times(application: Application, count: int) -> Decimal | None:
    price = application.seat_price
    return None if price is None else price * count


def _reclaimed() -> dict[str, int]:
    since = now() - timedelta(days=DAYS)
    rows = Account.objects.filter(Q(disabled_at__gte=since) | Q(deleted_at__gte=since))
    counted = rows.order_by().values_list("application_id").annotate(n=Count("pk"))
    return {str(pk): count for pk, count in counted}


register(_RECLAIMED, _reclaimed)
