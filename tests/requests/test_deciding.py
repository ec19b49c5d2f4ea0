"""Who decides about a request, what comes of it, and what happens by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail

from tenure.applications.models import Account, Application
from tenure.audit.models import Event
from tenure.infra.clock import now
from tenure.people import endings
from tenure.people.models import Person
from tenure.people.services import terminate
from tenure.provisioning.decisions import lives
from tenure.provisioning.questions.explain import explain
from tenure.requests import selectors, services
from tenure.requests.models import AccessRequest, State
from tenure.requests.offers import offers
from tenure.requests.services import NoSuchRequest, RequestRefused
from tenure.requests.sweeping import sweep
from tenure.rules.exceptions import end_those_over
from tenure.rules.models import AccessException, AccessRule
from tenure.signin.sending import send_waiting
from tests.requests.company import asked, changed, staff, tool

pytestmark = pytest.mark.django_db


def told() -> dict[str, str]:
    """Address -> subject of what has come since the last look."""
    send_waiting()
    found = {one.to[0]: str(one.subject) for one in mail.outbox}
    mail.outbox[:] = []
    return found


def approve(row: AccessRequest, by: Person, **more: object) -> AccessRequest:
    return services.decide_as_person(row.uid, by, approve=True, reason="", **more)[0]  # type: ignore[arg-type]


def test_from_the_question_to_the_end() -> None:
    ana, bo, _ = staff()
    application = tool()
    row = asked(ana)
    send_waiting()
    (letter,) = mail.outbox
    assert f"/portal/requests/{row.uid}/" in str(letter.body)
    assert "drawing" in str(letter.body)
    assert told() == {"bo@acme.example": "Ana Li asks for Design"}
    assert [one.request for one in selectors.waiting_for(bo)] == [row]
    decided = approve(row, bo, lasts=timedelta(days=1))
    assert told() == {"ana@acme.example": "You get Design"}

    # It is an exception until then, and everything that explains access says why.
    exception = decided.exception
    assert exception is not None
    assert exception.until is not None
    assert timedelta(hours=23) < exception.until - now() < timedelta(hours=25)
    (why,) = explain(ana, "design").applications
    assert why.due
    assert "Bo Li (their manager)" in why.because[0].name
    assert "drawing" in why.because[0].name
    assert ana.operations.get().kind == "create"
    trail = list(Event.objects.filter(subject_kind="request").order_by("pk"))
    assert [event.action for event in trail] == ["request.made", "request.approved"]
    name = Application.objects.get(slug=trail[0].application).name
    assert all(event.subject_label.endswith(f": {name}") for event in trail)
    assert trail[1].actor == "Bo Li (their manager)"

    # At its end it is taken back, though every other plan waits for a review here.
    ana.operations.update(state="done")
    Account.objects.create(
        application=application, person=ana, remote_id="1", situation="linked", active=True
    )
    assert sweep(now()) == 0
    AccessException.objects.update(until=now() - timedelta(seconds=1))
    assert end_those_over(now()) == 1
    assert not explain(ana, "design").applications[0].due
    assert services.ends(AccessRequest.objects.get()) is None
    assert sweep(now()) == 1
    taken = ana.operations.get(kind="disable")
    assert (taken.state, taken.hold_reason) == ("planned", "")
    assert sweep(now()) == 0


def test_rejected_and_withdrawn() -> None:
    ana, bo, _ = staff()
    tool()
    row = asked(ana)
    with pytest.raises(RequestRefused, match="Say why not"):
        services.decide_as_person(row.uid, bo, approve=False, reason=" ")
    services.decide_as_person(row.uid, bo, approve=False, reason="the viewer will do")
    assert told()["ana@acme.example"] == "Not approved: Design"
    with pytest.raises(RequestRefused, match="decided already: rejected by Bo Li"):
        approve(row, bo)
    again = asked(ana)
    services.withdraw(again.uid, ana)
    with pytest.raises(RequestRefused, match="withdrawn"):
        services.decide_as_administrator(again.pk, approve=True, reason="")
    assert not AccessException.objects.exists()


def test_given_back() -> None:
    ana, bo, _ = staff()
    tool()
    row = approve(asked(ana), bo)
    services.give_back(row.uid, ana)
    assert not explain(ana, "design").applications[0].due
    with pytest.raises(RequestRefused, match="nothing to give back"):
        services.give_back(row.uid, ana)


def test_a_manager_who_is_away_or_gone_decides_no_more() -> None:
    ana, bo, olga = staff()
    tool(owner="7")
    row = asked(ana)
    assert told().keys() == {"bo@acme.example"}
    changed(bo, on_leave=True)
    with pytest.raises(NoSuchRequest):
        approve(row, bo)
    assert selectors.waiting_for(bo) == []
    assert sweep(now()) == 1
    assert told() == {"olga@acme.example": "Ana Li asks for Design"}
    assert sweep(now()) == 0
    approve(row, olga)

    # Nobody is left: an administrator decides, and Overview counts it.
    second = asked(ana, lasts=timedelta(days=2))
    changed(olga, suspended=True)
    sweep(now())
    assert selectors.count_for_administrators() == 1
    assert selectors.with_deciders([second])[0].asks == "an administrator"
    services.decide_as_administrator(second.pk, approve=True, reason="")


def test_a_new_manager_decides_at_once_and_the_old_one_no_more() -> None:
    ana, bo, olga = staff()
    tool()
    row = asked(ana)
    changed(ana, manager=olga)
    with pytest.raises(NoSuchRequest):
        approve(row, bo)
    approve(row, olga)


def test_nobody_decides_about_their_own() -> None:
    ana, bo, _ = staff()
    tool(approver="owner", owner="1")
    tool("print", approver="named", named=["1", "2"])
    mine = asked(ana)
    with pytest.raises(NoSuchRequest):
        approve(mine, ana)
    assert selectors.count_for_administrators() == 1
    # One of the named asks: the other one decides.
    other = asked(ana, application="print")
    with pytest.raises(NoSuchRequest):
        approve(other, ana)
    approve(other, bo)
    # A person who is their own manager, as some HR systems write it.
    tool("wiki")
    changed(ana, manager=ana)
    with pytest.raises(NoSuchRequest):
        approve(asked(ana, application="wiki"), ana)


def test_leavers_take_their_requests_and_what_they_were_given_along() -> None:
    ana, bo, _ = staff()
    tool()
    tool("print")
    given = approve(asked(ana), bo)
    waits = asked(ana, application="print")
    terminate(ana, at=now(), reason="gone", now=now())
    waits.refresh_from_db()
    assert (waits.state, waits.answer) == (State.CLOSED, "they have left")
    assert given.exception is not None
    given.exception.refresh_from_db()
    assert given.exception.ended_at is not None
    with pytest.raises(RequestRefused, match="closed"):
        approve(waits, bo) if selectors.waiting_for(bo) else services.decide_as_administrator(
            waits.pk, approve=True, reason=""
        )


def test_a_suspended_person_is_not_given_anything_meanwhile() -> None:
    ana, bo, _ = staff()
    tool()
    row = asked(ana)
    changed(ana, suspended=True)
    endings.end_access([ana])
    with pytest.raises(RequestRefused, match="not let in at present"):
        approve(row, bo)
    with pytest.raises(RequestRefused, match="cannot ask"):
        asked(ana)


def test_without_an_answer_it_is_over() -> None:
    ana, _, _ = staff()
    tool(answer_within=timedelta(days=4))
    row = asked(ana)
    told()
    assert sweep(row.asked_at + timedelta(days=1)) == 0
    assert sweep(row.asked_at + timedelta(days=2)) == 1
    assert told() == {"bo@acme.example": "Ana Li still waits for Design"}
    assert sweep(row.asked_at + timedelta(days=3)) == 0
    assert sweep(row.asked_at + timedelta(days=4)) == 1
    assert told() == {"ana@acme.example": "Nobody answered: Design"}
    with pytest.raises(RequestRefused, match="nobody answered"):
        services.decide_as_administrator(row.pk, approve=True, reason="")


def test_the_end_is_told_three_days_ahead_and_can_be_put_off() -> None:
    ana, bo, _ = staff()
    tool()
    row = approve(asked(ana), bo)
    told()
    assert sweep(now() + timedelta(days=3)) == 0
    assert sweep(now() + timedelta(days=5)) == 1
    assert told() == {"ana@acme.example": "Your access to Design ends soon"}
    assert sweep(now() + timedelta(days=6)) == 0
    longer = approve(asked(ana, lasts=timedelta(days=30)), bo)
    row.refresh_from_db()
    assert services.ends(row) is None
    assert longer.exception is not None
    assert AccessException.objects.filter(ended_at=None).get() == longer.exception


def test_what_may_be_asked_for() -> None:
    ana, bo, _ = staff()
    tool(entitlements=["role:editor"], longest=timedelta(days=10))
    tool("secret", mode="report")
    tool("sales", when='user.family_name == "Nobody"')
    AccessRule.objects.create(slug="all", name="All", condition="true", gives={"mail": []})
    tool("mail", entitlements=["role:admin"])
    by_slug = {offer.application.slug: offer for offer in offers(ana, now())}
    assert by_slug.keys() == {"design", "mail"}
    # The rule gives the account: only what goes beyond it can be asked for.
    assert [thing.entitlement for thing in by_slug["mail"].open] == ["role:admin"]
    assert by_slug["design"].asks == "Bo Li, your manager"

    refusals = [
        ({"application": "secret"}, "cannot be asked for"),
        ({"application": "sales"}, "cannot be asked for"),
        ({"application": "nothing"}, "cannot be asked for"),
        ({"application": "mail"}, "already, without an end"),
        ({"entitlement": "role:owner"}, "cannot be asked for"),
        ({"lasts": timedelta(days=11)}, "1 hour to 10 days"),
        ({"lasts": timedelta(minutes=1)}, "1 hour"),
        ({"reason": "  "}, "Say what you need it for"),
    ]
    for change, words in refusals:
        with pytest.raises(RequestRefused, match=words):
            asked(ana, **change)
    # What an administrator withholds stays withheld, also if that is decided in between.
    row = asked(ana, entitlement="role:editor")
    with pytest.raises(RequestRefused, match="asked for that already"):
        asked(ana, entitlement="role:editor")
    lives.decide_exception(ana, application="design", gives=False, reason="under investigation")
    with pytest.raises(RequestRefused, match="withheld"):
        approve(row, bo)
    with pytest.raises(RequestRefused, match="withheld"):
        asked(ana)


def test_the_entitlement_brings_the_account() -> None:
    ana, bo, _ = staff()
    application = tool(entitlements=["role:editor"])
    approve(asked(ana, entitlement="role:editor"), bo)
    (why,) = explain(ana, "design").applications
    assert why.due
    assert why.entitlements == {"role:editor": ("exception",)}
    # It may no longer be asked for: what waits is closed, what was given stays until its end.
    waits = asked(ana)
    application.requestable = {}
    application.save()
    assert sweep(now()) == 1
    waits.refresh_from_db()
    assert waits.state == State.CLOSED
    assert explain(ana, "design").applications[0].due
