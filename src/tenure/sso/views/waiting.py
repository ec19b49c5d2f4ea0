"""Requests that waited go on; and whether what they wait for is there."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tenure.applications import selectors as applications
from tenure.core.sign_on import Verdict
from tenure.signin.answers import next_path
from tenure.sso import pages, pending, protocols
from tenure.sso.entering import visit
from tenure.sso.models import Protocol
from tenure.sso.policies import NotConfigured, settings_of

_OVER = "This sign-in was begun too long ago, or has been finished."


@never_cache
@require_safe
def go_on(request: HttpRequest, token: str) -> HttpResponse:
    """A request that waited."""
    row = pending.find(token)
    if row is None:
        return pages.wrong(request, _OVER, status=410)
    return protocols.handler(row.protocol).resume(request, row.data, request.path)


@never_cache
@require_safe
def ready(request: HttpRequest, slug: str) -> HttpResponse:
    """Every two seconds the page that waits asks; it goes on as soon as there is another answer."""
    application = applications.application(slug)
    back = next_path(request) or reverse("portal:home")
    if application is not None:
        try:
            sso = settings_of(application)
            who = visit(request, application, Protocol(sso.protocol), sso, by_itself=True)
        except NotConfigured:
            who = None
        if who is not None and who.decision.verdict is Verdict.SETTING_UP:
            return HttpResponse(status=204)
    response = HttpResponse(status=204)
    response["HX-Redirect"] = back
    return response


@never_cache
@require_safe
def launch(request: HttpRequest, slug: str) -> HttpResponse:
    """The tile of an application in the portal."""
    here = reverse("sso:launch", args=[slug])
    application = applications.application(slug)
    if application is None:
        return redirect("portal:home")
    try:
        sso = settings_of(application)
    except NotConfigured:
        words = "It is not signed in to from here. Open it at its own address."
        return pages.wrong(request, words, application=application, status=404)
    who = visit(request, application, Protocol(sso.protocol), sso)
    if who is None:
        return pages.sign_in_first(here)
    if not who.allowed and who.decision.verdict is not Verdict.CONFIRM:
        return pages.instead(request, who, here)
    return protocols.handler(sso.protocol).launch(request, application)
