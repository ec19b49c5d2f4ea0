"""Reading an application: what is nobody's, what somebody changed there, what is gone."""

from __future__ import annotations

import asyncio

import pytest

from tenure.applications.models import Account, Application
from tenure.audit.models import Action, Event
from tenure.connectors.base import ConnectorError
from tenure.connectors.faults import retry_later, stopped
from tenure.provisioning import services
from tenure.provisioning.models import Operation
from tenure.provisioning.reconciliation.reconcile import ReconcileResult, reconcile_by_slug
from tenure.provisioning.records import settling
from tests.provisioning.company import Company, apply, drain, linked


def reconcile(slug: str = "chat") -> ReconcileResult:
    return asyncio.run(reconcile_by_slug(slug))


def test_nothing_changed_is_nothing_to_do(sales: Company) -> None:
    sales.people(5)
    apply()
    reconcile()
    counters = reconcile().counters
    assert counters["seen"] == counters["unchanged"] == 5
    assert services.preview().lines == ()


def test_an_orphan_is_reported_and_left_alone(sales: Company) -> None:
    sales.people(1)
    apply()
    sales.memories["chat"].add_user({"userName": "robot@acme.example"})
    result = reconcile()
    assert result.counters["orphans"] == 1
    assert [issue.key for issue in result.issues] == ["robot@acme.example"]
    assert Account.objects.get(user_name="robot@acme.example").situation == "unmatched"
    assert services.preview().lines == ()
    sales.memories["chat"].add_user({"userName": "robot2@acme.example"})
    counters = reconcile().counters
    assert (counters["orphans"], counters["orphans_in_all"]) == (1, 2)
    counters = reconcile().counters
    assert (counters.get("orphans", 0), counters["orphans_in_all"]) == (0, 2)


def test_drift_is_seen_told_and_put_right(sales: Company) -> None:
    sales.person("1", title="Lead")
    apply()
    memory = sales.memories["chat"]
    memory.change_user(linked()["p1@acme.example"].remote_id, {"title": "King"})
    assert reconcile().counters["drift"] == 1
    event = Event.objects.get(action=Action.ACCOUNT_DRIFTED)
    assert (event.before, event.after) == ({"title": "Lead"}, {"title": "King"})
    apply()
    assert sales.users()["p1@acme.example"].attributes["title"] == "Lead"


def test_an_account_opened_behind_our_back_is_closed_again(sales: Company) -> None:
    (person,) = sales.people(1)
    apply()
    services.terminate_now(person, reason="")
    apply()
    remote_id = linked()["p1@acme.example"].remote_id
    sales.memories["chat"].set_active(remote_id, True)
    reconcile()
    # The proof was of what has been undone since.
    assert linked()["p1@acme.example"].evidence is None
    apply()
    assert sales.open_users() == set()
    assert linked()["p1@acme.example"].evidence["read_back"] == "the account is closed"


def test_a_deleted_account_becomes_a_tombstone_and_is_made_again_when_approved(
    sales: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "SHOWN_AFTER", 0)
    sales.people(2)
    apply()
    sales.memories["chat"].delete_user(linked()["p1@acme.example"].remote_id)
    assert reconcile().counters["gone"] == 1
    event = Event.objects.get(action=Action.ACCOUNT_DELETED_THERE)
    assert event.get_action_display() == "Account deleted in the application"
    assert event.before == {"active": True, "entitlements": ["group:all", "group:sales"]}
    assert event.reason.startswith("Neither listed by the application nor found")
    assert not Event.objects.filter(action=Action.ACCOUNT_DRIFTED).exists()
    assert Account.objects.get(situation="deleted").user_name == "p1@acme.example"
    apply()
    assert set(sales.users()) == {"p2@acme.example"}
    assert "deleted in the application" in Operation.objects.get(state="held").hold_reason
    services.approve(reason="it was a mistake")
    drain()
    assert set(sales.users()) == {"p1@acme.example", "p2@acme.example"}
    assert services.preview().lines == ()


def test_members_that_somebody_added_or_removed_are_put_right(sales: Company) -> None:
    sales.people(2)
    sales.person("9", department="Support")
    apply()
    memory = sales.memories["chat"]
    group = next(g for g in memory.groups.values() if g.name == "sales")
    ids = {name: row.remote_id for name, row in linked().items()}
    group.members.discard(ids["p1@acme.example"])
    group.members.add(ids["p9@acme.example"])
    assert reconcile().counters["memberships"] == 2
    apply()
    assert sales.members("sales") == {"p1@acme.example", "p2@acme.example"}


def test_existing_accounts_are_tied_to_their_owners(sales: Company) -> None:
    people = sales.people(2)
    memory = sales.memories["chat"]
    memory.add_user({"userName": "P1@Acme.example", "displayName": "Person 1"})
    result = reconcile()
    assert result.counters["linked"] == 1
    assert linked()["P1@Acme.example"].person_id == people[0].pk
    assert services.preview().summary == {"create": 1, "grant": 1}


def test_two_who_could_own_it_is_a_dispute(sales: Company) -> None:
    Application.objects.update(matching=[{"account": "title", "person": "title"}])
    sales.person("1", title="Twin")
    sales.person("2", title="Twin")
    sales.memories["chat"].add_user({"userName": "twin", "title": "Twin"})
    assert reconcile().counters["disputed"] == 1
    account = Account.objects.get(user_name="twin")
    assert account.situation == "disputed"
    assert len(account.candidates) == 2


@pytest.mark.parametrize("fault", [retry_later, stopped])
def test_half_a_listing_makes_nobody_gone(sales: Company, fault: object) -> None:
    sales.people(30)
    apply()
    sales.memories["chat"].faults.nth("accounts", 2, fault())  # type: ignore[operator]
    sales.memories["chat"].faults.always("accounts", fault())  # type: ignore[operator]
    with pytest.raises(ConnectorError):
        reconcile()
    assert Account.objects.filter(situation="deleted").count() == 0
    assert len(linked()) == 30


@pytest.mark.parametrize(("state", "attempts"), [("retrying", 1), ("planned", 0)])
def test_what_we_closed_and_it_shows_only_now_was_closed_by_nobody_else(
    sales: Company, state: str, attempts: int
) -> None:
    """It was accepted, and then still shown open, or the application stopped: the proof is to
    come, and is not given up."""
    person = sales.person("1")
    apply()
    memory = sales.memories["chat"]
    (user,) = memory.users.values()
    services.terminate_now(person, reason="dismissed")
    user.active = False
    waiting = Operation.objects.filter(kind="disable")
    waiting.update(state=state, attempts=attempts, progress={"account": True, "revoke": []})
    reconcile()
    assert not Event.objects.filter(action=Action.ACCOUNT_DRIFTED).exists()
    apply()
    account = Account.objects.get()
    assert account.active is False
    assert account.evidence["read_back"] == "the account is closed"
    assert waiting.get().state == "done"
