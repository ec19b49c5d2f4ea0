"""Invitations and letters on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import override_settings

from tenure.signin.models import Invitation, Letter, User
from tests.cli.conftest import Tenure
from tests.signin.people import person, with_passkey


def test_a_person_is_invited_again_and_not(tenure: Tenure) -> None:
    ana = person()
    said = tenure("person", "invite", "1")
    assert (said.code, said.out) == (0, "")
    assert "ana@home.example" in said.err
    again = tenure("person", "invite", "ana@acme.example", "--json").document
    assert set(again) == {"person", "to", "expires_at"}
    assert Invitation.objects.filter(withdrawn_at=None).count() == 1
    reason = ("--reason", "starts later")
    assert tenure("person", "withdraw", "1", *reason, "--json").document["withdrawn"] is True
    assert tenure("person", "withdraw", "1", *reason, "--json").document["withdrawn"] is False
    with_passkey(ana)
    refused = tenure("person", "invite", "1")
    assert refused.code == 1
    assert "If it is lost, say so" in refused.err
    assert tenure("person", "invite", "1", "--reason", "phone lost").code == 0


def test_who_has_no_address_cannot_be_invited(tenure: Tenure) -> None:
    person("7", "Cy", email="", attributes={})
    said = tenure("person", "invite", "7", "--json")
    assert said.code == 1
    assert "HR has no e-mail address of Cy Li" in said.document["error"]


def test_an_administrator_is_invited(tenure: Tenure) -> None:
    said = tenure("admin", "invite", "anna", "--email", "anna@acme.example", "--role", "auditor")
    assert said.code == 0
    assert User.objects.get().role == "auditor"
    assert Letter.objects.get().to == "anna@acme.example"
    wrong = tenure("admin", "invite", "bo", "--email", "bo@acme.example", "--role", "king")
    assert wrong.code == 1
    assert "help_desk" in wrong.err
    assert tenure("admin", "invite", "bo", "--email", "nowhere").code == 1


def test_a_test_letter(tenure: Tenure, tmp_path: Path) -> None:
    backend = "tenure.infra.outbox.OutboxBackend"
    with override_settings(EMAIL_BACKEND=backend, EMAIL_OUTBOX=tmp_path):
        said = tenure("mail", "test", "you@acme.example", "--json").document
    assert said["outbox"] == str(tmp_path)
    assert len(list(tmp_path.glob("*.eml"))) == 1
    assert "no e-mail address" in tenure("mail", "test", "you").err


def test_a_mail_server_that_is_away(tenure: Tenure) -> None:
    away = "django.core.mail.backends.smtp.EmailBackend"
    with override_settings(EMAIL_BACKEND=away, EMAIL_HOST="127.0.0.1", EMAIL_PORT=9):
        said = tenure("mail", "test", "you@acme.example")
    assert said.code == 1
    assert "cannot be reached" in said.err
    assert "TENURE_SMTP" in said.err


@pytest.mark.parametrize(
    ("origin", "domain", "wrong"),
    [
        ("https://tenure.acme.example", "tenure.acme.example", ""),
        ("http://localhost:8000", "localhost", ""),
        ("http://tenure.acme.example", "tenure.acme.example", "need https"),
        ("https://10.0.0.7", "10.0.0.7", "address of digits"),
    ],
)
def test_doctor_says_where_no_passkey_can_be_made(
    origin: str, domain: str, wrong: str, tenure: Tenure
) -> None:
    with override_settings(PASSKEY_ORIGIN=origin, PASSKEY_DOMAIN=domain):
        lines = {line["what"]: line for line in tenure("doctor", "--json").document}
    assert lines["passkeys"]["ok"] is not bool(wrong)
    assert wrong in lines["passkeys"]["detail"]
    assert lines["e-mail"]["ok"]
