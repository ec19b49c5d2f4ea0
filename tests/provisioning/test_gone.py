"""What is not found where nothing is found is not gone."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tenure.applications.models import Account, Application
from tenure.audit.models import Action, Event
from tenure.connectors.base import NotFound, StopApplication
from tenure.connectors.faults import Fault, blind
from tenure.connectors.memory import MemoryApplication
from tenure.core.guard import Limit
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.provisioning import services
from tenure.provisioning.decisions import byhand
from tenure.provisioning.execution import proving, together
from tenure.provisioning.models import Operation
from tenure.provisioning.reconciliation.reconcile import reconcile_by_slug
from tenure.provisioning.records import lasting
from tests.provisioning.company import Company, apply, drain, states


def test_a_wrong_address_proves_no_deletion(company: Company) -> None:
    """Every request is answered that there is no such thing; a listing says that by itself."""
    company.application("chat", removal="delete")
    company.rule("all", "true", {"chat": []})
    leaver = company.person("1")
    apply()
    faults = company.memories["chat"].faults
    for verb in ("delete", "read"):
        faults.always(verb, Fault(lambda: NotFound("DELETE /Users/1 was answered 404.")))
    faults.always("accounts", Fault(lambda: StopApplication("GET /Users was answered 404.")))
    services.terminate_now(leaver, reason="gone")
    drain()
    application = Application.objects.get()
    assert application.stopped_reason == "GET /Users was answered 404."
    assert Account.objects.get().situation == "linked"
    faults.clear()
    services.resume_application("chat")
    drain()
    assert company.users() == {}
    assert Account.objects.get().situation == "deleted"


@pytest.mark.parametrize("already", [True, False])
def test_a_deletion_is_proven_where_accounts_are_listed(company: Company, already: bool) -> None:
    company.application("chat", removal="delete")
    company.rule("all", "true", {"chat": []})
    leaver = company.person("1")
    apply()
    memory = company.memories["chat"]
    if already:
        memory.delete_user(next(iter(memory.users)))
    services.terminate_now(leaver, reason="gone")
    drain()
    account = Account.objects.get()
    assert account.situation == "deleted"
    assert account.evidence is not None
    assert account.evidence["read_back"].startswith("the account is not there")


def leaver_of_ten(company: Company) -> tuple[Person, MemoryApplication]:
    """Nine others have Chat, too."""
    company.application("chat")
    company.rule("all", "true", {"chat": []})
    leaver = company.people(10)[0]
    apply()
    # Nobody waits until what was made just now is listed.
    yesterday = now() - timedelta(days=1)
    Account.objects.update(created_at=yesterday, observed_at=yesterday)
    return leaver, company.memories["chat"]


def not_found() -> NotFound:
    return NotFound("PATCH /Users/1 was answered 404.")


@pytest.mark.parametrize("bulk", [0, 10])
def test_an_account_that_is_gone_when_it_is_to_be_closed_is_gone(
    company: Company, monkeypatch: pytest.MonkeyPatch, bulk: int
) -> None:
    """Somebody deleted it there. It is looked for at once, and proven; nobody waits until the
    application is read."""
    monkeypatch.setattr(together, "_WORTH", 2)
    leaver, memory = leaver_of_ten(company)
    row = Application.objects.get()
    Application.objects.update(settings={**row.settings, "bulk": bulk})
    account = Account.objects.get(person=leaver)
    memory.delete_user(account.remote_id)
    if bulk:
        other = Person.objects.exclude(pk=leaver.pk).first()
        assert other is not None
        services.terminate_now(other, reason="gone")
    services.terminate_now(leaver, reason="gone")
    drain()
    account.refresh_from_db()
    assert (account.situation, account.active, account.deleted_there) == ("deleted", False, True)
    assert account.evidence is not None
    assert account.evidence["answered"] == "no such account"
    assert (
        "looked for by its id and its externalId and its userName"
        in (account.evidence["read_back"])
    )
    assert states().keys() == {"done"}
    assert ("bulk" in [call.verb for call in memory.calls]) is bool(bulk)
    event = Event.objects.get(action=Action.ACCOUNT_DELETED_THERE)
    assert "Not deleted by Tenure" in event.reason
    assert services.preview().lines == ()
    asyncio.run(reconcile_by_slug("chat"))
    assert services.preview().lines == ()


def test_one_that_was_hidden_is_closed_when_it_is_seen(company: Company) -> None:
    """It was said not to be there, and nothing spoke against it."""
    leaver, memory = leaver_of_ten(company)
    account = Account.objects.get(person=leaver)
    hidden = memory.users.pop(account.remote_id)
    services.terminate_now(leaver, reason="gone")
    drain()
    account.refresh_from_db()
    assert account.situation == "deleted"
    memory.users[account.remote_id] = hidden
    asyncio.run(reconcile_by_slug("chat"))
    apply()
    assert leaver.email not in company.open_users()
    assert services.preview().lines == ()


def test_what_is_not_found_by_its_id_and_is_by_its_name_is_not_gone(company: Company) -> None:
    """Somebody made it anew there, or the application gave it another id."""
    leaver, memory = leaver_of_ten(company)
    account = Account.objects.get(person=leaver)
    moved = memory.users[account.remote_id].attributes
    memory.delete_user(account.remote_id)
    memory.add_user(dict(moved))
    services.terminate_now(leaver, reason="gone")
    drain()
    account.refresh_from_db()
    assert (account.situation, account.active) == ("linked", True)
    failed = Operation.objects.get(state="failed")
    assert "has another one with the same userName" in failed.error
    assert failed.not_before is not None
    asyncio.run(reconcile_by_slug("chat"))
    apply()
    assert leaver.email not in company.open_users()


def test_a_token_that_sees_less_than_before_proves_nothing(company: Company) -> None:
    """It is answered that there is no such account, of most of those that are there, too."""
    leaver, memory = leaver_of_ten(company)
    for verb in ("disable", "read"):
        memory.faults.always(verb, Fault(not_found))
    memory.faults.always("find", blind())
    services.terminate_now(leaver, reason="gone")
    drain()
    assert Account.objects.get(person=leaver).situation == "linked"
    failed = Operation.objects.get(state="failed")
    assert "the token may see less than before" in failed.error
    memory.faults.clear()
    settle_later(failed)
    drain()
    assert leaver.email not in company.open_users()
    assert Account.objects.get(person=leaver).evidence is not None


def test_a_lie_of_a_moment_is_asked_again(company: Company) -> None:
    leaver, memory = leaver_of_ten(company)
    memory.faults.next("disable", Fault(not_found))
    services.terminate_now(leaver, reason="gone")
    drain()
    assert leaver.email not in company.open_users()
    account = Account.objects.get(person=leaver)
    assert (account.situation, account.active) == ("linked", False)


def test_not_all_are_believed_to_be_gone_at_once(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proving, "LIMIT", Limit(floor=2))
    leaver_of_ten(company)
    leavers = list(Person.objects.order_by("pk")[:4])
    memory = company.memories["chat"]
    for person in leavers:
        memory.delete_user(Account.objects.get(person=person).remote_id)
        services.terminate_now(person, reason="gone")
    drain()
    assert Account.objects.filter(situation="deleted").count() == 2
    failed = Operation.objects.filter(state="failed")
    assert failed.count() == 2
    assert all("believed of no more" in row.error for row in failed)


def settle_later(row: Operation) -> None:
    """It is tried again now, as it would be by itself."""
    lasting.try_soon(row.application, now() - timedelta(seconds=1))
    assert lasting.bring_back(now()) == 1


def test_where_it_is_not_shown_whether_an_account_is_closed_somebody_looks(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing says that it is still open, either: it is not sent for ever."""
    company.application("chat")
    company.rule("all", "true", {"chat": []})
    leaver = company.person("1")
    apply()
    memory = company.memories["chat"]
    for user in memory.users.values():
        monkeypatch.setattr(user, "active", None)
    monkeypatch.setattr(memory, "set_active", lambda remote_id, active: None)
    services.terminate_now(leaver, reason="gone")
    drain()
    (task,) = byhand.tasks()
    assert task.cause == (
        "The application accepted to close the account, and does not show whether it is."
    )
    assert task.how == "Look there whether anybody can still sign in with it, and close it if so."
    byhand.done(task.number, note="Seen there.")
    account = Account.objects.get()
    assert (account.active, account.evidence and account.evidence["sent"]) == (False, "by hand")
