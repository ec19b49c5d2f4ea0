"""An account that may have been made, in applications that make two of one name and lie about it:
nobody gets two, and nobody is forgotten."""

from __future__ import annotations

import time

import pytest

from tenure.audit.models import Action, Event
from tenure.connectors.faults import blind, late, lost_after, lost_before, retry_later
from tenure.connectors.memory import MemoryApplication
from tenure.core.planner import LEAVER_URGENCY
from tenure.people.models import Person
from tenure.provisioning import services
from tenure.provisioning.decisions import byhand
from tenure.provisioning.execution import lane, seeking
from tenure.provisioning.models import Operation
from tenure.provisioning.records import settling
from tests.provisioning.company import Company, apply, change, drain, linked, states


@pytest.fixture
def liar(company: Company, monkeypatch: pytest.MonkeyPatch) -> MemoryApplication:
    """It finds nobody, and names may be there twice."""
    monkeypatch.setattr(settling, "_FIRST_WAIT", 0.01)
    monkeypatch.setattr(settling, "SHOWN_AFTER", 0.0)
    monkeypatch.setattr(lane, "longest_answer", lambda _: 0.0)
    monkeypatch.setattr(seeking, "ARRIVED_AFTER", 0.2)
    company.application("chat")
    company.rule("all", "true", {"chat": []})
    memory = company.memories["chat"]
    memory.unique = False
    memory.faults.always("find", blind())
    return memory


@pytest.mark.parametrize("fault", [lost_before, lost_after])
def test_one_is_made(company: Company, liar: MemoryApplication, fault: object) -> None:
    liar.faults.next("create", fault())  # type: ignore[operator]
    company.person("1")
    apply()
    assert states() == {"done": 1}
    (user,) = liar.users.values()
    assert linked()["p1@acme.example"].remote_id == user.remote_id


def test_what_arrives_late_is_waited_for(company: Company, liar: MemoryApplication) -> None:
    liar.faults.next("create", late(0.1))
    company.person("1")
    apply()
    assert states() == {"done": 1}
    assert len(liar.users) == 1


