"""Two imports at the same time, and one that is killed in the middle: other processes, for real."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from django.db import connection

from tenure.people.models import Person, ReservedName
from tenure.readers.base import ReaderError
from tenure.runs.models import Run, RunState
from tenure.sources import seen
from tenure.sources.importing import import_source
from tenure.sources.models import Source
from tests.sources.hr import row, source, write

CHILD = """
import sys
from pathlib import Path
import django
django.setup()
from tenure.sources.finding import source_named
from tenure.sources.importing import import_source
hr = source_named(sys.argv[1])
import_source(hr, file=Path(sys.argv[2]), progress=lambda done: print(done, flush=True))
"""


def child(url: str, slug: str, path: Path) -> subprocess.Popen[str]:
    env = {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tenure.config.settings"}
    command = [sys.executable, "-c", CHILD, slug, str(path)]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)


def test_the_same_source_twice_at_once_is_refused(tmp_path: Path, transactional_db: None) -> None:
    hr = source()
    said: list[str] = []

    def other() -> None:
        try:
            import_source(hr, file=write(tmp_path, [row(1)]))
        except ReaderError as error:
            said.append(str(error))
        finally:
            connection.close()

    with seen.alone(hr):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert said == ["Another import of HR is running. Wait until it has ended; nothing was read."]
    assert not Run.objects.exists()
    assert import_source(hr, file=write(tmp_path, [row(1)])).counts["added"] == 1


def test_two_sources_with_the_same_new_people_at_once(tmp_path: Path, database_url: str) -> None:
    """One namesake after the other: nobody twice, no address twice, no deadlock."""
    rows = [row(n, given="Anna", family=f"Nagy{n % 7}") for n in range(1, 3001)]
    path = write(tmp_path, rows)
    for slug in ("hr", "payroll"):
        source(slug)
    children = [child(database_url, slug, path) for slug in ("hr", "payroll")]
    assert [process.wait(120) for process in children] == [0, 0]
    for process in children:
        assert process.stdout is not None
        process.stdout.close()
    assert Person.objects.count() == 3000
    emails = Counter(Person.objects.exclude(email="").values_list("email", flat=True))
    assert len(emails) == 3000
    assert ReservedName.objects.count() == 3000


@pytest.mark.parametrize("after", [1, 2])
def test_an_import_that_is_killed_is_simply_run_again(
    tmp_path: Path, database_url: str, after: int
) -> None:
    hr = source()
    path = write(tmp_path, [row(n, manager="1" if n > 1 else "") for n in range(1, 6001)])
    process = child(database_url, "hr", path)
    assert process.stdout is not None
    for _ in range(after):
        assert process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    started = Person.objects.count()
    assert 0 < started < 6000
    assert Run.objects.get().state == RunState.RUNNING
    counts = _again(hr, path)
    assert counts["unchanged"] >= started
    assert counts["added"] + counts["unchanged"] == 6000
    assert Person.objects.count() == 6000
    assert Person.objects.filter(manager=None).count() == 1
    first = Run.objects.earliest("id")
    assert first.state == RunState.FAILED
    assert "Its process ended before it did" in first.message


def _again(hr: Source, path: Path) -> dict[str, int]:
    """The server notices within a moment that the killed process is gone."""
    for _ in range(100):
        try:
            return dict(import_source(hr, file=path).counts)
        except ReaderError:
            time.sleep(0.1)
    raise AssertionError("The lock of a dead process is never released.")
