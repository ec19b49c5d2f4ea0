"""The doors themselves: forms of other sites, planted sessions, addresses elsewhere, headers, names
that are nobody's, too many tries."""

from __future__ import annotations

import json
import time
from datetime import date, timedelta
from http.cookies import SimpleCookie
from statistics import median
from typing import Any

import pytest
from django.test import Client, override_settings
from django.utils.http import urlencode

from tenure.audit.models import Action, Event
from tenure.infra.clock import now
from tenure.infra.csp import POLICY
from tenure.people.models import Company
from tenure.signin import again, pairing, recovery, sessions
from tenure.signin.models import Passkey, Session, Throttle, User
from tenure.signin.throttle import Limit, TooOften, count
from tests.signin.people import (
    asked_by_phone,
    invited,
    letters,
    options,
    paired,
    person,
    post,
    sign_in,
    token_of,
    with_passkey,
)

pytestmark = pytest.mark.django_db


def test_signing_in_replaces_a_planted_session_and_form_token() -> None:
    device, client = with_passkey(person()), Client()
    options(client)
    planted = client.session.session_key
    before = client.cookies["tenure-csrf"].value if "tenure-csrf" in client.cookies else ""
    sign_in(client, device)
    assert client.session.session_key != planted
    assert "challenge" not in client.session
    thief = Client()
    thief.cookies["tenure"] = planted or ""
    assert thief.get("/portal/").status_code == 302
    assert client.cookies["tenure"]["httponly"]
    assert client.cookies["tenure"]["samesite"] == "Lax"
    assert before != client.cookies["tenure-csrf"].value


@pytest.mark.parametrize(
    "path",
    [
        "/sign-in/passkey",
        "/sign-in/passkey/options",
        "/sign-in/recover",
        "/sign-in/out",
        "/phone/",
        "/phone/send/",
        "/phone/options/",
        "/phone/passkey/",
        "/portal/security/passkey/",
        "/portal/security/change/",
        "/portal/security/codes/",
    ],
)
def test_a_form_of_another_site_is_refused(path: str) -> None:
    client = Client()
    sign_in(client, with_passkey(person()))
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    assert strict.post(path, {"do": "end_others"}).status_code == 403
    assert Session.objects.filter(ended_at=None).count() == 1


def test_a_form_of_another_site_takes_no_code() -> None:
    path = token_of(Client(), invited(person()))
    assert Client(enforce_csrf_checks=True).post(path + "/confirm").status_code == 403


@pytest.mark.parametrize(
    ("wanted", "goes"),
    [
        ("/portal/security/", "/portal/security/"),
        ("https://evil.example/", "/portal/"),
        ("//evil.example/", "/portal/"),
        ("/\\evil.example/", "/portal/"),
        ("///evil.example", "/portal/"),
        ("javascript:alert(1)", "/portal/"),
        ("evil", "/portal/"),
        ("/" + "x" * 600, "/portal/"),
    ],
)
def test_signing_in_leads_to_no_other_site(wanted: str, goes: str) -> None:
    device, client = with_passkey(person()), Client()
    credential = device.get(options(client))
    path = "/sign-in/passkey?" + urlencode({"next": wanted})
    assert json.loads(post(client, path, {"credential": credential}).content)["location"] == goes


def test_every_page_has_the_policy_and_is_kept_by_nobody() -> None:
    ana = person()
    computer, phone, path = paired(ana)
    scan = token_of(computer, path)
    inside = Client()
    sign_in(inside, with_passkey(ana))
    pages = [
        (Client(), "/sign-in/"),
        (Client(), "/sign-in/recover"),
        (Client(), "/sign-in/qr"),
        (Client(), path),
        (Client(), scan),
        (phone, "/phone/"),
        (computer, path + "/wait"),
        *((inside, f"/portal/{name}") for name in ("", "tiles/", "profile/", "security/")),
        (Client(), "/welcome/nothing"),
        (Client(), "/qr/nothing"),
    ]
    for client, address in pages:
        answer = client.get(address)
        assert answer["Content-Security-Policy"] == POLICY, address
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["Referrer-Policy"] == "same-origin"
        assert "no-store" in answer["Cache-Control"], address
        text = answer.content.decode()
        assert " style=" not in text, address
        assert "<script>" not in text
        assert " onclick=" not in text


