"""Requests of applications that wait until somebody has signed in, confirmed it is them, or has
got their account. Whoever comes back shows the token that stands in the address."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.urls import reverse

from tenure.infra.clock import now
from tenure.signin.tokens import digest, new_short_token, same
from tenure.sso.models import PendingRequest, Protocol

#: As long as a new account may take that somebody waits for.
VALID: Final = timedelta(hours=1)


def keep(protocol: Protocol, data: dict[str, Any]) -> str:
    """The path at which the request goes on."""
    token = new_short_token()
    PendingRequest.objects.create(
        digest=digest(token), protocol=protocol, data=data, expires_at=now() + VALID
    )
    return reverse("sso:continue", args=[token])


def find(token: str) -> PendingRequest | None:
    """None for one that is over, or never was."""
    wanted = digest(token)
    row = PendingRequest.objects.filter(digest=wanted, expires_at__gt=now()).first()
    return row if row is not None and same(row.digest, wanted) else None


def done(back: str) -> None:
    """The request was answered: its address leads nowhere any more."""
    token = back.rstrip("/").rsplit("/", 1)[-1]
    PendingRequest.objects.filter(digest=digest(token)).delete()


def tidy() -> None:
    """Forget what is over."""
    PendingRequest.objects.filter(expires_at__lte=now()).delete()
