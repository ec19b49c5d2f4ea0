"""What an application cannot do becomes a task; who does it says so, and that is the evidence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models import F

from tenure.applications.models import Account, Application
from tenure.audit.models import Action, Event
from tenure.audit.services import acting
from tenure.connectors.base import Capabilities, Unsupported
from tenure.connectors.memory import MemoryConnector
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.services import company as the_company
from tenure.provisioning import services
from tenure.provisioning.decisions import byhand
from tenure.provisioning.models import Operation
from tenure.provisioning.planning import plans
from tenure.provisioning.planning.drafting import Scope
from tenure.runs.models import Run
from tests.provisioning.company import Company, apply, change, drain, linked, states

Lacking = Callable[..., None]


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> Lacking:
    """The application cannot do these."""

    def lack(**capabilities: object) -> None:
        usual = {"entitlements": frozenset({"group"}), "searchable": frozenset({"userName"})}
        made = Capabilities(**{**usual, **capabilities})  # type: ignore[arg-type]
        monkeypatch.setattr(
            MemoryConnector,
            "capabilities",
            property(lambda self: made, lambda self, value: None),
            raising=False,
        )

    return lack


def only() -> byhand.Task:
    (task,) = byhand.tasks()
    return task


def test_what_it_cannot_do_is_a_task_with_everything_that_one_needs_to_know(
    sales: Company, lacking: Lacking
) -> None:
    Application.objects.update(owner="it@acme.example")
    person = sales.person("1", title="Clerk")
    apply()
    lacking(update=False)
    change(person, title="Lead")
    apply()
    task = only()
    assert task.what == "Change the account p1@acme.example of Person 1 in Chat."
    there = linked()["p1@acme.example"].remote_id
    look = f"look for the account p1@acme.example (its id there is {there})"
    assert task.steps == (look, "title: Lead (now Clerk)")
    assert task.check == "The account shows these values after it was saved."
    assert task.assignee == "it@acme.example"
    assert byhand.whose([task]) == {"it@acme.example": "it@acme.example"}
    Application.objects.update(owner="1")
    assert byhand.whose([only()]) == {"1": "Person 1 (1)"}
    assert "no way for us to update" in task.cause
    assert not task.overdue
    assert states() == {"done": 1, "manual": 1}


def test_a_run_that_takes_a_task_over_counts_it(sales: Company, lacking: Lacking) -> None:
    person, other = sales.person("1"), sales.person("2")
    apply()
    lacking(disable=False)
    services.terminate_now(person, reason="dismissed")
    drain()
    lacking()
    change(other, title="Lead")
    plans.store(Scope(everybody=True), reason="test")
    drain()
    byhand.done(only().number, note="closed")
    for run in Run.objects.all():
        assert run.total is None or run.done <= run.total


def test_done_is_evidence_and_counts_as_observed(sales: Company, lacking: Lacking) -> None:
    person = sales.person("1")
    apply()
    lacking(disable=False)
    services.terminate_now(person, reason="dismissed")
    drain()
    assert only().steps[1].startswith("deactivate it")
    assert only().steps[2:] == ("take the group all", "take the group sales")
    with acting("Ada"):
        byhand.done(only().number, note="closed it in the admin pages")
    row = Operation.objects.get(kind="disable")
    assert row.state == "done"
    assert row.evidence["by"] == "Ada"
    assert row.evidence["note"] == "closed it in the admin pages"
    account = linked()["p1@acme.example"]
    assert (account.active, account.entitlements) == (False, [])
    assert account.evidence == row.evidence
    event = Event.objects.get(action=Action.TASK_DONE)
    assert (event.actor, event.reason) == ("Ada", "closed it in the admin pages")
    assert byhand.tasks() == []
    assert services.preview().lines == ()


def test_an_account_that_was_made_by_hand_is_found_by_its_name(
    sales: Company, lacking: Lacking
) -> None:
    sales.person("1")
    lacking(create=False)
    apply()
    with pytest.raises(byhand.TaskRefused, match=r"No account .* --account"):
        byhand.done(only().number)
    memory = sales.memories["chat"]
    made = memory.add_user({"userName": "p1@acme.example", "displayName": "Person 1"})
    byhand.done(only().number, note="made it")
    account = linked()["p1@acme.example"]
    assert account.remote_id == made.remote_id
    assert Operation.objects.get().state == "done"


def test_an_account_is_named_by_its_id_where_it_cannot_be_found(
    sales: Company, lacking: Lacking
) -> None:
    person = sales.person("1")
    lacking(create=False, searchable=frozenset())
    apply()
    made = sales.memories["chat"].add_user({"userName": "P1@acme.example"})
    with pytest.raises(byhand.TaskRefused, match=r"no account .nonsense."):
        byhand.done(only().number, account="nonsense")
    byhand.done(only().number, account=made.remote_id)
    assert linked()["P1@acme.example"].person_id == person.pk


def test_somebody_elses_account_is_not_taken(sales: Company, lacking: Lacking) -> None:
    sales.person("2")
    apply()
    lacking(create=False)
    sales.person("1")
    apply()
    theirs = linked()["p2@acme.example"].remote_id
    with pytest.raises(byhand.TaskRefused, match="belongs to somebody else"):
        byhand.done(only().number, account=theirs)


def test_cannot_be_done_fails_with_the_reason(sales: Company, lacking: Lacking) -> None:
    person = sales.person("1")
    apply()
    lacking(disable=False)
    services.terminate_now(person, reason="dismissed")
    drain()
    number = only().number
    with pytest.raises(byhand.TaskRefused, match="Say why"):
        byhand.cannot(number, note=" ")
    with acting("Ada"):
        byhand.cannot(number, note="locked out")
    row = Operation.objects.get(kind="disable")
    assert (row.state, row.error) == ("failed", "Ada could not do it by hand: locked out")
    # What may have been done of it before it came to somebody is told as of anything that failed.
    told = Event.objects.get(action=Action.OPERATION_FAILED)
    assert (told.actor, told.after["operation"]) == ("Ada", "disable")
    with pytest.raises(LookupError, match="settled"):
        byhand.done(number)
    apply()
    assert only().what.startswith("Close the account")


def test_a_task_is_withdrawn_when_it_is_no_longer_due_and_renewed_when_it_changes(
    sales: Company, lacking: Lacking
) -> None:
    person = sales.person("1")
    apply()
    lacking(update=False)
    change(person, title="Lead")
    apply()
    first = only().number
    change(person, title="Head")
    apply()
    assert only().number != first
    assert only().steps[1:] == ("title: Head",)
    change(person, title=None)
    apply()
    assert byhand.tasks() == []


def test_the_same_task_stays_when_something_else_changes(sales: Company, lacking: Lacking) -> None:
    person = sales.person("1")
    apply()
    lacking(update=False)
    change(person, title="Lead")
    apply()
    first = only().number
    change(person, phone="1")
    apply()
    assert only().number == first


def test_a_task_is_overdue_after_two_days_or_as_the_application_says(
    sales: Company, lacking: Lacking
) -> None:
    sales.person("1")
    lacking(create=False)
    apply()
    Operation.objects.update(asked_at=now() - timedelta(days=1))
    assert not only().overdue
    Application.objects.update(remind_after=timedelta(hours=3))
    assert only().overdue
    Application.objects.update(remind_after=None)
    Operation.objects.update(asked_at=now() - timedelta(days=3))
    assert only().overdue


def test_a_licence_that_is_given_by_hand(sales: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """The account is made; what cannot be done of it is left to a person."""

    async def refuse(*_: object, **__: object) -> None:
        raise Unsupported("Licences are given by hand.", "Use the billing page.")

    monkeypatch.setattr(MemoryConnector, "change_members", refuse)
    sales.person("1")
    apply()
    assert len(sales.users()) == 1
    task = only()
    assert task.what.startswith("Give the account p1@acme.example of Person 1 in Chat")
    assert task.steps[1:] == ("give the group all", "give the group sales")
    assert task.cause == "Licences are given by hand."
    assert task.how == "Use the billing page."
    byhand.done(task.number)
    assert linked()["p1@acme.example"].entitlements == ["group:all", "group:sales"]
    assert states() == {"done": 1}


def gone_for(days: int, person: Person) -> None:
    """They left, and somebody was asked to close their account, so many days ago."""
    at = now() - timedelta(days=days)
    Operation.objects.filter(kind="disable").update(asked_at=at)
    Person.objects.filter(pk=person.pk).update(terminated_at=at, generation=F("generation") + 1)


def test_a_leaver_whom_nobody_closes_by_hand_is_deleted_when_the_policy_says(
    sales: Company, lacking: Lacking
) -> None:
    """One task says both; the deletion waits for nobody who does not do theirs."""
    Application.objects.update(delete_after=timedelta(days=30))
    person = sales.person("1")
    apply()
    lacking(disable=False)
    services.terminate_now(person, reason="gone")
    drain()
    due = now() + timedelta(days=30)
    assert any(f"it is deleted on {due:%-d %b %Y}" in step for step in only().steps)
    person.refresh_from_db()
    assert person.next_look_at is not None
    assert abs(person.next_look_at - due) < timedelta(minutes=5)

    gone_for(29, person)
    apply()
    assert sales.open_users() == {"p1@acme.example"}
    gone_for(31, person)
    services.store()
    assert states() == {"done": 1, "cancelled": 1, "planned": 1}
    # Planned anew before it is sent, it is what it was.
    gone_for(31, person)
    services.store()
    assert Operation.objects.get(state="planned").kind == "delete"
    drain()
    assert sales.users() == {}
    assert byhand.tasks() == []
    assert services.preview().lines == ()


def test_closed_by_hand_in_time_it_is_deleted_as_any_closed_account(
    sales: Company, lacking: Lacking
) -> None:
    Application.objects.update(delete_after=timedelta(days=30))
    person = sales.person("1")
    apply()
    lacking(disable=False)
    services.terminate_now(person, reason="gone")
    drain()
    byhand.done(only().number, note="blocked there")
    gone_for(31, person)
    services.store()
    assert services.preview().lines == ()
    assert sales.users() != {}


def test_within_the_grace_the_task_says_when_it_ends(sales: Company, lacking: Lacking) -> None:
    Application.objects.update(removal="delete")
    row = the_company()
    row.leaver_grace = timedelta(days=14)
    row.save()
    person = sales.person("1")
    apply()
    lacking(disable=False)
    services.terminate_now(person, reason="gone")
    drain()
    due = now() + timedelta(days=14)
    assert any(f"it is deleted on {due:%-d %b %Y}" in step for step in only().steps)


def test_what_cannot_be_deleted_is_closed_until_somebody_has_deleted_it(
    company: Company, lacking: Lacking
) -> None:
    """A leaver stays inside for no task."""
    company.application("chat", removal="delete")
    company.rule("all", "true", {"chat": []})
    person = company.person("1")
    apply()
    lacking(delete=False)
    services.terminate_now(person, reason="dismissed")
    drain()
    assert company.open_users() == set()
    assert "delete accounts. It is closed." in only().cause
    account = Account.objects.get()
    assert account.active is False
    assert account.evidence["read_back"] == "the account is closed"
    (told,) = Event.objects.filter(action=Action.ACCOUNT_DISABLED)
    assert told.after["evidence"] == account.evidence
    services.store()
    drain()
    byhand.done(only().number, note="deleted")
    assert Account.objects.get().situation == "deleted"
    services.store()
    assert byhand.tasks() == []


def test_what_can_neither_be_deleted_nor_closed_is_asked_for(
    company: Company, lacking: Lacking
) -> None:
    company.application("chat", removal="delete")
    company.rule("all", "true", {"chat": []})
    person = company.person("1")
    apply()
    lacking(delete=False, disable=False)
    services.terminate_now(person, reason="dismissed")
    drain()
    assert company.open_users() == {"p1@acme.example"}
    assert "closed" not in only().cause
    assert Account.objects.get().active is True
