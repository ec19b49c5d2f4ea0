"""Signing in by one-time link, and out. A link that is only looked at (by a mail scanner, a chat
preview) is not used up: that takes the button."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tenure.signin import sessions
from tenure.signin.services import LinkRefused, Standing, look, redeem

_REFUSED = {
    Standing.USED: "This link has been used",
    Standing.EXPIRED: "This link has expired",
    Standing.UNKNOWN: "This link is not one of ours",
}
_GONE = {Standing.USED: 410, Standing.EXPIRED: 410, Standing.UNKNOWN: 404}


@never_cache
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """How to sign in."""
    if sessions.current(request) is not None:
        return redirect("console:overview")
    return render(request, "signin/index.html", {"was_out": "out" in request.GET})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def link(request: HttpRequest, token: str) -> HttpResponse:
    """The button, and what it does."""
    if request.method != "POST":
        found = look(token)
        if found.standing is not Standing.GOOD:
            return _refused(request, found.standing)
        return render(request, "signin/link.html", {"user_name": found.user})
    try:
        user = redeem(token, request.META.get("REMOTE_ADDR") or None)
    except LinkRefused as error:
        return _refused(request, error.standing)
    sessions.begin(request, user)
    return redirect("console:overview")


@never_cache
@require_POST
def out(request: HttpRequest) -> HttpResponse:
    """Sign out."""
    sessions.end(request)
    response = redirect("signin:index")
    response["Location"] += "?out"
    return response


def _refused(request: HttpRequest, standing: Standing) -> HttpResponse:
    context = {"title": _REFUSED[standing], "standing": standing.value}
    return render(request, "signin/refused.html", context, status=_GONE[standing])
