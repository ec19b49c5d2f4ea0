"""Authorising an application or a source by OAuth: out to it, back with a code, and taken back.

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

from tenure.applications import authorizing as applications
from tenure.applications import selectors
from tenure.connectors.base import ConnectorError
from tenure.console.page import ConsoleRequest, Fresh, missing, signed_in
from tenure.infra.clock import now
from tenure.provisioning.services import resume_application
from tenure.signin.permissions import Ability
from tenure.sources import authorizing as sources
from tenure.sources.selectors import source
from tenure.vault import authorizing
from tenure.vault.authorizing import APPLICATION, SOURCE, Party

#: A key for each that was begun: two may be under way at the same time.
_SESSION = "authorising:"
_VALID = timedelta(minutes=10)
_MOST = 5


def redirect_uri() -> str:
    """Where applications send browsers back to: it is registered with each of them."""
    return f"{settings.TENURE_URL}{reverse('console:authorised')}"


@require_safe
@signed_in(needs=Ability.AUTHORISE, fresh=Fresh.PAGE)
def authorise(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Out to the application, where the administrator agrees."""
    found = selectors.application(slug)
    if found is None:
        return missing(request, "application", section="applications", back="console:applications")
    return _out(request, applications.party(found))


@require_safe
@signed_in(needs=Ability.AUTHORISE, fresh=Fresh.PAGE)
def authorise_source(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Out to the source, where the administrator agrees."""
    found = source(slug)
    if found is None:
        return missing(request, "source", section="sources", back="console:sources")
    return _out(request, sources.party(found))


@require_safe
@signed_in(needs=Ability.AUTHORISE)
def authorised(request: ConsoleRequest) -> HttpResponse:
    """Back from where the administrator agreed, with a code or with a refusal."""
    begun = _taken(request)
    if begun is None:
        messages.error(
            request,
            "Nothing was authorised: this answer belongs to no authorisation that this browser has "
            "begun within the last ten minutes. Press Authorise again.",
        )
        return redirect("console:applications")
    party = _party(begun)
    if party is None:
        kind = str(begun.get("kind", APPLICATION.word))
        return missing(request, kind, section=f"{kind}s", back=f"console:{kind}s")
    if refusal := request.GET.get("error", "")[:200]:
        said = request.GET.get("error_description", "")[:300] or refusal
        messages.error(request, f"{party.name} did not authorise us: {said}")
        return _back(party)
    try:
        authorizing.finish(
            party,
            code=request.GET.get("code", ""),
            verifier=str(begun["verifier"]),
            redirect_uri=redirect_uri(),
        )
    except (ConnectorError, LookupError, ValueError) as error:
        messages.error(request, f"{party.name} is not authorised: {error}")
        return _back(party)
    if party.kind is APPLICATION:
        resume_application(party.slug)
        messages.success(request, f"{party.name} is authorised. What waited for it is sent now.")
    else:
        messages.success(request, f"{party.name} is authorised. The next import reads it.")
    return _back(party)


@require_POST
@signed_in(needs=Ability.AUTHORISE, fresh=Fresh.FORM)
def deauthorise(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Forget the tokens of an application, and give them back."""
    found = selectors.application(slug)
    if found is None:
        return missing(request, "application", section="applications", back="console:applications")
    return _withdrawn(request, applications.party(found))


@require_POST
@signed_in(needs=Ability.AUTHORISE, fresh=Fresh.FORM)
def deauthorise_source(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Forget the tokens of a source, and give them back."""
    found = source(slug)
    if found is None:
        return missing(request, "source", section="sources", back="console:sources")
    return _withdrawn(request, sources.party(found))


def _out(request: ConsoleRequest, party: Party) -> HttpResponse:
    try:
        begun = authorizing.begin(party, redirect_uri=redirect_uri())
    except (ConnectorError, LookupError, ValueError) as error:
        messages.error(request, f"Nothing was begun: {error}")
        return _back(party)
    others = [key for key, _ in request.session.items() if key.startswith(_SESSION)]
    for key in sorted(others, key=lambda one: request.session[one]["at"])[: -(_MOST - 1)]:
        del request.session[key]
    request.session[_SESSION + begun.state] = {
        "kind": party.kind.word,
        "slug": party.slug,
        "verifier": begun.verifier,
        "at": now().isoformat(),
    }
    return HttpResponseRedirect(begun.address)


def _withdrawn(request: ConsoleRequest, party: Party) -> HttpResponse:
    trouble = authorizing.withdraw(party)
    text = f"The tokens of {party.name} are forgotten"
    messages.warning(request, f"{text}: {trouble}." if trouble else f"{text}, and given back.")
    return _back(party)


def _party(begun: dict[str, Any]) -> Party | None:
    """Whose authorisation was begun, if it is still there."""
    slug = str(begun["slug"])
    if begun.get("kind") == SOURCE.word:
        row = source(slug)
        return sources.party(row) if row else None
    found = selectors.application(slug)
    return applications.party(found) if found else None


def _taken(request: ConsoleRequest) -> dict[str, Any] | None:
    """What was begun with the state that came back; each counts once."""
    state = request.GET.get("state", "")
    waiting = [key for key, _ in request.session.items() if key.startswith(_SESSION)]
    wanted = (_SESSION + state).encode()
    key = next((k for k in waiting if secrets.compare_digest(k.encode(), wanted)), None)
    if key is None:
        return None
    begun = request.session.pop(key)
    late = now() - datetime.fromisoformat(begun["at"]) > _VALID
    return None if late or not isinstance(begun, dict) else begun


def _back(party: Party) -> HttpResponse:
    if party.kind is SOURCE:
        return redirect("console:sources")
    return redirect(f"{reverse('console:application', args=[party.slug])}#authorisation")
