"""`make demo`: Acme from its HR file to working accounts, and gone again.

Everything is real: an embedded PostgreSQL, a web server, a worker, two live SCIM servers. Each step
is the command that a user types. At the end both servers are read directly, without Tenure, and
compared with what the HR file alone says.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parent))

from expected import Expected, accounts, cost, good_rows
from make_people import make
from servers import Server, free_port

from tenure.infra.postgres import destroy_database

HERE = Path(__file__).parent
HOME = Path(os.environ.get("TENURE_DEMO_HOME", "var/demo")).absolute()
console = Console(highlight=False)


class Wrong(Exception):
    """What the demo found wrong."""


class Demo:
    """One run, and everything that it started."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.chat = Server("Chat", HOME / "chat.log")
        self.tracker = Server("Tracker", HOME / "tracker.log")
        self.up: subprocess.Popen[bytes] | None = None
        self.environment = {
            **os.environ,
            "TENURE_HOME": str(HOME / "home"),
            "TENURE_URL": f"http://localhost:{port}",
            "CHAT_URL": self.chat.url,
            "CHAT_TOKEN": self.chat.token,
            "TRACKER_URL": self.tracker.url,
            "TRACKER_TOKEN": self.tracker.token,
        }
        self.environment.pop("DATABASE_URL", None)

    def start(self) -> None:
        """Both applications, then Tenure itself."""
        step("Starting two SCIM servers, PostgreSQL, web and worker")
        self.chat.start()
        self.tracker.start()
        with (HOME / "tenure.log").open("wb") as log:
            self.up = subprocess.Popen(
                [sys.executable, "-m", "tenure", "up", "--port", str(self.port)],
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        remember([p.pid for p in (self.up, self.chat.process, self.tracker.process) if p])
        self._await_worker()

    def _await_worker(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.up is not None and self.up.poll() is not None:
                raise Wrong(f"tenure up ended: see {HOME / 'tenure.log'}")
            lines = self.json("doctor", codes=(0, 1))
            if all(line["ok"] for line in lines):
                return
            time.sleep(0.3)
        wrong = "; ".join(f"{x['what']}: {x['detail']}" for x in lines if not x["ok"])
        raise Wrong(f"not everything came up: {wrong}")

    def stop(self) -> None:
        """Everything that was started, the last first."""
        if self.up is not None and self.up.poll() is None:
            self.up.send_signal(signal.SIGTERM)
            try:
                self.up.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.up.kill()
        self.tracker.stop()
        self.chat.stop()
        pid_file().unlink(missing_ok=True)

    def run(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> None:
        """A command as a user types it, its output as a user sees it."""
        console.print(f"\n[bold]$ tenure {' '.join(arguments)}[/]", markup=True)
        code = subprocess.run(
            [sys.executable, "-m", "tenure", *arguments], env=self.environment
        ).returncode
        if code not in codes:
            raise Wrong(f"tenure {' '.join(arguments)} ended with {code}")

    def json(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> Any:
        """The same command's JSON."""
        done = subprocess.run(
            [sys.executable, "-m", "tenure", *arguments, "--json"],
            env=self.environment,
            capture_output=True,
        )
        if done.returncode not in codes:
            raise Wrong(f"tenure {' '.join(arguments)}: {done.stderr.decode().strip()}")
        return json.loads(done.stdout)

    def read(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Application -> employee number -> account, from the servers themselves."""
        return {"Chat": self.chat.accounts(), "Tracker": self.tracker.accounts()}


def play(demo: Demo) -> None:
    """Day one and day two, each import -> plan -> apply, each checked against the servers."""
    first, second = make(datetime.now(UTC).date())
    files = (HOME / "people.csv", HOME / "people-2.csv")
    for path, text in zip(files, (first, second), strict=True):
        path.write_text(text, encoding="utf-8")
    shutil.copy(HERE / "tenure.yaml", HOME / "tenure.yaml")
    demo.run("config", "apply", str(HOME / "tenure.yaml"))

    step("Day one: the HR file becomes accounts")
    demo.run("import", "hr", "--file", str(files[0]))
    demo.run("plan", codes=(2,))
    check(demo.json("plan", codes=(2,))["guard"]["held"] is False, "the first plan is held")
    demo.run("apply", "--yes")
    wanted_first = accounts(good_rows(first), datetime.now(UTC))
    check_same(demo.read(), wanted_first)
    check_cost(demo, wanted_first)
    check_nothing_to_do(demo)

    step("Day two: three terminated, five moved, two married, two hired")
    demo.run("import", "hr", "--file", str(files[1]))
    demo.run("plan", "--all", codes=(2,))
    demo.run("apply", "--yes")
    wanted_second = accounts(good_rows(second), datetime.now(UTC))
    found = demo.read()
    check_same(found, wanted_second)
    check_cost(demo, wanted_second)
    check_nothing_to_do(demo)
    leavers = terminated(first, second)
    check(len(leavers) == 3, f"three leavers expected, found {len(leavers)}")
    check_gone(demo, found, leavers)
    show(found, leavers, changed(first, second), cost(wanted_first), cost(wanted_second))


def check(right: bool, message: str) -> None:
    if not right:
        raise Wrong(message)


def check_same(
    found: Mapping[str, Mapping[str, Mapping[str, Any]]],
    wanted: Mapping[str, Mapping[str, Expected]],
) -> None:
    """Open accounts on the servers are exactly those of the HR file, with names and groups."""
    for application, people in wanted.items():
        there = found[application]
        is_open = {number for number, account in there.items() if account["active"]}
        missing, surplus = sorted(people.keys() - is_open), sorted(is_open - people.keys())
        check(not missing, f"{application} lacks open accounts for {missing}")
        check(not surplus, f"{application} has open accounts that nobody should have: {surplus}")
        for number, person in people.items():
            account = there[number]
            for name in ("family_name", "given_name", "department", "groups"):
                check(
                    account[name] == getattr(person, name),
                    f"{application}, employee {number}: {name} is {account[name]!r}, "
                    f"expected {getattr(person, name)!r}",
                )
        for number in there.keys() - people.keys():
            check(
                not there[number]["groups"],
                f"{application}: the closed account of {number} still is in a group",
            )
        names = [account["userName"].casefold() for account in there.values()]
        check(len(names) == len(set(names)), f"{application} has a user name twice")


def check_cost(demo: Demo, wanted: dict[str, dict[str, Expected]]) -> None:
    """Tenure's own sum is that of the HR file."""
    told = demo.json("plan")["cost"].get("EUR", {"before": "0.00"})["before"]
    check(Decimal(told) == cost(wanted), f"Tenure says EUR {told}, the file says {cost(wanted)}")


def check_nothing_to_do(demo: Demo) -> None:
    """After an apply the plan is empty, and reading both applications finds nothing new."""
    for slug in ("chat", "tracker"):
        counters = demo.json("reconcile", slug)["counters"]
        for name in ("new", "gone", "drift", "orphans"):
            check(not counters.get(name), f"reconcile {slug}: {counters.get(name)} {name}")
    plan = demo.json("plan")
    check(not plan["operations"], f"the plan is not empty after it was applied: {plan['summary']}")


def check_gone(
    demo: Demo, found: Mapping[str, Mapping[str, Mapping[str, Any]]], leavers: list[str]
) -> None:
    """Leavers have no open account, and Tenure has the proof that it read back."""
    for number in leavers:
        for application, there in found.items():
            account = there.get(number)
            check(
                account is None or not account["active"],
                f"{number} has left and still is in {application}",
            )
        for item in demo.json("explain", number)["applications"]:
            if item["account"] is not None:
                check(
                    bool(item["account"]["evidence"]),
                    f"no proof that {number} is out of {item['application']}",
                )


def terminated(first: str, second: str) -> list[str]:
    """Employee numbers of those who are terminated in the second file only."""
    before = {row["Employee ID"]: row["Status"] for row in good_rows(first)}
    return [
        row["Employee ID"]
        for row in good_rows(second)
        if row["Status"] == "Terminated" and before.get(row["Employee ID"]) == "Active"
    ]


def changed(first: str, second: str) -> list[dict[str, str]]:
    """Rows of the second file that are new or differ."""
    before = {row["Employee ID"]: row for row in good_rows(first)}
    return [row for row in good_rows(second) if before.get(row["Employee ID"]) != row]


def show(
    found: Mapping[str, Mapping[str, Mapping[str, Any]]],
    leavers: list[str],
    rows: list[dict[str, str]],
    before: Decimal,
    after: Decimal,
) -> None:
    """Who has what, as the servers say."""
    table = Table(title="\nRead directly from both servers", title_justify="left", box=None)
    for column in ("Person", "HR says", "Chat", "Tracker"):
        table.add_column(column)
    for row in rows:
        number = row["Employee ID"]
        table.add_row(
            f"{row['First name']} {row['Last name']} ({number})",
            "[red]terminated[/]" if number in leavers else row["Department"],
            *(_cell(found[name].get(number)) for name in ("Chat", "Tracker")),
        )
    console.print(table)
    for name, there in found.items():
        is_open = sum(account["active"] for account in there.values())
        console.print(f"{name}: {is_open} open, {len(there) - is_open} closed")
    console.print(f"Cost a month: EUR {before:,} on day one, [bold]EUR {after:,}[/] on day two")


def _cell(account: Mapping[str, Any] | None) -> str:
    if account is None:
        return "[dim]none[/]"
    if not account["active"]:
        return f"[red]closed[/] [dim]{account['userName']}[/]"
    groups = ", ".join(sorted(account["groups"]))
    return f"[green]open[/] {account['userName']} [dim]{groups}[/]"


def step(text: str) -> None:
    console.print(f"\n[bold green]{text}[/]")


def pid_file() -> Path:
    return HOME / "demo.pids"


def remember(pids: list[int]) -> None:
    pid_file().write_text("\n".join(str(pid) for pid in [os.getpid(), *pids]))


def clear_earlier() -> None:
    """Stop what an earlier demo left running, and begin with an empty home."""
    if pid_file().exists():
        for pid in map(int, pid_file().read_text().split()):
            if pid != os.getpid() and _is_ours(pid):
                os.kill(pid, signal.SIGTERM)
                _await_end(pid)
    if (HOME / "home").exists():
        destroy_database(HOME / "home")
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    HOME.parent.chmod(HOME.parent.stat().st_mode | 0o111)
    HOME.chmod(0o711)


def _is_ours(pid: int) -> bool:
    """Whether the process is one that a demo starts: numbers are used again."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return any(mark in command for mark in (b"tenure", b"scim2-server", b"demo.py"))


def _await_end(pid: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and _is_ours(pid):
        time.sleep(0.1)


def main() -> int:
    parser = argparse.ArgumentParser(description="Acme, from an HR file to accounts and back.")
    parser.add_argument("--once", action="store_true", help="Check everything and end.")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started = time.monotonic()
    clear_earlier()
    demo = Demo(free_port() if arguments.once else int(os.environ.get("TENURE_PORT", "8000")))
    try:
        demo.start()
        play(demo)
        console.print(
            f"\n[bold green]All of it is true[/] after {time.monotonic() - started:.0f} s."
        )
        if not arguments.once:
            console.print(f"\nThe console: {demo.json('link')['link']}")
            console.print("[dim]Ctrl-C stops everything. The link works once, for 15 minutes.[/]")
            while demo.up is not None and demo.up.poll() is None:
                time.sleep(0.5)
    except Wrong as wrong:
        console.print("\n[bold red]Wrong:[/] ", end="")
        console.print(str(wrong), markup=False)
        console.print(f"[dim]Logs are in {HOME}.[/]")
        return 1
    except KeyboardInterrupt:
        console.print("\nStopping.")
    finally:
        demo.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
