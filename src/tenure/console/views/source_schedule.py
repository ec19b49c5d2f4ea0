"""When a source is imported by itself: after a while, at times of the day, as soon as the last
import has ended, or only by hand."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from tenure.configuration import editing
from tenure.configuration.durations import parse_duration
from tenure.console import source_edit
from tenure.console.page import ConsoleRequest, missing, render, signed_in
from tenure.core.lifecycle import zone
from tenure.core.schedules import schedule_from
from tenure.infra.clock import now
from tenure.readers.registry import PUSH, UPLOAD
from tenure.signin.permissions import Ability
from tenure.sources import selectors

_HOW = ("hand", "every", "cron", "continuous")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.CONFIGURE)
def schedule(request: ConsoleRequest, slug: str) -> HttpResponse:
    """The form, and keeping it."""
    found = selectors.source(slug)
    stored = editing.plain("sources", slug)
    if found is None or stored is None or found.reader in (PUSH, UPLOAD):
        return missing(request, "schedule", section="sources", back="console:sources")
    seen, error = editing.version(stored), ""
    values = _values(stored)
    if request.method == "POST":
        seen = request.POST.get("seen", "")
        values = {name: request.POST.get(name, "").strip()[:100] for name in values}
        error = _save(slug, stored, values, seen)
        if not error:
            messages.success(request, f"{found.name} is imported by the new schedule.")
            return redirect("console:source", slug)
    own = schedule_from(found.schedule)
    ours = zone(request.company.time_zone)
    context = {
        "source": found,
        "seen": seen,
        "values": values,
        "error": error,
        "zone": request.company.time_zone,
        "next": found.due_at or (own.after(now(), ours) if own else None),
    }
    status = 422 if error else 200
    page = "console/source_schedule.html"
    return render(request, page, context, section="sources", status=status)


def _values(stored: dict[str, Any]) -> dict[str, str]:
    """The form of what is in force: `how`, and what goes with each."""
    found = stored.get("schedule") or {}
    how = next((name for name in _HOW if found.get(name)), "hand")
    minutes = 60.0
    if how == "every":
        minutes = parse_duration(str(found["every"])).total_seconds() / 60
    whole = parse_duration(str(stored.get("full_every") or "P1D")).total_seconds() / 3600
    return {
        "how": how,
        "minutes": f"{minutes:g}",
        "cron": str(found.get("cron", "")) or "0 6 * * 1-5",
        "hours": f"{whole:g}",
    }


def _save(slug: str, stored: dict[str, Any], values: dict[str, str], seen: str) -> str:
    """Returns what is wrong."""
    try:
        given: dict[str, Any] = {
            "full_every": source_edit.length(values["hours"], "hours"),
            "schedule": None,
        }
        match values["how"]:
            case "every":
                every = source_edit.length(values["minutes"], "minutes")
                given["schedule"] = {"every": every}
            case "cron":
                given["schedule"] = {"cron": values["cron"]}
            case "continuous":
                given["schedule"] = {"continuous": True}
    except ValueError as error:
        return str(error)
    return source_edit.save(slug, {**stored, **given}, seen)
