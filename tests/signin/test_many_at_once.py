"""Monday morning: a hundred people come in for the first time at the same moment, by HTTP."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core import mail
from django.db import connections
from django.test import Client

from tenure.people.models import Company
from tenure.signin import invitations
from tenure.signin.models import Passkey, Session
from tenure.signin.sending import send_waiting
from tests.signin.authenticator import Authenticator
from tests.signin.people import confirmed, options, person, post, token_of

_PEOPLE, _THREADS = 100, 20


@pytest.mark.django_db(transaction=True)
def test_a_hundred_people_at_once() -> None:
    people = [person(str(n), f"Person{n}") for n in range(_PEOPLE)]
    Company.objects.update(onboarding={"verify": ["employee_number"]})
    for one in people:
        invitations.invite(person=one)
    send_waiting()
    links = {
        letter.to[0]: re.findall(r"(/welcome/\S+)", str(letter.body))[0] for letter in mail.outbox
    }
    mail.outbox.clear()
    phones: dict[str, tuple[Client, Client, str]] = {}

    def begin(address: str) -> None:
        phone, path = Client(), links[address]
        confirmed(phone, tokens[address])
        assert phone.get("/phone/").status_code == 200
        phones[address] = (computers[address], phone, path)

    def finish(number: int) -> None:
        address = f"person{number}@home.example"
        computer, phone, path = phones[address]
        phone.post("/phone/", {"code": codes[address]})
        phone.post("/phone/", {"employee_number": str(number)})
        credential = Authenticator().create(options(phone, "/phone/options/"))
        answer = post(phone, "/phone/passkey/", {"credential": credential})
        assert answer.status_code == 200, answer.content
        assert computer.get(path + "/wait")["HX-Redirect"] == "/portal/?welcome"
        assert computer.get("/portal/profile/").status_code == 200

    # What is in the pictures is read one after the other; everything else is at once.
    computers = {address: Client() for address in links}
    tokens = {address: token_of(computers[address], links[address]) for address in links}
    everyone = Barrier(_THREADS)

    def leave(_: int) -> None:
        # Each thread once: none takes a second turn before all have had theirs.
        everyone.wait(timeout=60)
        connections.close_all()

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(begin, links))
        send_waiting()
        codes = {
            letter.to[0]: re.findall(r"\b\d{3} \d{3}\b", str(letter.body))[0]
            for letter in mail.outbox
        }
        list(pool.map(finish, range(_PEOPLE)))
        list(pool.map(leave, range(_THREADS)))
    assert Passkey.objects.count() == _PEOPLE
    assert Session.objects.filter(ended_at=None).count() == 2 * _PEOPLE
