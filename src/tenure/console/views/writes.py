"""The emergency stop: nothing is sent anywhere until writes are resumed."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from tenure.applications import selectors as applications
from tenure.console.page import ConsoleRequest, Fresh, render, signed_in
from tenure.provisioning import services
from tenure.provisioning.records.stopping import NotBeforeRestored
from tenure.signin.permissions import Ability


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.STOP, fresh=Fresh.PAGE)
def writes(request: ConsoleRequest) -> HttpResponse:
    """What stopping means, and stopping; or resuming."""
    stopped = request.company.writes_stopped_at is not None
    reason = request.POST.get("reason", "").strip()[:1000]
    error = ""
    still = [row.name for row in applications.named(None) if row.paused_at is not None]
    if request.method == "POST":
        wanted = request.POST.get("do", "")
        if not reason:
            error = "Say why. The reason is kept in the audit trail."
        elif wanted == "stop" and not stopped:
            services.stop_writes(reason=reason)
            messages.warning(request, "All writes are stopped.")
            return redirect("console:overview")
        elif wanted == "resume" and stopped:
            try:
                services.resume_writes(reason=reason)
            except NotBeforeRestored as refused:
                error = str(refused)
            else:
                messages.success(request, "Writes go on. What waited is sent now.")
                for name in still:
                    messages.warning(request, f"{name} was stopped by itself, and stays so.")
                return redirect("console:overview")
        else:
            messages.info(request, "Somebody else was quicker: nothing was changed.")
            return redirect("console:writes")
    context = {"stopped": stopped, "still": still, "error": error, "reason": reason}
    return render(request, "console/writes.html", context, status=422 if error else 200)
