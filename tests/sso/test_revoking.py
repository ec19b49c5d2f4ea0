"""Sessions at applications are ended through the application's own interface, in every way that
access ends, once for each occasion; with what was answered kept as proof."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tenure.applications.models import Account, Application
from tenure.audit.models import Action, Event
from tenure.connectors.faults import rejected, retry_later
from tenure.connectors.memory_application import MemoryApplication
from tenure.infra.clock import now
from tenure.people import endings as people_endings
from tenure.people.services import raise_generation
from tenure.provisioning.decisions import lives
from tenure.provisioning.records.stopping import resume_writes, stop_writes
from tenure.provisioning.services import store, terminate_now
from tenure.rules.models import AccessRule
from tenure.signin import passkeys
from tenure.sso import outbox
from tenure.sso.delivery import carry_out_waiting, deliver_waiting
from tenure.sso.models import Notice
from tenure.sso.receipt import receipt_of
from tests.sso.conftest import Somebody, account, application

pytestmark = pytest.mark.django_db


@pytest.fixture
def there(ana: Somebody) -> Iterator[MemoryApplication]:
    """An application in which Ana has an account, and which can sign her out."""
    row: Application = application("mail")
    row.settings = {"name": "mail", "sessions": True}
    row.save()
    made = MemoryApplication.named("mail")
    user = made.add_user({"userName": ana.person.email}, external_id="", active=True)
    account(ana.person, row, remote_id=user.remote_id)
    application("chat")
    yield made
    MemoryApplication.forget("mail")


def signed_out(there: MemoryApplication) -> int:
    return sum(one.what == "signed out" for one in there.history)


def test_a_leaver_a_suspension_and_a_lost_key(ana: Somebody, there: MemoryApplication) -> None:
    (key,) = passkeys.passkeys_of(ana.person)
    passkeys.remove(ana.person, key.pk, because="lost", by_them=False)
    assert carry_out_waiting() == 1
    lives.suspend(ana.person, reason="odd")
    ana.person.refresh_from_db()
    # Whoever is told twice of the same writes it once.
    people_endings.end_access([ana.person])
    assert carry_out_waiting() == 1
    lives.end_suspension(ana.person, reason="fine")
    ana.person.refresh_from_db()
    terminate_now(ana.person, at=None, reason="theft")
    assert carry_out_waiting() == 1
    assert signed_out(there) == 3
    notice = Notice.objects.filter(kind="connector.end_sessions").first()
    assert notice is not None
    assert (notice.state, notice.tries) == ("delivered", 1)
    assert notice.answer.startswith("Every session of ")
    told = Event.objects.filter(action=Action.NOTICE_DELIVERED, application="mail").last()
    assert told is not None
    assert told.subject_label == "connector.end_sessions"
    ana.person.refresh_from_db()
    (line,) = receipt_of(ana.person).lines
    assert line.sessions.verdict == "done"
    assert line.sessions.words.startswith("Its own interface: Every session of ")


def test_a_rule_that_is_lost(ana: Somebody, there: MemoryApplication) -> None:
    AccessRule.objects.all().delete()
    raise_generation()
    store()
    store()
    assert Notice.objects.filter(kind="connector.end_sessions").count() == 1
    assert carry_out_waiting() == 1
    assert signed_out(there) == 1


def test_what_does_not_work_is_tried_again_or_told(ana: Somebody, there: MemoryApplication) -> None:
    there.faults.nth("end_sessions", 1, retry_later()).nth("end_sessions", 2, rejected())
    terminate_now(ana.person, at=None, reason="theft")
    # It is no request of ours, so nothing is sent at once.
    assert deliver_waiting() == 0
    assert carry_out_waiting() == 0
    notice = Notice.objects.get(kind="connector.end_sessions")
    assert (notice.state, notice.tries) == ("waiting", 1)
    Notice.objects.update(not_before=now())
    outbox.wake_overdue()
    stop_writes(reason="drill")
    assert carry_out_waiting() == 0
    notice.refresh_from_db()
    assert "All writes are stopped" in notice.answer
    resume_writes(reason="over")
    Notice.objects.update(not_before=now())
    assert carry_out_waiting() == 0
    notice.refresh_from_db()
    assert notice.state == "failed"
    ana.person.refresh_from_db()
    (line,) = receipt_of(ana.person).lines
    assert line.sessions.verdict == "by_hand"
    assert "Its own interface did not arrive" in line.sessions.words


def test_those_that_are_not_ours_are_left_alone(ana: Somebody, there: MemoryApplication) -> None:
    for change in ({"protected": "the founder's"}, {"protected": "", "active": False}):
        Account.objects.update(**change)
        lives.suspend(ana.person, reason="odd")
        lives.end_suspension(ana.person, reason="fine")
        ana.person.refresh_from_db()
    Account.objects.update(active=True)
    Application.objects.update(mode="report")
    terminate_now(ana.person, at=None, reason="theft")
    assert not Notice.objects.filter(kind="connector.end_sessions").exists()
