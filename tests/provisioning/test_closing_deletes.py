"""Applications in which closing an account is deleting it: that is our doing, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tenure.applications.models import Account
from tenure.audit.models import Action, Event
from tenure.connectors.scim import declared
from tenure.infra.clock import now
from tenure.provisioning import services
from tenure.provisioning.decisions import lives
from tenure.provisioning.models import Operation
from tests.connectors.odd_scim import Odd, Quirks
from tests.provisioning.company import drain
from tests.provisioning.whole_life import application, hire, reconcile, running
from tests.sources.hr import person, source, take

FINAL = {"off": {"final": True}}


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ODD_TOKEN", "abcdef")
    declared.forget()
    yield
    declared.forget()


def hired(odd: Odd, folder: Path, dialect: dict[str, Any]) -> None:
    application(odd.address, dialect)
    take(source(), folder, [hire(number, f"Given{number}") for number in range(1, 6)])
    services.store()
    drain("odd")
    assert len(odd.users) == 5


@pytest.mark.parametrize("dialect", [FINAL, {}], ids=["declared", "found out by reading"])
def test_what_closing_deleted_was_deleted_by_nobody_else(
    transactional_db: None, tmp_path: Path, dialect: dict[str, Any]
) -> None:
    with running(Quirks(off="final")) as odd:
        hired(odd, tmp_path, dialect)
        services.terminate_now(person(1), reason="dismissed")
        drain("odd")
        proof = Account.objects.get(person=person(1)).evidence
        assert proof is not None
        assert (proof["sent"], proof["read_back"]) == ("disable", "the account is not there")
        Account.objects.update(observed_at=now() - timedelta(hours=1))
        found = reconcile()
        account = Account.objects.get(person=person(1))
        assert (account.situation, account.deleted_there) == ("deleted", False)
        assert account.evidence == proof
        assert found.issues == ()
        told = Event.objects.filter(person=str(person(1).uid))
        assert not told.filter(action=Action.ACCOUNT_DELETED_THERE).exists()
        assert told.filter(action=Action.ACCOUNT_DELETED).count() == 1


def test_who_comes_back_gets_another_account_without_being_asked_for(
    transactional_db: None, tmp_path: Path
) -> None:
    with running(Quirks(off="final")) as odd:
        hired(odd, tmp_path, FINAL)
        lives.suspend(person(1), reason="a mistake")
        drain("odd")
        assert len(odd.users) == 4
        lives.end_suspension(person(1), reason="it was one")
        services.store()
        drain("odd")
        assert len(odd.users) == 5
        assert Operation.objects.latest("id").kind == "create"
        assert not Operation.objects.exclude(state__in=["done", "cancelled"]).exists()


def test_what_an_attempt_without_an_answer_deleted_was_deleted_by_us(
    transactional_db: None, tmp_path: Path
) -> None:
    with running(Quirks(off="final")) as odd:
        hired(odd, tmp_path, FINAL)
        services.terminate_now(person(1), reason="dismissed")
        # It arrived, and the worker died before it heard so.
        account = Account.objects.get(person=person(1))
        del odd.users[account.remote_id]
        Operation.objects.filter(kind="disable").update(state="unknown", attempts=1)
        drain("odd")
        account.refresh_from_db()
        assert (account.situation, account.deleted_there) == ("deleted", False)
        assert not Event.objects.filter(action=Action.ACCOUNT_DELETED_THERE).exists()
