"""A worker that stands still: it is put out, and writes nothing when it wakes."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection

from tenure.applications.models import Application
from tenure.provisioning import services
from tenure.provisioning.execution import holding
from tests.provisioning.company import Company, drain, states


@pytest.fixture
def stopped(sales: Company) -> Iterator[psycopg.Connection]:
    """What is left of a worker that stands still: sessions that have the application's locks."""
    sales.people(3)
    services.store()
    key = Application.objects.get().pk
    parameters = connection.get_connection_params()
    parameters = {k: parameters[k] for k in ("dbname", "user", "password", "host", "port")}
    with psycopg.connect(**parameters, autocommit=True) as other:
        for lock in (holding.WIDE, holding.FAST, holding.CLAIMS):
            other.execute("SELECT pg_advisory_lock(%s, %s)", [lock, key])
        yield other


@pytest.mark.django_db(transaction=True)
def test_who_was_heard_lately_keeps_its_place(stopped: psycopg.Connection) -> None:
    assert drain().busy
    assert states() == {"planned": 3}
    assert stopped.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.django_db(transaction=True)
def test_who_is_silent_is_put_out(
    stopped: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(holding, "SILENT_SECONDS", 0)
    assert drain().sent == 3
    assert states() == {"done": 3}
    with pytest.raises(psycopg.errors.AdminShutdown):
        stopped.execute("SELECT 1")
    assert "said nothing for 0 seconds" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_who_wakes_up_sends_nothing(sales: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """It had begun, and does not know how long ago: what is left waits for the next drain."""
    sales.people(3)
    services.store()
    asked = iter([True] * 3)
    monkeypatch.setattr(holding.Pulse, "is_felt", lambda self: next(asked, False))
    drain()
    assert len(sales.users()) < 3
    monkeypatch.undo()
    drain()
    assert states() == {"done": 3}
    assert len(sales.users()) == 3
