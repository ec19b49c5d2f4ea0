"""The first time: the computer shows what is asked and a QR code; the phone proves who holds it and
makes the passkey; the computer goes on by itself."""

from __future__ import annotations

import logging
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenure.people.services import company, zone_of
from tenure.signin import identity, invitations, pairing, passkeys, sessions, wallets
from tenure.signin.answers import ask, challenge, go, refused, sent
from tenure.signin.identity import CodeRefused, Outcome
from tenure.signin.invitations import InvitationRefused, Standing
from tenure.signin.letters import masked
from tenure.signin.models import How, Invitation, Pairing, WalletRequest
from tenure.signin.pairing import PairingRefused
from tenure.signin.passkeys import CeremonyRefused
from tenure.signin.throttle import Limit, TooOften, count
from tenure.signin.views.phone import PHONE, over, show_code
from tenure.signin.waiting import Kept, kept_by, waits_no_more
from tenure.signin.wallets import WalletUnready
from tenure.signin.where import address_of, browser_of, device_of

_log: Final = logging.getLogger(__name__)
_REFUSED: Final = {
    Standing.USED: "This invitation has been used",
    Standing.EXPIRED: "This invitation has expired",
    Standing.WITHDRAWN: "This invitation is not valid any more",
    Standing.UNKNOWN: "This invitation is not one of ours",
}


@never_cache
@require_safe
def welcome(request: HttpRequest, token: str) -> HttpResponse:
    """On the computer: what the company asks for, and the code for the phone."""
    try:
        count(Limit.INVITATION_BY_ADDRESS, address_of(request))
        row = invitations.look(token)
    except InvitationRefused as error:
        return _refused(request, error.standing)
    except TooOften as error:
        return render(request, "portal/too_often.html", _frame(words=str(error)), status=429)
    context = _frame(
        token=token,
        person=row.person,
        steps=_steps(row, None),
        wallet_first=_asks_wallets(row) and wallets.is_required(),
        expires_at=timezone.localtime(row.expires_at, zone_of(row.person)),
    )
    return render(request, "portal/welcome.html", context)


@never_cache
@require_safe
def code(request: HttpRequest, token: str) -> HttpResponse:
    """A new QR code for this invitation; a part of the page."""
    try:
        count(Limit.PAIRING_BY_ADDRESS, address_of(request))
        row = invitations.look(token)
    except (InvitationRefused, TooOften) as error:
        return render(request, "portal/parts/code_over.html", {"words": str(error), "token": token})
    started = pairing.start(
        Pairing.Purpose.WELCOME,
        invitation=row,
        address=address_of(request),
        browser=browser_of(request),
    )
    context = {
        "token": token,
        "wait": reverse("portal:wait", args=[token]),
        "wallet": _asks_wallets(row),
    }
    return show_code(request, started, "portal/parts/code.html", context)


@never_cache
@require_safe
def wallet(request: HttpRequest, token: str) -> HttpResponse:
    """The code that a wallet scans, in place of the camera; a part of the page."""
    try:
        count(Limit.PAIRING_BY_ADDRESS, address_of(request))
        row = invitations.look(token)
        begun = wallets.start(row, address=address_of(request), browser=browser_of(request))
    except (InvitationRefused, TooOften) as error:
        return render(request, "portal/parts/code_over.html", {"words": str(error), "token": token})
    except WalletUnready as error:
        _log.error("%s", error)
        words = "Wallets cannot be asked just now."
        return render(request, "portal/parts/code_over.html", {"words": words, "token": token})
    context = {
        "token": token,
        "wait": reverse("portal:wait", args=[token]),
        "required": wallets.is_required(),
    }
    template = "portal/parts/wallet.html"
    return show_code(request, begun.started, template, context, text=begun.text)


def _asks_wallets(invitation: Invitation) -> bool:
    """Whoever an administrator vouches for is asked nothing."""
    return wallets.configured() is not None and not invitation.vouched


@never_cache
@require_safe
def wait(request: HttpRequest, token: str) -> HttpResponse:
    """How far the phone is. The computer asks every second, and goes on once."""
    kept = kept_by(request)
    try:
        row = pairing.of_browser(kept.pairing, kept.secret)
        if row.approved_at is not None:
            return _go_on(request, kept)
    except PairingRefused:
        words = "This code has expired."
        return render(request, "portal/parts/code_over.html", {"words": words, "token": token})
    if row.confirmed_at is None:
        return _wallet_answer(request, row, token)
    assert row.invitation is not None
    context = {
        "token": token,
        "pairing": row,
        "steps": _steps(row.invitation, row),
        "waits": identity.waits(row),
        "wait": reverse("portal:wait", args=[token]),
    }
    return render(request, "portal/parts/waiting.html", context)


def _wallet_answer(request: HttpRequest, row: Pairing, token: str) -> HttpResponse:
    """Nothing yet; or the number that the phone asks for, whatever the wallet has shown."""
    asked = wallets.last_of(row)
    outcome = asked.outcome if asked else ""
    if not outcome:
        return HttpResponse(status=204)
    if outcome in (WalletRequest.Outcome.REFUSED, WalletRequest.Outcome.DECLINED):
        words = "Your wallet has shown nothing that we can use."
        return render(request, "portal/parts/code_over.html", {"words": words, "token": token})
    context = {"pairing": row, "wait": reverse("portal:wait", args=[token])}
    return render(request, "portal/parts/wallet_shown.html", context)


