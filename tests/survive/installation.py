"""A company of real processes: PostgreSQL, which here waits for its disk, a SCIM server, workers,
web and commands, each of which can be killed. The application allows duplicates, so whatever is
sent twice is seen there.
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
from collections.abc import Callable
from pathlib import Path
from typing import IO

import psycopg

from tenure.infra.postgres import EmbeddedPostgres

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
if len(sys.argv) > 3:
    services.store()
"""


class Installation:
    """A database of its own, a SCIM server of its own, and the processes that are started. In
    `home` there is a database with its tables."""

    def __init__(self, home: Path, *, bulk: bool = False, planned: bool = True) -> None:
        self.home = home
        self.postgres = EmbeddedPostgres(home)
        self.postgres.start()
        self.processes: list[subprocess.Popen[bytes]] = []
        server = self._start([sys.executable, "-m", "bench.scim_server", "--lax",
                              "--rate", str(RATE), *(["--bulk"] if bulk else [])],
                             stdout=subprocess.PIPE)  # fmt: skip
        assert server.stdout is not None
        self.address = f"http://127.0.0.1:{int(server.stdout.readline())}/scim"
        self.python("-c", SETUP, str(PEOPLE), self.address, *["planned"] * planned)

    def environment(self, name: str = "test") -> dict[str, str]:
        return {
            **os.environ,
            "TENURE_HOME": str(self.home),
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

    def tenure(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command, run to its end."""
        return subprocess.run(
            [sys.executable, "-m", "tenure", *arguments],
            env=self.environment(),
            cwd=ROOT,
            check=False,
            timeout=90,
            capture_output=True,
            text=True,
        )

    def begin(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A command that is not waited for."""
        command = [sys.executable, "-m", "tenure", *arguments]
        return self._start(command, name=arguments[0], stdout=subprocess.DEVNULL)

    def worker(self, name: str, log: Path | None = None) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tenure", "worker", "--name", name]
        with open(log or os.devnull, "w") as errors:
            return self._start(command, name=name, stderr=errors if log else None)

    def web(self, port: int, log: Path | None = None) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tenure", "web", "--port", str(port)]
        with open(log or os.devnull, "w") as errors:
            return self._start(command, name="web", stderr=errors if log else None)

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

    def command(self, statement: str) -> None:
        """What changes something, also where sessions are read-only by default."""
        writable = "-c default_transaction_read_only=off"
        url = self.postgres.url()
        with psycopg.connect(url, options=writable, autocommit=True) as connection:
            connection.execute(statement)

    def heard(self) -> bool:
        """Whether a worker said lately that it lives."""
        last = (
            "SELECT max(last_heartbeat) > now() - interval '6 seconds' FROM procrastinate_workers"
        )
        return bool(self.query(last)[0][0])

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


def until(condition: Callable[[], bool], seconds: float = MINUTE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.02)


def kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/sign-in/", timeout=5) as answer:
            return int(answer.status) == 200
    except OSError:
        return False
