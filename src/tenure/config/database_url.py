"""Reads `DATABASE_URL` into the form Django wants. Must not import Django."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

EXPECTED = (
    "postgresql://user:password@host:port/name, or postgresql://user@/name?host=/socket/folder"
)


def parse_database_url(url: str) -> dict[str, Any]:
    """An entry of Django's DATABASES. Parameters after `?` are libpq's (its "Connection URIs" and
    "Parameter Key Words"), such as `sslmode` and, for a socket, `host`. Raises `ValueError`."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise ValueError(
            f"DATABASE_URL has a port that is no number. Expected {EXPECTED}."
        ) from None
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ValueError(
            f"DATABASE_URL begins with {parts.scheme or 'nothing'}://, and Tenure needs "
            f"PostgreSQL. Expected {EXPECTED}."
        )
    try:
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True))
    except ValueError:
        raise ValueError(
            f"DATABASE_URL has something after the question mark that is not `name=value`. "
            f"Expected {EXPECTED}."
        ) from None
    name = unquote(parts.path.removeprefix("/")) or options.pop("dbname", "")
    if not name:
        raise ValueError(f"DATABASE_URL names no database. Expected {EXPECTED}.")
    host = options.pop("host", "") or unquote(parts.hostname or "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": options.pop("user", "") or unquote(parts.username or ""),
        "PASSWORD": options.pop("password", "") or unquote(parts.password or ""),
        "HOST": host,
        "PORT": options.pop("port", "") or str(port or ""),
        "OPTIONS": options,
    }
