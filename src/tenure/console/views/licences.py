"""Licences: seats, what they cost, what was given back and what that saves."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from tenure.applications import licensing
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
        "priced": sum(1 for row in rows if row.cost),
    }
    return render(request, "console/licences.html", context, section="licences")
