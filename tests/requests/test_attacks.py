"""What somebody tries who means harm, by HTTP: other people's requests, forms from elsewhere, their
own approval, guesses, two at once."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client

from tenure.requests import services
from tenure.requests.models import AccessRequest, State
from tenure.requests.services import RequestRefused
from tenure.rules.models import AccessException
from tenure.signin.models import Role
from tenure.signin.throttle import Limit, count
from tests.console.conftest import signed_in
from tests.requests.company import asked, changed, inside, staff, tool
from tests.signin.people import person

FOR_A_WEEK = {"reason": "drawing", "lasts": "604800", "what": ""}


@pytest.mark.django_db
def test_only_who_has_to_do_with_it_sees_or_changes_it() -> None:
    ana, bo, olga = staff()
    tool()
    row = asked(ana)
    stranger, boss, own = inside(olga), inside(bo), inside(ana)
    here = f"/portal/requests/{row.uid}/"
    unknown = stranger.get(f"/portal/requests/{uuid.uuid4()}/")
    assert unknown.status_code == 404
    # Somebody else's reads like one that does not exist, to the letter.
    seen = stranger.get(here)
    strip = lambda answer: answer.content.split(b"<main")[1]  # noqa: E731
    assert (seen.status_code, strip(seen)) == (404, strip(unknown))
    for path, form in (
        ("decide/", {"do": "approve"}),
        ("withdraw/", {}),
        ("give-back/", {}),
    ):
        assert stranger.post(here + path, form).status_code == 404
        assert stranger.get(here + path).status_code == 405
    # Who asked sees it and cannot decide; the manager decides and cannot withdraw it.
    assert b"Your decision" not in own.get(here).content
    assert own.post(here + "decide/", {"do": "approve"}).status_code == 404
    assert b"Your decision" in boss.get(here).content
    assert boss.post(here + "withdraw/").status_code == 404
    # More than was asked for is not given.
    longer = boss.post(here + "decide/", {"do": "approve", "lasts": "99999999"})
    assert longer.status_code == 422
    assert b"more was not asked for" in longer.content
    assert boss.post(here + "decide/", {"do": "maybe"}).status_code == 422
    assert AccessRequest.objects.get().state == State.WAITING
    assert not AccessException.objects.exists()
    # A manager no more: out of it from that moment on.
    changed(ana, manager=olga)
    assert boss.get(here).status_code == 404
    assert boss.post(here + "decide/", {"do": "approve"}).status_code == 404
    assert stranger.post(here + "decide/", {"do": "approve"}).status_code == 302
    assert AccessException.objects.get().decided_by == "Olga Li (their manager)"


@pytest.mark.django_db
def test_nothing_by_a_form_of_another_site_nor_without_signing_in() -> None:
    ana, bo, _ = staff()
    tool()
    row = asked(ana)
    boss = inside(bo, enforce_csrf_checks=True)
    here = f"/portal/requests/{row.uid}/"
    assert boss.get(here).status_code == 200
    assert boss.post(here + "decide/", {"do": "approve"}).status_code == 403
    assert inside(ana, enforce_csrf_checks=True).post("/portal/ask/design/").status_code == 403
    for path in (here, "/portal/requests/", "/portal/team/", "/portal/data/", "/portal/data/file/"):
        answer = Client().get(path)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/sign-in/")
    assert Client().post(here + "decide/", {"do": "approve"}).status_code == 302
    assert AccessRequest.objects.get().state == State.WAITING
    # A suspended manager is out, whatever their browser holds.
    changed(bo, suspended=True)
    assert boss.get(here)["Location"].startswith("/sign-in/")


@pytest.mark.django_db
def test_what_cannot_be_asked_for_tells_nothing_of_what_there_is() -> None:
    ana, _, _ = staff()
    tool("secret", when='user.family_name == "Nobody"')
    client = inside(ana)
    answers = [client.get(f"/portal/ask/{slug}/") for slug in ("secret", "nothing")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content.split(b"<main")[1] for answer in answers}) == 1
    sent = [client.post(f"/portal/ask/{slug}/", FOR_A_WEEK) for slug in ("secret", "nothing")]
    assert {answer["Location"] for answer in sent} == {"/portal/requests/"}
    assert not AccessRequest.objects.exists()
    assert b"Secret" not in client.get("/portal/").content


@pytest.mark.django_db
def test_asking_by_form_and_too_often() -> None:
    ana, _, _ = staff()
    tool(entitlements=["role:editor"], words="Drawings of <houses>")
    client = inside(ana)
    home = client.get("/portal/").content.decode()
    assert "Drawings of &lt;houses&gt;" in home
    form = client.get("/portal/ask/design/").content.decode()
    assert "Bo Li, your manager" in form
    wrong = client.post("/portal/ask/design/", {**FOR_A_WEEK, "lasts": "9" * 30})
    assert wrong.status_code == 422
    script = {**FOR_A_WEEK, "reason": "<script>alert(1)</script>"}
    answer = client.post("/portal/ask/design/", script, follow=True)
    assert b"<script>alert" not in answer.content
    assert AccessRequest.objects.get().lasts == timedelta(days=7)
    for _ in range(28):
        count(Limit.REQUEST_BY_PERSON, ana.pk)
    answer = client.post("/portal/ask/design/", FOR_A_WEEK)
    assert answer.status_code == 429
    assert AccessRequest.objects.count() == 1


@pytest.mark.django_db
def test_administrators_but_not_about_their_own_and_the_help_desk_only_reads() -> None:
    ana, _, _ = staff()
    changed(ana, manager=None)
    tool()
    row = asked(ana)
    owner, desk = signed_in(Role.OWNER), signed_in(Role.HELP_DESK)
    assert b"Decide" in owner.get("/console/requests/").content
    page = desk.get("/console/requests/").content
    assert b"Ana Li" in page
    assert b"Approve" not in page
    assert desk.post(f"/console/requests/{row.pk}/", {"do": "approve"}).status_code == 403
    assert b"1 request for access waits for an administrator" in owner.get("/console/").content
    changed(ana, email="owner")  # As that administrator is called.
    refused = owner.post(f"/console/requests/{row.pk}/", {"do": "approve"}, follow=True)
    assert b"This is your own request" in refused.content
    changed(ana, email="ana@acme.example")
    rejected = owner.post(
        f"/console/requests/{row.pk}/", {"do": "reject", "reason": "no"}, follow=True
    )
    assert b"Rejected" in rejected.content
    again = owner.post(f"/console/requests/{row.pk}/", {"do": "approve"}, follow=True)
    assert b"decided already" in again.content
    assert (
        b"There is no such request"
        in owner.post("/console/requests/999/", {"do": "approve"}, follow=True).content
    )


@pytest.mark.django_db(transaction=True)
def test_of_two_decisions_at_once_one_counts() -> None:
    ana, bo, _ = staff()
    tool()
    row = asked(ana)
    answers: list[str] = []
    together = threading.Barrier(4)

    def decide(approve: bool) -> None:
        together.wait(10)
        try:
            if approve:
                services.decide_as_person(row.uid, bo, approve=True, reason="")
            else:
                services.decide_as_administrator(row.pk, approve=False, reason="no")
            answers.append("done")
        except RequestRefused as refusal:
            answers.append(str(refusal))
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=(n % 2 == 0,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(answer[:10] for answer in answers) == ["It is deci"] * 3 + ["done"]
    state = AccessRequest.objects.get().state
    assert AccessException.objects.count() == (state == State.APPROVED)


@pytest.mark.django_db
def test_a_team_is_its_managers_alone_and_a_circle_ends() -> None:
    ana, bo, olga = staff()
    boss, other = inside(bo), inside(olga)
    cara = person("9", "Cara", manager=ana, attributes={"given_name": "Cara", "title": "Artist"})
    page = boss.get("/portal/team/").content.decode()
    assert "Ana Li" in page
    assert "Cara Li" not in page
    part = boss.get(f"/portal/team/{ana.uid}/", headers={"HX-Request": "true"})
    assert b"Cara Li" in part.content
    assert b"<html" not in part.content
    # Others, themselves, and whoever does not exist read the same.
    unknown = other.get(f"/portal/team/{uuid.uuid4()}/")
    for target in (ana, cara, bo, olga):
        answer = other.get(f"/portal/team/{target.uid}/")
        assert answer.status_code == 404
        assert answer.content.split(b"<main")[1] == unknown.content.split(b"<main")[1]
    assert boss.get(f"/portal/team/{bo.uid}/").status_code == 404
    assert b"Nobody reports to you" in other.get("/portal/team/").content
    # HR says that everybody leads everybody.
    changed(bo, manager=cara)
    circle = boss.get("/portal/team/")
    assert circle.status_code == 200
    assert b"Bo Li" not in circle.content.split(b"<main")[1]
    assert b"Bo Li" not in boss.get(f"/portal/team/{cara.uid}/").content.split(b"<section")[1]
