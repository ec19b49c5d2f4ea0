"""Taking a rejection back: what somebody rejected, or kept back by cancelling its run, is sent
after all. It stands where what was rejected is looked at, on the page of its run."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from tenure.console.page import ConsoleRequest, signed_in
from tenure.console.waiting_item import plural
from tenure.provisioning import services
from tenure.provisioning.questions import selectors as provisioning
from tenure.runs import selectors
from tenure.signin.permissions import Ability


@require_POST
@signed_in(needs=Ability.DECIDE)
def take_back(request: ConsoleRequest, pk: int) -> HttpResponse:
    """Send what was rejected of a run after all: the chosen operations, or all of them. What
    changed since is planned anew first, and held if it is more than was rejected."""
    found = selectors.run(pk)
    here = f"{reverse('console:run', args=[pk])}?state=rejected#operations"
    reason = request.POST.get("reason", "").strip()[:1000]
    if found is None or not reason:
        messages.error(request, "Nothing was sent: say why. The reason is kept.")
        return redirect(here)
    chosen = {int(number) for number in request.POST.getlist("operation") if number.isdecimal()}
    there = provisioning.rejected(found)
    count = gone = again = 0
    for application, operations in there.items():
        wanted = [number for number in operations if not chosen or number in chosen]
        if not wanted:
            continue
        try:
            done = services.approve(application=application, operations=wanted, reason=reason)
        except LookupError as error:
            messages.error(request, str(error))
            continue
        count, gone, again = count + done.count, gone + done.gone, again + done.again
        for why in done.never:
            messages.warning(request, f"Not sent: {why}")
    if count:
        messages.success(request, f"{plural(count, 'operation')} sent after all: on the way.")
    if gone:
        messages.info(request, f"{plural(gone, 'operation')} not due any more.")
    if again:
        held = f"{plural(again, 'operation')} held: more is due by now than was rejected."
        messages.warning(request, held)
        return redirect("console:plan")
    if not there:
        messages.info(request, "Nothing of this run is rejected any more.")
    return redirect(here if provisioning.rejected(found) else reverse("console:run", args=[pk]))
