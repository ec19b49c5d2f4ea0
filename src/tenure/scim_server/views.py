"""One request of a system that pushes: let in by its token, served, and what it changed taken into
people, all of it or nothing."""

from __future__ import annotations

import logging
from typing import Any

import orjson
from django.conf import settings
from django.db import DataError, IntegrityError, InternalError, OperationalError, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from scim2_models import InvalidValueException, SCIMException, UnauthorizedException
from scim2_server.handler import ScimHandler
from scim2_server.memory import InMemoryStorage
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from scim2_server.routing import Operation

from tenure.audit.services import acting
from tenure.infra.bearer import bearer
from tenure.infra.clock import now
from tenure.provisioning.services import follow
from tenure.scim_server import tokens
from tenure.scim_server.models import PushToken
from tenure.scim_server.protocol import LARGEST_BULK, Service, service
from tenure.scim_server.storage import PushedStorage
from tenure.sources.pushing import Busy, Push

log = logging.getLogger(__name__)
_SOON = "5"
_ODD = "A value cannot be kept: it holds a character that is in no text, or is too large."
_MANY = 10


@csrf_exempt
def scim(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Any request. Who sends it is told by its token alone: cookies are not looked at."""
    asked = _request(request, rest)
    found = service()
    try:
        limit = found.max_body_size(asked)
        asked.body = request.read() if limit is None else request.read(limit + 1)
        answer = _served(found, asked)
    except Busy:
        return _busy("The whole source is being imported. Push this again in a moment.")
    except IntegrityError:
        return _busy("Somebody else has just pushed one of the same. Push this again in a moment.")
    except (OperationalError, InternalError):
        log.exception("SCIM: the database does not answer")
        return _busy("The database does not answer, or takes nothing. Push this again in a moment.")
    except (DataError, UnicodeEncodeError):
        # A text with U+0000 or half a character, a number beyond all numbers of the database.
        answer = found.error_response(InvalidValueException(detail=_ODD))
    except Exception as error:
        if not isinstance(error, SCIMException):
            log.exception("SCIM: %s %s", asked.method, asked.path)
        answer = found.error_response(error)
    answer.headers.setdefault("Cache-Control", "no-cache")
    return _response(answer)


def _served(found: Service, asked: ScimRequest) -> ScimResponse:
    if found.match(asked).operation is Operation.service_provider_config:
        # Needs no token (RFC 7643, 5).
        return ScimHandler(found, InMemoryStorage()).handle(asked)
    token = _let_in(asked)
    asked.subject = token
    with acting(f"push ({token.name})"), transaction.atomic():
        push = Push(token.source, now())
        storage = PushedStorage(found, push, expected=_expected(found, asked))
        answer = ScimHandler(found, storage).handle(asked)
        storage.flush()
        if left := push.take():
            follow(left, reason=f"pushed by {token.name}")
    return answer


def _expected(found: Service, asked: ScimRequest) -> list[Any]:
    """The users that a bulk request makes, where they are worth asking for together. What is wrong
    with them is the service's to say."""
    if found.match(asked).operation is not Operation.bulk or len(asked.body) > LARGEST_BULK:
        return []
    try:
        operations = orjson.loads(asked.body)["Operations"]
        made = [
            item["data"]
            for item in operations
            if item["method"].upper() == "POST" and item["path"].strip("/").lower() == "users"
        ]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return []
    return made if len(made) >= _MANY and all(isinstance(item, dict) for item in made) else []


def _let_in(asked: ScimRequest) -> PushToken:
    given = bearer(asked.header("Authorization"))
    token = tokens.let_in(given, now()) if given else None
    if token is None:
        raise UnauthorizedException(
            detail="The bearer token is missing, wrong, expired or revoked. `tenure push token` "
            "makes a new one."
        )
    return token


def _request(request: HttpRequest, rest: str) -> ScimRequest:
    return ScimRequest(
        method=str(request.method),
        base_url=f"{settings.TENURE_URL}{reverse('scim_server:root')}".rstrip("/"),
        path="/" + rest.removesuffix(".scim"),
        query={name: request.GET[name] for name in request.GET},
        headers=dict(request.headers),
    )


def _response(answer: ScimResponse) -> HttpResponse:
    body = b"" if answer.body is None else orjson.dumps(answer.body)
    return HttpResponse(body, status=int(answer.status), headers=answer.headers)


def _busy(detail: str) -> HttpResponse:
    document = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": "503",
        "detail": detail,
    }
    headers = {"Retry-After": _SOON, "Content-Type": "application/scim+json"}
    return HttpResponse(orjson.dumps(document), status=503, headers=headers)
