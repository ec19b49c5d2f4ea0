"""What is answered where an answer cannot be given: the database is away or takes nothing, or the
error is ours. Nothing here asks the database.

By a status that says whether it passes: 503 with Retry-After (RFC 9110, section 15.6.4), or 500.
Browsers get a page that asks again by itself, programs what they can read.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import Final

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

from tenure.infra import outage
from tenure.infra.machine_clock import ClockWrong

#: Seconds.
_AGAIN: Final = 10
_SCIM: Final = "/scim/v2/"


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    #: As OAuth calls it (RFC 6749, section 4.1.2.1).
    code: str
    title: str
    detail: str


_AWAY: Final = _Answer(
    503,
    "temporarily_unavailable",
    "Tenure does not reach its database",
    "Nothing that was stored is lost, and everything goes on by itself once the database answers.",
)
_TAKES_NOTHING: Final = _Answer(
    503,
    "temporarily_unavailable",
    "Tenure's database takes nothing at present",
    "It is read-only, or its disk is full. Nothing that was stored is lost, and everything goes on "
    "by itself once that is over.",
)
_CLOCK: Final = _Answer(
    503, "temporarily_unavailable", "The clock of this machine is wrong", "Set it by NTP."
)
_OURS: Final = _Answer(
    500,
    "server_error",
    "That did not work",
    "The error is Tenure's. Whoever runs it finds it in the log of the web server.",
)


def unwell(request: HttpRequest) -> HttpResponse:
    """Django calls it where a view raised, while that is handled."""
    raised = sys.exc_info()[1]
    if isinstance(raised, ClockWrong):
        return _given(request, replace(_CLOCK, detail=str(raised)))
    error = outage.ailing(raised)
    if error is None:
        return _given(request, _OURS)
    # One that was made while the database took nothing may stay so.
    if not connection.in_atomic_block:
        connection.close()
    answer = _given(request, _TAKES_NOTHING if outage.lost(error) is None else _AWAY)
    answer["Retry-After"] = str(_AGAIN)
    return answer


def _given(request: HttpRequest, answer: _Answer) -> HttpResponse:
    accepted = request.headers.get("Accept", "")
    response: HttpResponse
    if request.path.startswith(_SCIM):
        response = _scim(answer)
    elif "text/html" in accepted:
        response = _page(request, answer)
    else:
        told = {"error": answer.code, "error_description": f"{answer.title}. {answer.detail}"}
        response = JsonResponse(told, status=answer.status)
    response["Cache-Control"] = "no-store"
    return response


def _page(request: HttpRequest, answer: _Answer) -> HttpResponse:
    asked = request.method in {"GET", "HEAD"}
    details = {"answer": answer, "asked": asked, "again": _AGAIN if answer.status == 503 else 0}
    return HttpResponse(render_to_string("signin/unwell.html", details), status=answer.status)


def _scim(answer: _Answer) -> HttpResponse:
    """RFC 7644, section 3.12."""
    document = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": str(answer.status),
        "detail": f"{answer.title}. {answer.detail}",
    }
    return JsonResponse(document, status=answer.status, content_type="application/scim+json")
