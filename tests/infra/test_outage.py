"""What is logged when a database goes away: once what happened, and all other errors as ever."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import pairwise

import django.db
import psycopg
import pytest
from procrastinate.exceptions import ConnectorException

from tenure.infra import outage

REFUSED = (
    'connection is bad: connection to server on socket "/run/.s.PGSQL.5432" failed: Connection '
    "refused\n\tIs the server running locally and accepting connections on that socket?"
)
log = logging.getLogger("tests.outage")


def raised(*chain: Exception) -> Exception:
    """The last one, each of them raised from the one before."""
    for before, after in pairwise(chain):
        after.__cause__ = before
    return chain[-1]


@pytest.mark.parametrize(
    "error",
    [
        psycopg.OperationalError(REFUSED),
        psycopg.errors.AdminShutdown(),
        raised(psycopg.errors.CrashShutdown(), django.db.OperationalError()),
        raised(psycopg.OperationalError("the connection is closed"), ConnectorException()),
    ],
)
def test_lost(error: Exception) -> None:
    assert outage.lost(error) is not None


@pytest.mark.parametrize(
    "error",
    [
        psycopg.errors.ReadOnlySqlTransaction(),
        raised(psycopg.errors.ReadOnlySqlTransaction(), django.db.InternalError()),
        raised(psycopg.errors.DiskFull(), ConnectorException()),
        psycopg.errors.IoError(),
        psycopg.errors.AdminShutdown(),
    ],
)
def test_ailing(error: Exception) -> None:
    assert outage.ailing(error) is not None


@pytest.mark.parametrize(
    "error",
    [
        None,
        ValueError("wrong"),
        psycopg.errors.LockNotAvailable(),
        psycopg.errors.UndefinedColumn(),
    ],
)
def test_not_ailing(error: Exception | None) -> None:
    assert outage.ailing(error) is None


@pytest.mark.parametrize(
    "error",
    [
        None,
        ValueError("wrong"),
        psycopg.errors.LockNotAvailable(),
        psycopg.errors.UndefinedColumn(),
        raised(psycopg.errors.DeadlockDetected(), django.db.OperationalError()),
        raised(psycopg.errors.DiskFull(), ConnectorException()),
        # A mistake of ours that was made while the loss was handled.
        raised(psycopg.OperationalError("the connection is closed"), AttributeError("wrong")),
    ],
)
def test_not_lost(error: Exception | None) -> None:
    assert outage.lost(error) is None


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (REFUSED, "Connection refused"),
        ("connection failed: FATAL:  the database system is starting up", "the database system is"
         " starting up"),
        ("server closed the connection unexpectedly\n\tThis probably means", "server closed the"
         " connection unexpectedly"),
        ("", "OperationalError"),
    ],
)  # fmt: skip
def test_the_reason_is_short(said: str, reason: str) -> None:
    assert outage.reason(psycopg.OperationalError(said)) == reason


@pytest.fixture
def printed(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], list[str]]:
    """What a log has by now, without errors' traces."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [caplog.handler])
    return lambda: [record.getMessage() for record in caplog.records]


def test_told_once_and_when_it_is_over(printed: Callable[[], list[str]]) -> None:
    with outage.told_once() as away:
        for _ in range(20):
            log.error("A job failed.", exc_info=psycopg.OperationalError(REFUSED))
        pool = logging.getLogger("psycopg.pool")
        pool.warning("error connecting in %r: %s", "pool-1", psycopg.OperationalError(REFUSED))
        log.error("Another job failed.", exc_info=ValueError("wrong"))
        away.over()
        away.over()
    assert printed() == [
        "The connection to the database is lost (Connection refused). What was stored is kept; this"
        " worker goes on by itself when the database answers.",
        "Another job failed.",
        "The database answers again: this worker has gone on.",
    ]


def test_a_job_that_another_worker_did_meanwhile(printed: Callable[[], list[str]]) -> None:
    gone = psycopg.errors.RaiseException('Job was not found or not in "doing" status (job id: 5)')
    with outage.told_once():
        log.error("never retrieved", exc_info=raised(gone, ConnectorException()))
        log.error("another", exc_info=raised(psycopg.errors.RaiseException("no"), ValueError()))
    (first, second) = printed()
    assert first.startswith("This worker stood still for a while")
    assert second == "another"


def test_told_again_while_it_lasts(
    printed: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    with outage.told_once() as away:
        for said in (REFUSED, REFUSED, "FATAL: password authentication failed for user"):
            away.note(psycopg.OperationalError(said))
            clock[0] += 40
        assert away.quiet
    assert printed()[1:] == [
        "The database still does not answer (password authentication failed for user)."
    ]


def test_a_database_that_is_there_again_and_takes_nothing(
    printed: Callable[[], list[str]],
) -> None:
    with outage.told_once("this web server") as away:
        for error in (psycopg.OperationalError(REFUSED), psycopg.errors.DiskFull("no room")):
            for _ in range(3):
                log.error("A job failed.", exc_info=raised(error, django.db.OperationalError()))
        assert away.lacks_room
        away.over()
        assert not away.lacks_room
    assert printed() == [
        "The connection to the database is lost (Connection refused). What was stored is kept; this"
        " web server goes on by itself when the database answers.",
        "The database takes nothing (no room). What was stored is kept; this web server goes on by"
        " itself when it does.",
        "The database answers again: this web server has gone on.",
    ]


def test_all_of_it_for_who_looks_for_more(printed: Callable[[], list[str]]) -> None:
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.DEBUG)
    try:
        with outage.told_once():
            log.error("A job failed.", exc_info=psycopg.OperationalError(REFUSED))
    finally:
        root.setLevel(before)
    assert "A job failed." in printed()
