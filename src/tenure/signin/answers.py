"""What the pages of the door have in common: the challenge in the browser's session, answers to the
script that speaks with the authenticator, and where to go on."""

from __future__ import annotations

import json
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from tenure.signin.models import User
from tenure.signin.owners import Owner
from tenure.signin.passkeys import Asked

_CHALLENGE: Final = "challenge"
_LARGEST: Final = 64 * 1024


def ask(request: HttpRequest, asked: Asked) -> HttpResponse:
    """The options; this browser alone can answer them."""
    request.session[_CHALLENGE] = asked.challenge
    return HttpResponse(asked.options, content_type="application/json")


def challenge(request: HttpRequest) -> int | None:
    """The number of the challenge that this browser was asked, once."""
    found = request.session.pop(_CHALLENGE, None)
    return found if isinstance(found, int) else None


def sent(request: HttpRequest) -> dict[str, Any]:
    """The JSON object of the request; an empty one for anything else."""
    if len(request.body) > _LARGEST:
        return {}
    try:
        found = json.loads(request.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def go(path: str) -> JsonResponse:
    """The script goes there."""
    return JsonResponse({"location": path})


def refused(message: str, status: int = 422) -> JsonResponse:
    """The script shows the sentence."""
    return JsonResponse({"error": message}, status=status)


def next_path(request: HttpRequest) -> str:
    """Where the browser wanted to go, a path of ours; empty for anything else."""
    path = request.POST.get("next") or request.GET.get("next") or ""
    ours = path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    return path if ours and len(path) <= 500 else ""


def landing(owner: Owner, path: str = "") -> str:
    """Where who has just come in goes on."""
    if isinstance(owner, User):
        return path if path.startswith("/console/") else reverse("console:overview")
    return path or reverse("portal:home")
