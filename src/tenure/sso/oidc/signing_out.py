"""The end-session endpoint: an application asks that somebody be signed out here. With a token of
their session it is done; without one they are asked, so that no other page can do it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oidc.rpinitiated import EndSessionRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from tenure.infra.clock import now
from tenure.people.services import company
from tenure.signin import sessions
from tenure.signin.models import Session
from tenure.sso import pages, pending
from tenure.sso.models import ApplicationSession
from tenure.sso.oidc.authorizing import keep
from tenure.sso.oidc.requests import Asked
from tenure.sso.oidc.server import Server, server


def sign_out(
    request: HttpRequest, asked: Asked, *, back: str = "", confirmed: bool = False
) -> HttpResponse:
    """`back` names the request, for one that has waited already."""
    serving = server()
    wanted = _wanted(serving, asked)
    here = sessions.person_session(request)
    if here is not None and not confirmed and not _is_theirs(wanted.id_token_claims, here):
        context = {
            "application": wanted.client.application if wanted.client else None,
            "back": back or keep("logout", asked, now()),
            "company": company(),
        }
        response = render(request, "sso/sign_out.html", context)
        return pages.may_lead_to(response, wanted.redirect_uri or "")
    if here is not None:
        sessions.end(request)
    if back:
        pending.done(back)
    return _gone(serving, wanted)


def _wanted(serving: Server, asked: Asked) -> EndSessionRequest:
    """What is asked for. Of a hint that is no token of ours, or of a key that is void, nothing is
    believed: nobody is sent on, and the person is asked (section 4)."""
    try:
        found: EndSessionRequest = serving.validate_endpoint_request("end_session", asked)
    except OAuth2Error:
        found = serving.validate_endpoint_request("end_session", replace(asked, parameters={}))
    return found


def _is_theirs(claims: dict[str, Any] | None, here: Session) -> bool:
    """Whether the hint is of a session at the application that was begun from this very one."""
    if claims is None:
        return False
    return ApplicationSession.objects.filter(
        sid=str(claims.get("sid", "")), portal_session=here
    ).exists()


def _gone(serving: Server, wanted: EndSessionRequest) -> HttpResponse:
    answer: HttpResponse | None = serving.create_endpoint_response("end_session", wanted)
    if answer is not None:
        return answer
    response = redirect(reverse("signin:index"))
    response["Location"] += "?out"
    return response
