"""Accounts that are nobody's: what waits for approval of them when somebody thinks better of it,
and what becomes of what cannot be done to them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tenure.applications.models import Account
from tenure.connectors.base import Unsupported
from tenure.connectors.faults import Fault, lost_after, lost_before, rejected, retry_later
from tenure.people.services import raise_generation
from tenure.provisioning import services
from tenure.provisioning.decisions import byhand, ownership
from tenure.provisioning.models import Operation
from tenure.provisioning.planning import plans
from tenure.provisioning.questions.sent_again import sent_again
from tenure.provisioning.records import settling
from tenure.runs.models import Run
from tests.provisioning.company import Company, drain, states
from tests.provisioning.test_situations import reconcile, settings


@pytest.fixture
def plain(company: Company) -> Company:
    """Everybody has Chat, without groups."""
    company.application("chat")
    company.rule("everyone", "has(user.department)", {"chat": []})
    return company


def test_what_became_of_orphans_is_not_asked_for_any_more_is_not_approved(plain: Company) -> None:
    """Whoever thinks better of it, or protects one, need not apply a plan first."""
    settings(orphans="delete")
    for name in ("left", "printer"):
        plain.memories["chat"].add_user({"userName": name})
    reconcile()
    services.store()
    (seen,) = services.preview().seen.values()
    settings(protect=['account.userName == "printer"'])
    assert [line.account for line in services.preview().lines] == ["left"]
    done = services.approve(application="chat", reason="gone in May", seen=seen)
    assert (done.count, done.gone) == (1, 1)
    drain()
    assert set(plain.users()) == {"printer"}

    plain.memories["chat"].add_user({"userName": "boss"})
    settings(protect=[])
    reconcile()
    services.store()
    settings(orphans="report")
    assert services.preview().lines == ()
    assert services.approve(application="chat", reason="all of it").count == 0
    drain()
    assert set(plain.users()) == {"printer", "boss"}
    assert "held" not in states()
    assert not Run.objects.filter(state="held").exists()


def test_deleting_what_is_closed_frees_no_seat(plain: Company) -> None:
    """Nor does an account that the plan closes and deletes free two."""
    settings(orphans="delete", seat_price="7.25", seat_currency="EUR")
    for name in ("left", "printer"):
        plain.memories["chat"].add_user({"userName": name})
    reconcile()
    Account.objects.filter(user_name="printer").update(active=False)
    expected = {"EUR": {"before": "7.25", "after": "0.00"}}
    assert services.preview().as_json()["cost"] == expected
    services.store()
    assert services.preview().as_json()["cost"] == expected
    # What was stored by another policy is not planned beside what this one asks for.
    settings(orphans="disable")
    assert [(x.account, x.kind.value) for x in services.preview().lines] == [("left", "disable")]
    assert services.preview().as_json()["cost"] == expected


def test_an_orphan_that_finds_its_owner_is_not_deleted_as_approved(plain: Company) -> None:
    settings(orphans="delete")
    plain.memories["chat"].add_user({"userName": "p1@acme.example"})
    reconcile()
    services.store()
    services.stop_writes(reason="")
    services.approve(reason="")
    plain.person("1")
    services.store()
    services.resume_writes()
    drain()
    assert plain.open_users() == {"p1@acme.example"}
    assert Operation.objects.get(kind="delete").state == "cancelled"


@pytest.fixture(autouse=True)
def whatever_is_tried_again_is_tried_much_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a drain of its own."""
    monkeypatch.setattr(settling, "back_off", lambda attempts: 3600.0)


def meets(plain: Company, fault: Fault, *, verb: str = "delete", name: str = "left") -> Operation:
    """A step on an account of nobody's that somebody approved, and that met this."""
    settings(orphans=verb)
    plain.memories["chat"].add_user({"userName": name})
    reconcile()
    services.store()
    services.approve(reason="gone in May")
    plain.memories["chat"].faults.always(verb, fault)
    drain()
    plain.memories["chat"].faults.clear()
    return Operation.objects.get(person=None)


def test_a_nobodys_account_whose_deletion_was_refused_is_tried_again(plain: Company) -> None:
    """As it was approved: whoever has it tried again has nothing new to decide."""
    row = meets(plain, rejected())
    assert row.state == "failed"
    done = services.retry_failed("chat")
    assert (str(done), len(done.runs)) == ("1 account of nobody's", 1)
    drain()
    assert plain.users() == {}
    again = Operation.objects.get(state="done")
    assert (again.decided_by, again.decided_reason) == (row.decided_by, "gone in May")
    # Nothing says any more that it failed, and the run in which it did tells how it went on.
    assert states() == {"cancelled": 1, "done": 1}
    assert row.run is not None
    assert str(sent_again(row.run)) == "1 that failed was planned anew since: 1 done."
    assert services.retry_failed("chat").runs == ()


def test_what_failed_for_a_nobodys_account_is_asked_about_once(plain: Company) -> None:
    """By a plan that somebody asks for, and not beside what failed whenever anybody changes."""
    person = plain.person("1")
    meets(plain, rejected())
    raise_generation([person.pk])
    plans.store_lagging()
    drain()
    assert states() == {"done": 1, "failed": 1}
    services.store()
    assert states() == {"cancelled": 1, "done": 1, "held": 1}
    services.approve(reason="now")
    drain()
    assert states() == {"cancelled": 1, "done": 2}
    assert "left" not in plain.users()


BY_HAND = Fault(lambda: Unsupported("Not by us.", "Do it there."))


@pytest.mark.parametrize("fault", [rejected(), retry_later(3600), lost_before(), BY_HAND])
@pytest.mark.parametrize("verb", ["delete", "disable"])
def test_what_went_wrong_on_an_orphan_ends_when_it_is_somebodys(
    plain: Company, fault: Fault, verb: str
) -> None:
    """Nobody is asked to close by hand, or to try again, what an employee has by now; and nothing
    stays under way for good."""
    row = meets(plain, fault, verb=verb, name="p1@acme.example")
    assert row.state in ("failed", "retrying", "unknown", "manual")
    plain.person("1")
    services.store()
    Operation.objects.filter(state="unknown").update(not_before=None)
    drain()
    assert Operation.objects.get(pk=row.pk).state == "cancelled"
    assert set(states()) <= {"cancelled", "done"}
    assert byhand.tasks() == []
    assert plain.open_users() == {"p1@acme.example"}


def test_a_deletion_that_was_done_unheard_is_found_out_for_the_owner(plain: Company) -> None:
    settings(recreate="always")
    row = meets(plain, lost_after(), name="p1@acme.example")
    assert (row.state, plain.users()) == ("unknown", {})
    plain.person("1")
    services.store()
    Operation.objects.filter(state="unknown").update(not_before=None)
    drain()
    assert Operation.objects.get(pk=row.pk).state == "done"
    services.store()
    drain()
    assert plain.open_users() == {"p1@acme.example"}
    assert set(states()) <= {"cancelled", "done"}


def protect() -> None:
    ownership.protect(Account.objects.get(), reason="the founder's")


def think_better_of_it() -> None:
    settings(orphans="report")


@pytest.mark.parametrize("change", [protect, think_better_of_it])
@pytest.mark.parametrize("fault", [rejected(), retry_later(3600), lost_before(), BY_HAND])
def test_what_went_wrong_on_an_orphan_ends_when_it_is_not_asked_for(
    plain: Company, fault: Fault, change: Callable[[], None]
) -> None:
    meets(plain, fault, verb="disable")
    change()
    services.store()
    assert states() == {"cancelled": 1}
    assert plain.open_users() == {"left"}
