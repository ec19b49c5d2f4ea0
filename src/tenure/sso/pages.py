"""What somebody sees who cannot go on at once: the door, the passkey once more, an account that is
being made, or why not and whom to ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from tenure.applications.models import Application
from tenure.core.sign_on import Cause, Verdict
from tenure.infra.csp import POLICY
from tenure.people.services import company
from tenure.sso.entering import Visit, refuse
from tenure.sso.policies import whom_to_ask

#: To the person. What exactly decided is the administrator's business.
_WORDS: Final = {
    Cause.OUTSIDE: "Your access has ended.",
    Cause.NOT_GIVEN: "It is not among the applications that your work includes at present.",
    Cause.NETWORK: "It can be used from certain networks only, such as the office or the VPN, and "
    "you are in none of them now.",
    Cause.COUNTRY: "It can be used from certain countries only, and you seem to be in none of them "
    "now.",
    Cause.HOURS: "It can be used at certain times only, and this is none of them.",
    Cause.DETAILS: "It has to be told something of you that is not known here yet.",
    Cause.ACCOUNT: "You have no account there, and none is being made.",
}


def sign_in_first(back: str) -> HttpResponse:
    """Nobody is signed in: the door, and then back to the request."""
    return redirect(f"{reverse('signin:index')}?{urlencode({'next': back})}")


def confirm_first(back: str) -> HttpResponse:
    """The passkey once more, and then back to the request."""
    return redirect(f"{reverse('signin:confirm')}?{urlencode({'next': back})}")


def instead(request: HttpRequest, who: Visit, back: str) -> HttpResponse:
    """For a visit that is not allowed. A refusal is recorded here."""
    if who.decision.verdict is Verdict.CONFIRM:
        return confirm_first(back)
    if who.decision.verdict is Verdict.SETTING_UP:
        return _being_set_up(request, who, back)
    refuse(who)
    context = {
        "application": who.application,
        "person": who.person,
        "words": _WORDS.get(who.decision.cause, "You are not let in there."),
        "ask": whom_to_ask(who.application, who.sso),
        "company": company(),
    }
    return render(request, "sso/refused.html", context, status=403)


def wrong(
    request: HttpRequest, words: str, *, application: Application | None = None, status: int = 400
) -> HttpResponse:
    """The request of an application makes no sense, and there is no safe place to say so."""
    context = {"words": words, "application": application, "company": company()}
    return render(request, "sso/wrong.html", context, status=status)


def _being_set_up(request: HttpRequest, who: Visit, back: str) -> HttpResponse:
    by_hand = who.decision.cause is Cause.BY_HAND
    poll = f"{reverse('sso:ready', args=[who.application.slug])}?{urlencode({'next': back})}"
    context = {
        "application": who.application,
        "by_hand": by_hand,
        "ask": whom_to_ask(who.application, who.sso),
        "poll": poll,
        "company": company(),
    }
    return render(request, "sso/being_set_up.html", context)


def leave(address: str) -> HttpResponse:
    """Go on to an application, whatever the scheme of its address."""
    response = HttpResponse(status=302)
    response["Location"] = address
    return response


def post_on(request: HttpRequest, address: str, fields: Mapping[str, str]) -> HttpResponse:
    """The browser sends a form to an application. The page's script sends it at once; without
    scripts there is a button."""
    context = {"address": address, "fields": dict(fields), "company": company()}
    return may_lead_to(render(request, "sso/post_on.html", context), address)


def may_lead_to(response: HttpResponse, address: str) -> HttpResponse:
    """Let forms of this page lead to an application. Browsers hold the policy against redirects
    that follow a form, too (Content Security Policy Level 3, section 6.4.2)."""
    parts = urlsplit(address)
    if parts.scheme and parts.netloc:
        there = f"form-action 'self' {parts.scheme}://{parts.netloc}"
        response["Content-Security-Policy"] = POLICY.replace("form-action 'self'", there)
    response["Cache-Control"] = "no-store"
    return response
