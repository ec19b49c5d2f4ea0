"""kill -9 of real processes in the middle of an apply: workers, web and PostgreSQL, which here
waits for its disk. The application allows duplicates, so whatever is sent twice is seen there.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import psycopg
import pytest

from tenure.infra.postgres import EmbeddedPostgres
from tests.conftest import make_home, remove_home
from tests.connectors.servers import free_port

ROOT = Path(__file__).parent.parent.parent
PEOPLE = 150
#: Creates a second: an apply takes long enough to be killed in the middle of it.
RATE = 40
#: What the promise allows for a takeover.
MINUTE = 60.0
SETUP = """
import sys
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from bench.company import add_applications, add_people
from tenure.applications.models import Application
from tenure.provisioning import services
from tenure.rules.models import AccessRule
add_people(int(sys.argv[1]))
add_applications(1, address=sys.argv[2])
application = Application.objects.get()
# What a dead worker sent is waited for that long before it is looked for.
application.settings["timeouts"] = {"total": 5}
application.save()
AccessRule.objects.get_or_create(
    slug="everybody",
    defaults={"name": "Everybody", "condition": "has(user.email)", "gives": {"app0": []}},
)
services.store()
"""


class Installation:
    """A database of its own, a SCIM server of its own, and the processes that are started."""

    def __init__(self, home: Path, *, bulk: bool = False) -> None:
        self.postgres = EmbeddedPostgres(home)
        self.postgres.start()
        self.processes: list[subprocess.Popen[bytes]] = []
        server = self._start([sys.executable, "-m", "bench.scim_server", "--lax",
                              "--rate", str(RATE), *(["--bulk"] if bulk else [])],
                             stdout=subprocess.PIPE)  # fmt: skip
        assert server.stdout is not None
        self.address = f"http://127.0.0.1:{int(server.stdout.readline())}/scim"
        self.python("-c", SETUP, str(PEOPLE), self.address)

    def environment(self, name: str = "test") -> dict[str, str]:
        return {
            **os.environ,
            "DATABASE_URL": f"{self.postgres.url()}&application_name={name}",
            "DJANGO_SETTINGS_MODULE": "tenure.config.settings",
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
            "BENCH_TOKEN": "a-token",
        }

    def python(self, *arguments: str) -> int:
        """Run to the end; the exit code."""
        return subprocess.run(
            [sys.executable, *arguments], env=self.environment(), cwd=ROOT, check=False, timeout=90
        ).returncode

    def worker(self, name: str, log: Path | None = None) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tenure", "worker", "--name", name]
        with open(log or os.devnull, "w") as errors:
            return self._start(command, name=name, stderr=errors if log else None)

    def web(self, port: int) -> subprocess.Popen[bytes]:
        return self._start([sys.executable, "-m", "tenure", "web", "--port", str(port)], name="web")

    def _start(
        self,
        command: list[str],
        *,
        name: str = "test",
        stdout: int | None = None,
        stderr: IO[str] | None = None,
    ) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            command, env=self.environment(name), cwd=ROOT, stdout=stdout, stderr=stderr
        )
        self.processes.append(process)
        return process

    def query(self, statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.postgres.url()) as connection:
            return connection.execute(statement).fetchall()

    def states(self) -> Counter[str]:
        rows = self.query("SELECT state, count(*) FROM provisioning_operation GROUP BY state")
        return Counter({str(state): int(str(count)) for state, count in rows})

    def names(self) -> list[str]:
        """The userName of every account that the application holds."""
        found: list[str] = []
        while True:
            url = f"{self.address}/Users?startIndex={len(found) + 1}&count=1000"
            with urllib.request.urlopen(url, timeout=10) as answer:
                page = json.loads(answer.read())["Resources"]
            if not page:
                return found
            found += [user["userName"] for user in page]

    def drainer(self) -> str:
        """The worker that holds the lock of the application, by its name; "" if none does."""
        rows = self.query(
            "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)"
            f" WHERE locktype = 'advisory' AND classid = {0x7E5} AND granted"
        )
        assert len(rows) <= 1, f"two at one application: {rows}"
        return str(rows[0][0]) if rows else ""

    def assert_all_there_once(self) -> None:
        names = Counter(self.names())
        assert [name for name, count in names.items() if count > 1] == []
        assert len(names) == PEOPLE
        assert self.states() == {"done": PEOPLE}
        accounts = self.query(
            "SELECT count(*), count(DISTINCT remote_id) FROM applications_account"
            " WHERE situation = 'linked'"
        )
        assert accounts == [(PEOPLE, PEOPLE)]
        created = self.query("SELECT count(*) FROM audit_event WHERE action = 'account.created'")
        assert created == [(PEOPLE,)]

    def end(self) -> None:
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        self.postgres.stop()


@pytest.fixture
def installed(request: pytest.FixtureRequest) -> Iterator[Installation]:
    """`request.param`: whether the application takes bulk requests."""
    home = make_home()
    installation = Installation(home, bulk=getattr(request, "param", False))
    yield installation
    installation.end()
    remove_home(home)


def until(condition: Callable[[], bool], seconds: float = MINUTE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.02)


def kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


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


@pytest.mark.parametrize("installed", [True], indirect=True)
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


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/sign-in/", timeout=5) as answer:
            return int(answer.status) == 200
    except OSError:
        return False


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
