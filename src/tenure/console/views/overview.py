"""The first page: how things stand, what waits for a person, who comes and goes, what ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from tenure.applications import selectors as applications
from tenure.audit.models import Action
from tenure.console import charts, look, waiting
from tenure.console.page import ConsoleRequest, render, signed_in
from tenure.console.waiting_item import laid_out
from tenure.core.model import LifecycleState
from tenure.people import selectors as people
from tenure.provisioning.execution import pace
from tenure.runs import selectors as runs
from tenure.setup import steps
from tenure.signin.owners import has_way_in
from tenure.signin.permissions import Ability, may
from tenure.sources import selectors as sources

_DAYS = 14
_LISTED = 5
_BARS = 7
#: What is told of a day, and of which events.
_HAPPENED = (
    ("People added", (Action.PERSON_ADDED,)),
    ("People changed", (Action.PERSON_CHANGED,)),
    ("Accounts made or opened", (Action.ACCOUNT_CREATED, Action.ACCOUNT_ENABLED)),
    ("Accounts changed", (Action.ACCOUNT_UPDATED, Action.ENTITLEMENT_GRANTED)),
    ("Accounts closed or deleted", (Action.ACCOUNT_DISABLED, Action.ACCOUNT_DELETED)),
    ("Operations that failed", (Action.OPERATION_FAILED,)),
)


@require_safe
@signed_in()
def overview(request: ConsoleRequest) -> HttpResponse:
    """The overview."""
    states = people.people_by_state()
    rows = applications.applications()
    today = timezone.localdate()
    coming = people.coming(start=today, days=_DAYS)
    imports = sources.sources()
    read = [row for row in imports if row.last]
    latest = max(read, key=lambda row: row.last.started_at if row.last else 0, default=None)
    decides = may(request.administrator, Ability.DECIDE)
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
        "waits": laid_out(waiting.items(request.company, rows, imports, decides=decides)),
        "chart": charts.days(coming, today, _DAYS),
        "coming": coming[:_LISTED],
        "coming_more": len(coming) - _LISTED,
        "runs": runs.recent(),
        "latest": latest,
        "names": {
            **{row.source.slug: row.source.name for row in imports},
            **{row.application.slug: row.application.name for row in rows},
        },
    }
    context |= _more(states, rows)
    context["lacks_passkey"] = not has_way_in(request.administrator)
    return render(request, "console/overview.html", context, section="overview")


def _more(
    states: Mapping[LifecycleState, int], rows: Sequence[applications.ApplicationRow]
) -> dict[str, Any]:
    """People by state, accounts by application, what happened, how quick it was, the guide."""
    people_url, progress = reverse("console:people"), steps.progress()
    # Whoever has left is told beside the bar: in some years they are more than all the others.
    by_state = [
        (
            look.PERSON[state.value].word,
            count,
            "quiet" if state is LifecycleState.LEFT else look.PERSON[state.value].meaning,
            f"{people_url}?state={state.value}",
            state is not LifecycleState.LEFT,
        )
        for state, count in states.items()
        if count
    ]
    busiest = sorted(rows, key=lambda row: -row.seats)[:_BARS]
    by_application = [
        (
            row.application.name,
            row.seats,
            "",
            reverse("console:application", args=[row.application.slug]),
            row.application,
        )
        for row in busiest
    ]
    happened = pace.last_day()
    return {
        "guide_card": None if progress.finished else progress,
        "by_state": charts.split(by_state),
        "by_application": charts.shares(by_application),
        "applications_more": len(rows) - len(busiest),
        "today": [
            (label, sum(happened.get(action.value, 0) for action in actions), actions[0].value)
            for label, actions in _HAPPENED
        ],
        "pace": pace.pace(),
    }
