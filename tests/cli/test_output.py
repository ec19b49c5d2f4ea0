"""What is wrong with a database, in words that say what is to be done."""

from __future__ import annotations

import psycopg
import pytest
from django.db import OperationalError

from tenure.cli.output import Failure, plainly


def said(error: Exception, cause: Exception | None = None) -> str:
    with pytest.raises(Failure) as told, plainly():
        raise error from cause
    return str(told.value)


def test_a_full_disk_is_no_database_that_is_down() -> None:
    words = 'could not extend file "base/1/2": No space left on device'
    told = said(OperationalError(words), psycopg.errors.DiskFull(words))
    assert told.startswith("The disk of the database is full: could not extend file")
    assert "Free some space there and repeat the command" in told
    assert "Start the database" not in told


def test_no_connection_left_is_no_database_that_is_down() -> None:
    words = "connection failed: FATAL:  sorry, too many clients already"
    told = said(OperationalError(words), psycopg.OperationalError(words))
    assert told.startswith("The database has no connection left for this command")
    assert "max_connections" in told


def test_one_that_is_down_is_to_be_started() -> None:
    told = said(OperationalError("connection refused"))
    assert told.startswith("The database does not answer: connection refused.")
    assert "Start the database" in told