def test_a_stranger_sees_no_page_of_the_portal() -> None:
    person()
    for name in ("", "tiles/", "profile/", "security/"):
        answer = Client().get(f"/portal/{name}")
        assert answer.status_code == 302
        assert answer["Location"].startswith("/sign-in/")
    for name in ("options/", "passkey/", "change/", "codes/"):
        assert Client().get(f"/portal/security/{name}").status_code == 405
        assert Client().post(f"/portal/security/{name}")["Location"] == "/sign-in/"
    asked = Client().get("/portal/tiles/", headers={"HX-Request": "true"})
    assert asked["HX-Redirect"] == "/sign-in/"


def test_a_persons_session_is_no_administrators() -> None:
    client = Client()
    sign_in(client, with_passkey(person()))
    assert client.get("/console/").status_code == 302
    admin = Client()
    sign_in(admin, with_passkey(User.objects.create(name="anna")))
    assert admin.get("/portal/").status_code == 302


def test_one_browser_may_hold_both_and_signing_out_ends_both() -> None:
    client = Client()
    sign_in(client, with_passkey(User.objects.create(name="anna")))
    sign_in(client, with_passkey(person()))
    assert client.get("/console/").status_code == client.get("/portal/").status_code == 200
    client.post("/sign-in/out")
    assert client.get("/console/").status_code == client.get("/portal/").status_code == 302
    assert not Session.objects.filter(ended_at=None).exists()


@pytest.mark.parametrize(("column", "age"), [("seen_at", "IDLE"), ("began_at", "LONGEST")])
def test_a_session_ends_by_idleness_and_by_age(column: str, age: str) -> None:
    client = Client()
    sign_in(client, with_passkey(person()))
    limit: timedelta = getattr(sessions, age)
    Session.objects.update(**{column: now() - limit - timedelta(seconds=1)})
    assert client.get("/portal/").status_code == 302


def test_what_the_page_asks_by_itself_keeps_nobody_signed_in() -> None:
    client = Client()
    sign_in(client, with_passkey(person()))
    before = now() - timedelta(minutes=30)
    Session.objects.update(seen_at=before)
    client.get("/portal/tiles/")
    assert Session.objects.get().seen_at == before
    client.get("/portal/")
    assert Session.objects.get().seen_at > before


def test_signing_out_elsewhere() -> None:
    ana = person()
    device, here, there = with_passkey(ana), Client(), Client()
    sign_in(here, device)
    sign_in(there, device)
    here.post("/portal/security/change/", {"do": "end_others"})
    assert here.get("/portal/").status_code == 200
    assert there.get("/portal/").status_code == 302
    assert Event.objects.filter(action=Action.SESSIONS_ENDED).count() == 1


def test_a_browser_that_was_left_open_makes_no_key_and_no_codes() -> None:
    device, client = with_passkey(person()), Client()
    sign_in(client, device)
    early = now() - again.JUST_IN
    Session.objects.update(began_at=early, passkey_at=early)
    asked = client.get("/portal/security/")
    assert asked["Location"] == "/sign-in/confirm?next=%2Fportal%2Fsecurity%2F"
    for name in ("change/", "codes/"):
        assert client.post(f"/portal/security/{name}")["Location"] == asked["Location"]
    for name in ("options/", "passkey/"):
        assert post(client, f"/portal/security/{name}").status_code == 403
    assert Passkey.objects.count() == 1
    # Their own passkey opens it, and nobody else's.
    other = with_passkey(person("2", "Bo"))
    for who, status in ((other, 422), (device, 200)):
        signed = who.get(options(client, "/sign-in/confirm/options"))
        answer = post(client, "/sign-in/confirm/passkey", {"credential": signed})
        assert answer.status_code == status
    assert client.get("/portal/security/").status_code == 200


