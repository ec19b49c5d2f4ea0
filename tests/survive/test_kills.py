"""kill -9 of real processes in the middle of an apply: workers, web and PostgreSQL; and a
PostgreSQL that is there and takes nothing.
"""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.connectors.servers import free_port
from tests.survive.installation import MINUTE, PEOPLE, Installation, answers, kill, until

pytestmark = pytest.mark.long

#: For sessions that begin then: a standby that was promoted, and is not writable yet.
READ_ONLY = "ALTER DATABASE tenure SET default_transaction_read_only = "
CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND datname = current_database()
"""
#: What a worker writes all the time, and what it writes of its work.
REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '{code}'; END $$;
CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON procrastinate_workers
FOR EACH ROW EXECUTE FUNCTION refuse();
CREATE TRIGGER refuse BEFORE UPDATE ON provisioning_operation
FOR EACH ROW EXECUTE FUNCTION refuse();
"""


def status(port: int, path: str) -> tuple[int, str | None]:
    """The answer's status, and its Retry-After."""
    address = f"http://127.0.0.1:{port}{path}"
    request = urllib.request.Request(address, headers={"Accept": "text/html"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status), None
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Retry-After")


def test_a_worker_that_is_killed_at_every_stage(installed: Installation) -> None:
    """After the intent is stored, while requests travel, after the first outcomes are stored."""
    stages: list[Callable[[], bool]] = [
        lambda: installed.states()["started"] > 0,
        lambda: len(installed.names()) > 10,
        lambda: installed.states()["done"] > 40,
    ]
    for number, reached in enumerate(stages):
        worker = installed.worker(f"worker-{number}")
        until(reached)
        kill(worker)
    assert installed.states()["done"] < PEOPLE, "it was killed too late to tell anything"
    assert installed.python("-m", "tenure", "apply", "--yes") == 0
    installed.assert_all_there_once()


@pytest.mark.parametrize("installed", [{"bulk": True}], indirect=True)
def test_a_worker_is_killed_while_a_bulk_request_travels(installed: Installation) -> None:
    """Nobody hears the answer, and the application does all of it after the worker is gone."""
    worker = installed.worker("worker")
    until(lambda: len(installed.names()) > 5)
    kill(worker)
    with urllib.request.urlopen(f"{installed.address}/bulks", timeout=10) as answer:
        assert json.loads(answer.read()) == 1
    assert installed.states()["done"] == 0
    assert installed.python("-m", "tenure", "apply", "--yes") == 0
    installed.assert_all_there_once()


def test_postgresql_is_killed(installed: Installation, tmp_path: Path) -> None:
    """The worker says so in a line, and goes on by itself when it is back."""
    worker = installed.worker("worker", log=tmp_path / "log")
    until(lambda: installed.states()["done"] > 20)
    pid = installed.postgres.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: installed.postgres.pid() is None)
    sent = len(installed.names())
    installed.postgres.ensure_running()
    assert sent < PEOPLE
    until(lambda: installed.states() == {"done": PEOPLE})
    assert worker.poll() is None
    installed.assert_all_there_once()
    until(lambda: "answers again" in (tmp_path / "log").read_text())
    lines = (tmp_path / "log").read_text().splitlines()
    assert [line.partition(" WARNING ")[2][:60] for line in lines] == [
        "tenure.infra.outage: The connection to the database is lost ",
        "tenure.infra.outage: The database answers again: this worker",
    ]


def test_a_standby_takes_over_and_is_read_only_for_a_while(
    installed: Installation, tmp_path: Path
) -> None:
    """Web says that it passes, the worker lives and goes on by itself."""
    port = free_port()
    installed.web(port, log=tmp_path / "web")
    until(lambda: answers(port))
    worker = installed.worker("worker", log=tmp_path / "log")
    until(lambda: installed.states()["done"] > 20)
    installed.command(READ_ONLY + "on")
    installed.command(CUT)
    until(lambda: "session is read-only" in (tmp_path / "log").read_text())
    assert installed.states()["done"] < PEOPLE, "it was cut too late to tell anything"
    assert status(port, "/sign-in/") == (503, "10")
    assert status(port, "/health/ready")[0] == 503
    assert worker.poll() is None
    said = (tmp_path / "web").read_text()
    assert said.count("The connection to the database is lost (") == 1
    assert "Traceback" not in said
    installed.command(READ_ONLY + "off")
    until(lambda: installed.states() == {"done": PEOPLE})
    installed.assert_all_there_once()
    assert worker.poll() is None
    until(lambda: answers(port))


@pytest.mark.parametrize("code", ["53100", "25006"], ids=["disk full", "read-only"])
def test_the_database_takes_nothing_for_a_while(
    installed: Installation, tmp_path: Path, code: str
) -> None:
    """While it answers: the worker says so in a line, lives, and goes on by itself."""
    worker = installed.worker("worker", log=tmp_path / "log")
    until(lambda: installed.states()["done"] > 20)
    installed.command(REFUSE.format(code=code))
    until(lambda: "The database takes nothing" in (tmp_path / "log").read_text())
    until(lambda: not installed.heard())
    assert installed.states()["done"] < PEOPLE, "it was refused too late to tell anything"
    assert worker.poll() is None
    installed.command("DROP FUNCTION refuse CASCADE")
    until(lambda: installed.states() == {"done": PEOPLE})
    installed.assert_all_there_once()
    assert worker.poll() is None
    until(lambda: "answers again" in (tmp_path / "log").read_text())
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_the_web_server_is_killed_while_a_worker_is_at_it(installed: Installation) -> None:
    """Whoever looks loses their page, and nothing else; another web server finds all as it is."""
    port = free_port()
    web = installed.web(port)
    until(lambda: answers(port))
    worker = installed.worker("worker")
    until(lambda: installed.states()["done"] > 20)
    kill(web)
    assert installed.states()["done"] < PEOPLE
    until(lambda: not answers(port))
    again = installed.web(port)
    until(lambda: answers(port))
    until(lambda: installed.states() == {"done": PEOPLE})
    installed.assert_all_there_once()
    kill(again)
    kill(worker)


def test_three_workers_and_one_is_killed(installed: Installation) -> None:
    """Another takes its work over within a minute, and never two at one time."""
    workers = {name: installed.worker(name) for name in ("one", "two", "three")}
    until(lambda: installed.states()["done"] > 20)
    until(lambda: installed.drainer() in workers)
    first = installed.drainer()
    kill(workers[first])
    killed = time.monotonic()
    until(lambda: installed.drainer() not in ("", first))
    until(lambda: installed.states() == {"done": PEOPLE} or not installed.drainer(), 30)
    until(lambda: installed.states() == {"done": PEOPLE})
    assert time.monotonic() - killed < MINUTE
    installed.assert_all_there_once()
