"""What browsers and programs get where an answer cannot be given: nothing of it asks a database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import django.db
import psycopg
import pytest
from django.db import connection
from django.test import Client

pytestmark = pytest.mark.django_db

LOST = psycopg.OperationalError("server closed the connection unexpectedly")
READ_ONLY = psycopg.errors.ReadOnlySqlTransaction(
    "cannot execute INSERT in a read-only transaction"
)
FULL = psycopg.errors.DiskFull("could not extend file: No space left on device")
BROWSER = {"accept": "text/html,application/xhtml+xml"}


@contextmanager
def database_says(error: Exception) -> Iterator[None]:
    def refuse(_execute: Callable[..., Any], *_statement: Any) -> Any:
        # As Django itself wraps what the driver raises.
        raise django.db.OperationalError(str(error)) from error

    with connection.execute_wrapper(refuse):
        yield


@pytest.fixture
def browser() -> Client:
    return Client(raise_request_exception=False)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (LOST, "Tenure does not reach its database"),
        (READ_ONLY, "database takes nothing at present"),
        (FULL, "database takes nothing at present"),
    ],
    ids=["lost", "read-only", "full"],
)
def test_a_browser_gets_a_page_that_asks_again(
    browser: Client, error: Exception, said: str
) -> None:
    with database_says(error):
        answer = browser.get("/sign-in/", headers=BROWSER)
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert answer["Cache-Control"] == "no-store"
    text = answer.content.decode()
    assert said in text.replace("&#x27;", "'")
    assert '<meta http-equiv="refresh" content="10">' in text


def test_what_was_sent_is_not_sent_again_by_itself(browser: Client) -> None:
    with database_says(LOST):
        answer = browser.post("/sign-in/recover", {"code": "x"}, headers=BROWSER)
    assert answer.status_code == 503
    assert "http-equiv" not in answer.content.decode()
    assert "look at it before you do it again" in answer.content.decode()


def test_programs_get_what_they_can_read(browser: Client) -> None:
    with database_says(FULL):
        told = browser.post("/oauth/token", {"grant_type": "refresh_token"})
        scim = browser.get("/scim/v2/Users", headers={"authorization": "Bearer something"})
    assert (told.status_code, told.json()["error"]) == (503, "temporarily_unavailable")
    assert (scim.status_code, scim.json()["status"]) == (503, "503")
    assert scim["Content-Type"].startswith("application/scim+json")


def test_an_error_of_ours_is_told_as_one(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_given: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("tenure.signin.views.door.count", wrong)
    answer = browser.get("/sign-in/", headers=BROWSER)
    text = answer.content.decode()
    assert (answer.status_code, answer.has_header("Retry-After")) == (500, False)
    assert "That did not work" in text
    assert "http-equiv" not in text
