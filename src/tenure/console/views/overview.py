"""The first page: how things stand, what waits for a person, who comes and goes, what ran."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from tenure.applications import selectors as applications
from tenure.console import charts, waiting
from tenure.console.page import ConsoleRequest, render, signed_in
from tenure.core.model import LifecycleState
from tenure.people import selectors as people
from tenure.runs import selectors as runs
from tenure.signin.owners import has_way_in
from tenure.sources import selectors as sources

_DAYS = 14
_LISTED = 5


@require_safe
@signed_in()
def overview(request: ConsoleRequest) -> HttpResponse:
    """The overview."""
    states = people.people_by_state()
    rows = applications.applications()
    today = timezone.localdate()
    coming = people.coming(start=today, days=_DAYS)
    imports = [row for row in sources.sources() if row.last]
    latest = max(imports, key=lambda row: row.last.started_at if row.last else 0, default=None)
    here = {
        s: n for s, n in states.items() if s not in (LifecycleState.ACTIVE, LifecycleState.LEFT)
    }
    context = {
        "states": states,
        "active": states[LifecycleState.ACTIVE],
        "others": [(s.value, n) for s, n in here.items() if n],
        "anybody": any(states.values()),
        "rows": rows,
        "accounts": sum(row.seats for row in rows),
        "unmatched": sum(row.unmatched for row in rows),
        "cost": applications.total_cost(rows),
        "items": waiting.items(request.company),
        "chart": charts.days(coming, today, _DAYS),
        "coming": coming[:_LISTED],
        "coming_more": len(coming) - _LISTED,
        "runs": runs.recent(),
        "latest": latest,
        "names": {**sources.source_names(), **applications.application_names()},
    }
    context["lacks_passkey"] = not has_way_in(request.administrator)
    return render(request, "console/overview.html", context, section="overview")
