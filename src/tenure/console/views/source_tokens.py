"""Tokens of those who push people into a source: made and shown once, and revoked."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from tenure.console.page import ConsoleRequest, Fresh, missing, render, signed_in
from tenure.readers.registry import UPLOAD
from tenure.scim_server import tokens
from tenure.scim_server.models import Scope
from tenure.signin.permissions import Ability
from tenure.sources import selectors
from tenure.sources.models import Source

_LONGEST = 3650


@require_POST
@signed_in(needs=Ability.CONFIGURE, fresh=Fresh.FORM)
def make(request: ConsoleRequest, slug: str) -> HttpResponse:
    """A new one. The answer to the form is the only place where it stands."""
    found = selectors.source(slug)
    if found is None:
        return missing(request, "source", section="sources", back="console:sources")
    days = request.POST.get("days", "").strip()
    if not days.isdecimal() or not 0 < int(days) <= _LONGEST:
        messages.error(request, f"No token was made: say for how many days, 1 to {_LONGEST}.")
        return redirect("console:source", slug)
    name = request.POST.get("name", "").strip()[:100]
    scope = Scope.READ if request.POST.get("scope") == Scope.READ else Scope.WRITE
    try:
        token = tokens.issue(slug, name=name, scope=scope, valid=timedelta(days=int(days)))
    except (LookupError, ValueError) as error:
        messages.error(request, str(error))
        return redirect("console:source", slug)
    context = {"source": found, "name": name, "token": token, "address": address(found)}
    return render(request, "console/source_token.html", context, section="sources")


@require_POST
@signed_in(needs=Ability.CONFIGURE, fresh=Fresh.FORM)
def revoke(request: ConsoleRequest, slug: str) -> HttpResponse:
    """It lets nobody in any more."""
    name = request.POST.get("name", "")
    try:
        tokens.revoke(slug, name=name)
        messages.success(request, f"The token {name} lets nobody in any more.")
    except LookupError as error:
        messages.error(request, str(error))
    return redirect("console:source", slug)


def address(source: Source) -> str:
    """Where the other side pushes to."""
    if source.reader == UPLOAD:
        path = reverse("receiving:upload", args=[source.slug])
    else:
        path = reverse("scim_server:root")
    return f"{settings.TENURE_URL}{path}".rstrip("/")
