"""The mail server that was entered in the console. What the environment says (`TENURE_SMTP`) goes
first; without either, letters are files of the outbox. The password is in the vault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from email.utils import parseaddr
from typing import Any, Final

import orjson
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction

from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.configuration import editing
from tenure.infra.clock import now
from tenure.infra.outbox import OutboxBackend
from tenure.infra.secrets import SecretError
from tenure.people.configuration import lock
from tenure.vault.services import get_ours, put_ours

_KEPT: Final = "mail-server"
#: How the connection is kept private.
SECURITY: Final = (
    ("starttls", "STARTTLS, usually port 587"),
    ("tls", "TLS from the beginning, usually port 465"),
    ("none", "None: only inside one's own network"),
)
_PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}
_SECONDS: Final = 20


class MailServerRefused(ValueError):
    """`problems`: field -> what is wrong with it."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where letters are handed in. `sender` is who they are from; "" for the usual one;
    `entered_at` when the password was entered."""

    host: str
    port: int
    security: str = "starttls"
    user: str = ""
    password: str = ""
    sender: str = ""
    entered_at: str = ""


def from_environment() -> bool:
    """Whether the environment names one: then it cannot be changed on a page."""
    return bool(settings.EMAIL_HOST)


def kept() -> MailServer | None:
    """What was entered. Raises `SecretError` where no key opens it: whoever sends must not take
    that for none."""
    text = get_ours(_KEPT)
    return MailServer(**orjson.loads(text)) if text else None


def entered() -> MailServer | None:
    """The same for who enters one: what no key opens any more is entered anew."""
    try:
        return kept()
    except SecretError:
        return None


def told(row: MailServer | None) -> dict[str, Any] | None:
    """Without the password: for the trail, and to tell one state from another."""
    return None if row is None else {k: v for k, v in asdict(row).items() if k != "password"}


@transaction.atomic
def keep(
    *,
    host: str,
    port: str,
    security: str,
    user: str,
    password: str,
    sender: str,
    seen: str | None = None,
) -> None:
    """Use this one from now on. An empty password keeps the one that is there. `seen`: the version
    of `told` that whoever changes it began with. Raises `MailServerRefused`, and `Overtaken` where
    it has another one now."""
    problems = {}
    before = _seen(seen)
    if not host or " " in host or "/" in host:
        problems["host"] = "Expected a name such as smtp.acme.example."
    if security not in _PORTS:
        problems["security"] = "Choose one of the three."
    if port and not (port.isdecimal() and 0 < int(port) < 65536):
        problems["port"] = "Expected a number such as 587."
    if sender and "@" not in parseaddr(sender)[1]:
        problems["sender"] = "Expected an address, as in Acme <it@acme.example>."
    same = before is not None and (before.host, before.user) == (host, user)
    if before is not None and before.password and user and not password and not same:
        problems["password"] = (
            f"The one that is kept is for {before.user or 'nobody'} at {before.host}. Enter the "
            "one for this server."
        )
    if problems:
        raise MailServerRefused(problems)
    if not password and before is not None and same:
        password, entered_at = before.password, before.entered_at
    else:
        entered_at = now().isoformat(timespec="seconds") if password else ""
    row = MailServer(
        host, int(port or _PORTS[security]), security, user, password, sender, entered_at
    )
    put_ours(_KEPT, orjson.dumps(asdict(row)).decode())
    _record(before, row)


@transaction.atomic
def forget(*, seen: str | None = None) -> None:
    """Letters are files of the outbox again. Raises `Overtaken`, see `keep`."""
    before = _seen(seen)
    if before is not None:
        put_ours(_KEPT, "")
        _record(before, None)


class ChosenBackend(BaseEmailBackend):
    """Hands letters in where the console says; into the outbox where nothing is said."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        server = kept()
        if server is None:
            return OutboxBackend().send_messages(email_messages)
        for message in email_messages:
            if server.sender and message.from_email == settings.DEFAULT_FROM_EMAIL:
                message.from_email = server.sender
        return int(_connection(server).send_messages(list(email_messages)) or 0)


def _seen(version: str | None) -> MailServer | None:
    """What is there, while nobody else changes it."""
    lock()
    row = entered()
    if version is not None and editing.version(told(row)) != version:
        raise editing.Overtaken("mail", "server", told(row))
    return row


def _connection(server: MailServer) -> Any:
    return get_connection(
        "django.core.mail.backends.smtp.EmailBackend",
        host=server.host,
        port=server.port,
        username=server.user,
        password=server.password,
        use_tls=server.security == "starttls",
        use_ssl=server.security == "tls",
        timeout=_SECONDS,
    )


def _record(before: MailServer | None, after: MailServer | None) -> None:
    record(
        Action.CONFIGURATION_CHANGED,
        subject_kind="mail",
        subject_key="server",
        subject_label="Mail server",
        before=told(before),
        after=told(after),
    )
