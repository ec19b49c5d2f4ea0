"""The transmitter: found, asked for a stream, and polled. Who asks is told by their bearer token
alone; what is asked and answered is JSON (SSF 1.0, 7 and 8)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final

import orjson
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenure.audit.services import acting
from tenure.infra.bearer import bearer
from tenure.infra.clock import now
from tenure.signals import receivers, sets, streams
from tenure.signals.models import Receiver, Stream
from tenure.signals.streams import Refused

_LARGEST: Final = 256 * 1024


def _for_receivers(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Lets receivers in, and tells them what is wrong."""

    @csrf_exempt
    @wraps(view)
    def asked(request: HttpRequest, **named: str) -> HttpResponse:
        token = bearer(request.headers.get("Authorization"))
        receiver = receivers.let_in(token, now()) if token else None
        if receiver is None:
            answer = _wrong(401, "The bearer token is missing, wrong, expired or taken back.")
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        try:
            with acting(f"receiver {receiver.slug}"):
                answer = view(request, receiver, **named)
        except Refused as error:
            answer = _wrong(error.status, str(error))
        answer.headers["Cache-Control"] = "no-store"
        return answer

    return asked


@require_safe
def metadata(request: HttpRequest) -> HttpResponse:
    """`/.well-known/ssf-configuration`."""
    return JsonResponse(streams.metadata(), headers={"Cache-Control": "public, max-age=300"})


@require_safe
def jwks(request: HttpRequest) -> HttpResponse:
    """The keys that our tokens are checked by."""
    return JsonResponse(sets.published_keys(), headers={"Cache-Control": "public, max-age=300"})


@require_http_methods(["GET", "POST", "PATCH", "PUT", "DELETE"])
@_for_receivers
def manage(request: HttpRequest, receiver: Receiver) -> HttpResponse:
    """A stream is made, read, changed, ended."""
    match request.method:
        case "POST":
            return JsonResponse(
                streams.document(streams.create(receiver, _body(request))), status=201
            )
        case "PATCH" | "PUT":
            asked = _body(request)
            stream = streams.stream_of(receiver, asked.get("stream_id"))
            whole = request.method == "PUT"
            return JsonResponse(streams.document(streams.change(stream, asked, whole=whole)))
        case "DELETE":
            streams.delete(_named(request, receiver))
            return HttpResponse(status=204)
    if "stream_id" in request.GET:
        return JsonResponse(streams.document(_named(request, receiver)))
    own = Stream.objects.filter(receiver=receiver).select_related("receiver")
    return JsonResponse([streams.document(row) for row in own], safe=False)


@require_http_methods(["GET", "POST"])
@_for_receivers
def status(request: HttpRequest, receiver: Receiver) -> HttpResponse:
    """Whether it is on, and turning it on and off."""
    if request.method == "GET":
        return JsonResponse(streams.standing(_named(request, receiver)))
    asked = _body(request)
    stream = streams.stream_of(receiver, asked.get("stream_id"))
    changed = streams.set_status(stream, asked.get("status"), asked.get("reason", ""))
    return JsonResponse(streams.standing(changed))


@require_POST
@_for_receivers
def add_subject(request: HttpRequest, receiver: Receiver) -> HttpResponse:
    """It is told of them."""
    asked = _body(request)
    streams.add_subject(streams.stream_of(receiver, asked.get("stream_id")), asked.get("subject"))
    return HttpResponse(status=200)


@require_POST
@_for_receivers
def remove_subject(request: HttpRequest, receiver: Receiver) -> HttpResponse:
    """It is told of them no more."""
    asked = _body(request)
    stream = streams.stream_of(receiver, asked.get("stream_id"))
    streams.remove_subject(stream, asked.get("subject"))
    return HttpResponse(status=204)


@require_POST
@_for_receivers
def verify(request: HttpRequest, receiver: Receiver) -> HttpResponse:
    """A verification is sent by the way that everything goes."""
    asked = _body(request)
    streams.verify(streams.stream_of(receiver, asked.get("stream_id")), asked.get("state"))
    return HttpResponse(status=204)


@require_POST
@_for_receivers
def poll(request: HttpRequest, receiver: Receiver, uid: str) -> HttpResponse:
    """What waits (RFC 8936). It is answered at once, also where the receiver would wait: a worker
    that waits serves nobody else."""
    rows, more = streams.poll(streams.stream_of(receiver, uid), _body(request, empty=True))
    return JsonResponse(
        {"sets": {row.jti: sets.signed(row) for row in rows}, "moreAvailable": more}
    )


def _named(request: HttpRequest, receiver: Receiver) -> Stream:
    return streams.stream_of(receiver, request.GET.get("stream_id"))


def _body(request: HttpRequest, *, empty: bool = False) -> Mapping[str, Any]:
    text = request.read(_LARGEST + 1)
    if len(text) > _LARGEST:
        raise Refused(413, f"More than {_LARGEST // 1024} KiB are not read.")
    if empty and not text.strip():
        return {}
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refused(400, f"This is no JSON: {error}.") from None
    if not isinstance(document, dict):
        raise Refused(400, "A JSON object was expected.")
    return document


def _wrong(status: int, message: str) -> HttpResponse:
    return JsonResponse({"error": message}, status=status)
