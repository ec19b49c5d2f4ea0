"""The authorization endpoint: a request of an application, checked by the library, becomes a code
once somebody who may has signed in. What waits goes on at `back`."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AccessDeniedError, InvalidRequestError
from authlib.oidc.core.errors import (
    InteractionRequiredError,
    LoginRequiredError,
    RequestNotSupportedError,
    RequestURINotSupportedError,
)
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from tenure.core.sign_on import Cause, Decision, Verdict
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.signin import sessions
from tenure.sso import pages, pending
from tenure.sso.entering import JustEnded, Visit, enter, enter_apart, refuse, visit
from tenure.sso.models import Protocol
from tenure.sso.oidc import grants, jose
from tenure.sso.oidc.claims import PASSKEY, ClaimProblem, authentication, claims_of
from tenure.sso.oidc.clients import Client
from tenure.sso.oidc.requests import Asked
from tenure.sso.oidc.server import Issuer, Server, server

_log = logging.getLogger(__name__)
_LONGEST_NONCE: Final = 1000
#: What the library raises for a request that leads nowhere has to be told on our own page.
_TOLD: Final = (
    "The application sent you here with a request that cannot be answered. Its administrator has "
    "to compare its settings with those here."
)


def authorize(
    request: HttpRequest, asked: Asked, *, since: datetime | None = None, back: str = ""
) -> HttpResponse:
    """`since` is when the request first came, for one that has waited."""
    came_at = since or now()
    person = sessions.current_person(request)
    serving = server()
    try:
        grant = serving.get_consent_grant(asked, end_user=person)
    except OAuth2Error as error:
        return _refused(request, serving, asked, error)
    client: Client = grant.request.client
    try:
        _supported(asked)
        proved_since = _proved_since(asked, came_at)
        who = visit(
            request,
            client.application,
            Protocol.OIDC,
            client.sso,
            proved_since=proved_since,
            by_passkey=PASSKEY in asked.parameters.get("acr_values", "").split(),
        )
        if _silent(asked):
            _not_silently(asked, who)
    except OAuth2Error as error:
        error.redirect_uri = grant.redirect_uri
        error.state = asked.parameters.get("state")
        return _refused(request, serving, asked, error)
    if who is None:
        return pages.sign_in_first(back or keep("authorize", asked, came_at))
    who = _with_claims(client, who, grant.request.scope)
    if not who.allowed:
        return pages.instead(request, who, back or keep("authorize", asked, came_at))
    try:
        response = _answered(serving, grant, who)
    except JustEnded:
        if not _silent(asked):
            return pages.sign_in_first(back or keep("authorize", asked, came_at))
        nobody = LoginRequiredError(redirect_uri=grant.redirect_uri)
        nobody.state = asked.parameters.get("state")
        return _refused(request, serving, asked, nobody)
    if back:
        pending.done(back)
    return _sent(request, asked, response)


def keep(kind: str, asked: Asked, at: datetime) -> str:
    """The path at which the request goes on."""
    data = {
        "kind": kind,
        "path": asked.path,
        "parameters": dict(asked.parameters),
        "since": at.isoformat(),
    }
    return pending.keep(Protocol.OIDC, data)


@transaction.atomic
def _answered(serving: Server, grant: Any, who: Visit) -> HttpResponse:
    """The session at the application, the grant and the code, or none of them."""
    client: Client = grant.request.client
    scope: str = grant.request.scope
    told = claims_of(client, who.person, who.standing.given, scope.split())
    details: dict[str, object] = {"client_id": client.client_id}
    session = enter(who, subject=told["sub"], details=details)
    tied = session
    if "offline_access" in scope.split() and client.check_grant_type("refresh_token"):
        tied = enter_apart(who, subject=told["sub"], details={**details, "apart": "offline"})
    grant.request.granted = grants.open_grant(
        client,
        session=tied,
        scope=scope,
        told={**authentication(who.session), "sid": session.sid},
    )
    response: HttpResponse = serving.create_authorization_response(
        grant.request, grant_user=who.person, grant=grant
    )
    return response


def _supported(asked: Asked) -> None:
    """What we do not speak is said, not passed over (OpenID Connect Core, section 3.1.2.6)."""
    given = asked.parameters
    if given.get("request"):
        raise RequestNotSupportedError
    if given.get("request_uri"):
        raise RequestURINotSupportedError
    if len(given.get("nonce", "")) > _LONGEST_NONCE:
        raise InvalidRequestError("The nonce is too long.")
    if given.get("response_mode", "query") not in ("query", "form_post"):
        raise InvalidRequestError("The response_mode has to be query or form_post.")


def _proved_since(asked: Asked, came_at: datetime) -> datetime | None:
    """Since when they must have proved who they are. Counted from when the request came, so that
    it can be met by signing in once more."""
    found = []
    if "login" in asked.parameters.get("prompt", "").split():
        found.append(came_at)
    text = asked.parameters.get("max_age", "")
    if text:
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise InvalidRequestError("The max_age has to be a number of seconds.")
        found.append(came_at - timedelta(seconds=int(text)))
    return max(found, default=None)


def _silent(asked: Asked) -> bool:
    return asked.parameters.get("prompt") == "none"


def _not_silently(asked: Asked, who: Visit | None) -> None:
    """With prompt=none no page is shown: whatever takes one is an error for the application."""
    if who is None or not _is_hinted(asked, who.person):
        raise LoginRequiredError
    match who.decision.verdict:
        case Verdict.CONFIRM:
            raise LoginRequiredError
        case Verdict.SETTING_UP:
            raise InteractionRequiredError
        case Verdict.REFUSED:
            refuse(who)
            raise AccessDeniedError("The person may not sign in there.")


def _is_hinted(asked: Asked, person: Person) -> bool:
    """Whether the hint, if there is one, is of a session of this person (section 3.1.2.1)."""
    hint = asked.parameters.get("id_token_hint")
    if not hint:
        return True
    claims = jose.read(hint) or {}
    return person.application_sessions.filter(
        sid=str(claims.get("sid", "")), subject=str(claims.get("sub", ""))
    ).exists()


def _with_claims(client: Client, who: Visit, scope: str) -> Visit:
    """A person of whom the application cannot be told what it needs is not sent there."""
    if not who.allowed:
        return who
    try:
        claims_of(client, who.person, who.standing.given, scope.split())
    except ClaimProblem as error:
        return replace(who, decision=Decision(Verdict.REFUSED, Cause.DETAILS, str(error)))
    return who


def _refused(
    request: HttpRequest, serving: Server, asked: Asked, error: OAuth2Error
) -> HttpResponse:
    """Told to the application where its address is known to be its own; to the person else."""
    if not error.redirect_uri:
        _log.info("Refused a request for a sign-in: %s", error)
        words = f"{_TOLD} ({error.description or error.error})"
        return pages.wrong(request, words)
    response = serving.handle_error_response(None, error)
    Issuer().add_issuer_parameter(serving, response)
    return _sent(request, asked, response)


def _sent(request: HttpRequest, asked: Asked, response: HttpResponse) -> HttpResponse:
    """By the address, or as a form (OAuth 2.0 Form Post Response Mode)."""
    location = response.get("Location", "")
    if not location or asked.parameters.get("response_mode") != "form_post":
        return response
    target = asked.parameters["redirect_uri"]
    ours = parse_qsl(urlsplit(location).query, keep_blank_values=True)
    theirs = parse_qsl(urlsplit(target).query, keep_blank_values=True)
    return pages.post_on(request, target, dict(ours[len(theirs) :]))
