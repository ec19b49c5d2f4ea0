"""People with and without a way in, and what they do by HTTP."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

from django.core import mail
from django.http import HttpRequest, HttpResponse
from django.test import Client

from tenure.infra.clock import now
from tenure.people.models import Company, Person
from tenure.people.services import restand
from tenure.signin import invitations, passkeys, waiting
from tenure.signin.models import Pairing, Passkey, User
from tenure.signin.sending import send_waiting
from tenure.signin.tokens import digest
from tests.signin.authenticator import Authenticator


def person(number: str = "1", given: str = "Ana", **changes: Any) -> Person:
    """Somebody who works here."""
    attributes = {
        "employee_number": number,
        "given_name": given,
        "family_name": "Li",
        "personal_email": f"{given.lower()}@home.example",
    }
    columns = {
        "employee_number": number,
        "display_name": f"{given} Li",
        "email": f"{given.lower()}@acme.example",
        "start_date": date(2024, 1, 1),
        "attributes": attributes,
    }
    made = Person(**{**columns, **changes})
    restand([made], now())
    made.save()
    Company.objects.update_or_create(pk=1, defaults={"name": "Acme", "domain": "acme.example"})
    return made


def with_passkey(owner: Person | User, **lies: Any) -> Authenticator:
    """An authenticator with a passkey of theirs."""
    device = Authenticator()
    asked = passkeys.ask_to_register(owner)
    credential = device.create(json.loads(asked.options))
    passkeys.register(owner, challenge=asked.challenge, credential=credential, name="Phone")
    for name, value in lies.items():
        setattr(device, name, value)
    return device


def kept_by(client: Client) -> waiting.Kept:
    """What this computer keeps of the pairing that it has started."""
    request = HttpRequest()
    request.COOKIES = {name: cookie.value for name, cookie in client.cookies.items()}
    return waiting.kept_by(request)


def post(client: Client, path: str, body: Any = None) -> HttpResponse:
    """JSON, as the pages' script sends it."""
    return client.post(path, json.dumps(body or {}), content_type="application/json")  # type: ignore[return-value]


def options(client: Client, path: str = "/sign-in/passkey/options") -> dict[str, Any]:
    """What the server asks the authenticator."""
    answer = post(client, path)
    assert answer.status_code == 200, answer.content
    return dict(json.loads(answer.content))


def sign_in(client: Client, device: Authenticator) -> HttpResponse:
    """By the passkey of this device."""
    return post(client, "/sign-in/passkey", {"credential": device.get(options(client))})


def letters() -> list[str]:
    """The texts of what has arrived since the last look."""
    send_waiting()
    found, mail.outbox[:] = [str(one.body) for one in mail.outbox], []
    return found


def invited(to: Person) -> str:
    """The path of their invitation."""
    invitations.invite(person=to, reason="again" if Passkey.objects.filter(person=to) else "")
    (text,) = letters()
    found = re.search(r"https?://[^/]+(/welcome/\S+)", text)
    assert found
    return found[1]


def digits() -> str:
    """The code that has just come."""
    (text,) = letters()
    found = re.search(r"\b(\d{3} \d{3})\b", text)
    assert found
    return found[1]


def paired(to: Person) -> tuple[Client, Client, str]:
    """The computer with the invitation, the phone that has taken it, and the invitation's path."""
    computer, phone, path = Client(), Client(), invited(to)
    taken = confirmed(phone, token_of(computer, path))
    assert taken["Location"] == "/phone/"
    phone.get("/phone/")
    return computer, phone, path


def token_of(computer: Client, path: str, part: str = "/code") -> str:
    """Have the computer show a QR code; what is in it."""
    from unittest import mock

    from tenure.signin import qr

    with mock.patch.object(qr, "svg", wraps=qr.svg) as drawn:
        assert computer.get(path + part).status_code == 200
    return "/" + str(drawn.call_args.args[0]).split("/", 3)[3]


def number_of(path: str) -> dict[str, str]:
    """What a person who stands before the computer taps on the phone."""
    return {"number": Pairing.objects.get(token_digest=digest(path.rpartition("/")[2])).matching}


def confirmed(phone: Client, path: str) -> HttpResponse:
    """The phone takes the computer."""
    return phone.post(path + "/confirm", number_of(path))  # type: ignore[return-value]


def asked_by_phone(phone: Client, path: str) -> dict[str, Any]:
    """What the phone's passkey has to sign, for who has tapped the right number."""
    answer = post(phone, path + "/options", number_of(path))
    assert answer.status_code == 200, answer.content
    return dict(json.loads(answer.content))
