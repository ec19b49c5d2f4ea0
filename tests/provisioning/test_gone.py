"""What is not found where nothing is found is not gone."""

from __future__ import annotations

import pytest

from tenure.applications.models import Account, Application
from tenure.connectors.base import NotFound, StopApplication
from tenure.connectors.faults import Fault
from tenure.provisioning import services
from tenure.provisioning.decisions import byhand
from tests.provisioning.company import Company, apply, drain


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
    assert account.evidence["read_back"] == "the account is not there"


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
