"""A request that got no answer may have been carried out: whatever is planned meanwhile counts with
both. Access that is not sure is taken where it is not due, and given where it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from tenure.applications.models import Account, Application
from tenure.applications.services import ApplicationInUse, remove_application
from tenure.audit.models import Action, Event
from tenure.connectors.faults import Fault, blind, lost_after, lost_before, retry_later
from tenure.connectors.memory_application import MemoryUser
from tenure.core.model import Attributes, Value
from tenure.core.receipt import Verdict
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.services import raise_generation
from tenure.provisioning import services, tasks
from tenure.provisioning.decisions import lives
from tenure.provisioning.models import Operation
from tenure.provisioning.records import settling
from tenure.sso.receipt import receipt_of
from tests.provisioning.company import Company, apply, change, drain, linked, states
from tests.provisioning.test_reconcile import reconcile


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What got no answer is not sent again before something else is planned."""
    monkeypatch.setattr(settling, "_FIRST_WAIT", 3600.0)
    monkeypatch.setattr(settling, "SHOWN_AFTER", 0.0)


def unsure() -> list[str]:
    return list(Account.objects.get().unsure)


def test_a_grant_that_may_have_been_done_is_taken_back(sales: Company) -> None:
    person = sales.person("1", "Support")
    apply()
    change(person, department="Sales")
    sales.memories["chat"].faults.nth("change_members", 2, lost_after())
    apply()
    assert sales.members("sales") == {"p1@acme.example"}
    assert unsure() == ["group:sales"]
    change(person, department="Support")
    apply()
    assert sales.members("sales") == set()
    assert unsure() == []
    assert Operation.objects.filter(kind="revoke", state="done").count() == 1


def test_a_leavers_groups_are_left_even_if_the_grant_may_not_have_been_done(
    sales: Company,
) -> None:
    person = sales.person("1", "Support")
    apply()
    change(person, department="Sales")
    sales.memories["chat"].faults.nth("change_members", 2, lost_after())
    apply()
    services.terminate_now(person, reason="gone")
    drain()
    assert sales.open_users() == set()
    assert sales.members("sales") == set()
    assert sales.members("all") == set()


@pytest.mark.parametrize("fault", [lost_before, lost_after])
def test_a_revoke_that_may_have_been_done_is_given_back(sales: Company, fault: object) -> None:
    person = sales.person("1")
    apply()
    change(person, department="Support")
    memory = sales.memories["chat"]
    memory.faults.next("change_members", fault())  # type: ignore[operator]
    apply()
    change(person, department="Sales")
    apply()
    assert sales.members("sales") == {"p1@acme.example"}
    assert unsure() == []


@pytest.mark.parametrize("fault", [lost_before, lost_after])
def test_an_account_that_may_be_open_is_closed(sales: Company, fault: object) -> None:
    person = sales.person("1")
    apply()
    services.terminate_now(person, reason="gone")
    drain()
    Person.objects.update(terminated_at=None)
    raise_generation()
    memory = sales.memories["chat"]
    memory.faults.next("enable", fault())  # type: ignore[operator]
    apply()
    assert unsure() == ["active"]
    services.terminate_now(Person.objects.get(), reason="gone after all")
    drain()
    assert sales.open_users() == set()
    assert unsure() == []


@pytest.mark.parametrize("fault", [lost_before, lost_after])
def test_an_account_that_may_be_closed_is_opened(sales: Company, fault: object) -> None:
    person = sales.person("1")
    apply()
    memory = sales.memories["chat"]
    memory.faults.next("disable", fault())  # type: ignore[operator]
    services.terminate_now(person, reason="gone")
    drain()
    Person.objects.update(terminated_at=None)
    raise_generation()
    apply()
    assert sales.open_users() == {"p1@acme.example"}
    assert sales.members("sales") == sales.open_users()


@pytest.mark.parametrize("fault", [lost_before, lost_after])
def test_an_attribute_that_may_have_been_changed_is_written_again(
    sales: Company, fault: object
) -> None:
    person = sales.person("1", title="Clerk")
    apply()
    change(person, title="Lead")
    sales.memories["chat"].faults.next("update", fault())  # type: ignore[operator]
    apply()
    change(person, title="Clerk")
    apply()
    assert sales.users()["p1@acme.example"].attributes["title"] == "Clerk"
    assert unsure() == []
    assert services.preview().lines == ()


def test_steps_that_are_done_are_known_although_the_rest_is_not(sales: Company) -> None:
    """The account was closed, its groups were not left yet, and then the person came back."""
    person = sales.person("1")
    apply()
    sales.memories["chat"].faults.next("change_members", retry_later(after=3600))
    services.terminate_now(person, reason="gone")
    drain()
    assert sales.open_users() == set()
    Person.objects.update(terminated_at=None)
    raise_generation()
    apply()
    assert sales.open_users() == {"p1@acme.example"}


