"""The embedded PostgreSQL: made on first use, started by the first process that needs it, stopped
by the last. Knows nothing of Django; where the files are is `postgres_place`'s business.

Who uses the server is a shared lock on `<home>/postgres.users`, so that a process which is killed
stops counting by itself. Starting and stopping happen under `<home>/postgres.lock`.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import secrets
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import psutil

from tenure.infra.postgres_place import (
    SOCKET_NAME,
    VERSION,
    Place,
    PostgresError,
    find_place,
    make_socket_folder,
    remove_place,
    socket_folder,
)

log = logging.getLogger(__name__)

ROLE = "tenure"
DATABASE = "tenure"
START_SECONDS = 60.0
STOP_SECONDS = 30.0

_TUNING = {
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_connections": "100",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    # Parallel queries need more of /dev/shm than a container has, and gain little on two cores.
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    # Statements and details of errors hold personal data.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
"""Written to postgresql.conf once, where they may be changed."""
_LAUNCH = '[ -e "$0" ] && mv -f "$0" "$0.before"; "$@" </dev/null >"$0" 2>&1 & echo $!'


class EmbeddedPostgres:
    """The server of one home. `start` counts us as a user, `stop` ends that; or use it in `with`.

    `options` are server settings for this start, such as `{"fsync": "off"}` in tests; they have no
    effect on a server that runs already. Raises `PostgresError`."""

    def __init__(self, home: Path, options: Mapping[str, str] | None = None) -> None:
        self.home = home.absolute()
        self._options = dict(options or {})
        self._place: Place | None = None
        self._users: int | None = None
        self._owner = 0

    def __enter__(self) -> EmbeddedPostgres:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def place(self) -> Place:
        if self._place is None:
            self._place = find_place(self.home)
        return self._place

    def start(self) -> str:
        """Make sure the server runs, count us as a user, and return its URL."""
        with _advised(self.home):
            self.home.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
            with self._exclusive():
                if self._users is None:
                    self._users = _open_lock(self.home / "postgres.users")
                    self._owner = os.getpid()
                    fcntl.flock(self._users, fcntl.LOCK_SH)
                try:
                    self._ensure_running()
                except BaseException:
                    self._leave()
                    raise
        return self.url()

    def ensure_running(self) -> None:
        """Start the server again if it died. For a user that lives long."""
        if self.pid() is None:
            log.warning("PostgreSQL has ended, and nobody told it to: it is started again.")
            with _advised(self.home), self._exclusive():
                self._ensure_running()

    def stop(self) -> None:
        """Stop being a user; the last one out stops the server."""
        if self._users is None or self._owner != os.getpid():
            return  # A forked child inherits the object and the lock, not the right to let go.
        with self._exclusive():
            self._leave()
            if self._alone():
                self._shut_down()

    def pid(self) -> int | None:
        """The process id of the running server of this home."""
        found = self._postmaster()
        return found[0] if found else None

    def url(self) -> str:
        """`postgresql://...` for the running server, password included."""
        found = self._postmaster()
        if found is None:
            raise PostgresError(f"PostgreSQL of {self.home} does not run. See {self.place.log}.")
        password = (self.home / "postgres.password").read_text().strip()
        return f"postgresql://{ROLE}:{password}@/{DATABASE}?host={quote(found[1])}&port=5432"

    def _leave(self) -> None:
        # Closing, unlike unlocking, leaves the lock of a forked child's copy alone.
        if self._users is not None:
            os.close(self._users)
            self._users = None

    def _alone(self) -> bool:
        """Whether nobody is a user."""
        users = _open_lock(self.home / "postgres.users")
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(users)
        return True

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[None]:
        lock = _open_lock(self.home / "postgres.lock")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _ensure_running(self) -> None:
        if self.pid() is not None:
            return self._await_ready(None)
        if not (self.place.data / "PG_VERSION").exists():
            self._create()
        elif (found := (self.place.data / "PG_VERSION").read_text().strip()) != str(VERSION):
            raise PostgresError(
                f"The database in {self.place.data} was made by PostgreSQL {found}, and this is "
                f"PostgreSQL {VERSION}. Dump it with the Tenure version that made it, move "
                f"{self.home / 'postgres'} away, and load the dump into the new one."
            )
        self._clear_remains()
        if not (self.home / "postgres.password").exists():
            self._set_password(self.place.data, new=False)
        self._await_ready(self._launch())

    def _create(self) -> None:
        """Make the data directory under another name first, so that one with the right name is
        always whole. The superuser has no password and thus no way in but single-user mode."""
        place, unfinished = self.place, self.place.root / "data.new"
        place.account.run(["rm", "-rf", unfinished], cwd=place.root)
        made = place.account.run(
            [
                place.programs / "initdb",
                f"--pgdata={unfinished}",
                "--username=postgres",
                "--auth=reject",
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--no-instructions",
                *(f"--set={name}={value}" for name, value in _TUNING.items()),
            ],
            cwd=place.root,
        )
        if made.returncode:
            raise PostgresError(f"No database could be made in {place.root}: {_said(made.stderr)}")
        entries = f"local all {ROLE} scram-sha-256\n"
        place.account.run(["tee", unfinished / "pg_hba.conf"], cwd=place.root, text=entries)
        self._set_password(unfinished, new=True)
        place.account.run(["mv", "-T", unfinished, place.data], cwd=place.root)

    def _set_password(self, data: Path, *, new: bool) -> None:
        password = secrets.token_urlsafe(24)
        verb = "CREATE" if new else "ALTER"
        lines = [f"{verb} ROLE {ROLE} LOGIN CREATEDB PASSWORD '{password}'"]
        if new:
            lines += [f"CREATE DATABASE {DATABASE} OWNER {ROLE}"]
        place = self.place
        single: list[str | Path] = [place.programs / "postgres", "--single", "-D", data, "postgres"]
        done = place.account.run(single, cwd=place.root, text="\n".join(lines) + "\n")
        if done.returncode or "ERROR:" in done.stderr or "FATAL:" in done.stderr:
            raise PostgresError(f"The database could not be set up: {_said(done.stderr)}")
        _write_private(self.home / "postgres.password", password + "\n")

    def _launch(self) -> int:
        """Start the server as nobody's child, so that it outlives us where others use it."""
        place = self.place
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(make_socket_folder(place)),
            "unix_socket_permissions": "0700",
            **self._options,
        }
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        program: list[str | Path] = [place.programs / "postgres", "-D", place.data, *arguments]
        started = place.account.run(["sh", "-c", _LAUNCH, place.log, *program], cwd=place.root)
        if started.returncode or not started.stdout.strip().isdigit():
            raise PostgresError(f"PostgreSQL could not be started: {_said(started.stderr)}")
        return int(started.stdout)

    def _await_ready(self, launched: int | None) -> None:
        """Wait until the server takes connections; `launched` is the process we wait for."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._status() == "ready":
                return
            if not _alive(launched if launched is not None else self.pid()):
                break
            time.sleep(0.01)
        raise PostgresError(f"PostgreSQL did not start: {_said(_tail(self.place.log))}")

    def _shut_down(self) -> None:
        for wish in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            pid = self.pid()
            if pid is None:
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, wish)
            deadline = time.monotonic() + STOP_SECONDS
            while time.monotonic() < deadline and self.pid() is not None:
                time.sleep(0.01)

    def _clear_remains(self) -> None:
        """After a crash: wait for the dead server's own processes to end, then remove its lock
        files. PostgreSQL does so itself, but not where their number is now a zombie's or another
        program's."""
        if not (self.place.data / "postmaster.pid").exists():
            return
        deadline = time.monotonic() + STOP_SECONDS
        while left := [p.pid for p in psutil.process_iter() if self._is_ours(p)]:
            if time.monotonic() > deadline:
                raise PostgresError(
                    f"PostgreSQL of {self.home} was killed, and its processes {left} still work. "
                    "Wait until they end, or end them, and start again."
                )
            time.sleep(0.05)
        # The pid file last: while it is there, this is done again.
        socket = socket_folder(self.place) / SOCKET_NAME
        remains: list[str | Path] = [socket, f"{socket}.lock", self.place.data / "postmaster.pid"]
        self.place.account.run(["rm", "-f", *remains], cwd=self.place.root)

    def _postmaster(self) -> tuple[int, str] | None:
        """Process id and socket folder of the running server, from lines 1 and 5 of its pid file
        (PostgreSQL's pidfile.h), if that process lives and is this server."""
        lines = self._pid_lines()
        if len(lines) < 5 or not lines[0].isdigit():
            return None
        try:
            process = psutil.Process(int(lines[0]))
            return (process.pid, lines[4]) if self._is_ours(process) else None
        except psutil.NoSuchProcess:
            return None

    def _is_ours(self, process: psutil.Process) -> bool:
        """Whether it is a process of this server: each has the data directory as its own."""
        try:
            return process.status() != psutil.STATUS_ZOMBIE and (
                process.name() == "postgres" and process.cwd() == str(self.place.data)
            )
        except psutil.Error:
            return False

    def _status(self) -> str:
        """The status in line 8 of the pid file: `starting`, `ready`, `stopping`."""
        lines = self._pid_lines()
        return lines[7].strip() if len(lines) > 7 else ""

    def _pid_lines(self) -> list[str]:
        try:
            return (self.place.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []


@contextlib.contextmanager
def database(home: Path) -> Iterator[str]:
    """The URL of the home's database, which is there as long as the block lasts."""
    server = EmbeddedPostgres(home)
    url = server.start()
    try:
        yield url
    finally:
        server.stop()


def destroy_database(home: Path) -> None:
    """Remove the database of this home for good, also where its data is not in the home. Stops a
    server that nobody uses. Raises `PostgresError` while somebody does."""
    entry = home / "postgres"
    if not entry.exists():
        entry.unlink(missing_ok=True)
        return
    server = EmbeddedPostgres(home)
    with server._exclusive():
        if not server._alone():
            raise PostgresError(f"The database of {home} is in use. Stop Tenure there first.")
        server._shut_down()
        remove_place(server.place)
        entry.unlink(missing_ok=True)
        (home / "postgres.password").unlink(missing_ok=True)


def _alive(pid: int | None) -> bool:
    try:
        return pid is not None and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def _write_private(path: Path, text: str) -> None:
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w") as file:
        file.write(text)
    unfinished.rename(path)


def _tail(log: Path) -> str:
    try:
        return log.read_text(errors="replace")[-4000:]
    except OSError as error:
        return str(error)


_ADVICE = {
    "No space left on device": "The disk is full: free some space and start again.",
    "could not resize shared memory": "Give the machine or container more shared memory.",
    "Cannot allocate memory": "There is not enough memory: lower shared_buffers in {conf}.",
    "configuration file": "Correct {conf}.",
    "Permission denied": "Start Tenure as the user that the folder belongs to.",
}


def _said(text: str) -> str:
    """The lines in which PostgreSQL says what is wrong, and what can be done where we know it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in ("FATAL", "error", "ERROR"))]
    shown = "\n  ".join((telling or lines)[-3:]) or "it said nothing"
    advice = [
        known.format(conf="postgresql.conf in the data directory")
        for sign, known in _ADVICE.items()
        if sign in text
    ]
    return "\n  ".join([shown, *advice])


@contextlib.contextmanager
def _advised(home: Path) -> Iterator[None]:
    """Turn what the operating system refuses into an error that says what to do."""
    try:
        yield
    except OSError as error:
        raise PostgresError(
            f"The database in {home} cannot be used: {error.filename or home}: {error.strerror}. "
            "Start Tenure as the user that the folder belongs to, or set TENURE_HOME to another."
        ) from error
