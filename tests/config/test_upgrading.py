"""Tables that another Tenure made, and processes that bring them up to date at the same time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from tenure.config.upgrading import MIGRATION_LOCK, NewerDatabase, refuse_newer

LATER = [("people", "9999_later"), ("an_app_of_later", "0001_initial")]


def tenure(url: str, home: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tenure", *arguments],
        env={**os.environ, "DATABASE_URL": url, "TENURE_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(params=LATER, ids=lambda later: later[0])
def later(request: pytest.FixtureRequest, database_url: str) -> Iterator[str]:
    """The URL of a database that a newer Tenure has used."""
    app, name = request.param
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, now())", [app, name]
        )
    yield database_url
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = %s AND name = %s", [app, name])


@pytest.mark.parametrize("command", [["plan"], ["worker"], ["people", "list"], ["doctor"]])
def test_an_older_program_does_not_touch_tables_of_a_newer_one(
    later: str, tmp_path: Path, command: list[str]
) -> None:
    process = tenure(later, tmp_path, *command)
    out, err = process.communicate(timeout=60)
    told = " ".join((out + err).split())
    assert process.returncode == 1, told
    assert "was used by a newer Tenure than this one" in told
    assert "restore a backup of before the upgrade" in told


def test_the_names_of_what_it_does_not_know_are_told(later: str) -> None:
    with pytest.raises(NewerDatabase, match=r"9999_later|an_app_of_later\.0001_initial"):
        refuse_newer()


def test_who_waits_for_another_that_migrates_says_so(database_url: str, tmp_path: Path) -> None:
    with psycopg.connect(database_url) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        other.commit()
        process = tenure(database_url, tmp_path, "people", "list")
        assert process.stderr is not None
        line = process.stderr.readline()
        assert "Another process brings the tables up to date; this one waits for it." in line
        time.sleep(0.5)
        assert process.poll() is None
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_step_that_takes_long_is_told(database_url: str, tmp_path: Path) -> None:
    """By its name, while it goes on: whoever waits for it knows that it does."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'runs' AND name LIKE '0006%'")
        cursor.execute("ALTER TABLE runs_run DROP COLUMN issues_forgotten_at")
    with psycopg.connect(database_url) as other:
        # The step has to wait for whoever reads there.
        other.execute("LOCK TABLE runs_run IN ACCESS SHARE MODE")
        process = tenure(database_url, tmp_path, "people", "list")
        assert process.stderr is not None
        assert "The tables are brought up to date: 1 steps." in process.stderr.readline()
        assert "Step 1 of 1 goes on: runs.0006_issues_forgotten." in process.stderr.readline()
        assert process.poll() is None
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "The tables are up to date, after" in err
