"""The passkey once more: before something that asks for a fresh one, by whoever is signed in."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from tenure.people.services import company
from tenure.signin import passkeys, sessions
from tenure.signin.answers import ask, challenge, go, next_path, refused, sent
from tenure.signin.passkeys import CeremonyRefused
from tenure.signin.throttle import Limit, TooOften, count
from tenure.signin.views.door import not_in
from tenure.signin.where import address_of


@never_cache
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """What is asked, and for what."""
    person = sessions.current_person(request)
    path = next_path(request)
    if person is None:
        return redirect(f"{reverse('signin:index')}?{urlencode({'next': path})}")
    context = {
        "person": person,
        "next": path,
        "origin": settings.PASSKEY_ORIGIN,
        "company": company(),
    }
    return render(request, "signin/confirm.html", context)


@never_cache
@require_POST
def options(request: HttpRequest) -> HttpResponse:
    """What the passkey has to sign."""
    try:
        count(Limit.PASSKEY_BY_ADDRESS, address_of(request))
    except TooOften as error:
        return refused(str(error), 429)
    return ask(request, passkeys.ask_to_sign_in("confirm"))


@never_cache
@require_POST
def passkey(request: HttpRequest) -> HttpResponse:
    """It has signed."""
    given = sent(request)
    try:
        key = passkeys.authenticate(
            challenge=challenge(request),
            credential=given.get("credential"),
            about="confirm",
            address=address_of(request),
        )
    except CeremonyRefused as error:
        not_in(request, str(error))
        return refused(str(error))
    if not sessions.confirm_person(request, key):
        not_in(request, "confirmed with the passkey of somebody else")
        return refused("This is the passkey of somebody else. Use your own.")
    return go(next_path(request) or reverse("portal:home"))
