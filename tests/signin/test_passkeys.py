"""The ceremonies, attacked: replay, another origin, another site, another's key, an old counter."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from tenure.audit.models import Action, Event
from tenure.infra.clock import now
from tenure.people import decisions
from tenure.signin import passkeys
from tenure.signin.models import Challenge, Passkey, User
from tenure.signin.passkeys import CeremonyRefused
from tests.signin.authenticator import Authenticator
from tests.signin.people import (
    asked_by_phone,
    options,
    person,
    post,
    sign_in,
    token_of,
    with_passkey,
)

pytestmark = pytest.mark.django_db


def inside(client: Client) -> bool:
    return client.get("/portal/").status_code == 200


def test_a_passkey_lets_its_person_in() -> None:
    device, client = with_passkey(person()), Client()
    assert json.loads(sign_in(client, device).content) == {"location": "/portal/"}
    assert inside(client)
    assert Event.objects.get(action=Action.SIGNED_IN).subject_label == "Ana Li"
    key = Passkey.objects.get()
    assert (key.sign_count, key.used_from) == (1, "127.0.0.1")


def test_a_passkey_lets_its_administrator_into_the_console() -> None:
    device, client = with_passkey(User.objects.create(name="anna")), Client()
    assert json.loads(sign_in(client, device).content) == {"location": "/console/"}
    assert client.get("/console/").status_code == 200
    assert not inside(client)


@pytest.mark.parametrize(
    "lie",
    [
        {"origin": "http://localhost:9000"},
        {"origin": "https://localhost:8000"},
        {"origin": "http://localhost.evil.example:8000"},
        {"site": "evil.example"},
        {"verifies": False},
        {"handle": b"somebody else"},
        {"credential_id": b"unknown"},
        {"key": Authenticator().key},
    ],
    ids=lambda lie: next(iter(lie)),
)
def test_a_lie_lets_nobody_in(lie: dict[str, Any]) -> None:
    device, client = with_passkey(person(), **lie), Client()
    answer = sign_in(client, device)
    assert answer.status_code == 422
    assert "does not let you in" in answer.content.decode()
    assert not inside(client)
    assert Event.objects.filter(action=Action.SIGN_IN_REFUSED).count() == 1


def test_what_was_signed_once_is_worth_nothing_again() -> None:
    device, client, thief = with_passkey(person()), Client(), Client()
    signed = device.get(options(client))
    assert post(client, "/sign-in/passkey", {"credential": signed}).status_code == 200
    # In the same browser, in another one, and in another one that has a challenge of its own.
    assert post(client, "/sign-in/passkey", {"credential": signed}).status_code == 422
    assert post(thief, "/sign-in/passkey", {"credential": signed}).status_code == 422
    options(thief)
    assert post(thief, "/sign-in/passkey", {"credential": signed}).status_code == 422
    assert not inside(thief)


def test_a_challenge_belongs_to_the_browser_that_asked() -> None:
    device, client, thief = with_passkey(person()), Client(), Client()
    signed = device.get(options(client))
    assert post(thief, "/sign-in/passkey", {"credential": signed}).status_code == 422


def test_a_failed_try_uses_the_challenge_up() -> None:
    device, client = with_passkey(person()), Client()
    asked = options(client)
    assert post(client, "/sign-in/passkey", {"credential": "nonsense"}).status_code == 422
    signed = device.get(asked)
    assert post(client, "/sign-in/passkey", {"credential": signed}).status_code == 422
    assert not Challenge.objects.exists()


def test_a_challenge_expires() -> None:
    device, client = with_passkey(person()), Client()
    asked = options(client)
    Challenge.objects.update(expires_at=now() - timedelta(seconds=1))
    assert post(client, "/sign-in/passkey", {"credential": device.get(asked)}).status_code == 422


def test_a_copied_key_is_found_by_its_counter() -> None:
    device, client = with_passkey(person()), Client()
    sign_in(client, device)
    asked = options(Client())
    copy = Client()
    asked = options(copy)
    signed = device.get(asked, counts=False)
    assert post(copy, "/sign-in/passkey", {"credential": signed}).status_code == 422


def test_a_key_is_made_for_who_asked_only() -> None:
    ana, bo = person(), person("2", "Bo")
    asked = passkeys.ask_to_register(ana)
    credential = Authenticator().create(json.loads(asked.options))
    with pytest.raises(CeremonyRefused):
        passkeys.register(bo, challenge=asked.challenge, credential=credential, name="x")
    asked = passkeys.ask_to_sign_in()
    with pytest.raises(CeremonyRefused):
        passkeys.register(ana, challenge=asked.challenge, credential=credential, name="x")


@pytest.mark.parametrize(
    "lie", [{"origin": "https://evil.example"}, {"site": "evil.example"}, {"verifies": False}]
)
def test_a_key_made_elsewhere_is_not_kept(lie: dict[str, Any]) -> None:
    ana, device = person(), Authenticator(**lie)
    asked = passkeys.ask_to_register(ana)
    with pytest.raises(CeremonyRefused):
        passkeys.register(
            ana,
            challenge=asked.challenge,
            credential=device.create(json.loads(asked.options)),
            name="x",
        )
    assert not Passkey.objects.exists()


def test_a_key_has_one_owner() -> None:
    ana, bo = person(), person("2", "Bo")
    device = with_passkey(ana)
    asked = passkeys.ask_to_register(bo)
    with pytest.raises(CeremonyRefused, match="known already"):
        passkeys.register(
            bo,
            challenge=asked.challenge,
            credential=device.create(json.loads(asked.options)),
            name="x",
        )


def test_options_ask_for_what_is_promised() -> None:
    asked = json.loads(passkeys.ask_to_register(person()).options)
    chosen = asked["authenticatorSelection"]
    assert (chosen["residentKey"], chosen["userVerification"]) == ("required", "required")
    assert len(asked["challenge"]) >= 43
    assert "ana" not in json.dumps(asked["user"]["id"]).lower()
    again = options(Client())
    assert (again["userVerification"], again["allowCredentials"]) == ("required", [])


def test_a_suspended_persons_key_waits() -> None:
    ana = person()
    device = with_passkey(ana)
    ana = decisions.suspend(person=ana, reason="laptop stolen", now=now())
    assert sign_in(Client(), device).status_code == 422
    decisions.end_suspension(person=ana, reason="found", now=now())
    assert sign_in(Client(), device).status_code == 200


def test_the_last_key_stays_and_another_ends_with_its_sessions() -> None:
    ana = person()
    first, client = with_passkey(ana), Client()
    sign_in(client, first)
    pk = Passkey.objects.get().pk
    with pytest.raises(ValueError, match="only passkey"):
        passkeys.remove(ana, pk, because="lost")
    second, other = with_passkey(ana), Client()
    sign_in(other, second)
    passkeys.remove(ana, pk, because="lost")
    assert (inside(client), inside(other)) == (False, True)
    assert sign_in(Client(), first).status_code == 422


def test_a_computer_that_a_removed_key_has_let_in_does_not_go_on() -> None:
    """Whoever took the phone lets a computer of theirs in, and has it wait until all is quiet."""
    ana = person()
    device, computer, phone = with_passkey(ana), Client(), Client()
    with_passkey(ana)
    path = token_of(computer, "/sign-in", "/qr")
    signed = device.get(asked_by_phone(phone, path))
    post(phone, path + "/passkey", {"credential": signed})
    stolen = Passkey.objects.order_by("pk")[0]
    passkeys.remove(ana, stolen.pk, because="phone stolen", by_them=False)
    assert "HX-Redirect" not in computer.get("/sign-in/qr/wait")
    assert not inside(computer)


def test_a_session_ends_with_the_key_that_began_it_whatever_confirmed_it_since() -> None:
    ana = person()
    first, client = with_passkey(ana), Client()
    sign_in(client, first)
    stolen = Passkey.objects.get()
    second = with_passkey(ana)
    asked = options(client, "/sign-in/confirm/options")
    answer = post(client, "/sign-in/confirm/passkey", {"credential": second.get(asked)})
    assert answer.status_code == 200
    passkeys.remove(ana, stolen.pk, because="phone stolen", by_them=False)
    assert not inside(client)


def test_keys_of_others_cannot_be_touched() -> None:
    ana, bo = person(), person("2", "Bo")
    with_passkey(ana)
    device, client = with_passkey(bo), Client()
    with_passkey(bo)
    sign_in(client, device)
    theirs = Passkey.objects.get(person=ana)
    for wanted in ("rename", "remove"):
        form = {"do": wanted, "which": theirs.pk, "name": "mine now"}
        client.post("/portal/security/change/", form)
    theirs.refresh_from_db()
    assert (theirs.name, theirs.removed_at) == ("Phone", None)
