"""The end-session endpoint: an application asks that somebody be signed out here. With a token of
their session it is done; without one they are asked, so that no other page can do it."""

from __future__ import annotations

from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oidc.rpinitiated import EndSessionRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from tenure.people.services import company
from tenure.signin import sessions
from tenure.signin.models import Session
from tenure.sso import pages, pending
from tenure.sso.models import ApplicationSession
from tenure.sso.oidc.requests import Asked
from tenure.sso.oidc.server import Server, server


def sign_out(
    request: HttpRequest, asked: Asked, *, back: str, confirmed: bool = False
) -> HttpResponse:
    """`back` is where the person's answer is sent to, if they have to be asked."""
    serving = server()
    try:
        wanted: EndSessionRequest = serving.validate_endpoint_request("end_session", asked)
    except OAuth2Error as error:
        return pages.wrong(request, f"You were not signed out. ({error.description})")
    here = sessions.person_session(request)
    if here is not None and not confirmed and not _is_theirs(wanted.id_token_claims, here):
        context = {
            "application": wanted.client.application if wanted.client else None,
            "back": back,
            "company": company(),
        }
        response = render(request, "sso/sign_out.html", context)
        return pages.may_lead_to(response, wanted.redirect_uri or "")
    if here is not None:
        sessions.end(request)
    if back:
        pending.done(back)
    return _gone(serving, wanted)


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
