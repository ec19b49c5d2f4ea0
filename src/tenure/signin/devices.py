"""Browsers that people have signed in with: the sign-in page greets them by name and by the way
they came the last time; their owner sees and forgets them, and is told of one that is new.

A device is known by a cookie of its own, which lets nobody in: it is remembered, never believed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from tenure.infra.clock import now
from tenure.signin import letters
from tenure.signin.models import Device, How
from tenure.signin.owners import Owner, label_of, may_come_in, owned_by, owner_of
from tenure.signin.places import place_of
from tenure.signin.tokens import digest, new_short_token
from tenure.signin.where import address_of, browser_of

#: No browser keeps a cookie for longer (RFC 6265bis, section 5.5).
KEPT: Final = timedelta(days=400)
_SET: Final = "_tenure_device"
_MOST: Final = 64
#: Ways of coming in that say by themselves that somebody was there.
_TOLD_ANYWAY: Final = frozenset({How.ONBOARDING, How.RECOVERY_CODE})


class DeviceCookie:
    """Gives the browser the cookie by which it was remembered during the request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        token = getattr(request, _SET, None)
        if token == "":
            response.delete_cookie(settings.DEVICE_COOKIE_NAME, samesite="Lax")
        elif token is not None:
            response.set_cookie(
                settings.DEVICE_COOKIE_NAME,
                token,
                max_age=KEPT,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response


def remember(request: HttpRequest, owner: Owner, how: How) -> None:
    """They have come in with this browser. An owner who is known elsewhere is told of a new one."""
    token = _token(request) or new_short_token()
    setattr(request, _SET, token)
    seen = {
        "browser": browser_of(request),
        "address": address_of(request),
        "how": how,
        "seen_at": now(),
    }
    before = Device.objects.filter(**owned_by(owner), digest=digest(token)).update(**seen)
    if before:
        return
    elsewhere = Device.objects.filter(**owned_by(owner)).exists()
    Device.objects.create(**owned_by(owner), digest=digest(token), **seen)
    if elsewhere and how not in _TOLD_ANYWAY:
        place = place_of(address_of(request))
        where = " ".join(filter(None, [place, f"({address_of(request)})"]))
        letters.notice(
            owner,
            subject="You signed in with a new browser",
            text=f"{browser_of(request)} signed in as you, from {where}: {how.label.lower()}. If "
            "that was not you, tell your administrator at once.",
        )


def last_here(request: HttpRequest) -> Device | None:
    """Who signed in last with this browser, and may still come in."""
    token = _token(request)
    if not token:
        return None
    rows = Device.objects.select_related("user", "person").filter(digest=digest(token))
    row = rows.order_by("-seen_at", "-pk").first()
    return row if row is not None and may_come_in(owner_of(row)) else None


def name_of(device: Device) -> str:
    """What the page greets them by."""
    owner = owner_of(device)
    return label_of(owner)


def forget_here(request: HttpRequest) -> None:
    """Whoever has signed in with this browser is greeted no more."""
    token = _token(request)
    if token:
        Device.objects.filter(digest=digest(token)).delete()
        setattr(request, _SET, "")


def devices_of(owner: Owner) -> list[Device]:
    """Where they have signed in, the one seen last first."""
    return list(Device.objects.filter(**owned_by(owner), seen_at__gt=now() - KEPT))


def is_this(request: HttpRequest, device: Device) -> bool:
    """Whether the request comes from it."""
    token = _token(request)
    return bool(token) and bytes(device.digest) == digest(token)


def forget(owner: Owner, pk: int) -> str:
    """Their device is new the next time. Returns what it is called. Raises `LookupError`."""
    row = Device.objects.filter(**owned_by(owner), pk=pk).first()
    if row is None:
        raise LookupError("There is no such device any more.")
    row.delete()
    return row.browser


def _token(request: HttpRequest) -> str:
    """What the browser has, or has just been given."""
    given: str | None = getattr(request, _SET, None)
    kept = request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "") if given is None else given
    return kept if len(kept) <= _MOST else ""
