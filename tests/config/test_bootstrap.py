"""A process of Tenure from nothing: database, tables, settings, and what a response carries."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from tenure.config.paths import kept_secret
from tests.conftest import make_home, remove_home

SETUP = """
import os, sys
from pathlib import Path
from tenure.config.bootstrap import setup
with setup(Path(sys.argv[1])) as server:
    from tenure.people.models import Person
    print(Person.objects.count(), server is None)
print("DATABASE_URL" in os.environ)
"""


@pytest.fixture
def home() -> Iterator[Path]:
    folder = make_home()
    yield folder
    remove_home(folder)


def start(home: Path, **environment: str) -> subprocess.Popen[str]:
    inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return subprocess.Popen(
        [sys.executable, "-c", SETUP, str(home)],
        env={**inherited, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_several_at_once_begin_from_nothing(home: Path) -> None:
    for process in [start(home) for _ in range(2)]:
        out, err = process.communicate()
        assert out == "0 False\nFalse\n"
        # The second may be told for what it waits, and nothing else.
        assert all("this one waits for it" in line for line in err.splitlines()), err


def test_an_external_database(home: Path, database_url: str) -> None:
    out, err = start(home, DATABASE_URL=database_url).communicate()
    assert (out, err) == ("0 True\nTrue\n", "")
    assert not (home / "postgres").exists()


def test_a_secret_is_made_once_and_private(tmp_path: Path) -> None:
    first = kept_secret(tmp_path / "home", "key")
    assert kept_secret(tmp_path / "home", "key") == first
    assert len(first) >= 50
    [file] = (tmp_path / "home").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.django_db
def test_every_response_forbids_what_is_not_ours(client: Client) -> None:
    for path in ("/", "/not/there"):
        headers = client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"


def test_only_known_hosts_are_served(client: Client) -> None:
    assert client.get("/", headers={"host": "127.0.0.1:8000"}).status_code == 302
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400


def test_debugging_is_off() -> None:
    assert settings.DEBUG is False
