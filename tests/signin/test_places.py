"""Where the computer is, as the phone is told; and the number that only who sees it knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from tenure.audit.models import Action, Event
from tenure.people.models import Company
from tenure.signin import places
from tenure.signin.models import Pairing
from tests.signin.people import (
    asked_by_phone,
    confirmed,
    invited,
    number_of,
    person,
    post,
    sign_in,
    token_of,
    with_passkey,
)

pytestmark = pytest.mark.django_db
NETWORKS = {"Acme": ["127.0.0.0/8", "2001:db8::/32"], "Acme, Berlin": ["127.0.0.0/24"]}


@pytest.fixture
def world(tmp_path: Path, settings: Any) -> Path:
    """A file of places as one downloads them."""
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test-City")
    budapest = {
        "city": {"names": {"en": "Budapest", "de": "Budapest"}},
        "country": {"names": {"en": "Hungary", "de": "Ungarn"}},
    }
    writer.insert_network(IPSet(["203.0.113.0/24"]), budapest)
    writer.insert_network(IPSet(["198.51.100.0/24"]), {"country": {"names": {"en": "Peru"}}})
    path = tmp_path / "places.mmdb"
    writer.to_db_file(str(path))
    settings.TENURE_PLACES = str(path)
    return path


def test_a_place_is_what_the_company_calls_it_or_what_the_file_says(world: Path) -> None:
    person()
    Company.objects.update(onboarding={"networks": NETWORKS})
    # The smallest network says most.
    assert places.place_of("127.0.0.1") == "Acme, Berlin"
    assert places.place_of("127.9.0.1") == "Acme"
    assert places.place_of("2001:db8::7") == "Acme"
    assert places.place_of("203.0.113.7") == "Budapest, Hungary"
    assert places.place_of("198.51.100.1") == "Peru"
    for unknown in ("192.0.2.1", "2001:db9::1", None, "", "nonsense"):
        assert places.place_of(unknown) == ""
    # What cannot be read keeps nobody out, and says what to do.
    world.write_bytes(b"no such thing")
    assert places.place_of("203.0.113.7") == ""
    with pytest.raises(places.PlacesUnreadable, match=r"Expected one such as GeoLite2-City\.mmdb"):
        places.open_file(str(world))
    world.unlink()
    assert places.place_of("203.0.113.7") == ""
    with pytest.raises(places.PlacesUnreadable, match="No such file"):
        places.open_file(str(world))


def test_the_phone_is_told_where_the_computer_is() -> None:
    person()
    Company.objects.update(onboarding={"networks": NETWORKS})
    path = token_of(Client(), "/sign-in", "/qr")
    page = Client().get(path).content.decode()
    assert "<dd>Acme, Berlin</dd>" in page
    assert page.count('name="number"') == 3
    assert number_of(path)["number"] in page
    # The same three, in the same order, however often it is asked.
    assert Client().get(path).content.decode().count(f">{number_of(path)['number']}<") == 1


@pytest.mark.parametrize("wrong", ["", "000 000", "another of the three", "nonsense", "\u0661"])
def test_a_code_that_somebody_else_has_sent_lets_nobody_in(wrong: str) -> None:
    """A relayed QR code: the victim's phone is asked, the attacker's computer waits."""
    victim, attacker, phone = with_passkey(person()), Client(), Client()
    path = token_of(attacker, "/sign-in", "/qr")
    right = number_of(path)["number"]
    if wrong.startswith("another"):
        page = phone.get(path).content.decode()
        shown = [part.split('"')[0] for part in page.split('name="number" value="')[1:]]
        wrong = next(number for number in shown if number != right)
    refused = post(phone, path + "/options", {"number": wrong})
    assert refused.status_code == 422
    assert b"not the number on the computer" in refused.content
    # The right one comes too late: the pairing is over, on both sides.
    assert post(phone, path + "/options", {"number": right}).status_code == 422
    assert "expired" in attacker.get("/sign-in/qr/wait").content.decode()
    assert attacker.get("/portal/").status_code == 302
    assert Event.objects.filter(action=Action.PAIRING_MISMATCHED).count() == 1
    # A signature that was made for something else is no way round the number.
    other = token_of(attacker, "/sign-in", "/qr")
    sign_in(phone, victim)
    asked = asked_by_phone(phone, token_of(Client(), "/sign-in", "/qr"))
    answer = post(phone, other + "/passkey", {"credential": victim.get(asked)})
    assert (answer.status_code, attacker.get("/portal/").status_code) == (422, 302)


def test_an_invitation_that_somebody_else_opens_waits_for_the_number_too() -> None:
    path = invited(person())
    scan = token_of(Client(), path)
    answer = Client().post(scan + "/confirm", {"number": "123 456"})
    assert answer.status_code == 410
    assert "tell your administrator" in answer.content.decode()
    assert confirmed(Client(), scan).status_code == 410
    assert Pairing.objects.get().phone_digest is None