def test_reading_the_application_makes_sure(sales: Company) -> None:
    person = sales.person("1", "Support")
    apply()
    change(person, department="Sales")
    sales.memories["chat"].faults.nth("change_members", 2, lost_after())
    apply()
    reconcile()
    assert unsure() == []
    assert linked()["p1@acme.example"].entitlements == ["group:all", "group:sales"]


@pytest.mark.parametrize("comes_to", ["unknown", "failed"])
def test_what_nobody_answered_and_is_read_as_closed_is_proven(
    sales: Company, comes_to: str
) -> None:
    """Whatever is planned next sends nothing more, for nothing is left to close: what was read is
    the proof."""
    person = sales.person("1")
    apply()
    sales.memories["chat"].faults.next("disable", lost_after())
    services.terminate_now(person, reason="gone")
    drain()
    assert Account.objects.get().evidence is None
    Operation.objects.filter(kind="disable").update(state=comes_to)
    reconcile()
    change(person, title="Formerly of Sales")
    apply()
    account = Account.objects.get()
    assert account.active is False
    assert account.evidence["sent"] == "disable"
    assert account.evidence["read_back"] == "the account is closed"
    assert Operation.objects.get(kind="disable").state == "cancelled"
    (replaced,) = Event.objects.filter(action=Action.OPERATION_REPLACED)
    assert replaced.after["evidence"] == account.evidence
    receipt_line = receipt_of(Person.objects.get()).lines[0]
    assert [one.part.verdict for one in receipt_line.accounts] == [Verdict.DONE]


def test_what_was_never_sent_proves_nothing(sales: Company) -> None:
    """Somebody else closed it first."""
    person = sales.person("1")
    apply()
    services.terminate_now(person, reason="gone")
    (user,) = sales.memories["chat"].users.values()
    user.active = False
    reconcile()
    assert Account.objects.get().evidence is None
    assert Event.objects.filter(action=Action.ACCOUNT_DRIFTED).exists()


def test_what_a_dead_worker_sent_may_arrive_after_the_leaver_is_gone(sales: Company) -> None:
    """The removal goes at once all the same, and again when everything has arrived."""
    person = sales.person("1", "Support")
    apply()
    change(person, department="Sales")
    services.store()
    # A worker dies while this travels.
    Operation.objects.filter(kind="grant").update(state="started", started_at=now(), attempts=1)
    services.terminate_now(person, reason="gone")
    drain()
    assert sales.open_users() == set()
    assert unsure() != []
    memory = sales.memories["chat"]
    account = Account.objects.get()
    group = memory.add_group("sales")
    memory.change_group(group.remote_id, [account.remote_id], [])
    Account.objects.update(unsure_until=now())
    tasks.sweep.func(timestamp=0)
    drain()
    assert sales.members("sales") == set()
    assert unsure() == []
    assert Account.objects.get().unsure_until is None


def test_what_a_dead_worker_granted_a_new_account_is_taken_from_a_leaver(sales: Company) -> None:
    """It died after a group was joined; that nobody has confirmed before the person left."""
    person = sales.person("1")
    services.store()
    began = now() - timedelta(hours=1)
    Operation.objects.update(state="started", started_at=began, attempts=1)
    memory = sales.memories["chat"]
    names: dict[str, Value] = {"userName": person.email, "displayName": "Person 1"}
    account = memory.add_user(names, external_id=str(person.uid))
    memory.change_group(memory.add_group("sales").remote_id, [account.remote_id], [])
    memory.faults.nth("change_members", 1, retry_later(after=3600))
    memory.faults.nth("change_members", 2, retry_later(after=3600))
    drain()
    assert unsure() == ["group:all", "group:sales"]
    services.terminate_now(person, reason="gone")
    drain()
    assert sales.open_users() == set()
    assert sales.members("sales") == set()
    assert unsure() == []


