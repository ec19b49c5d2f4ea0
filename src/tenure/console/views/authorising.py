"""Authorising an application or a source by OAuth: out to it, back with a code, and taken back.

What ties the way out to the way back is in the administrator's own session: a code that somebody
else's browser brings is refused.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from tenure.applications import authorizing as applications
from tenure.applications.selectors import application
from tenure.connectors.base import ConnectorError
from tenure.connectors.oauth_refusals import at_the_page
from tenure.console import source_steps
from tenure.console.authorisation import redirect_uri
from tenure.console.page import ConsoleRequest, Fresh, missing, signed_in
from tenure.infra.clock import now
from tenure.provisioning.services import resume_application
from tenure.setup import authorizing as setup
from tenure.signin.permissions import Ability
from tenure.sources import authorizing as sources
from tenure.sources.selectors import source
from tenure.vault import authorizing
from tenure.vault.parties import APPLICATION, DRAFT, SOURCE, Kind, Party, standing

#: A key for each that was begun: two may be under way at the same time.
_SESSION = "authorising:"
_VALID = timedelta(minutes=10)
_MOST = 5


@dataclass(frozen=True, slots=True)
class _Page:
    """Where a kind of what is authorised is found, and where one is after it."""

    party: Callable[[str], Party | None]
    section: str
    goes_on: str


def _application(slug: str) -> Party | None:
    found = application(slug)
    return applications.party(found) if found else None


def _source(slug: str) -> Party | None:
    found = source(slug)
    return sources.party(found) if found else None


_PAGES: Final = {
    APPLICATION: _Page(_application, "applications", "What waited for it is sent now."),
    SOURCE: _Page(_source, "sources", "The next import reads it."),
    DRAFT: _Page(setup.party_of, "sources", "These are its columns."),
}


@require_safe
@signed_in(needs=Ability.AUTHORISE, fresh=Fresh.PAGE)
def authorise(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Out to the application, where the administrator agrees."""
    return _out(request, APPLICATION, slug)


