"""The QR code on the computer, and what the phone shows that scans it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenure.people.services import company
from tenure.signin import pairing, passkeys, qr
from tenure.signin.answers import ask, challenge, go, landing, next_path, refused, sent
from tenure.signin.models import How, Pairing
from tenure.signin.owners import owner_of
from tenure.signin.pairing import PairingRefused, Standing, Started
from tenure.signin.passkeys import CeremonyRefused
from tenure.signin.places import place_of
from tenure.signin.throttle import Limit, TooOften, count
from tenure.signin.views.door import let_in, not_in
from tenure.signin.waiting import kept_by, waits, waits_no_more
from tenure.signin.where import address_of, browser_of

#: Where a phone's session keeps the pairing that it took.
PHONE: Final = "phone"


@never_cache
@require_safe
def code(request: HttpRequest) -> HttpResponse:
    """A new QR code for signing in on this computer; a part of the page."""
    try:
        count(Limit.PAIRING_BY_ADDRESS, address_of(request))
    except TooOften as error:
        return render(request, "signin/parts/qr_over.html", {"words": str(error)})
    started = pairing.start(
        Pairing.Purpose.SIGN_IN,
        address=address_of(request),
        browser=browser_of(request),
        next_path=next_path(request),
    )
    return show_code(request, started, "signin/parts/qr.html", {"wait": reverse("signin:wait")})


@never_cache
@require_safe
def wait(request: HttpRequest) -> HttpResponse:
    """Has the phone signed? The computer asks every second, and goes on once."""
    kept = kept_by(request)
    try:
        row = pairing.of_browser(kept.pairing, kept.secret)
        if row.approved_at is None:
            return HttpResponse(status=204)
        row = pairing.redeem(kept.pairing, kept.secret)
    except PairingRefused:
        words = "This code has expired."
        return waits_no_more(render(request, "signin/parts/qr_over.html", {"words": words}))
    owner = owner_of(row)
    path = landing(owner, row.next_path)
    let_in(request, owner, How.QR, row.passkey)
    return waits_no_more(HttpResponse(status=204, headers={"HX-Redirect": path}))


@never_cache
@require_safe
def scan(request: HttpRequest, token: str) -> HttpResponse:
    """What asks, from where, and numbers of which the computer shows one. Looking takes nothing."""
    try:
        row = pairing.scanned(token)
    except PairingRefused as error:
        return over(request, error.standing)
    context = {
        "pairing": row,
        "numbers": pairing.choices(row),
        "place": place_of(row.address),
        "token": token,
        "started_at": timezone.localtime(row.started_at),
        "company": company(),
        "origin": settings.PASSKEY_ORIGIN,
    }
    return render(request, "signin/scan.html", context)


@never_cache
@require_POST
def scan_options(request: HttpRequest, token: str) -> HttpResponse:
    """What the phone's passkey has to sign for this computer, and for no other: only for who sees
    the number that it shows."""
    try:
        count(Limit.PASSKEY_BY_ADDRESS, address_of(request))
        if pairing.scanned(token).purpose != Pairing.Purpose.SIGN_IN:
            raise PairingRefused(Standing.UNKNOWN)
        row = pairing.match(token, str(sent(request).get("number", "")))
    except TooOften as error:
        return refused(str(error), 429)
    except PairingRefused as error:
        return refused(f"{OVER[error.standing]}. Have the computer show a new code.")
    return ask(request, passkeys.ask_to_sign_in(_about(row)))


@never_cache
@require_POST
def scan_passkey(request: HttpRequest, token: str) -> HttpResponse:
    """The phone has signed: the computer goes on as whoever signed."""
    given = sent(request)
    try:
        row = pairing.scanned(token)
        key = passkeys.authenticate(
            challenge=challenge(request),
            credential=given.get("credential"),
            about=_about(row),
            address=address_of(request),
        )
        pairing.approve_sign_in(token, key)
    except PairingRefused as error:
        return refused(OVER[error.standing])
    except CeremonyRefused as error:
        not_in(request, str(error))
        return refused(str(error))
    return go(reverse("signin:scanned"))


@never_cache
@require_safe
def scanned(request: HttpRequest) -> HttpResponse:
    """The phone's last page."""
    return render(request, "signin/scanned.html", {"company": company()})


@never_cache
@require_http_methods(["POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """The phone takes a computer that waits for an onboarding."""
    try:
        count(Limit.PAIRING_BY_ADDRESS, address_of(request))
        if pairing.scanned(token).purpose != Pairing.Purpose.WELCOME:
            raise PairingRefused(Standing.UNKNOWN)
        pairing.match(token, request.POST.get("number", ""))
        row, secret = pairing.take(token)
    except PairingRefused as error:
        return over(request, error.standing)
    except TooOften as error:
        context = {"title": "Not now", "words": str(error), "company": company()}
        return render(request, "signin/over.html", context, status=429)
    request.session[PHONE] = {"id": row.pk, "secret": secret}
    return redirect("portal:phone")


OVER: Final = {
    Standing.UNKNOWN: "This code is not one of ours",
    Standing.EXPIRED: "This code has expired",
    Standing.TAKEN: "This code has been used",
    Standing.MISMATCH: "That is not the number on the computer",
}


def over(request: HttpRequest, standing: Standing) -> HttpResponse:
    """Nothing can be done with this code."""
    context = {"title": OVER[standing], "standing": standing.value, "company": company()}
    status = 404 if standing is Standing.UNKNOWN else 410
    return render(request, "signin/over.html", context, status=status)


def show_code(
    request: HttpRequest,
    started: Started,
    template: str,
    context: Mapping[str, object],
    *,
    text: str = "",
) -> HttpResponse:
    """The QR code of a pairing that this browser has just started; `text`: what is in the code, if
    it is not the pairing's own address."""
    address = settings.TENURE_URL + reverse("scan", args=[started.token])
    label = (
        "QR code: scan it with your wallet" if text else "QR code: scan it with your phone's camera"
    )
    drawn = qr.svg(text or address, label)
    whole = {**context, "qr": drawn, "pairing": started.pairing}
    return waits(render(request, template, whole), started)


def _about(row: Pairing) -> str:
    return f"pairing:{row.pk}"
