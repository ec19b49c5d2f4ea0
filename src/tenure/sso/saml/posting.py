"""A page whose only form posts a message to an application. The script sends it at once; without
scripts there is the button. It is the one page of ours that posts elsewhere, so it has a policy of
its own: to https (an application may lead on to another of its hosts, which browsers count too),
or to this machine."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tenure.applications.models import Application
from tenure.infra.csp import POLICY
from tenure.people.services import company
from tenure.saml.bindings import to_form
from tenure.sso.saml.answering import Posted

_SELF: Final = "form-action 'self'"


def posted(
    request: HttpRequest, message: Posted, application: Application, *, leaving: bool = False
) -> HttpResponse:
    """The page. `leaving`: somebody signs out."""
    context = {
        "application": application,
        "address": message.address,
        "field": message.field,
        "value": to_form(message.xml),
        "relay_state": message.relay_state,
        "leaving": leaving,
        "company": company(),
    }
    response = render(request, "saml/post.html", context)
    response.headers["Content-Security-Policy"] = _policy(message.address)
    response.headers["Cache-Control"] = "no-store"
    # Applications see who sends the form, and not from which page.
    response.headers["Referrer-Policy"] = "strict-origin"
    return response


def _policy(address: str) -> str:
    parts = urlsplit(address)
    allowed = "form-action https:"
    if parts.scheme == "http":
        allowed += f" http://{parts.netloc}"
    return POLICY.replace(_SELF, allowed)
