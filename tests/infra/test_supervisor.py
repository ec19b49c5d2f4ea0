"""Children that die are started again; all are gone when the supervisor is."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tenure.infra.supervisor import supervise

CHILD = """
import os, signal, sys, time
with open(sys.argv[1], "a") as file:
    file.write(f"{os.getpid()}\\n")
if sys.argv[2] == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    time.sleep(60)
"""
PARENT = """
import sys
from tenure.infra import supervisor
supervisor._PATIENCE = float(sys.argv[1])
children = [
    supervisor.Child(str(number), [sys.executable, "-c", sys.argv[2], file, sys.argv[3]])
    for number, file in enumerate(sys.argv[4:])
]
sys.exit(supervisor.supervise(children))
"""


class Family:
    """A supervisor and what its children wrote about themselves."""

    def __init__(self, folder: Path, *, kind: str = "good", patience: float = 10) -> None:
        self.files = [folder / "first", folder / "second"]
        self.parent = subprocess.Popen(
            [sys.executable, "-c", PARENT, str(patience), CHILD, kind, *map(str, self.files)]
        )

    def pids(self, number: int) -> list[int]:
        file = self.files[number]
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    def all_pids(self) -> list[int]:
        return [*self.pids(0), *self.pids(1)]


@pytest.fixture
def family(tmp_path: Path) -> Iterator[Family]:
    family = Family(tmp_path)
    until(lambda: len(family.all_pids()) == 2)
    yield family
    family.parent.kill()
    family.parent.wait()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_killed_child_is_started_again(family: Family) -> None:
    first, second = family.pids(0)[0], family.pids(1)[0]
    psutil.Process(first).kill()
    until(lambda: len(family.pids(0)) == 2)
    assert alive(family.pids(0)[1])
    assert family.pids(1) == [second]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_told_to_stop_it_leaves_nobody(family: Family, number: int) -> None:
    family.parent.send_signal(number)
    assert family.parent.wait(timeout=90) == 0
    assert not [pid for pid in family.all_pids() if alive(pid)]


@pytest.mark.skipif(sys.platform != "linux", reason="prctl(2) is Linux's")
def test_killed_it_leaves_nobody(family: Family) -> None:
    family.parent.kill()
    family.parent.wait()
    until(lambda: not [pid for pid in family.all_pids() if alive(pid)])


def test_a_child_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    family = Family(tmp_path, kind="deaf", patience=0.2)
    until(lambda: len(family.all_pids()) == 2)
    # Written before the signal is ignored: ask until both have got there.
    until(lambda: all(_ignores_sigterm(pid) for pid in family.all_pids()))
    family.parent.terminate()
    assert family.parent.wait(timeout=90) == 1
    assert not [pid for pid in family.all_pids() if alive(pid)]


def _ignores_sigterm(pid: int) -> bool:
    text = Path(f"/proc/{pid}/status").read_text()
    mask = next(line.split()[1] for line in text.splitlines() if line.startswith("SigIgn"))
    return bool(int(mask, 16) & 1 << (signal.SIGTERM - 1))


def test_what_else_has_to_live_is_looked_after() -> None:
    looks: list[float] = []

    def watch() -> None:
        looks.append(time.monotonic())
        if len(looks) == 3:
            signal.raise_signal(signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    assert supervise([], look_every=0.01, watch=watch) == 0
    assert len(looks) == 3
    assert signal.getsignal(signal.SIGTERM) == before