@require_safe
@signed_in(needs=Ability.AUTHORISE, fresh=Fresh.PAGE)
def authorise_source(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Out to the source, where the administrator agrees."""
    return _out(request, SOURCE, slug)


@require_safe
@signed_in(needs=Ability.AUTHORISE, fresh=Fresh.PAGE)
def authorise_draft(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Out to a source that is being set up, where the administrator agrees."""
    return _out(request, DRAFT, slug)


@require_safe
@signed_in(needs=Ability.AUTHORISE)
def authorised(request: ConsoleRequest) -> HttpResponse:
    """Back from where the administrator agreed, with a code or with a refusal."""
    begun = _taken(request)
    if begun is None:
        messages.error(
            request,
            "Nothing was authorised: this answer belongs to no authorisation that this browser has "
            "begun, or to one that was finished already. Open the application or the source here, "
            "in this browser, and press Authorise again.",
        )
        return redirect("console:overview")
    kind = next(one for one in _PAGES if one.name == begun["kind"])
    party = _PAGES[kind].party(str(begun["slug"]))
    if party is None:
        return _missing(request, kind)
    if now() - datetime.fromisoformat(begun["at"]) > _VALID:
        messages.error(
            request,
            f"{party.name} is not authorised: it was begun more than ten minutes ago, and that is "
            "too long for the answer to be trusted. Press Authorise again.",
        )
        return _back(party, begun)
    if refusal := request.GET.get("error", "")[:200]:
        said = request.GET.get("error_description", "")[:300]
        scopes = list(party.oauth.get("scopes", ()))
        text = at_the_page(
            refusal, said, name=party.name, scopes=scopes, redirect_uri=redirect_uri()
        )
        messages.error(request, text)
        return _back(party, begun)
    return _finished(request, kind, party, begun)


@require_POST
@signed_in(needs=Ability.AUTHORISE, fresh=Fresh.FORM)
def deauthorise(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Forget the tokens of an application, and give them back."""
    return _withdrawn(request, APPLICATION, slug)


@require_POST
@signed_in(needs=Ability.AUTHORISE, fresh=Fresh.FORM)
def deauthorise_source(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Forget the tokens of a source, and give them back."""
    return _withdrawn(request, SOURCE, slug)


def _out(request: ConsoleRequest, kind: Kind, slug: str) -> HttpResponse:
    party = _PAGES[kind].party(slug)
    if party is None:
        return _missing(request, kind)
    begun_here = {"kind": kind.name, "slug": slug, "back": request.GET.get("back", "")}
    try:
        begun = authorizing.begin(party, redirect_uri=redirect_uri())
    except (ConnectorError, LookupError, ValueError) as error:
        messages.error(request, f"Nothing was begun: {error}")
        return _back(party, begun_here)
    others = [key for key, _ in request.session.items() if key.startswith(_SESSION)]
    for key in sorted(others, key=lambda one: request.session[one]["at"])[: -(_MOST - 1)]:
        del request.session[key]
    request.session[_SESSION + begun.state] = {
        **begun_here,
        "verifier": begun.verifier,
        "at": now().isoformat(),
    }
    return HttpResponseRedirect(begun.address)


def _finished(
    request: ConsoleRequest, kind: Kind, party: Party, begun: dict[str, Any]
) -> HttpResponse:
    try:
        authorizing.finish(
            party,
            code=request.GET.get("code", ""),
            verifier=str(begun["verifier"]),
            redirect_uri=redirect_uri(),
        )
    except (ConnectorError, LookupError, ValueError) as error:
        messages.error(request, f"{party.name} is not authorised: {error}")
        return _back(party, begun)
    if kind is APPLICATION:
        resume_application(party.slug)
    how = standing(party)
    if how is not None and how.missing:
        messages.warning(
            request,
            f"{party.name} is authorised, but not for {', '.join(how.missing)}: what needs that "
            "will be refused. Allow it for the client there, then press Authorise again.",
        )
    else:
        messages.success(request, f"{party.name} is authorised. {_PAGES[kind].goes_on}")
    if kind is DRAFT:
        return redirect(
            source_steps.then(reverse("console:source_mapping", args=[party.slug]), begun["back"])
        )
    return _back(party, begun)


def _withdrawn(request: ConsoleRequest, kind: Kind, slug: str) -> HttpResponse:
    party = _PAGES[kind].party(slug)
    if party is None:
        return _missing(request, kind)
    trouble = authorizing.withdraw(party)
    text = f"The tokens of {party.name} are forgotten"
    messages.warning(request, f"{text}: {trouble}." if trouble else f"{text}, and given back.")
    return _back(party, {"kind": kind.name})


def _taken(request: ConsoleRequest) -> dict[str, Any] | None:
    """What was begun with the state that came back; each counts once."""
    state = request.GET.get("state", "")
    waiting = [key for key, _ in request.session.items() if key.startswith(_SESSION)]
    wanted = (_SESSION + state).encode()
    key = next((k for k in waiting if secrets.compare_digest(k.encode(), wanted)), None)
    begun = request.session.pop(key) if key else None
    return begun if isinstance(begun, dict) else None


def _missing(request: ConsoleRequest, kind: Kind) -> HttpResponse:
    section = _PAGES[kind].section
    return missing(request, kind.word, section=section, back=f"console:{section}")


def _back(party: Party, begun: dict[str, Any]) -> HttpResponse:
    """Where it was begun. `begun` names the kind: a draft may be authorised as its source is."""
    if begun["kind"] == DRAFT.name:
        step = reverse("console:source_authorisation", args=[party.slug])
        return redirect(source_steps.then(step, begun["back"]))
    page = reverse(f"console:{party.kind.word}", args=[party.slug])
    return redirect(f"{page}#authorisation")
