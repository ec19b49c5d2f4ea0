"""The bearer token of a request (RFC 6750, 2.1)."""

from __future__ import annotations

import re
from typing import Final

_BEARER: Final = re.compile(r"Bearer +(\S+)", re.IGNORECASE)


def bearer(header: str | None) -> str:
    """The token in an Authorization header; "" where there is none."""
    found = _BEARER.fullmatch((header or "").strip())
    return found[1] if found else ""
