"""Interleaved runs, medians, ratios; what the machine is."""

from __future__ import annotations

import contextlib
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

MACHINE = f"{platform.machine()}, {len(__import__('os').sched_getaffinity(0))} cores"


@dataclass(slots=True)
class Result:
    """One line of `results.json`. `ratio` is ours / limit, in the direction that `unit` says:
    more is better for rates (`/s`), less for times (`s`) and sizes (`MiB`)."""

    name: str
    ours: float
    limit: float | None
    unit: str
    ratio: float | None
    runs: int
    machine: str = MACHINE
    notes: str = ""
    all_runs: dict[str, list[float]] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def peak_mebibytes(pid: int | str = "self") -> float:
    """The most memory that this process (or that one) had, from the kernel (`VmHWM`, proc(5)). Not
    `ru_maxrss`: that begins at what the parent had when it forked."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("The kernel does not say how much memory this process had (VmHWM).")


class FamilyPeak:
    """The most memory that this process and those that it started had together while a block
    ran, PostgreSQL not counted. Each is asked ten times a second; what two had at different
    moments is added up, so it is rather too much than too little."""

    def __init__(self) -> None:
        self._highest: dict[int, float] = {}
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> FamilyPeak:
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watcher.join()

    @property
    def mebibytes(self) -> float:
        return peak_mebibytes() + sum(self._highest.values())

    def _watch(self) -> None:
        me = psutil.Process()
        while not self._over.wait(0.1):
            for child in me.children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess, FileNotFoundError, RuntimeError):
                    if child.name() != "postgres":
                        self._highest[child.pid] = peak_mebibytes(child.pid)


def interleaved(
    contestants: Mapping[str, Callable[[], float]], runs: int
) -> dict[str, list[float]]:
    """Each contestant in turn, `runs` times; every call returns its own figure."""
    figures: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(runs):
        for name, run in contestants.items():
            figures[name].append(run())
    return figures


def compare(name: str, figures: Mapping[str, list[float]], unit: str, notes: str = "") -> Result:
    """`ours` against `limit`, pair by pair, so that a drift of the machine cancels out."""
    ratios = [a / b for a, b in zip(figures["ours"], figures["limit"], strict=True)]
    return Result(
        name=name,
        ours=statistics.median(figures["ours"]),
        limit=statistics.median(figures["limit"]),
        unit=unit,
        ratio=statistics.median(ratios),
        runs=len(ratios),
        notes=notes,
        all_runs={key: list(values) for key, values in figures.items()},
    )


@contextmanager
def server(rate: float = 0, *, bulk: bool = False) -> Iterator[str]:
    """A yardstick server of its own; yields its address."""
    command = [sys.executable, str(Path(__file__).with_name("scim_server.py"))]
    command += ["--rate", str(rate), *(["--bulk"] if bulk else [])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()


@contextmanager
def temporary_home(prefix: str) -> Iterator[str]:
    """A folder for one run; its database, which is elsewhere where root runs it, goes with it."""
    from tenure.infra.postgres import destroy_database

    with tempfile.TemporaryDirectory(prefix=prefix) as home:
        try:
            yield home
        finally:
            destroy_database(Path(home))


@contextmanager
def clock() -> Iterator[list[float]]:
    """Seconds that the block took, in the list that it yields."""
    taken: list[float] = []
    started = time.perf_counter()
    yield taken
    taken.append(time.perf_counter() - started)
