"""The endpoints of the OpenID Connect provider. Everything that a program calls answers in the
protocol's words; what a person sees is a page."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from authlib.oauth2.rfc6749 import InvalidRequestError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenure.audit.services import acting
from tenure.infra.clock import now
from tenure.people.services import company
from tenure.signin import sessions
from tenure.signin.throttle import Limit, TooOften, count
from tenure.signin.where import address_of
from tenure.sso import pages, pending
from tenure.sso.entering import JustEnded, visit
from tenure.sso.models import Protocol
from tenure.sso.oidc import devices, jose
from tenure.sso.oidc.authorizing import authorize as answer_to
from tenure.sso.oidc.authorizing import keep
from tenure.sso.oidc.claims import ClaimProblem
from tenure.sso.oidc.clients import client_of
from tenure.sso.oidc.discovery import metadata
from tenure.sso.oidc.requests import Asked, MalformedRequest, asked_by
from tenure.sso.oidc.server import server
from tenure.sso.oidc.signing_out import sign_out as signed_out

View = Callable[..., HttpResponse]
_FROM_ANYWHERE: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Max-Age": "86400",
}


def _for_programs(view: View) -> View:
    """No cookie counts here, so pages of applications may call it from a browser, too."""

    @csrf_exempt
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = HttpResponse(status=204)
        if request.method != "OPTIONS":
            response = view(request, *args, **kwargs)
        for name, value in _FROM_ANYWHERE.items():
            response[name] = value
        return response

    return wrapped


@_for_programs
@require_safe
def discovery(request: HttpRequest) -> HttpResponse:
    """OpenID Connect Discovery 1.0, and RFC 8414."""
    response = JsonResponse(metadata())
    response["Cache-Control"] = "public, max-age=3600"
    return response


@_for_programs
@require_safe
def jwks(request: HttpRequest) -> HttpResponse:
    """The keys that sign."""
    response = JsonResponse(jose.published(), content_type="application/jwk-set+json")
    response["Cache-Control"] = "public, max-age=3600"
    return response


@never_cache
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def authorize(request: HttpRequest) -> HttpResponse:
    """Somebody comes from an application. What is posted by another site comes without cookies,
    so it is kept, and asked for once more."""
    try:
        asked = _counted(request)
    except MalformedRequest as error:
        return pages.wrong(request, f"The request is none of OpenID Connect's. {error}")
    except TooOften as error:
        return pages.wrong(request, str(error), status=429)
    if request.method == "POST":
        return pages.leave(keep("authorize", _as_get(asked), now()))
    return answer_to(request, asked)


@_for_programs
@require_POST
@transaction.atomic
def token(request: HttpRequest) -> HttpResponse:
    """Codes, refresh tokens, client's credentials and device codes become tokens."""
    return _endpoint(request, lambda serving, asked: serving.create_token_response(asked))


@_for_programs
@require_http_methods(["GET", "POST"])
def userinfo(request: HttpRequest) -> HttpResponse:
    """What the person's token lets be told of them."""
    return _named(request, "userinfo")


@_for_programs
@require_POST
def introspect(request: HttpRequest) -> HttpResponse:
    """Whether a token of the client that asks is good."""
    return _named(request, "introspection")


@_for_programs
@require_POST
@transaction.atomic
def revoke(request: HttpRequest) -> HttpResponse:
    """A token that the client needs no more."""
    return _named(request, "revocation")


@_for_programs
@require_POST
@transaction.atomic
def device_authorization(request: HttpRequest) -> HttpResponse:
    """A device begins."""
    return _named(request, "device_authorization")


@never_cache
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def end_session(request: HttpRequest) -> HttpResponse:
    """An application asks that somebody be signed out."""
    try:
        asked = _as_get(_counted(request))
    except (MalformedRequest, TooOften) as error:
        return pages.wrong(request, f"You were not signed out. {error}")
    if request.method == "POST":
        return pages.leave(keep("logout", asked, now()))
    return signed_out(request, asked)


@never_cache
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """They have agreed."""
    back = request.POST.get("back", "")
    row = pending.find(back.rstrip("/").rsplit("/", 1)[-1])
    if row is None or row.data.get("kind") != "logout":
        return pages.wrong(request, "This was begun too long ago.", status=410)
    asked = Asked("GET", row.data["path"], row.data["parameters"])
    return signed_out(request, asked, back=back, confirmed=True)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def device(request: HttpRequest) -> HttpResponse:
    """Somebody types the code that a device shows, and allows it or not."""
    given = request.POST if request.method == "POST" else request.GET
    code = given.get("user_code", "")[:40]
    here = reverse("sso:device") + (f"?{urlencode({'user_code': code})}" if code else "")
    person = sessions.current_person(request)
    if person is None:
        return pages.sign_in_first(here)
    context: dict[str, Any] = {"code": code, "person": person, "company": company()}
    if not code:
        return render(request, "sso/device.html", context)
    try:
        count(Limit.DEVICE_CODE_BY_PERSON, person.pk)
    except TooOften as error:
        return render(request, "sso/device.html", {**context, "error": str(error)}, status=429)
    found = devices.waiting(code)
    if found is None:
        context["error"] = "No device waits with this code. It may have expired; begin again there."
        return render(request, "sso/device.html", context, status=422)
    client = client_of(found.application)
    who = visit(request, found.application, Protocol.OIDC, client.sso)
    if who is None or not who.allowed:
        return pages.instead(request, who, here) if who else pages.sign_in_first(here)
    if request.method != "POST":
        return render(request, "sso/device.html", {**context, "device": found})
    allowed = request.POST.get("do") == "allow"
    with acting(f"{person.display_name} (themselves)"):
        try:
            done = devices.allow(code, who) if allowed else devices.deny(code) is not None
        except JustEnded:
            return pages.sign_in_first(here)
        except ClaimProblem as error:
            return pages.wrong(request, str(error), application=found.application, status=403)
    return render(
        request, "sso/device.html", {**context, "done": True, "allowed": allowed and done}
    )


def _named(request: HttpRequest, name: str) -> HttpResponse:
    return _endpoint(request, lambda serving, asked: serving.create_endpoint_response(name, asked))


def _endpoint(request: HttpRequest, call: Callable[[Any, Asked], HttpResponse]) -> HttpResponse:
    serving = server()
    try:
        asked = asked_by(request)
    except MalformedRequest:
        error = InvalidRequestError("A parameter is repeated, too long, or not in plain letters.")
        return serving.handle_error_response(None, error)  # type: ignore[no-any-return]
    return call(serving, asked)


def _counted(request: HttpRequest) -> Asked:
    """What is asked by a browser. Each may leave a row that waits, so they are counted."""
    count(Limit.SIGN_ON_BY_ADDRESS, address_of(request))
    return asked_by(request)


def _as_get(asked: Asked) -> Asked:
    return Asked("GET", asked.path, asked.parameters)
