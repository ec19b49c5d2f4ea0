"""Applications: the list of all of them, and what one is told to do at once."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from tenure.applications import selectors
from tenure.console import sent_again
from tenure.console.page import ConsoleRequest, Fresh, missing, render, signed_in
from tenure.provisioning import services
from tenure.signin.permissions import Ability


@require_safe
@signed_in()
def applications(request: ConsoleRequest) -> HttpResponse:
    """All applications."""
    rows = selectors.applications()
    context = {"rows": rows, "cost": selectors.total_cost(rows)}
    return render(request, "console/applications.html", context, section="applications")


@require_POST
@signed_in(needs=Ability.RECONCILE)
def reconcile(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Read the application's accounts soon."""
    found = selectors.application(slug)
    if found is None:
        return _missing(request)
    services.queue_reconcile(slug)
    messages.success(request, f"{found.name} is read as soon as a worker is free.")
    return redirect("console:application", slug)


@require_POST
@signed_in(needs=Ability.RETRY)
def resume(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Try a stopped application again at once."""
    found = selectors.application(slug)
    if found is None:
        return _missing(request)
    services.resume_application(slug)
    messages.success(request, f"{found.name} is tried again now.")
    return redirect("console:application", slug)


@require_POST
@signed_in(needs=Ability.STOP, fresh=Fresh.FORM)
def writes(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Stop writes to one application, or resume them."""
    found = selectors.application(slug)
    if found is None:
        return _missing(request)
    reason = request.POST.get("reason", "").strip()[:1000]
    stop = request.POST.get("do") == "stop"
    if not reason:
        messages.error(request, "Nothing was changed: say why. The reason is kept.")
    elif stop and services.stop_writes(application=slug, reason=reason):
        messages.warning(request, f"Nothing is sent to {found.name} until somebody resumes it.")
    elif not stop and services.resume_writes(application=slug, reason=reason):
        messages.success(request, f"Writes to {found.name} go on. What waited is sent now.")
    else:
        messages.info(request, "Somebody else was quicker: nothing was changed.")
    return redirect("console:application", slug)


@require_POST
@signed_in(needs=Ability.RETRY)
def retry(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Send failed operations again."""
    found = selectors.application(slug)
    if found is None:
        return _missing(request)
    done = services.retry_failed(slug)
    return sent_again.answer(request, done, redirect("console:application", slug))


def _missing(request: ConsoleRequest) -> HttpResponse:
    return missing(request, "application", section="applications", back="console:applications")
