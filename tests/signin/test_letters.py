"""Letters: by a real SMTP server that keeps what it gets, into the outbox, and when it fails."""

from __future__ import annotations

import email
import socket
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.db import transaction
from django.test import override_settings

from tenure.config.mail import mail_settings
from tenure.infra.clock import now
from tenure.people.models import Company
from tenure.signin import invitations, sending
from tenure.signin.models import Invitation, Letter, OneTimeLink, Role
from tenure.signin.services import invite_administrator
from tests.signin.people import letters, person

pytestmark = pytest.mark.django_db
SMTP = "django.core.mail.backends.smtp.EmailBackend"


class Catcher:
    """Takes every letter but those to `nobody@`."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Any
    ) -> str:
        found = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(found, EmailMessage)
        self.letters.append(found)
        return "250 OK"


@pytest.fixture
def catcher() -> Iterator[Catcher]:
    caught = Catcher()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    controller = Controller(caught, hostname="127.0.0.1", port=port)
    controller.start()
    settings = mail_settings(
        f"smtp://127.0.0.1:{port}?tls=no", sender="Acme IT <it@acme.example>", host="localhost"
    )
    with override_settings(**{**settings, "EMAIL_BACKEND": SMTP}):
        yield caught
    controller.stop()


def test_an_invitation_by_smtp(catcher: Catcher) -> None:
    ana = person()
    Company.objects.update(name="Łódź & Co", colour="#ffd54a")
    invitations.invite(person=ana)
    assert sending.send_waiting() == 1
    (letter,) = catcher.letters
    assert letter["To"] == "ana@home.example"
    assert letter["From"] == "Acme IT <it@acme.example>"
    assert letter["Subject"] == "Welcome to Łódź & Co"
    plain, html = letter.get_body(("plain",)), letter.get_body(("html",))
    assert plain
    assert html
    text, marked = plain.get_content(), html.get_content()
    assert "Łódź & Co" in text
    assert "Łódź &amp; Co" in marked
    assert "#ffd54a" in marked
    # White on yellow could not be read.
    assert "color:#10201f" in marked
    (link,) = {word for word in text.split() if "/welcome/" in word}
    assert link in marked
    assert sending.send_waiting() == 0


def test_a_letter_goes_when_its_transaction_is_committed(catcher: Catcher) -> None:
    ana = person()
    with transaction.atomic():
        invitations.invite(person=ana)
        transaction.set_rollback(True)
    assert sending.send_waiting() == 0
    assert not Letter.objects.exists()


def test_a_mailbox_that_does_not_exist_is_told(catcher: Catcher) -> None:
    ana = person()
    ana.attributes["personal_email"] = "nobody@home.example"
    ana.save()
    invitations.invite(person=ana)
    assert sending.send_waiting() == 0
    letter = Letter.objects.get()
    assert letter.error == "The mail server refused the address: 550 5.1.1 no such mailbox"
    assert letter.given_up_at is not None
    assert sending.unsent() == (1, letter.error)


def test_a_mail_server_that_is_away_is_tried_again() -> None:
    ana = person()
    invitations.invite(person=ana)
    away = mail_settings("smtp://127.0.0.1:9?tls=no", sender="", host="localhost")
    with override_settings(**away):
        assert sending.send_waiting() == 0
    letter = Letter.objects.get()
    assert "cannot be reached" in letter.error
    assert letter.given_up_at is None
    assert letter.not_before
    assert letter.not_before > now()
    first = bytes(Invitation.objects.get().digest or b"")
    assert letters() == []
    Letter.objects.update(not_before=now() - timedelta(seconds=1))
    assert "Welcome, Ana" in letters()[0]
    # What went out is what works.
    assert bytes(Invitation.objects.get().digest or b"") != first


def test_a_letter_that_is_not_needed_any_more_is_not_sent() -> None:
    ana = person()
    invitations.invite(person=ana)
    invitations.withdraw(person=ana, reason="wrong one")
    assert letters() == []
    assert Letter.objects.get().given_up_at is not None
    assert sending.unsent() == (0, "")


def test_an_administrator_is_invited_by_letter() -> None:
    user = invite_administrator(name="anna", email="anna@acme.example", role=Role.HELP_DESK)
    assert not OneTimeLink.objects.exists()
    (text,) = letters()
    assert "/sign-in/link/" in text
    assert "help desk" in text
    assert OneTimeLink.objects.get().user == user
    with pytest.raises(ValueError, match="no e-mail address"):
        invite_administrator(name="x", email="@")


def test_without_a_mail_server_letters_are_files(tmp_path: Path) -> None:
    invitations.invite(person=person())
    outbox = "tenure.infra.outbox.OutboxBackend"
    with override_settings(EMAIL_BACKEND=outbox, EMAIL_OUTBOX=tmp_path / "outbox"):
        assert sending.send_waiting() == 1
    (file,) = (tmp_path / "outbox").glob("*.eml")
    assert file.stat().st_mode & 0o077 == 0
    found = email.message_from_bytes(file.read_bytes(), policy=default)
    assert found["Subject"] == "Welcome to Acme"


@pytest.mark.parametrize(
    ("text", "port", "tls", "ssl"),
    [
        ("smtp://mail.example", 587, True, False),
        ("smtp://u:p%40ss@mail.example:2525", 2525, True, False),
        ("smtps://mail.example", 465, False, True),
        ("smtp://mail.example:25?tls=no", 25, False, False),
    ],
)
def test_the_address_of_a_mail_server(text: str, port: int, tls: bool, ssl: bool) -> None:
    found = mail_settings(text, sender="it@acme.example", host="localhost")
    assert (found["EMAIL_PORT"], found["EMAIL_USE_TLS"], found["EMAIL_USE_SSL"]) == (port, tls, ssl)
    if "u:" in text:
        assert (found["EMAIL_HOST_USER"], found["EMAIL_HOST_PASSWORD"]) == ("u", "p@ss")


@pytest.mark.parametrize(
    "text",
    ["mail.example", "http://mail.example", "smtp://", "smtp://h:x", "smtp://h?tls=maybe",
     "smtp://h?ssl=1"],
)  # fmt: skip
def test_a_wrong_address_says_what_is_expected_and_no_password(text: str) -> None:
    with pytest.raises(ValueError, match=r"TENURE_SMTP .* smtp://user:password@host:587") as caught:
        mail_settings(text.replace("h", "u:secret@h", 1), sender="", host="localhost")
    assert "secret" not in str(caught.value)
    with pytest.raises(ValueError, match="TENURE_MAIL_FROM"):
        mail_settings("", sender="nobody", host="localhost")
