"""Signing in: by the passkey of this device, by the phone, by recovery code, by one-time link; and
out. A link that is only looked at (by a mail scanner, a chat preview) is not used up: that takes
the button."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.people.services import company
from tenure.signin import devices, passkeys, recovery, sessions
from tenure.signin.answers import ask, challenge, go, landing, next_path, refused, sent
from tenure.signin.models import How, Passkey, User
from tenure.signin.owners import Owner, owner_of
from tenure.signin.passkeys import CeremonyRefused
from tenure.signin.recovery import RecoveryRefused
from tenure.signin.services import LinkRefused, Standing, look, redeem
from tenure.signin.throttle import Limit, TooOften, count
from tenure.signin.where import address_of, browser_of

_REFUSED = {
    Standing.USED: "This link has been used",
    Standing.EXPIRED: "This link has expired",
    Standing.UNKNOWN: "This link is not one of ours",
}
_GONE = {Standing.USED: 410, Standing.EXPIRED: 410, Standing.UNKNOWN: 404}


@never_cache
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """How to sign in."""
    path = next_path(request)
    if not path:
        if sessions.current(request) is not None:
            return redirect("console:overview")
        if sessions.current_person(request) is not None:
            return redirect("portal:home")
    known = devices.last_here(request)
    context = {
        "was_out": "out" in request.GET,
        "known": devices.name_of(known) if known else "",
        "by_phone": known is not None and known.how == How.QR,
        "asked": _asked(request),
        "next": path,
        "origin": settings.PASSKEY_ORIGIN,
        "company": company(),
    }
    return render(request, "signin/index.html", context)


def _asked(request: HttpRequest) -> str:
    """What a passkey that the browser offers in the field has to sign. It comes with the page: if
    the script asked for it, that and the QR code would each begin a session. Empty if too often."""
    try:
        count(Limit.PASSKEY_BY_ADDRESS, address_of(request))
    except TooOften:
        return ""
    return ask(request, passkeys.ask_to_sign_in()).content.decode()


@never_cache
@require_POST
def forget(request: HttpRequest) -> HttpResponse:
    """Greet nobody by name on this browser any more."""
    devices.forget_here(request)
    return redirect("signin:index")


@never_cache
@require_POST
def options(request: HttpRequest) -> HttpResponse:
    """What the passkey of this device has to sign."""
    try:
        count(Limit.PASSKEY_BY_ADDRESS, address_of(request))
    except TooOften as error:
        return refused(str(error), 429)
    return ask(request, passkeys.ask_to_sign_in())


@never_cache
@require_POST
def passkey(request: HttpRequest) -> HttpResponse:
    """It has signed: its owner is in."""
    given = sent(request)
    try:
        key = passkeys.authenticate(
            challenge=challenge(request),
            credential=given.get("credential"),
            address=address_of(request),
        )
    except CeremonyRefused as error:
        not_in(request, str(error))
        return refused(str(error))
    owner = owner_of(key)
    path = landing(owner, next_path(request))
    let_in(request, owner, How.PASSKEY, key)
    return go(path)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def recover(request: HttpRequest) -> HttpResponse:
    """In by one of the ten codes, to make a new passkey."""
    error, name = "", request.POST.get("name", "")[:254]
    if request.method == "POST":
        try:
            owner = recovery.use_code(
                name=name,
                code=request.POST.get("code", "")[:100],
                address=address_of(request),
            )
        except (RecoveryRefused, TooOften) as problem:
            not_in(request, f"recovery code: {problem}")
            error = str(problem)
        else:
            let_in(request, owner, How.RECOVERY_CODE)
            place = "console:security" if isinstance(owner, User) else "portal:security"
            return redirect(reverse(place) + "?recovered")
    context = {"error": error, "name": name, "company": company()}
    return render(request, "signin/recover.html", context, status=422 if error else 200)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def link(request: HttpRequest, token: str) -> HttpResponse:
    """The button, and what it does."""
    if request.method != "POST":
        found = look(token)
        if found.standing is not Standing.GOOD:
            return _refused(request, found.standing)
        return render(request, "signin/link.html", {"user_name": found.user})
    try:
        user = redeem(token, address_of(request))
    except LinkRefused as error:
        return _refused(request, error.standing)
    sessions.begin(request, user)
    return redirect("console:overview")


@never_cache
@require_POST
def out(request: HttpRequest) -> HttpResponse:
    """Sign out."""
    sessions.end(request)
    response = redirect("signin:index")
    response["Location"] += "?out"
    return response


def let_in(request: HttpRequest, owner: Owner, how: How, key: Passkey | None = None) -> None:
    """Begin the session of whoever it is."""
    if isinstance(owner, User):
        sessions.begin(request, owner, how=how, passkey=key)
    else:
        sessions.begin_person(request, owner, how=how, passkey=key)


def not_in(request: HttpRequest, why: str) -> None:
    """Record that somebody was not let in; who it was is not known."""
    record(
        Action.SIGN_IN_REFUSED,
        subject_kind="door",
        subject_key=address_of(request) or "unknown",
        subject_label=browser_of(request),
        reason=why,
    )


def _refused(request: HttpRequest, standing: Standing) -> HttpResponse:
    context = {"title": _REFUSED[standing], "standing": standing.value}
    return render(request, "signin/refused.html", context, status=_GONE[standing])
