"""Browsers that are remembered: greeted, listed, forgotten, told of; and never let in for it."""

from __future__ import annotations

import pytest
from django.test import Client

from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.services import restand
from tenure.signin import endings
from tenure.signin.models import Device
from tests.signin.people import (
    asked_by_phone,
    letters,
    person,
    post,
    sign_in,
    token_of,
    with_passkey,
)

pytestmark = pytest.mark.django_db
COOKIE = "tenure-device"


def test_a_browser_is_remembered_by_a_cookie_of_its_own() -> None:
    device, client = with_passkey(person()), Client()
    sign_in(client, device)
    cookie = client.cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert cookie["max-age"] == 400 * 24 * 3600
    row = Device.objects.get()
    assert cookie.value.encode() not in bytes(row.digest)
    client.post("/sign-in/out")
    page = client.get("/sign-in/").content.decode()
    assert "Not Ana Li? Forget this browser" in page
    # It is not believed: without a passkey it opens nothing.
    thief = Client()
    thief.cookies[COOKIE] = cookie.value
    assert thief.get("/portal/").status_code == 302
    sign_in(client, device)
    assert client.cookies[COOKIE].value == cookie.value
    assert Device.objects.count() == 1


def test_whoever_is_known_elsewhere_is_told_of_a_new_browser() -> None:
    device = with_passkey(person())
    first, second = Client(), Client(headers={"User-Agent": "Firefox/150 Windows"})
    sign_in(first, device)
    assert letters() == []
    sign_in(second, device)
    (told,) = letters()
    assert "Firefox on Windows signed in as you, from (127.0.0.1)" in told
    sign_in(second, device)
    assert letters() == []


def test_by_phone_the_computer_is_remembered_and_says_so() -> None:
    device, computer, phone = with_passkey(person()), Client(), Client()
    path = token_of(computer, "/sign-in", "/qr")
    post(phone, path + "/passkey", {"credential": device.get(asked_by_phone(phone, path))})
    assert "HX-Redirect" in computer.get("/sign-in/qr/wait")
    assert Device.objects.get().how == "qr"
    computer.post("/sign-in/out")
    assert "With your phone, as the last time here" in computer.get("/sign-in/").content.decode()


def test_forgetting_one_and_nobody_elses() -> None:
    ana, bo, here = with_passkey(person()), with_passkey(person("2", "Bo")), Client()
    sign_in(here, ana)
    there = Client()
    sign_in(there, bo)
    pk = Device.objects.get(person__display_name="Ana Li").pk
    there.post("/portal/security/change/", {"do": "forget", "which": pk})
    assert Device.objects.count() == 2
    assert Client(enforce_csrf_checks=True).post("/sign-in/forget").status_code == 403
    here.post("/portal/security/change/", {"do": "forget", "which": pk})
    assert not Device.objects.filter(pk=pk).exists()
    there.post("/sign-in/forget")
    assert not Device.objects.exists()
    assert there.cookies[COOKIE].value == ""
    # Forgetting is not signing out.
    assert there.get("/portal/").status_code == 200


@pytest.mark.parametrize("cookie", ["", "x", "x" * 5000, "\u00e9", "' OR 1=1"])
def test_a_cookie_that_is_not_ours_is_nobody(cookie: str) -> None:
    sign_in(Client(), with_passkey(person()))
    stranger = Client()
    stranger.cookies[COOKIE] = cookie
    page = stranger.get("/sign-in/")
    assert (page.status_code, "Welcome back" in page.content.decode()) == (200, False)


def test_who_has_left_is_greeted_no_more() -> None:
    ana, client = person(), Client()
    sign_in(client, with_passkey(ana))
    Person.objects.update(terminated_at=now())
    assert "Ana" not in client.get("/sign-in/").content.decode()
    ana.refresh_from_db()
    restand([ana], now())
    endings.end_access([ana])
    assert not Device.objects.exists()
