"""Testing an application's connection: what it can do, tried, and the settings that fit better."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from tenure.applications import selectors
from tenure.applications.models import Application
from tenure.configuration.exporting import yaml_of
from tenure.console.page import ConsoleRequest, fragment, missing, refused, render, signed_in
from tenure.provisioning.reconciliation import connection as checking
from tenure.provisioning.tasks import queue_check
from tenure.signin.permissions import Ability, may

#: Outcome -> its word and meaning.
_TAGS = {
    "works": ("Works", "make"),
    "differs": ("Differs", "change"),
    "fails": ("Fails", "remove"),
    "not tried": ("Not tried", ""),
}
#: So long without a step, and the page says so.
_SILENT_SECONDS = 40


@require_safe
@signed_in()
def connection(request: ConsoleRequest, slug: str) -> HttpResponse:
    """The latest test, and testing again. `try` opens the question that comes before writing."""
    found = selectors.application(slug)
    if found is None:
        return _missing(request)
    context = {**_live(found), "asking": "try" in request.GET}
    return render(request, "console/connection.html", context, section="applications")


@require_safe
@signed_in(by_itself=True)
def live(request: ConsoleRequest, slug: str) -> HttpResponse:
    """The part that changes while a test goes on."""
    found = selectors.application(slug)
    if found is None:
        return HttpResponse(status=286)  # htmx: stop asking
    return fragment(request, "console/parts/connection_live.html", _live(found))


@require_POST
@signed_in(needs=Ability.RECONCILE)
def check(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Test soon: reading only, or with an account of its own where that was agreed to."""
    found = selectors.application(slug)
    if found is None:
        return _missing(request)
    write = request.POST.get("write") == "yes"
    if write and not may(request.administrator, Ability.TRY):
        return refused(request, Ability.TRY)
    try:
        with transaction.atomic():
            queue_check(checking.begin(found, write=write))
    except checking.CannotCheck as error:
        messages.error(request, str(error))
    return redirect("console:connection", slug)


@require_POST
@signed_in(needs=Ability.TRY)
def keep(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Make the settings that fit better the application's own."""
    found = selectors.application(slug)
    if found is None:
        return _missing(request)
    latest = found.checks.select_related("application").first()
    if latest is not None and checking.keep(latest):
        messages.success(request, f"Kept: {found.name} is spoken to like this from now on.")
    else:
        messages.info(request, "There is nothing to keep: the settings are like this already.")
    return redirect("console:connection", slug)


def _live(found: Application) -> dict[str, Any]:
    latest = found.checks.select_related("application").first()
    if latest is None:
        return {"application": found, "check": None}
    better = checking.fits_better(latest)
    quiet = (timezone.now() - latest.touched_at).total_seconds()
    running = latest.finished_at is None
    return {
        "application": found,
        "check": latest,
        "running": running,
        "silent": quiet if running and quiet > _SILENT_SECONDS else None,
        "well": checking.outcome(latest),
        "steps": [
            (step, *_TAGS.get(step["outcome"], (step["outcome"], ""))) for step in latest.steps
        ],
        "better": yaml_of({"settings": dict(better)}) if better else "",
    }


def _missing(request: ConsoleRequest) -> HttpResponse:
    return missing(request, "application", section="applications", back="console:applications")
