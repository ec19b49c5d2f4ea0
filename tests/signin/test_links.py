"""One-time links and the sessions that they begin."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from tenure.audit.models import Action, Event
from tenure.infra.clock import now
from tenure.signin import sessions
from tenure.signin.models import OneTimeLink, Role, Session, User
from tenure.signin.permissions import Ability, abilities, may
from tenure.signin.services import LinkRefused, Standing, issue_link, look, redeem


def token(path: str) -> str:
    return path.rpartition("/")[2]


@pytest.mark.django_db
def test_looking_does_not_use_a_link_up() -> None:
    path = issue_link(name="anna")
    client = Client()
    for _ in range(3):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "Sign in as anna" in answer.content.decode()
    assert client.head(path).status_code == 200
    assert client.get("/console/").status_code == 302
    assert client.post(path)["Location"] == "/console/"
    assert client.get("/console/").status_code == 200


@pytest.mark.django_db
def test_a_link_is_used_once() -> None:
    path = issue_link()
    assert Client().post(path).status_code == 302
    again = Client()
    assert again.post(path).status_code == 410
    assert again.get("/console/").status_code == 302
    assert look(token(path)).standing is Standing.USED


@pytest.mark.django_db
@pytest.mark.parametrize("valid", [timedelta(0), timedelta(seconds=-1)])
def test_an_expired_link_is_refused(valid: timedelta) -> None:
    path = issue_link(valid=valid)
    assert Client().get(path).status_code == 410
    with pytest.raises(LinkRefused) as caught:
        redeem(token(path), None)
    assert caught.value.standing is Standing.EXPIRED


@pytest.mark.django_db
def test_a_link_that_was_never_issued_is_refused() -> None:
    answer = Client().post("/sign-in/link/not-ours")
    assert answer.status_code == 404
    assert "tenure link" in answer.content.decode()


@pytest.mark.django_db
def test_only_the_digest_is_stored() -> None:
    path = issue_link()
    row = OneTimeLink.objects.get()
    assert token(path).encode() not in bytes(row.digest)
    assert len(bytes(row.digest)) == 32


@pytest.mark.django_db
def test_a_form_of_another_site_cannot_use_a_link_up() -> None:
    path = issue_link()
    assert Client(enforce_csrf_checks=True).post(path).status_code == 403
    assert look(token(path)).standing is Standing.GOOD


@pytest.mark.django_db
def test_signing_in_makes_a_new_session_and_is_recorded() -> None:
    client = Client()
    client.post(issue_link(name="anna"))
    before = client.session.session_key
    client.post(issue_link(name="ben"))
    assert client.session.session_key != before
    event = Event.objects.filter(action=Action.ADMINISTRATOR_SIGNED_IN).latest("pk")
    assert (event.actor, event.subject_label) == ("administrator ben", "ben")
    assert client.cookies["tenure"]["httponly"]
    assert client.cookies["tenure"]["samesite"] == "Lax"


@pytest.mark.django_db
def test_who_is_deactivated_is_out_at_once_and_gets_no_link() -> None:
    client = Client()
    waiting = issue_link(name="anna")
    client.post(issue_link(name="anna"))
    User.objects.filter(name="anna").update(is_active=False)
    assert client.get("/console/").status_code == 302
    assert Client().post(waiting).status_code == 404
    with pytest.raises(ValueError, match="deactivated"):
        issue_link(name="anna")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("key", "age"), [("seen_at", sessions.IDLE), ("began_at", sessions.LONGEST)]
)
def test_a_session_ends_by_idleness_and_by_age(key: str, age: timedelta) -> None:
    client = Client()
    client.post(issue_link())
    Session.objects.update(**{key: now() - age - timedelta(seconds=1)})
    assert client.get("/console/").status_code == 302


@pytest.mark.django_db
def test_a_page_that_asks_by_itself_keeps_nobody_signed_in() -> None:
    client = Client()
    client.post(issue_link())
    seen = now() - timedelta(minutes=30)
    Session.objects.update(seen_at=seen)
    client.get("/console/plan/lines/")
    assert Session.objects.get().seen_at == seen
    client.get("/console/")
    assert Session.objects.get().seen_at > seen


@pytest.mark.django_db
def test_signing_out_takes_a_form_and_is_recorded() -> None:
    client = Client()
    client.post(issue_link())
    assert client.get("/sign-in/out").status_code == 405
    assert client.post("/sign-in/out")["Location"] == "/sign-in/?out"
    assert client.get("/console/").status_code == 302
    assert Event.objects.filter(action=Action.ADMINISTRATOR_SIGNED_OUT).count() == 1


@pytest.mark.django_db
def test_a_link_keeps_the_role_of_who_is_there() -> None:
    issue_link(name="anna", role=Role.AUDITOR)
    issue_link(name="anna", role=Role.OWNER)
    anna = User.objects.get(name="anna")
    assert anna.role == Role.AUDITOR
    assert not anna.has_usable_password()
    assert abilities(anna) == frozenset()


def test_a_role_that_is_not_known_may_nothing() -> None:
    assert not any(may(User(name="x", role="king"), ability) for ability in Ability)
    assert all(may(User(name="x", role=Role.OWNER), ability) for ability in Ability)
    asleep = User(name="x", role=Role.OWNER, is_active=False)
    assert not any(may(asleep, ability) for ability in Ability)
