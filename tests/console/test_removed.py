"""A leaver's removal that keeps failing, and an administrator's word that it was done by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tenure.audit.models import Action, Event
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.provisioning import services
from tenure.provisioning.models import Operation
from tenure.provisioning.records import lasting
from tenure.signin.models import Role
from tests.console.conftest import signed_in
from tests.provisioning.company import Company, apply


@pytest.fixture
def sales(transactional_db: None) -> Company:
    company = Company()
    company.application("chat")
    company.rule("everyone", "has(user.department)", {"chat": []})
    return company


def failing_removal(company: Company) -> tuple[Person, Operation]:
    """Somebody who left, whose account could not be closed and is still open."""
    person = company.person("1")
    apply()
    services.terminate_now(person, reason="gone")
    row = Operation.objects.get(kind="disable")
    row.state, row.finished_at = "failed", now()
    row.not_before, row.error = now() + timedelta(hours=1), f"{lasting.STILL_OPEN} No: 403."
    row.save()
    return person, row


def test_somebody_says_that_a_failing_removal_was_done_by_hand(sales: Company) -> None:
    person, row = failing_removal(sales)
    address = f"/console/people/{person.uid}/"
    desk = signed_in(Role.HELP_DESK)
    page = desk.get(address).content.decode()
    assert "Close the account" in page
    assert "No: 403." in page
    assert 'data-opens="removed-' in page
    assert "your word and not proven" in page
    assert f"{address}#failing-{row.pk}" in desk.get("/console/applications/chat/").content.decode()
    auditor = signed_in(Role.AUDITOR)
    assert "data-opens" not in auditor.get(address).content.decode()
    to = f"{address}removals/{row.pk}/"
    assert auditor.post(to, {"reason": "x"}).status_code == 403
    told = desk.post(to, {"reason": " "}, follow=True).content.decode()
    assert "Nothing was noted. Say what was done there, and by whom" in told
    told = desk.post(to, {"reason": "blocked it in its pages"}, follow=True).content.decode()
    assert "Noted as your word." in told
    assert "no proof" in told
    assert "not proven, for it was not read since" in told
    assert "failing-" not in told
    row.refresh_from_db()
    assert (row.state, row.evidence["note"]) == ("done", "blocked it in its pages")
    event = Event.objects.get(action=Action.REMOVAL_SAID_DONE)
    assert (event.actor.split()[0], event.reason) != ("system", "")
    again = desk.post(to, {"reason": "again"}, follow=True).content.decode()
    assert "settled already" in again


def test_what_is_being_tried_just_now_is_not_settled_by_hand(sales: Company) -> None:
    person, row = failing_removal(sales)
    Operation.objects.filter(pk=row.pk).update(state="retrying", not_before=None)
    desk = signed_in(Role.HELP_DESK)
    page = desk.get(f"/console/people/{person.uid}/").content.decode()
    assert "It is being tried just now." in page
    assert "removed-" not in page
    to = f"/console/people/{person.uid}/removals/{row.pk}/"
    assert "being tried" in desk.post(to, {"reason": "x"}, follow=True).content.decode()
