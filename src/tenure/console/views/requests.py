"""Requests for access: what waits, for whom, and what was decided. Administrators may decide about
any of them but their own; whoever else is asked decides in the portal."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from tenure.applications import selectors as applications
from tenure.console.page import ConsoleRequest, render, signed_in
from tenure.infra.paging import page
from tenure.requests import selectors, services
from tenure.requests.models import State
from tenure.requests.services import NoSuchRequest, RequestRefused
from tenure.requests.words import length, named
from tenure.signin.permissions import Ability

_MEANING: Final = {
    State.WAITING: "wait",
    State.APPROVED: "make",
    State.REJECTED: "remove",
}
_LENGTHS: Final = tuple(timedelta(days=days) for days in (1, 7, 14, 30, 90, 180, 365))


@require_safe
@signed_in()
def requests(request: ConsoleRequest) -> HttpResponse:
    """Those that wait, or, with `state=all`, all of them; the latest first."""
    names = applications.application_names()
    everything = request.GET.get("state") == "all"
    rows = selectors.everything(state="" if everything else State.WAITING.value)
    found = page(rows, order=("-id",), cursor=request.GET.get("page", ""))
    shown = [
        {
            "row": one.request,
            "what": named(one.request, names),
            "asks": one.asks,
            "lasts": length(one.request.lasts),
            "until": services.ends(one.request),
            "meaning": _MEANING.get(State(one.request.state), ""),
            "lengths": _lengths(one.request.lasts),
        }
        for one in selectors.with_deciders(found.rows)
    ]
    context = {"shown": shown, "page": found, "everything": everything}
    return render(request, "console/requests.html", context, section="requests")


@require_POST
@signed_in(needs=Ability.EXCEPT)
def decide(request: ConsoleRequest, pk: int) -> HttpResponse:
    """Approve or reject, instead of whoever is asked."""
    wanted, seconds = request.POST.get("do", ""), request.POST.get("lasts", "")
    known = seconds.isascii() and seconds.isdecimal() and len(seconds) <= 10
    if wanted not in ("approve", "reject"):
        messages.error(request, "Nothing was decided: say whether it is approved.")
        return redirect("console:requests")
    try:
        row, stored = services.decide_as_administrator(
            pk,
            approve=wanted == "approve",
            reason=request.POST.get("reason", ""),
            user=request.administrator,
            lasts=timedelta(seconds=int(seconds)) if known else None,
        )
    except (NoSuchRequest, RequestRefused) as refusal:
        messages.error(request, str(refusal))
        return redirect("console:requests")
    name = row.person.display_name
    if stored is None:
        messages.success(request, f"Rejected. {name} is told why.")
        return redirect("console:requests")
    messages.success(request, f"{name} gets it until it ends by itself.")
    if stored.released or stored.held:
        return redirect("console:run", stored.run.pk)
    return redirect("console:requests")


def _lengths(asked: timedelta) -> list[tuple[int, str]]:
    found = [*(one for one in _LENGTHS if one < asked), asked]
    return [(int(one.total_seconds()), length(one)) for one in found]
