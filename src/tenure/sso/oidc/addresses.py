"""What we call ourselves, and where each endpoint is: absolute, as applications are told."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse


def issuer() -> str:
    """The issuer identifier: `iss`."""
    return settings.TENURE_URL


def address(name: str) -> str:
    """Of an endpoint, by the name that it has in `urls`."""
    return f"{settings.TENURE_URL}{reverse(f'sso:{name}')}"
