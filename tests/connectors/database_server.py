"""A PostgreSQL server of the tests' own, with a superuser, on loopback: the binaries are those of
the embedded one, which has neither."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tenure.infra.postgres_place import find_place
from tests.conftest import make_home
from tests.connectors.servers import free_port

SUPERUSER = "postgres"
PASSWORD = "a-superuser-s-password"


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """Where it listens, by TCP without encryption."""

    host: str
    port: int

    def url(self, user: str = SUPERUSER, password: str = PASSWORD) -> str:
        return f"postgresql://{user}:{password}@{self.host}:{self.port}/postgres"


@contextmanager
def database_server() -> Iterator[DatabaseServer]:
    """Up, and gone with everything in it afterwards."""
    home = make_home()
    place = find_place(home)
    run, root = place.account.run, place.root
    port = free_port()
    options = f"-c listen_addresses=127.0.0.1 -p {port} -c unix_socket_directories='' -c fsync=off"
    steps: list[list[str | Path]] = [
        ["tee", root / "password"],
        [
            *(place.programs / "initdb", "-D", place.data, "-U", SUPERUSER, "-E", "UTF8"),
            *("--locale=C", "--auth=scram-sha-256", f"--pwfile={root / 'password'}"),
        ],
        [
            place.programs / "pg_ctl",
            "-D",
            place.data,
            "-l",
            place.log,
            "-o",
            options,
            "-w",
            "start",
        ],
    ]
    try:
        for step in steps:
            done = run(step, cwd=root, text=PASSWORD)
            if done.returncode:
                raise RuntimeError(f"{step[0]}: {done.stderr or done.stdout}")
        yield DatabaseServer("127.0.0.1", port)
    finally:
        run([place.programs / "pg_ctl", "-D", place.data, "-m", "immediate", "stop"], cwd=root)
        shutil.rmtree(place.root)
        shutil.rmtree(home, ignore_errors=True)