def test_sessions_of_others_cannot_be_ended() -> None:
    ana, bo = Client(), Client()
    sign_in(ana, with_passkey(person()))
    sign_in(bo, with_passkey(person("2", "Bo")))
    uid = Session.objects.get(person__display_name="Ana Li").uid
    bo.post("/portal/security/change/", {"do": "end", "which": uid})
    assert ana.get("/portal/").status_code == 200


def test_a_recovery_code_works_once_and_its_owner_is_told() -> None:
    ana = person()
    codes = recovery.make_codes(ana)
    assert len(set(codes)) == 10
    client, thief = Client(), Client()
    answer = client.post("/sign-in/recover", {"name": "ANA@acme.example", "code": codes[0].lower()})
    assert answer["Location"] == "/portal/security/?recovered"
    assert client.get("/portal/").status_code == 200
    assert recovery.codes_left(ana) == 9
    assert "recovery codes" in letters()[0]
    again = thief.post("/sign-in/recover", {"name": "1", "code": codes[0]})
    assert (again.status_code, thief.get("/portal/").status_code) == (422, 302)


def test_new_codes_make_old_ones_void() -> None:
    ana = person()
    old = recovery.make_codes(ana)[0]
    recovery.make_codes(ana)
    with pytest.raises(recovery.RecoveryRefused):
        recovery.use_code(name="1", code=old, address=None)


def test_a_code_is_its_owners_only() -> None:
    codes = recovery.make_codes(person())
    person("2", "Bo")
    with pytest.raises(recovery.RecoveryRefused):
        recovery.use_code(name="2", code=codes[0], address=None)


def test_a_name_that_several_have_lets_each_in_by_their_own_code() -> None:
    """An administrator who is called by their address, and who had it here before."""
    gone = person("7", "Ana", end_date=date(2024, 6, 1))
    ana = person("8", "Ana")
    boss = User.objects.create(name="ana@acme.example")
    recovery.make_codes(gone)
    for owner in (ana, boss):
        code = recovery.make_codes(owner)[0]
        assert recovery.use_code(name="ana@acme.example", code=code, address=None) == owner
    code = recovery.make_codes(gone)[0]
    with pytest.raises(recovery.RecoveryRefused):
        recovery.use_code(name="7", code=code, address=None)


def test_nobody_learns_who_works_here() -> None:
    recovery.make_codes(person())
    answers = set()
    times: dict[str, list[float]] = {"1": [], "nobody": []}
    for _ in range(5):
        for name, taken in times.items():
            began = time.perf_counter()
            answer = Client().post("/sign-in/recover", {"name": name, "code": "AAAAA-AAAAA"})
            taken.append(time.perf_counter() - began)
            answers.add((answer.status_code, answer.content.decode().count("do not go together")))
    assert answers == {(422, 1)}
    # Neither takes a multiple of the other.
    one, other = (median(taken) for taken in times.values())
    assert max(one, other) < 3 * min(one, other)


def test_recovery_codes_cannot_be_guessed() -> None:
    right = recovery.make_codes(person())[0]
    for _ in range(5):
        Client().post("/sign-in/recover", {"name": "1", "code": "AAAAA-AAAAA"})
    answer = Client().post("/sign-in/recover", {"name": "1", "code": right})
    assert (answer.status_code, "too often" in answer.content.decode()) == (422, True)
    Throttle.objects.update(since=now() - timedelta(hours=2))
    assert Client().post("/sign-in/recover", {"name": "1", "code": right}).status_code == 302


def test_limits_count_each_apart_and_end() -> None:
    for _ in range(5):
        count(Limit.CODE_SENT, 1)
    with pytest.raises(TooOften, match="60 minutes"):
        count(Limit.CODE_SENT, 1)
    count(Limit.CODE_SENT, 2)
    count(Limit.CODE_TRIED, 1)
    Throttle.objects.update(since=now() - timedelta(hours=1))
    count(Limit.CODE_SENT, 1)