def test_several_are_looked_for_in_one_list(
    company: Company, liar: MemoryApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    # They are due at the same moment.
    monkeypatch.setattr(seeking, "ARRIVED_AFTER", 0.0)
    monkeypatch.setattr(settling, "back_off", lambda attempts: 0.0)
    company.people(3)
    for number in (1, 2, 3):
        liar.faults.nth("create", number, lost_after())
    services.store()
    liar.calls.clear()
    drain()
    assert states() == {"done": 3}
    assert len(liar.users) == 3
    # Once before anything was written there, and once for all three.
    assert [call.verb for call in liar.calls].count("accounts") == 2


def test_whoever_left_meanwhile_is_found_and_closed(
    company: Company, liar: MemoryApplication
) -> None:
    person = company.person("1")
    liar.faults.next("create", lost_after())
    liar.faults.next("find", lost_before())
    services.store()
    Operation.objects.update(not_before=None)
    services.terminate_now(person, reason="gone")
    drain()
    assert company.open_users() == set()


def test_where_it_cannot_be_told_somebody_looks(
    company: Company, liar: MemoryApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list is short of those who are known to be there."""
    monkeypatch.setattr(seeking, "ARRIVED_AFTER", 0.0)
    company.person("1")
    apply()
    company.person("2")
    liar.faults.nth("create", 2, lost_after())
    monkeypatch.setattr(liar, "shown", list)
    apply()
    (task,) = byhand.tasks()
    assert "Whether it was made cannot be told" in task.cause
    assert "its list lacks 1 of 1 accounts that are known" in task.cause
    assert task.steps[0].startswith("look first whether they have an account there already")
    monkeypatch.undo()
    liar.faults.clear()
    byhand.done(task.number)
    assert len(linked()) == len(liar.users) == 2


def test_a_list_lacks_nobody_who_was_deleted_there(
    company: Company, liar: MemoryApplication
) -> None:
    company.person("1")
    apply()
    liar.users.clear()
    company.person("2")
    liar.faults.nth("create", 2, lost_before())
    apply()
    assert not byhand.tasks()
    (user,) = liar.users.values()
    assert linked()["p2@acme.example"].remote_id == user.remote_id


def test_where_names_are_unique_it_is_made_again_at_once(
    company: Company, liar: MemoryApplication
) -> None:
    liar.unique = True
    liar.faults.next("create", lost_before())
    company.person("1")
    services.store()
    liar.calls.clear()
    drain()
    assert states() == {"done": 1}
    assert [call.verb for call in liar.calls].count("accounts") == 1


@pytest.mark.parametrize("what", ["leaves", "is called otherwise"])
def test_that_names_are_unique_helps_only_who_keeps_theirs(
    company: Company, liar: MemoryApplication, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sent by another name, or for who is gone, is refused by nothing that is sent."""
    liar.unique = True
    person = company.person("1")
    liar.faults.next("create", lost_after())
    # Nobody looks for it before something else is due.
    monkeypatch.setattr(settling, "_FIRST_WAIT", 3600.0)
    apply()
    assert states() == {"unknown": 1}
    if what == "leaves":
        services.terminate_now(person, reason="gone")
        # Nothing else can be done for them before this is known.
        assert Operation.objects.get().urgency == LEAVER_URGENCY
    else:
        change(person, email="other@acme.example")
    for _ in range(3):
        Operation.objects.update(not_before=None)
        services.store()
        drain()
        time.sleep(0.2)
    assert len(liar.users) == 1
    assert company.open_users() == (set() if what == "leaves" else {"other@acme.example"})


@pytest.fixture
def hiding(liar: MemoryApplication) -> MemoryApplication:
    """It refuses a name that is taken, and finds nobody."""
    liar.unique = True
    return liar


def test_what_is_refused_as_taken_and_found_by_no_search_is_in_the_list(
    company: Company, hiding: MemoryApplication
) -> None:
    hiding.faults.next("create", lost_after())
    company.person("1")
    apply()
    assert states() == {"done": 1}
    (user,) = hiding.users.values()
    assert linked()["p1@acme.example"].remote_id == user.remote_id


def test_an_attempt_that_is_put_off_does_not_forget_the_one_that_nobody_answered(
    company: Company, hiding: MemoryApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    hiding.faults.nth("create", 1, lost_after()).nth("create", 2, retry_later(0.0))
    monkeypatch.setattr(hiding, "shown", list)
    person = company.person("1")
    apply()
    assert states() == {"manual": 1}
    services.terminate_now(person, reason="gone")
    drain()
    assert states() == {"manual": 1}


@pytest.fixture
def unseen(company: Company, hiding: MemoryApplication, monkeypatch: pytest.MonkeyPatch) -> Person:
    """Their account was made, nobody answered, and nothing shows it."""
    hiding.faults.next("create", lost_after())
    monkeypatch.setattr(hiding, "shown", list)
    person = company.person("1")
    apply()
    return person


def test_what_neither_search_nor_list_shows_is_looked_for_by_a_person(
    company: Company,
    hiding: MemoryApplication,
    unseen: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (task,) = byhand.tasks()
    assert "the name is taken" in task.cause
    assert task.what == "Make an account for Person 1 in Chat."
    services.terminate_now(unseen, reason="gone")
    drain()
    (task,) = byhand.tasks()
    assert task.what == "Look whether Person 1 has an account in Chat."
    assert task.looks
    assert "userName: p1@acme.example" in " ".join(task.steps)
    # It shows up, and is closed by itself when somebody says that they saw it.
    monkeypatch.undo()
    hiding.faults.clear()
    byhand.done(task.number, note="seen on the admin pages")
    drain()
    assert len(hiding.users) == 1
    assert company.open_users() == set()
    assert not byhand.tasks()


def test_a_person_says_that_there_is_none(unseen: Person) -> None:
    (task,) = byhand.tasks()
    with pytest.raises(byhand.TaskRefused, match="is still wanted"):
        byhand.none_there(task.number, note="looked")
    services.terminate_now(unseen, reason="gone")
    drain()
    with pytest.raises(byhand.TaskRefused, match="Say where you looked"):
        byhand.none_there(task.number, note=" ")
    byhand.none_there(task.number, note="looked on the admin pages")
    services.store(person=unseen)
    drain()
    assert not byhand.tasks()
    assert states() == {"cancelled": 1}
    told = Event.objects.get(action=Action.TASK_DONE)
    assert told.reason == "There is none: looked on the admin pages"


@pytest.mark.parametrize("fault", [lost_before, lost_after])
def test_what_was_given_up_is_looked_for_when_its_owner_leaves(
    company: Company, liar: MemoryApplication, fault: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody could be asked whether it was made, and then it is to be closed."""
    person = company.person("1")
    liar.faults.next("create", fault())  # type: ignore[operator]
    liar.faults.always("find", lost_before())
    monkeypatch.setattr(settling, "MOST_ATTEMPTS", 2)
    services.store()
    for _ in range(3):
        Operation.objects.update(not_before=None)
        drain()
    assert states() == {"failed": 1}
    liar.faults.clear()
    services.terminate_now(person, reason="gone")
    for _ in range(2):
        drain()
        time.sleep(0.2)
        Operation.objects.update(not_before=None)
    assert company.open_users() == set()
    assert "failed" not in states()
