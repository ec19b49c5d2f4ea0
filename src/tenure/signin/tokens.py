"""Random texts that are handed out, and the digests of them that are kept. What is long and random
is hashed as it is; what is short (codes) is hashed with the installation's key, so that a copy of
the database alone does not give it away."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

from django.conf import settings

_TOKEN_BYTES: Final = 32
#: 128 bits: what a QR code carries, short so that it stays easy to scan.
_SHORT_TOKEN_BYTES: Final = 16


def new_token() -> str:
    """256 random bits, for addresses."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def new_short_token() -> str:
    """128 random bits, for addresses."""
    return secrets.token_urlsafe(_SHORT_TOKEN_BYTES)


def digest(token: str) -> bytes:
    """What is kept of a long random token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def keyed(purpose: str, bound_to: str, text: str) -> bytes:
    """What is kept of a short code: worth nothing without the installation's key, and only for
    `purpose` and `bound_to`."""
    message = "\0".join((purpose, bound_to, text)).encode("utf-8", "surrogatepass")
    return hmac.new(settings.SECRET_KEY.encode(), message, hashlib.sha256).digest()


def same(one: bytes | memoryview | None, other: bytes) -> bool:
    """Compared in constant time; nothing is the same as None."""
    return one is not None and hmac.compare_digest(bytes(one), other)
