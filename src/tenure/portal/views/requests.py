"""Asking for what no rule gives, deciding about what others ask for, and what became of it."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenure.applications import selectors as applications
from tenure.core.model import Situation
from tenure.infra.clock import now
from tenure.portal.page import PortalRequest, missing, render, signed_in
from tenure.requests import selectors, services
from tenure.requests.models import AccessRequest, State
from tenure.requests.offers import Offer, offers
from tenure.requests.services import NoSuchRequest, RequestRefused
from tenure.requests.words import length, named, thing
from tenure.signin.throttle import Limit, TooOften, count

#: What may be chosen from, as far as an application allows.
_LENGTHS: Final = tuple(timedelta(days=days) for days in (1, 7, 14, 30, 90, 180, 365))
#: What is chosen already.
_USUAL: Final = timedelta(days=30)
_NOT_YOURS: Final = str(NoSuchRequest())


class Shown:
    """A request as a page shows it."""

    def __init__(self, row: AccessRequest, names: dict[str, str], asks: str = "") -> None:
        self.row, self.asks = row, asks
        self.what = named(row, names)
        self.lasts = length(row.lasts)
        self.until = services.ends(row)
        self.word, self.meaning = _MARKS[State(row.state)]
        if row.state == State.APPROVED and self.until is None:
            self.word, self.meaning = "Ended", ""


_MARKS: Final = {
    State.WAITING: ("Waits", "wait"),
    State.APPROVED: ("Yours", "make"),
    State.REJECTED: ("Not approved", "remove"),
    State.WITHDRAWN: ("Withdrawn", ""),
    State.EXPIRED: ("Nobody answered", ""),
    State.CLOSED: ("Closed", ""),
}


@require_safe
@signed_in()
def index(request: PortalRequest) -> HttpResponse:
    """What waits for this person, what they asked for, and what they decided."""
    names = applications.application_names()
    waiting = selectors.waiting_for(request.person)
    own = selectors.with_deciders(selectors.of_person(request.person), to_them=True)
    context = {
        "waiting": [Shown(one.request, names, one.asks) for one in waiting],
        "own": [Shown(one.request, names, one.asks) for one in own],
        "decided": [Shown(row, names) for row in selectors.decided_by(request.person)],
        "offers": [offer for offer in offers(request.person, now()) if offer.open],
    }
    return render(request, "portal/requests.html", context, section="requests")


@require_safe
@signed_in()
def show(request: PortalRequest, uid: uuid.UUID) -> HttpResponse:
    """One request: to decide about, or to see what became of it."""
    return _page(request, uid)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in()
def ask(request: PortalRequest, slug: str) -> HttpResponse:
    """The form, and asking."""
    given, error, status = request.POST, "", 200
    if request.method == "POST":
        try:
            count(Limit.REQUEST_BY_PERSON, request.person.pk)
            row = services.ask(
                request.person,
                application=slug,
                entitlement=given.get("what", "")[:309],
                reason=given.get("reason", ""),
                lasts=_chosen(given.get("lasts", "")) or timedelta(0),
            )
        except (RequestRefused, TooOften) as refusal:
            error, status = str(refusal), 429 if isinstance(refusal, TooOften) else 422
        else:
            messages.success(request, "It is asked. You are told by e-mail what comes of it.")
            return redirect("portal:request", row.uid)
    found = offers(request.person, now(), only=[slug])
    if not found or not found[0].open:
        if error:
            messages.error(request, error)
            return redirect("portal:requests")
        return missing(request, "That cannot be asked for. It may be yours already.")
    context = {
        "offer": found[0],
        "things": [(one, thing(one.entitlement)) for one in found[0].things],
        "lengths": _lengths(found[0]),
        "answer": length(found[0].policy.answer_within),
        "given": given,
        "error": error,
    }
    return render(request, "portal/ask.html", context, section="requests", status=status)


@require_POST
@signed_in()
def decide(request: PortalRequest, uid: uuid.UUID) -> HttpResponse:
    """Approve or reject, by who is asked now."""
    wanted, reason = request.POST.get("do", ""), request.POST.get("reason", "")
    if wanted not in ("approve", "reject"):
        return _page(request, uid, error="Say whether you approve it.")
    try:
        row, _ = services.decide_as_person(
            uid,
            request.person,
            approve=wanted == "approve",
            reason=reason,
            lasts=_chosen(request.POST.get("lasts", "")),
        )
    except NoSuchRequest:
        return missing(request, _NOT_YOURS)
    except RequestRefused as refusal:
        return _page(request, uid, error=str(refusal))
    done = "approved: it is on its way" if row.state == State.APPROVED else "rejected"
    messages.success(request, f"The request of {row.person.display_name} is {done}.")
    return redirect("portal:requests")


@require_POST
@signed_in()
def withdraw(request: PortalRequest, uid: uuid.UUID) -> HttpResponse:
    """One's own, before it is decided."""
    return _own(request, uid, services.withdraw, "It is withdrawn.")


@require_POST
@signed_in()
def give_back(request: PortalRequest, uid: uuid.UUID) -> HttpResponse:
    """What was given, before its end."""
    return _own(request, uid, services.give_back, "Thank you. It is taken back now.")


def _own(request: PortalRequest, uid: uuid.UUID, do: Any, words: str) -> HttpResponse:
    try:
        do(uid, request.person)
    except NoSuchRequest:
        return missing(request, _NOT_YOURS)
    except RequestRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, words)
    return redirect("portal:requests")


def _page(request: PortalRequest, uid: uuid.UUID, *, error: str = "") -> HttpResponse:
    try:
        row, decides, asks = selectors.seen_by(uid, request.person)
    except NoSuchRequest:
        return missing(request, _NOT_YOURS)
    names = applications.application_names()
    lengths = [(int(one.total_seconds()), length(one)) for one in _upto(row.lasts)]
    context = {
        "shown": Shown(row, names, asks),
        "row": row,
        "decides": decides,
        "own": row.person_id == request.person.pk,
        "holds": _holds(row) if decides else [],
        "lengths": lengths,
        "chosen": int(row.lasts.total_seconds()),
        "given": request.POST,
        "error": error,
    }
    status = 422 if error else 200
    return render(request, "portal/request.html", context, section="requests", status=status)


def _holds(row: AccessRequest) -> list[str]:
    """What they have in that application already: who decides may know that much."""
    for account in applications.accounts_of(row.person):
        there = account.situation == Situation.LINKED.value and account.active is not False
        if there and account.application.slug == row.application:
            return ["an account", *(thing(key) for key in account.entitlements)]
    return []


def _lengths(offer: Offer) -> list[tuple[int, str, bool]]:
    """(seconds, words, whether it is chosen at first)"""
    found = _upto(offer.policy.longest)
    first = max(one for one in found if one <= max(_USUAL, found[0]))
    return [(int(one.total_seconds()), length(one), one == first) for one in found]


def _upto(longest: timedelta) -> list[timedelta]:
    return sorted({*(one for one in _LENGTHS if one < longest), longest})


def _chosen(text: str) -> timedelta | None:
    """Seconds, as the form sends them."""
    known = text.isascii() and text.isdecimal() and len(text) <= 10
    return timedelta(seconds=int(text)) if known else None
