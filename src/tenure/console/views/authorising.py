"""Authorising an application by OAuth: out to the application, back with a code, and taken back.

What ties the way out to the way back is in the administrator's own session: a code that somebody
else's browser brings is refused.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from tenure.applications import authorizing, selectors
from tenure.connectors.base import ConnectorError
from tenure.console.page import ConsoleRequest, missing, signed_in
from tenure.infra.clock import now
from tenure.provisioning.services import resume_application
from tenure.signin.permissions import Ability

_SESSION = "authorising"
_VALID = timedelta(minutes=10)
_MOST = 5


def redirect_uri() -> str:
    """Where applications send browsers back to: it is registered with each of them."""
    return f"{settings.TENURE_URL}{reverse('console:authorised')}"


@require_safe
@signed_in(needs=Ability.AUTHORISE)
def authorise(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Out to the application, where the administrator agrees."""
    found = selectors.application(slug)
    if found is None:
        return missing(request, "application", section="applications", back="console:applications")
    try:
        begun = authorizing.begin(found, redirect_uri=redirect_uri())
    except (ConnectorError, LookupError, ValueError) as error:
        messages.error(request, f"Nothing was begun: {error}")
        return _back(slug)
    waiting: dict[str, Any] = request.session.get(_SESSION, {})
    newest = sorted(waiting.items(), key=lambda item: item[1]["at"])[-(_MOST - 1) :]
    entry = {"slug": slug, "verifier": begun.verifier, "at": now().isoformat()}
    request.session[_SESSION] = {**dict(newest), begun.state: entry}
    return HttpResponseRedirect(begun.address)


@require_safe
@signed_in(needs=Ability.AUTHORISE)
def authorised(request: ConsoleRequest) -> HttpResponse:
    """Back from the application, with a code or with a refusal."""
    begun = _taken(request)
    if begun is None:
        messages.error(
            request,
            "Nothing was authorised: this answer belongs to no authorisation that this browser has "
            "begun within the last ten minutes. Press Authorise again.",
        )
        return redirect("console:applications")
    slug = str(begun["slug"])
    found = selectors.application(slug)
    if found is None:
        return missing(request, "application", section="applications", back="console:applications")
    if refusal := request.GET.get("error", "")[:200]:
        said = request.GET.get("error_description", "")[:300] or refusal
        messages.error(request, f"{found.name} did not authorise us: {said}")
        return _back(slug)
    try:
        authorizing.finish(
            found,
            code=request.GET.get("code", ""),
            verifier=str(begun["verifier"]),
            redirect_uri=redirect_uri(),
        )
    except (ConnectorError, LookupError, ValueError) as error:
        messages.error(request, f"{found.name} is not authorised: {error}")
        return _back(slug)
    resume_application(slug)
    messages.success(request, f"{found.name} is authorised. What waited for it is sent now.")
    return _back(slug)


@require_POST
@signed_in(needs=Ability.AUTHORISE)
def deauthorise(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Forget the tokens, and give them back."""
    found = selectors.application(slug)
    if found is None:
        return missing(request, "application", section="applications", back="console:applications")
    trouble = authorizing.withdraw(found)
    text = f"The tokens of {found.name} are forgotten"
    messages.warning(request, f"{text}: {trouble}." if trouble else f"{text}, and given back.")
    return _back(slug)


def _taken(request: ConsoleRequest) -> dict[str, Any] | None:
    """What was begun with the state that came back; each counts once."""
    state = request.GET.get("state", "")
    waiting: dict[str, Any] = request.session.get(_SESSION, {})
    key = next((k for k in waiting if secrets.compare_digest(k.encode(), state.encode())), None)
    if key is None:
        return None
    begun = waiting.pop(key)
    request.session[_SESSION] = waiting
    late = now() - datetime.fromisoformat(begun["at"]) > _VALID
    return None if late or not isinstance(begun, dict) else begun


def _back(slug: str) -> HttpResponse:
    return redirect(f"{reverse('console:application', args=[slug])}#authorisation")
