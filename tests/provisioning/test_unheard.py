"""What was sent and not heard of, because nobody answered or the worker ended: the history of its
person says so, and how it was found out what came of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tenure.applications.models import Application
from tenure.audit.models import Event
from tenure.connectors.faults import Fault, lost_after, lost_before
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.provisioning import services
from tenure.provisioning.execution import claiming
from tenure.provisioning.models import Operation
from tenure.provisioning.planning import plans
from tenure.provisioning.records import settling
from tenure.runs.models import Run
from tests.provisioning.company import Company, apply, change, drain, states


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "_FIRST_WAIT", 0.001)
    monkeypatch.setattr(settling, "SHOWN_AFTER", 0.001)


def told(person: Person, action: str) -> str:
    return Event.objects.filter(person=str(person.uid), action=action).latest("id").reason


@pytest.mark.parametrize(
    ("fault", "said"),
    [(lost_after(), "looked for, and it was there"), (lost_before(), "looked for, and sent again")],
)
def test_an_account_that_nobody_heard_of(sales: Company, fault: Fault, said: str) -> None:
    person = sales.person("1")
    sales.memories["chat"].faults.next("create", fault)
    apply()
    reason = told(person, "account.created")
    assert "rule" in reason
    assert "no answer" in reason
    assert said in reason


def test_a_change_that_nobody_heard_of(sales: Company) -> None:
    person = sales.person("1")
    apply()
    change(person, title="Chief")
    sales.memories["chat"].faults.next("update", lost_after())
    apply()
    assert "no answer" in told(person, "account.updated")
    assert "sent again" in told(person, "account.updated")


@pytest.mark.parametrize("made", [True, False])
def test_a_worker_that_ended_in_the_middle(sales: Company, made: bool) -> None:
    person = sales.person("1")
    services.store()
    sent = now() - timedelta(hours=1)
    Operation.objects.update(state="started", attempts=1, started_at=sent)
    if made:
        user = {"userName": "p1@acme.example", "displayName": "Person 1"}
        sales.memories["chat"].add_user(user, external_id=str(person.uid))
    drain()
    reason = told(person, "account.created")
    assert f"{sent:%H:%M:%S}" in reason
    assert "worker" in reason
    assert ("it was there" if made else "sent again") in reason
    change(person, title="Chief")
    apply()
    assert "worker" not in told(person, "account.updated")


def test_what_a_worker_left_says_so_as_long_as_nothing_is_known(sales: Company) -> None:
    sales.person("1")
    services.store()
    Operation.objects.update(state="started", attempts=1, started_at=now())
    claiming.recover(Application.objects.get())
    row = Operation.objects.get()
    assert row.state == "unknown"
    assert "worker" in row.error


def test_who_takes_over_leaves_no_runs_of_nothing(sales: Company) -> None:
    """Each person whose plan is looked at again, after a worker that ended, is planned anew."""
    everybody = sales.people(3)
    services.store()
    sent = now() - timedelta(hours=1)
    Operation.objects.update(state="started", attempts=1, started_at=sent)
    for person in everybody:
        user = {"userName": person.email, "displayName": person.display_name}
        sales.memories["chat"].add_user(user, external_id=str(person.uid))
        # Something was said of them meanwhile, and nothing follows from it.
        change(person)
    for _ in range(3):
        drain()
        plans.store_lagging()
    assert states().keys() == {"done"}
    # All of them at once; and of what came to nothing there is none.
    assert Run.objects.filter(reason="what became of it is known now").count() == 1
    nothing = Run.objects.filter(message="Nothing to do.")
    assert not nothing.exists()
    # Whoever asks sees what came of it.
    assert services.store().run in nothing


def test_what_goes_by_itself_and_comes_to_nothing_is_no_run(sales: Company) -> None:
    person = sales.person("1")
    apply()
    before = Run.objects.count()
    change(person, department="Sales")
    assert plans.store_lagging() is not None
    person.refresh_from_db()
    assert person.planned_generation == person.generation
    assert Run.objects.count() == before
    change(person, title="Chief")
    plans.store_lagging()
    assert Run.objects.count() == before + 1
