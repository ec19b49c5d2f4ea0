"""After a restore: who was sent away since the backup stays away until a person has looked."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client

from tenure.applications.models import Account, Application
from tenure.audit.models import Action, Event
from tenure.config.upgrading import bring_up_to_date
from tenure.infra.backups import MARK
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.services import company as company_row
from tenure.provisioning import services
from tenure.provisioning.models import Operation
from tenure.provisioning.reconciliation.reconcile import reconcile_by_slug
from tenure.provisioning.records.stopping import NotBeforeRestored
from tenure.runs.models import DRY_RUN, Run, RunKind, RunState
from tenure.signin.models import How, OneTimeLink, Session
from tenure.signin.owners import may_come_in
from tenure.signin.services import issue_link
from tenure.sources.models import Source
from tenure.sso import restoring
from tests.provisioning.company import Company, apply, change, drain

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def company() -> Company:
    """Three people with accounts, and then a backup of this is restored."""
    made = Company()
    made.application()
    made.rule("sales", 'user.department == "Sales"', {"chat": []})
    made.people(3)
    asyncio.run(reconcile_by_slug("chat"))
    apply()
    assert len(made.open_users()) == 3
    Source.objects.create(slug="hr", name="HR", reader="csv")
    return made


def imported(**more: str) -> None:
    Run.objects.create(kind=RunKind.IMPORT, subject="hr", state=RunState.DONE, actor="test", **more)


def close_there(company: Company, name: str) -> None:
    """As Tenure did it after the backup was made, which the backup does not know."""
    company.memories["chat"].set_active(company.users()[name].remote_id, False)


def closed() -> list[str]:
    found = restoring.standing()
    assert found is not None
    return [str(item.person.employee_number) for item in found.closed]


def test_who_was_sent_away_since_the_backup_stays_away(company: Company) -> None:
    restoring.begin("the backup of Friday")
    close_there(company, "p2@acme.example")
    assert not may_come_in(Person.objects.get(employee_number="2"))
    with pytest.raises(NotBeforeRestored, match="tenure restored show"):
        services.resume_writes(reason="impatient")
    with pytest.raises(restoring.NotReady, match="the applications chat"):
        restoring.finish(reason="impatient")
    asyncio.run(reconcile_by_slug("chat"))
    imported(reason=DRY_RUN)
    with pytest.raises(restoring.NotReady, match="the sources hr"):
        restoring.finish(reason="impatient")
    imported()
    assert closed() == ["2"]
    apply()
    assert "p2@acme.example" not in company.open_users(), "it was opened before anybody looked"
    with pytest.raises(restoring.NotReady, match="would come in again: 2"):
        restoring.finish(reason="impatient")
    with pytest.raises(restoring.NotReady, match="would come in again: 2"):
        restoring.finish(reason="the wrong one", let_in=["1"])
    services.terminate_now(Person.objects.get(employee_number="2"), reason="dismissed on Saturday")
    restoring.finish(reason="looked at")
    apply()
    assert company.open_users() == {"p1@acme.example", "p3@acme.example"}
    assert may_come_in(Person.objects.get(employee_number="1"))
    assert not may_come_in(Person.objects.get(employee_number="2"))
    assert company_row().writes_stopped_at is None
    assert restoring.standing() is None


def test_who_is_let_in_has_the_account_opened_again(company: Company) -> None:
    restoring.begin("the backup of Friday")
    close_there(company, "p2@acme.example")
    asyncio.run(reconcile_by_slug("chat"))
    imported()
    restoring.finish(reason="a mistake there", let_in=["2"])
    apply()
    assert len(company.open_users()) == 3
    told = Event.objects.get(action=Action.RESTORE_FINISHED)
    assert told.after == {"let_in": ["2"]}


def test_one_that_is_gone_is_asked_about_too(company: Company) -> None:
    # What was seen just now may not be listed yet.
    Account.objects.update(observed_at=now() - timedelta(hours=1))
    restoring.begin("the backup of Friday")
    company.memories["chat"].delete_user(company.users()["p2@acme.example"].remote_id)
    asyncio.run(reconcile_by_slug("chat"))
    assert closed() == ["2"]


def test_who_only_lost_it_by_moving_is_not_asked_about(company: Company) -> None:
    restoring.begin("the backup of Friday")
    close_there(company, "p2@acme.example")
    change(Person.objects.get(employee_number="2"), department="Finance")
    asyncio.run(reconcile_by_slug("chat"))
    imported()
    assert closed() == []
    restoring.finish(reason="looked at")


def test_what_waited_in_the_backup_and_was_done_since_is_not_made_twice(company: Company) -> None:
    company.memories["chat"].unique = False
    company.person("4")
    services.store()
    assert Operation.objects.filter(state="planned", kind="create").count() == 1
    restoring.begin("the backup of Friday")
    # What the engine did on Saturday.
    uid = str(Person.objects.get(employee_number="4").uid)
    company.memories["chat"].add_user(
        {"userName": "p4@acme.example", "displayName": "Person 4", "title": ""}, external_id=uid
    )
    asyncio.run(reconcile_by_slug("chat"))
    imported()
    restoring.finish(reason="looked at")
    drain()
    apply()
    names = [str(u.attributes["userName"]) for u in company.memories["chat"].users.values()]
    assert names.count("p4@acme.example") == 1


def test_an_application_that_somebody_stopped_is_not_waited_for(company: Company) -> None:
    restoring.begin("the backup of Friday")
    services.stop_writes(application="chat", reason="gone for good")
    imported()
    restoring.finish(reason="looked at")
    assert Application.objects.get().paused_at is not None


def test_writes_that_were_stopped_before_stay_stopped(company: Company) -> None:
    services.stop_writes(reason="HR sends nonsense")
    restoring.begin("the backup of Friday")
    asyncio.run(reconcile_by_slug("chat"))
    imported()
    restoring.finish(reason="looked at")
    assert company_row().writes_stopped_reason == "HR sends nonsense"


def test_the_first_start_on_a_backup_closes_everything(company: Company, client: Client) -> None:
    person = Person.objects.get(employee_number="1")
    session = Session.objects.create(person=person, how=How.PASSKEY)
    issue_link(name="owner")
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {MARK} AS SELECT text 'the backup of Friday' AS of")
    bring_up_to_date()
    bring_up_to_date()
    session.refresh_from_db()
    assert session.ended_because == "restored from a backup"
    assert OneTimeLink.objects.get().used_at is not None
    assert Event.objects.get(action=Action.RESTORED).reason == "the backup of Friday"
    assert company_row().writes_stopped_reason.startswith("restored from the backup of Friday")
