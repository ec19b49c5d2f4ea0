"""Accounts that are nobody's: what waits for approval of them when somebody thinks better of it."""

from __future__ import annotations

import pytest

from tenure.applications.models import Account
from tenure.provisioning import services
from tenure.provisioning.models import Operation
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
