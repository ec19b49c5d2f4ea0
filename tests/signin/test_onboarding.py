"""Invitations, pairings, codes and claims, attacked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from tenure.audit.models import Event
from tenure.infra.clock import now
from tenure.people.models import Company, Person
from tenure.people.services import terminate
from tenure.signin import identity, invitations, pairing
from tenure.signin.models import Invitation, OneTimeCode, Pairing, Passkey, Review, Session
from tests.signin.authenticator import Authenticator
from tests.signin.people import (
    confirmed,
    digits,
    invited,
    kept_by,
    letters,
    options,
    paired,
    person,
    post,
    token_of,
    with_passkey,
)

pytestmark = pytest.mark.django_db
RIGHT = {"given_name": "ana", "family_name": "LI", "employee_number": "1"}


def verified(to: Person) -> tuple[Client, Client, str]:
    """As `paired`, as far as the passkey."""
    computer, phone, path = paired(to)
    phone.post("/phone/", {"code": digits()})
    phone.post("/phone/", RIGHT)
    return computer, phone, path


def make_passkey(phone: Client) -> int:
    credential = Authenticator().create(options(phone, "/phone/options/"))
    return post(phone, "/phone/passkey/", {"credential": credential}).status_code


def test_the_whole_way() -> None:
    computer, phone, path = verified(person())
    assert computer.get(path + "/wait").status_code == 200
    assert make_passkey(phone) == 200
    answer = computer.get(path + "/wait")
    assert answer["HX-Redirect"] == "/portal/?welcome"
    assert computer.get("/portal/").status_code == phone.get("/portal/").status_code == 200
    assert Client().get(path).status_code == 410


def test_looking_uses_nothing_up_and_needs_no_secret_of_ours() -> None:
    path = invited(person())
    for _ in range(3):
        assert Client().get(path).status_code == 200
        assert Client().head(path).status_code == 200
    row = Invitation.objects.get()
    assert path.rpartition("/")[2].encode() not in bytes(row.digest or b"")
    assert row.used_at is None


def test_expired_withdrawn_and_unknown_invitations_open_nothing() -> None:
    ana = person()
    first = invited(ana)
    second = invited(ana)
    assert Client().get(first).status_code == 410
    Invitation.objects.update(expires_at=now() - timedelta(seconds=1))
    assert Client().get(second).status_code == 410
    third = invited(ana)
    invitations.withdraw(person=ana, reason="starts later")
    assert Client().get(third).status_code == 410
    assert Client().get("/welcome/not-ours").status_code == 404


def test_a_withdrawn_invitation_stops_who_is_under_way() -> None:
    ana = person()
    computer, phone, path = verified(ana)
    invitations.withdraw(person=ana, reason="wrong person")
    assert post(phone, "/phone/options/").status_code == 422
    assert phone.get("/phone/").status_code == 410
    assert "expired" in computer.get(path + "/wait").content.decode()
    assert not Passkey.objects.exists()


def test_an_invitation_used_while_another_phone_is_under_way() -> None:
    ana = person()
    _, phone, path = verified(ana)
    late = Client()
    confirmed(late, token_of(Client(), path))
    late.get("/phone/")
    late.post("/phone/", {"code": digits()})
    late.post("/phone/", RIGHT)
    asked = options(late, "/phone/options/")
    assert make_passkey(phone) == 200
    answer = post(late, "/phone/passkey/", {"credential": Authenticator().create(asked)})
    assert answer.status_code == 422
    assert Passkey.objects.count() == 1


def test_a_picture_of_the_code_gives_nothing() -> None:
    ana = person()
    path = invited(ana)
    computer, thief = Client(), Client()
    scan = token_of(computer, path)
    page = thief.get(scan).content.decode()
    assert "Ana" not in page
    assert "home.example" not in page
    # Neither what the computer holds, nor what a phone holds.
    assert "expired" in thief.get(path + "/wait").content.decode()
    assert thief.get("/phone/").status_code == 404
    assert post(thief, "/phone/options/").status_code == 422


def test_a_code_is_taken_once_and_expires() -> None:
    path = invited(person())
    computer = Client()
    scan = token_of(computer, path)
    assert confirmed(Client(), scan).status_code == 302
    assert confirmed(Client(), scan).status_code == 410
    assert Client().get(scan).status_code == 410
    late = token_of(computer, path)
    Pairing.objects.update(expires_at=now() - timedelta(seconds=1))
    assert confirmed(Client(), late).status_code == 410


def test_the_computer_goes_on_once_and_no_other_does() -> None:
    computer, phone, path = verified(person())
    make_passkey(phone)
    other = Client()
    assert "HX-Redirect" not in other.get(path + "/wait")
    kept = kept_by(computer)
    assert computer.get(path + "/wait")["HX-Redirect"]
    with pytest.raises(pairing.PairingRefused):
        pairing.redeem(kept.pairing, kept.secret)
    assert Session.objects.count() == 2


def test_nothing_before_its_turn() -> None:
    _, phone, _ = paired(person())
    assert post(phone, "/phone/options/").status_code == 422
    answer = phone.post("/phone/", RIGHT)
    assert answer.status_code == 422
    phone.post("/phone/", {"code": digits()})
    assert post(phone, "/phone/options/").status_code == 422
    assert post(phone, "/phone/passkey/", {"credential": {}}).status_code == 422


def test_codes_cannot_be_guessed() -> None:
    _, phone, _ = paired(person())
    right = digits()
    wrong = "000000" if right != "000 000" else "111111"
    for _ in range(5):
        assert phone.post("/phone/", {"code": wrong}).status_code == 422
    # Used up: the right one comes too late.
    assert phone.post("/phone/", {"code": right}).status_code == 422
    for _ in range(4):
        phone.post("/phone/send/")
        right = digits()
    assert phone.post("/phone/send/").status_code == 422
    assert letters() == []
    for _ in range(9):
        phone.post("/phone/", {"code": wrong})
    answer = phone.post("/phone/", {"code": right})
    assert (answer.status_code, "too often" in answer.content.decode()) == (429, True)


def test_a_code_expires_and_is_worth_something_for_its_pairing_only() -> None:
    ana = person()
    _, phone, path = paired(ana)
    first = digits()
    other = Client()
    confirmed(other, token_of(Client(), path))
    other.get("/phone/")
    digits()
    assert other.post("/phone/", {"code": first}).status_code == 422
    OneTimeCode.objects.update(expires_at=now() - timedelta(seconds=1))
    assert phone.post("/phone/", {"code": first}).status_code == 422
    assert first.replace(" ", "").encode() not in bytes(OneTimeCode.objects.all()[0].digest or b"")


def test_claims_are_compared_as_a_whole_and_a_person_decides() -> None:
    ana = person()
    _, phone, _ = paired(ana)
    phone.post("/phone/", {"code": digits()})
    answers = set()
    for wrong in ({"given_name": "Bo"}, {"employee_number": "2"}):
        answer = phone.post("/phone/", {**RIGHT, **wrong})
        assert answer.status_code == 422
        answers.add(answer.content.decode().split('role="alert"')[1].split("</div>")[0])
    assert len(answers) == 1
    assert "Somebody looks" in phone.post("/phone/", {}, follow=True).content.decode()
    # What is right now is too late: a person looks at it.
    assert "Somebody looks" in phone.post("/phone/", RIGHT, follow=True).content.decode()
    review = Review.objects.get()
    with pytest.raises(ValueError, match="how you know"):
        identity.approve(review=review, reason=" ")
    identity.reject(review=review, reason="never heard of them")
    assert phone.get("/phone/").status_code == 410
    with pytest.raises(ValueError, match="else has decided"):
        identity.approve(review=review, reason="it is her")


def test_what_hr_does_not_know_agrees_with_nothing() -> None:
    ana = person()
    Company.objects.update(onboarding={"verify": ["phone"]})
    _, phone, _ = paired(ana)
    phone.post("/phone/", {"code": digits()})
    assert phone.post("/phone/", {"phone": ""}).status_code == 422
    ana.attributes["phone"] = "+36 (30) 123-4567"
    ana.save()
    phone.post("/phone/", {"phone": "0630 1234567"})
    assert make_passkey(phone) == 200


def test_who_cannot_be_invited() -> None:
    lonely = person("3", "Cy", email="", attributes={"employee_number": "3"})
    with pytest.raises(invitations.CannotInvite, match="no e-mail address"):
        invitations.invite(person=lonely)
    ana = person()
    with_passkey(ana)
    with pytest.raises(invitations.CannotInvite, match="has a passkey"):
        invitations.invite(person=ana)
    gone = terminate(ana, at=now(), reason="left", now=now())
    with pytest.raises(invitations.CannotInvite, match="no access"):
        invitations.invite(person=gone, reason="again")


def test_who_starts_soon_is_invited_by_itself_once() -> None:
    today = now().date()
    soon = person("1", "Ana", start_date=today + timedelta(days=6))
    person("2", "Bo", start_date=today + timedelta(days=60))
    person("3", "Cy", start_date=today - timedelta(days=600))
    assert invitations.invite_due(now()) == 0
    Company.objects.update(onboarding={"invite": "automatic"})
    assert invitations.invite_due(now()) == 1
    assert invitations.invite_due(now()) == 0
    assert Invitation.objects.get().person == soon
    assert "Welcome, Ana" in letters()[0]


def test_whose_access_ends_is_out_in_the_same_transaction() -> None:
    ana = person()
    computer, phone, path = verified(ana)
    make_passkey(phone)
    computer.get(path + "/wait")
    _, late, again = paired(ana)
    terminate(ana, at=now(), reason="resigned", now=now())
    ended = Event.objects.get(action="person.access_ended")
    assert ended.after == {"sessions": 2, "invitations": 1, "pairings": 1, "passkeys": 1}
    for client in (computer, phone):
        assert client.get("/portal/")["Location"].startswith("/sign-in/")
    assert late.get("/phone/").status_code == 410
    assert Client().get(again).status_code == 410
    assert not Session.objects.filter(ended_at=None).exists()


def test_a_last_day_ends_the_session_before_the_clock_comes_by() -> None:
    ana = person()
    computer, phone, path = verified(ana)
    make_passkey(phone)
    computer.get(path + "/wait")
    Person.objects.update(end_date=now().date() - timedelta(days=2))
    assert computer.get("/portal/").status_code == 302
