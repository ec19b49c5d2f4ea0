"""Requests and answers between Django and the protocol's library. Parameters count only where the
standard has them: in the body of a POST, in the address of a GET."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from authlib.oauth2.rfc6749 import OAuth2Payload, OAuth2Request
from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict

#: No request of any standard has more than a few short parameters.
LONGEST: Final = 4000


class MalformedRequest(ValueError):
    """The request is none of the protocol's. `str()` says what is wrong."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters of a request, each once, as they were sent or as they were kept."""

    method: str
    path: str
    parameters: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)


class _Payload(OAuth2Payload):  # type: ignore[misc]
    def __init__(self, parameters: Mapping[str, str]) -> None:
        self._parameters = dict(parameters)

    @property
    def data(self) -> dict[str, str]:
        return self._parameters

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        return defaultdict(list, {name: [value] for name, value in self._parameters.items()})


class ProtocolRequest(OAuth2Request):  # type: ignore[misc]
    """As the library wants it. The address is what the world calls us, whatever stands between."""

    def __init__(self, asked: Asked) -> None:
        super().__init__(asked.method, settings.TENURE_URL + asked.path, headers=asked.headers)
        self.payload = _Payload(asked.parameters)

    @property
    def args(self) -> dict[str, str]:
        return self.payload.data if self.method == "GET" else {}

    @property
    def form(self) -> dict[str, str]:
        return self.payload.data if self.method == "POST" else {}


def asked_by(request: HttpRequest) -> Asked:
    """Raises `MalformedRequest` for what is repeated (RFC 6749, section 3.1), too long, or not in
    the letters of an address."""
    given = request.POST if request.method == "POST" else request.GET
    return Asked(
        request.method or "GET", request.path, _plain(given), dict(request.headers.items())
    )


def answer(status: int, body: Any, headers: Any) -> HttpResponse:
    """What the library answers. Nothing of it is kept by anybody between."""
    text = json.dumps(body) if isinstance(body, dict) else body
    response = HttpResponse(text, status=status)
    for name, value in headers:
        response[name] = value
    response["Cache-Control"] = "no-store"
    response["Pragma"] = "no-cache"
    return response


def _plain(given: QueryDict) -> dict[str, str]:
    found = {}
    for name, values in given.lists():
        if len(values) > 1:
            raise MalformedRequest(f"It has {name[:40]} more than once.")
        if len(values[0]) > LONGEST or "\0" in values[0]:
            raise MalformedRequest(f"Its {name[:40]} is too long, or is not text.")
        found[name] = values[0]
    for name in ("redirect_uri", "response_type", "client_id", "scope", "grant_type", "state"):
        # They come back in sentences of errors, which have these letters only (RFC 6749, 5.2).
        if any(not 0x20 <= ord(c) <= 0x7E or c in '"\\' for c in found.get(name, "")):
            raise MalformedRequest(f"Its {name} has letters that it may not have.")
    return found