def test_a_phone_lets_a_computer_in_as_who_signed() -> None:
    device = with_passkey(person())
    computer, phone, thief = Client(), Client(), Client()
    path = token_of(computer, "/sign-in", "/qr")
    assert computer.get("/sign-in/qr/wait").status_code == 204
    page = phone.get(path).content.decode()
    assert "127.0.0.1" in page
    signed = device.get(asked_by_phone(phone, path))
    answer = post(phone, path + "/passkey", {"credential": signed})
    assert json.loads(answer.content) == {"location": "/sign-in/qr/done"}
    # Whoever else has a picture of the code, or comes with a browser of their own, gets nothing.
    assert "HX-Redirect" not in thief.get("/sign-in/qr/wait")
    assert thief.get(path).status_code == 410
    assert computer.get("/sign-in/qr/wait")["HX-Redirect"] == "/portal/"
    assert computer.get("/portal/").status_code == 200
    assert "HX-Redirect" not in computer.get("/sign-in/qr/wait")
    # The phone itself has signed, and is not signed in by it.
    assert phone.get("/portal/").status_code == 302


def test_who_signs_in_while_the_code_comes_disturbs_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The code is asked for while the page offers a passkey: neither answer may undo the other."""
    device = with_passkey(person())
    computer = Client()
    computer.get("/sign-in/")
    elsewhere = Client()
    elsewhere.cookies = SimpleCookie(computer.cookies.output(header="", sep=";"))

    def slow(*args: Any, **more: Any) -> pairing.Started:
        asked = options(elsewhere)
        assert (
            post(elsewhere, "/sign-in/passkey", {"credential": device.get(asked)}).status_code
            == 200
        )
        return start(*args, **more)

    start = pairing.start
    monkeypatch.setattr(pairing, "start", slow)
    answer = computer.get("/sign-in/qr")
    assert answer.status_code == 200
    # The session that the passkey has begun is not taken away with the answer.
    assert "tenure" not in answer.cookies
    assert elsewhere.get("/portal/").status_code == 200


def test_what_was_signed_for_one_computer_opens_no_other() -> None:
    device = with_passkey(person())
    mine, theirs, phone = Client(), Client(), Client()
    path, other = token_of(mine, "/sign-in", "/qr"), token_of(theirs, "/sign-in", "/qr")
    signed = device.get(asked_by_phone(phone, path))
    assert post(phone, other + "/passkey", {"credential": signed}).status_code == 422
    # Nor does a signature for this very device open a computer elsewhere.
    signed = device.get(options(phone))
    assert post(phone, path + "/passkey", {"credential": signed}).status_code == 422
    assert mine.get("/sign-in/qr/wait").status_code == 204


def test_an_invitations_code_signs_nobody_in() -> None:
    ana = person()
    device = with_passkey(ana)
    path = token_of(Client(), invited(ana))
    assert post(Client(), path + "/options").status_code == 422
    phone = Client()
    signed = device.get(options(phone))
    assert post(phone, path + "/passkey", {"credential": signed}).status_code == 422
    assert Client().post(token_of(Client(), "/sign-in", "/qr") + "/confirm").status_code == 404


@override_settings(TENURE_PROXIES=1)
def test_behind_a_proxy_the_address_is_what_the_proxy_saw() -> None:
    device, client = with_passkey(person()), Client(headers={"X-Forwarded-For": "6.6.6.6, 9.8.7.6"})
    sign_in(client, device)
    assert Passkey.objects.get().used_from == "9.8.7.6"


def test_without_a_proxy_nobody_chooses_their_address() -> None:
    device, client = with_passkey(person()), Client(headers={"X-Forwarded-For": "9.8.7.6"})
    sign_in(client, device)
    assert Passkey.objects.get().used_from == "127.0.0.1"


def test_the_companys_colour_is_a_stylesheet_and_nothing_else() -> None:
    person()
    Company.objects.update(colour="#7a2e8c")
    page = Client().get("/sign-in/").content.decode()
    assert "/sign-in/brand-7a2e8c.css" in page
    answer = Client().get("/sign-in/brand-7a2e8c.css")
    assert answer["Content-Type"] == "text/css; charset=utf-8"
    assert "--accent:" in answer.content.decode()
    assert Client().get("/sign-in/brand-red;}.css").status_code == 404