def _go_on(request: HttpRequest, kept: Kept) -> HttpResponse:
    """The computer is signed in, as the person who confirmed it."""
    row = pairing.redeem(kept.pairing, kept.secret)
    assert row.person is not None
    sessions.begin_person(request, row.person, how=How.ONBOARDING, passkey=row.passkey)
    onward = reverse("portal:home") + "?welcome"
    return waits_no_more(HttpResponse(status=204, headers={"HX-Redirect": onward}))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def phone(request: HttpRequest) -> HttpResponse:
    """On the phone: the code, then the claims, then the passkey; one at a time."""
    try:
        row = _of_phone(request)
        if request.method == "POST":
            return _answer(request, row)
        if row.address_proven_at is None and not row.codes.exists():
            identity.send_code(row)
    except PairingRefused as error:
        return over(request, error.standing)
    except InvitationRefused as error:
        return _refused(request, error.standing)
    except TooOften as error:
        return render(request, "portal/too_often.html", _frame(words=str(error)), status=429)
    return _show(request, row)


@never_cache
@require_POST
def send(request: HttpRequest) -> HttpResponse:
    """Another code."""
    try:
        row = _of_phone(request)
        identity.send_code(row)
    except PairingRefused as error:
        return over(request, error.standing)
    except InvitationRefused as error:
        return _refused(request, error.standing)
    except TooOften as error:
        return _show(request, row, error=str(error))
    return redirect(reverse("portal:phone") + "?sent")


@never_cache
@require_POST
def options(request: HttpRequest) -> HttpResponse:
    """What the phone's new passkey has to sign; only for who has verified themselves."""
    try:
        row = _of_phone(request)
        if not row.is_verified or row.person is None:
            return refused("Verify yourself first.")
        return ask(request, passkeys.ask_to_register(row.person))
    except (PairingRefused, InvitationRefused):
        return refused("This took too long. Have the computer show a new code, and scan it.")
    except CeremonyRefused as error:
        return refused(str(error))


@never_cache
@require_POST
def passkey(request: HttpRequest) -> HttpResponse:
    """The passkey is made: the invitation is used, the computer may go on, the phone is in."""
    try:
        row = _of_phone(request)
        if not row.is_verified or row.person is None or row.invitation is None:
            return refused("Verify yourself first.")
        credential = sent(request).get("credential")
        asked = challenge(request)
        with transaction.atomic():
            invitations.use(row.invitation)
            key = passkeys.register(
                row.person, challenge=asked, credential=credential, name=device_of(request)
            )
            pairing.approve_welcome(row, key)
    except (PairingRefused, InvitationRefused):
        return refused("This took too long. Have the computer show a new code, and scan it.")
    except CeremonyRefused as error:
        return refused(str(error))
    request.session.pop(PHONE, None)
    sessions.begin_person(request, row.person, how=How.ONBOARDING, passkey=key)
    return go(reverse("portal:home") + "?phone")


def _answer(request: HttpRequest, row: Pairing) -> HttpResponse:
    """What was typed on the phone."""
    error = ""
    try:
        if row.address_proven_at is None:
            identity.check_code(row, request.POST.get("code", ""))
        elif row.claims_proven_at is None:
            outcome = identity.check_claims(row, request.POST.dict())
            if outcome is Outcome.TRY_AGAIN:
                error = "This is not what the company has. Look at every line, and try again."
    except CodeRefused as problem:
        error = str(problem)
    if error:
        return _show(request, row, error=error)
    return redirect("portal:phone")


def _show(request: HttpRequest, row: Pairing, *, error: str = "") -> HttpResponse:
    assert row.invitation is not None
    step = "passkey"
    if row.address_proven_at is None:
        step = "code"
    elif row.claims_proven_at is None:
        step = "waits" if identity.waits(row) else "wallet" if wallets.is_required() else "claims"
    context = _frame(
        step=step,
        person=row.person,
        questions=[(q, request.POST.get(q.name, "")) for q in identity.questions()],
        sent_to=masked(row.invitation.sent_to),
        again="sent" in request.GET,
        error=error,
        origin=settings.PASSKEY_ORIGIN,
    )
    return render(request, "portal/phone.html", context, status=422 if error else 200)


def _of_phone(request: HttpRequest) -> Pairing:
    kept = request.session.get(PHONE) or {}
    row = pairing.of_phone(kept.get("id"), kept.get("secret"))
    if row.purpose != Pairing.Purpose.WELCOME or row.invitation is None:
        raise PairingRefused(pairing.Standing.UNKNOWN)
    invitations.check(row.invitation)
    return row


def _steps(invitation: Invitation, row: Pairing | None) -> list[tuple[str, str, str]]:
    """(title, detail, done/now/"") of what the company asks, as far as the phone has come."""
    asked = identity.questions()
    steps = [
        ("Scan the code", "With your phone’s camera", row is not None),
        (
            "Enter a code",
            f"We send it to {masked(invitation.sent_to)}",
            row is not None and row.address_proven_at is not None,
        ),
    ]
    if asked and not invitation.vouched:
        labels = [question.label for question in asked]
        steps.append(
            (
                "Confirm who you are",
                ", ".join([labels[0], *(label.lower() for label in labels[1:])]),
                row is not None and row.claims_proven_at is not None,
            )
        )
    steps.append(("Make a passkey", "Your fingerprint, your face or the phone’s PIN", False))
    marked, now = [], True
    for title, detail, done in steps:
        marked.append((title, detail, "done" if done else "now" if now else ""))
        now = now and done
    return marked


def _refused(request: HttpRequest, standing: Standing) -> HttpResponse:
    context = _frame(title=_REFUSED[standing], standing=standing.value)
    status = 404 if standing is Standing.UNKNOWN else 410
    return render(request, "portal/invitation_over.html", context, status=status)


def _frame(**context: Any) -> dict[str, Any]:
    return {"company": company(), **context}
