"""`tenure` as processes: everything starts, stops on SIGTERM and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from django.db import connection

from tenure.audit.models import Action, Event
from tenure.infra.clock import now
from tenure.infra.jobs import live_workers
from tenure.infra.postgres import EmbeddedPostgres
from tenure.people.models import Person
from tests.cli.test_contract import CONFIGURATION, PEOPLE
from tests.conftest import FAST, copy_home, make_home, remove_home

APPLICATION = """
applications:
  chat:
    name: Chat
    connector: scim
    settings: {base_url: "http://127.0.0.1:9/v2"}
    secrets: {token: "${env:NONE}"}
    mapping: {userName: user.email}
rules:
  everyone: {name: Everyone, when: has(user.department), give: {chat: []}}
"""


@pytest.fixture
def home() -> Iterator[Path]:
    made = make_home()
    yield made
    remove_home(made)


@pytest.fixture
def in_use(begun: Path) -> Iterator[Path]:
    made = copy_home(begun)
    yield made
    remove_home(made)


def start(*arguments: str, home: Path, url: str = "") -> subprocess.Popen[str]:
    kept = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "TENURE_URL"}}
    more = {"DATABASE_URL": url} if url else {}
    return subprocess.Popen(
        [sys.executable, "-m", "tenure", *arguments],
        env={**kept, **more, "TENURE_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(true: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=30) as page:
            return bool(page.status == 200)
    except OSError:
        return False


def first_document(process: subprocess.Popen[str]) -> dict[str, object]:
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if line == "}\n":
            break
    found: dict[str, object] = json.loads(text)
    return found


def belonging_to(home: Path) -> list[str]:
    """Command lines of the processes that were started for this home."""
    found = []
    for process in psutil.process_iter():
        try:
            ours = process.environ().get("TENURE_HOME") == str(home)
            line = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if (ours or str(home) in line) and process.status() != psutil.STATUS_ZOMBIE:
            found.append(line)
    return found


@pytest.mark.long
def test_up_is_everything_and_a_sigterm_ends_everything(home: Path) -> None:
    port = free_port()
    process = start("up", "--port", str(port), "--workers", "2", "--json", home=home)
    try:
        told = first_document(process)
        assert set(told) == {"address", "link", "workers"}
        assert str(told["link"]).startswith(f"http://localhost:{port}/sign-in/")
        # For commands in another terminal.
        assert (home / "address").read_text() == f"http://localhost:{port}\n"
        # It is told when it answers, not before.
        assert answers(str(told["link"]))
        lines = belonging_to(home)
        assert sum("tenure worker" in line for line in lines) == 2
        assert any("tenure web" in line for line in lines)
        assert any("postgres" in line for line in lines)
    finally:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    assert out == ""
    assert "Traceback" not in err
    assert belonging_to(home) == []
    assert not (home / "address").exists()


@pytest.mark.long
def test_a_new_installation_is_told_and_only_then(home: Path) -> None:
    """Whoever is in the wrong folder must not take the empty one for theirs."""
    for told in (True, False):
        process = start("people", "list", "--json", home=home)
        out, err = process.communicate(timeout=90)
        assert json.loads(out) == []
        assert (f"a new, empty one was made in {home}" in err) is told


def test_web_and_worker_run_apart_on_one_database(database_url: str, tmp_path: Path) -> None:
    with connection.cursor() as cursor:
        # Jobs of earlier tests, whose applications are gone: no table of Django's, so not flushed.
        cursor.execute("TRUNCATE procrastinate_jobs CASCADE")
    joins = Person.objects.create(display_name="Anna", state="upcoming", next_look_at=now())
    port = free_port()
    web = start("web", "--port", str(port), home=tmp_path, url=database_url)
    worker = start("worker", "--json", home=tmp_path, url=database_url)
    try:
        assert first_document(worker) == {"worker": "worker", "concurrency": 16}
        until(lambda: answers(f"http://127.0.0.1:{port}/sign-in/"))
        until(lambda: len(live_workers()) == 1)
        until(lambda: Person.objects.get(pk=joins.pk).state == "active")
        # The clock did that, and nobody at a terminal.
        told = Event.objects.get(action=Action.PERSON_STATE_CHANGED, person=str(joins.uid))
        assert told.actor == "system"
    finally:
        for process in (web, worker):
            process.send_signal(signal.SIGTERM)
        ends = [process.communicate(timeout=90)[1] for process in (web, worker)]
    assert [web.returncode, worker.returncode] == [0, 0], ends
    assert "Traceback" not in "".join(ends), "".join(ends)
    assert not live_workers()


@pytest.mark.long
def test_a_database_that_stops_in_the_middle_of_a_command_loses_nothing(
    in_use: Path, tmp_path: Path
) -> None:
    """`apply` waits for an answer while the database stops; afterwards the plan is what it was."""
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "tenure.yaml").write_text(CONFIGURATION + APPLICATION)
    terminal, theirs = os.openpty()
    with EmbeddedPostgres(in_use, FAST) as server:
        url = server.url()
        for arguments in (["config", "apply", str(tmp_path / "tenure.yaml")], ["import", "hr"]):
            done = start(*arguments, home=in_use, url=url)
            assert done.wait(timeout=90) == 0, done.communicate()
            done.communicate()
        kept = {**os.environ, "TENURE_HOME": str(in_use), "DATABASE_URL": url}
        apply = subprocess.Popen(
            [sys.executable, "-m", "tenure", "apply"],
            env=kept,
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert apply.stderr is not None
        seen = b""
        while b"Go ahead?" not in seen:
            chunk = os.read(apply.stderr.fileno(), 4096)
            assert chunk, seen
            seen += chunk
    os.write(terminal, b"y\n")
    out, err = apply.communicate(timeout=90)
    os.close(terminal)
    os.close(theirs)
    assert apply.returncode == 1
    assert b"The database does not answer" in err
    assert b"Nothing is lost" in err
    assert b"Traceback" not in err
    assert out == b""
    plan = start("plan", "--json", home=in_use)
    out, _ = plan.communicate(timeout=90)
    assert plan.returncode == 2
    assert json.loads(out)["summary"] == {"create": 2}
