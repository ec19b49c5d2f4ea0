"""The receiver: what other systems push here (RFC 8935)."""

from __future__ import annotations

import logging
from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from tenure.infra.bearer import bearer
from tenure.signals import listening
from tenure.signals.sets import CONTENT_TYPE, SetRefused

log = logging.getLogger(__name__)
_LARGEST: Final = 64 * 1024


@csrf_exempt
@require_POST
def receive(request: HttpRequest, slug: str) -> HttpResponse:
    """One token. 202: it is kept, and done is what the policy says."""
    token = bearer(request.headers.get("Authorization"))
    transmitter = listening.let_in(slug, token) if token else None
    if transmitter is None:
        answer = _refused(401, "authentication_failed", "The bearer token is missing or wrong.")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    if request.content_type != CONTENT_TYPE:
        return _refused(400, "invalid_request", f"The content type has to be {CONTENT_TYPE}.")
    try:
        listening.take(transmitter, request.read(_LARGEST + 1).strip())
    except SetRefused as error:
        listening.note_refusal(transmitter, str(error))
        return _refused(400, error.code, str(error))
    except listening.TryLater as error:
        answer = _refused(503, "invalid_key", str(error))
        answer.headers["Retry-After"] = "30"
        return answer
    return HttpResponse(status=202)


def _refused(status: int, code: str, description: str) -> HttpResponse:
    headers = {"Content-Language": "en", "Cache-Control": "no-store"}
    body = {"err": code, "description": description}
    return JsonResponse(body, status=status, headers=headers)
