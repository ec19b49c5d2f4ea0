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
from tenure.signin.passkeys import Asked, which

#: A key for each challenge: each page that lies open has its own.
_CHALLENGE: Final = "challenge:"
_MOST: Final = 6
_LARGEST: Final = 64 * 1024


def ask(request: HttpRequest, asked: Asked) -> HttpResponse:
    """The options; this browser alone can answer them."""
    others = _asked(request)
    for number in others[: max(0, len(others) - _MOST + 1)]:
        del request.session[f"{_CHALLENGE}{number}"]
    request.session[f"{_CHALLENGE}{asked.challenge}"] = True
    return HttpResponse(asked.options, content_type="application/json")


def challenge(request: HttpRequest) -> int | None:
    """The number of the challenge that the answer is to, once; None unless this browser was asked
    it. It is the newest where the answer does not say."""
    asked = _asked(request)
    number = which(sent(request).get("credential"), asked) or max(asked, default=None)
    if number is not None:
        del request.session[f"{_CHALLENGE}{number}"]
    return number


def _asked(request: HttpRequest) -> list[int]:
    """Those that this browser was asked, the oldest first."""
    keys = (key for key, _ in request.session.items() if key.startswith(_CHALLENGE))
    return sorted(int(key.removeprefix(_CHALLENGE)) for key in keys)


def sent(request: HttpRequest) -> dict[str, Any]:
    """The JSON object of the request; an empty one for anything else."""
    # A form in parts has been read by whoever looked for its token.
    if request.content_type == "multipart/form-data" or len(request.body) > _LARGEST:
        return {}
    # No text that is asked for holds U+0000, and none could be stored with it.
    if b"\\u0000" in request.body:
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
