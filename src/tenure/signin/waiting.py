"""What a computer that waits for a phone keeps: which pairing is its own, and the secret of it.

In a cookie of its own rather than in the session. The code is fetched while the page already offers
a passkey: who takes that at once gets a new session, and what two requests write in one session at
the same time, one of them loses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from tenure.signin.pairing import VALID_ON_PHONE, Started

_SALT: Final = "tenure.signin.waiting"


@dataclass(frozen=True, slots=True)
class Kept:
    """Of the pairing that this browser has started last; both are empty if there is none."""

    pairing: int | None = None
    secret: str = ""


def kept_by(request: HttpRequest) -> Kept:
    """What the computer kept. A cookie that we have not signed is none."""
    value = request.get_signed_cookie(
        settings.PAIRING_COOKIE_NAME, default="", salt=_SALT, max_age=VALID_ON_PHONE
    )
    number, _, secret = (value or "").partition(".")
    return Kept(int(number), secret) if secret else Kept()


def waits(response: HttpResponse, started: Started) -> HttpResponse:
    """The answer, by which the computer that gets it has started that pairing."""
    response.set_signed_cookie(
        settings.PAIRING_COOKIE_NAME,
        f"{started.pairing.pk}.{started.secret}",
        salt=_SALT,
        max_age=VALID_ON_PHONE,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


def waits_no_more(response: HttpResponse) -> HttpResponse:
    """The answer, by which the computer forgets its pairing."""
    response.delete_cookie(settings.PAIRING_COOKIE_NAME, samesite="Lax")
    return response
