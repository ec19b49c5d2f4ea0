"""Licences: seats, what they cost, what was given back and what that saves."""

from __future__ import annotations

from decimal import Decimal

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from tenure.applications import licensing
from tenure.console import charts
from tenure.console.page import ConsoleRequest, render, signed_in


@require_safe
@signed_in()
def licences(request: ConsoleRequest) -> HttpResponse:
    """Every application."""
    rows = licensing.licences()
    found = licensing.sums(rows)
    context = {
        "rows": rows,
        "sums": found,
        "year": {currency: amount * 12 for currency, amount in found.cost.items()},
        "days": licensing.DAYS,
        "reclaimed": sum(row.reclaimed for row in rows),
        "orphans": sum(row.orphans for row in rows),
        "charts": [
            (currency, charts.costs([_bar(row, currency) for row in rows]))
            for currency in sorted(found.cost, key=lambda name: -found.cost[name])
        ],
        "priced": sum(1 for row in rows if row.cost),
    }
    return render(request, "console/licences.html", context, section="licences")


def _bar(row: licensing.Licence, currency: str) -> tuple[str, str, object, Decimal, Decimal]:
    """One application in the chart of this currency."""
    nothing = Decimal(0)
    mine = row.application.seat_currency == currency
    return (
        row.application.name,
        reverse("console:application_licences", args=[row.application.slug]),
        row.application,
        row.cost.get(currency, nothing),
        (row.wasted or nothing) if mine else nothing,
    )