def test_an_application_that_answers_with_the_account_that_is_there_takes_it_from_nobody(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some make no second account of one name, write to the first and say 201."""
    company.application("chat")
    company.rule("all", "true", {"chat": []})
    owner = company.person("1")
    apply()
    memory = company.memories["chat"]

    def upsert(attributes: Attributes, *, external_id: str = "", active: bool = True) -> MemoryUser:
        (user,) = memory.users.values()
        memory.change_user(user.remote_id, dict(attributes))
        return user

    monkeypatch.setattr(memory, "add_user", upsert)
    company.person("2", email="P1@acme.example")
    apply()
    failed = Operation.objects.get(state="failed")
    assert "which is somebody else's here" in failed.error
    (account,) = linked().values()
    assert account.person == owner
    services.store(person=owner)
    drain()
    assert company.users()["p1@acme.example"].attributes["displayName"] == "Person 1"


def test_an_application_is_not_forgotten_while_an_account_may_have_been_made(
    company: Company,
) -> None:
    company.application("chat")
    company.rule("all", "true", {"chat": []})
    company.person("1")
    company.memories["chat"].faults.always("create", lost_after())
    services.store()
    drain()
    assert Operation.objects.get().state == "unknown"
    with pytest.raises(ApplicationInUse, match="may have been made"):
        remove_application(slug="chat")


@pytest.mark.parametrize("drift", [{}, {"default": "keep"}])
def test_what_changed_since_an_account_may_have_been_made_is_written(
    company: Company, drift: dict[str, str]
) -> None:
    """It is ours, and what it was made with is not what is wanted by now, whoever found it."""
    company.application("chat", drift=drift)
    company.rule("everyone", "has(user.department)", {"chat": []})
    person = company.person("1")
    faults = company.memories["chat"].faults
    faults.next("create", lost_after())
    faults.always("find", lost_before())
    for _ in range(settling.MOST_ATTEMPTS + 1):
        Operation.objects.update(not_before=None)
        apply()
        if states() == {"failed": 1}:
            break
    assert states() == {"failed": 1}
    faults.clear()
    change(person, display_name="Another Name")
    apply()
    apply()
    (user,) = company.users().values()
    assert user.attributes["displayName"] == "Another Name"


def test_an_account_of_ours_that_no_search_showed_is_no_change_of_somebody_else(
    company: Company,
) -> None:
    """That its name is taken is all that is heard of it at first."""
    company.application("chat", drift={"default": "keep"})
    company.rule("everyone", "has(user.department)", {"chat": []})
    person = company.person("1")
    faults = company.memories["chat"].faults
    faults.next("create", lost_after())
    faults.nth("find", 1, blind()).nth("find", 2, blind())
    apply()
    change(person, display_name="Another Name")
    for _ in range(3):
        Operation.objects.update(not_before=None)
        apply()
    (user,) = company.users().values()
    assert user.attributes["displayName"] == "Another Name"


@pytest.mark.parametrize("drift", ["keep", "report"])
def test_what_an_account_was_made_without_is_written_when_it_comes(
    company: Company, drift: str
) -> None:
    """That it is empty there was said by us, and is no change of somebody else."""
    company.application("chat", drift={"default": drift})
    company.rule("everyone", "has(user.department)", {"chat": []})
    person = company.person("1")
    apply()
    change(person, title="Engineer")
    apply()
    (user,) = company.users().values()
    assert user.attributes["title"] == "Engineer"


@pytest.mark.parametrize("fault", [lost_after, lost_before])
def test_who_comes_back_while_their_account_may_have_been_deleted(
    sales: Company, fault: Callable[[], Fault]
) -> None:
    """It is opened where it still is there, and made anew where it is gone."""
    Application.objects.update(removal="delete")
    person = sales.person("1")
    apply()
    sales.memories["chat"].faults.next("delete", fault())
    services.terminate_now(person, reason="the wrong one")
    drain()
    lives.reinstate(person, reason="it was the other one")
    assert Operation.objects.exclude(state="done").get().state == "unknown"
    Operation.objects.filter(state="unknown").update(not_before=None)
    # Whichever lane looks, what is planned then may be left to the next drain.
    drain()
    drain()
    assert sales.open_users() == {"p1@acme.example"}
    assert sales.members("sales") == {"p1@acme.example"}
    assert linked()["p1@acme.example"].active
    deleted = Operation.objects.get(kind="delete")
    if fault is lost_after:
        assert deleted.evidence is not None
        assert str(deleted.evidence["read_back"]).startswith("the account is not there")
        told = Event.objects.get(action=Action.ACCOUNT_DELETED).reason
        assert told.endswith("It was looked for, and it was gone.")
        assert Account.objects.filter(situation="deleted", deleted_there=False).count() == 1
    else:
        assert deleted.state == "cancelled"
        reason = Operation.objects.get(kind="enable").reason
        assert "somebody else" not in reason


def test_a_deletion_that_still_travels_is_waited_for_by_who_comes_back(
    sales: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account is there when they come back, and gone when what a dead worker sent arrives."""
    Application.objects.update(removal="delete")
    person = sales.person("1")
    apply()
    services.terminate_now(person, reason="the wrong one")
    monkeypatch.setattr(settling, "SHOWN_AFTER", 60.0)
    rows = Operation.objects.filter(kind="delete")
    rows.update(state="started", started_at=now(), attempts=1)
    lives.reinstate(person, reason="it was the other one")
    drain()
    assert rows.get().state == "unknown"
    memory = sales.memories["chat"]
    (remote_id,) = memory.users
    memory.delete_user(remote_id)
    Account.objects.update(unsure_until=now())
    rows.update(not_before=None)
    drain()
    drain()
    assert rows.get().state == "done"
    assert sales.open_users() == {"p1@acme.example"}
    assert linked()["p1@acme.example"].remote_id != remote_id
