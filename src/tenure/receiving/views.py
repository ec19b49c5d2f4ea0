"""Two addresses for programs: `/hooks/SLUG` for webhooks, `/sources/SLUG/people` for records.
Neither looks at cookies, and whoever is refused learns nothing but that."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from tenure.audit.services import acting
from tenure.infra.bearer import bearer
from tenure.infra.clock import now
from tenure.provisioning.services import follow
from tenure.readers.base import ReaderError
from tenure.readers.registry import UPLOAD
from tenure.receiving import hints, unsigned
from tenure.receiving.hints import NotReady, Refused
from tenure.scim_server import tokens
from tenure.scim_server.models import PushToken, Scope
from tenure.signin.where import address_of
from tenure.sources import uploading
from tenure.sources.seen import AlreadyImporting
from tenure.sources.uploading import WrongUpload

log = logging.getLogger(__name__)
#: A webhook names a few records.
LARGEST_HOOK = 1024 * 1024
LARGEST_UPLOAD = 64 * 1024 * 1024


@csrf_exempt
def hook(request: HttpRequest, slug: str, secret: str = "") -> HttpResponse:
    """A webhook: checked, kept, answered. What it names is fetched by a worker. `secret`: ours, of
    a source that signs nothing."""
    # The address is a secret then: Django's own words on answers like these have it in them.
    request.path = request.path_info = f"/hooks/{slug}"
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    body = request.read(LARGEST_HOOK + 1)
    if len(body) > LARGEST_HOOK:
        return _answer(413, {"error": f"More than {LARGEST_HOOK} bytes are not taken."})
    headers: Mapping[str, str] = {}
    given = dict(request.headers)
    try:
        if shown := unsigned.proved_by(given, secret):
            unsigned.receive(slug, shown, body, address=address_of(request), at=now())
        elif secret:
            raise Refused("the secret in its address is none of ours")
        else:
            headers = hints.receive(slug, given, body, method=str(request.method))
    except unsigned.TooOften as error:
        log.warning("Webhooks for %s come too often from %s.", slug, error)
        return _answer(429, {"error": "Too often."}, {"Retry-After": "60"})
    except NotReady as error:
        # Some take 401 for the end, and send no more.
        log.warning("Webhook for %s has to come again: %s", slug, error)
        return _answer(503, {"error": "Not now."}, {"Retry-After": "300"})
    except Refused as error:
        log.warning("Webhook for %s refused: %s", slug, error)
        return _answer(401, {"error": "Refused."})
    # 200 rather than 204: some take nothing else for an answer.
    return HttpResponse(b"", status=200, headers=dict(headers))


@csrf_exempt
@require_POST
def upload(request: HttpRequest, slug: str) -> HttpResponse:
    """People from a script: taken at once, with an answer that says what became of them."""
    token = _token(request, slug)
    if token is None:
        return _answer(
            401,
            {
                "error": "The bearer token is missing, wrong, expired, revoked, or of another "
                "source. `tenure push token` makes a new one."
            },
        )
    if token.scope != Scope.WRITE:
        return _answer(403, {"error": "This token only reads."})
    body = request.read(LARGEST_UPLOAD + 1)
    if len(body) > LARGEST_UPLOAD:
        return _answer(413, {"error": f"More than {LARGEST_UPLOAD} bytes are not taken."})
    try:
        given = uploading.parsed(body)
        with acting(f"push ({token.name})"):
            result = uploading.take(token.source, given)
            if result.leavers:
                follow(result.leavers, reason=f"uploaded by {token.name}")
    except WrongUpload as error:
        return _answer(400, {"error": str(error)})
    except AlreadyImporting as error:
        return _answer(503, {"error": str(error)}, {"Retry-After": "5"})
    except (ReaderError, ValueError) as error:
        return _answer(422, {"error": str(error)})
    return _answer(200, uploading.told(result, given))


def _token(request: HttpRequest, slug: str) -> PushToken | None:
    given = bearer(request.headers.get("Authorization"))
    found = tokens.let_in(given, now(), reader=UPLOAD) if given else None
    return found if found is not None and found.source.slug == slug else None


def _answer(
    status: int, document: dict[str, Any], headers: dict[str, str] | None = None
) -> HttpResponse:
    return HttpResponse(
        orjson.dumps(document),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )
