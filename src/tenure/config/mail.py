"""How e-mail leaves: one address of a mail server, as people write it, into Django's settings. Must
not import Django."""

from __future__ import annotations

from email.utils import formataddr, parseaddr
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

_PORTS: Final = {"smtp": 587, "smtps": 465}
_FORMS: Final = (
    "Expected smtp://user:password@host:587 (STARTTLS), smtps://user:password@host:465 (TLS from "
    "the beginning), or smtp://host:25?tls=no inside one's own network."
)
_SECONDS: Final = 20
_NO_SERVER: Final = {
    "EMAIL_BACKEND": "tenure.signin.mail_server.ChosenBackend",
    "EMAIL_HOST": "",
    "EMAIL_PORT": 0,
    "EMAIL_HOST_USER": "",
    "EMAIL_HOST_PASSWORD": "",
    "EMAIL_USE_SSL": False,
    "EMAIL_USE_TLS": False,
}


def mail_settings(text: str, *, sender: str, host: str) -> dict[str, Any]:
    """Django's settings for the mail server at `text`; without one, letters become files of the
    outbox. `sender` is who they are from, by default `tenure@host`. Raises `ValueError`."""
    name, address = parseaddr(sender)
    if sender and "@" not in address:
        raise ValueError(
            f"TENURE_MAIL_FROM is {sender!r}. Expected an address, as in 'Acme <it@acme.example>'."
        )
    given = {
        "DEFAULT_FROM_EMAIL": formataddr((name, address))
        if address
        else formataddr(("Tenure", f"tenure@{host if '.' in host else 'localhost.localdomain'}")),
        "EMAIL_TIMEOUT": _SECONDS,
    }
    if not text:
        return {**_NO_SERVER, **given}
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"TENURE_SMTP is no address of a mail server. {_FORMS}") from error
    options = dict(parse_qsl(parts.query))
    tls = options.pop("tls", "yes")
    if parts.scheme not in _PORTS or not parts.hostname or options or tls not in ("yes", "no"):
        # The password may be in it: it is not shown.
        raise ValueError(f"TENURE_SMTP is no address of a mail server. {_FORMS}")
    return {
        **given,
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port or _PORTS[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp" and tls == "yes",
    }
