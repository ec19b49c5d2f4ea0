"""MariaDB as Debian has it, on a database of its own."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql

SERVER = Path("/usr/sbin/mariadbd")
PASSWORD = "a-database-password"


@dataclass(frozen=True, slots=True)
class Mariadb:
    """Where its socket is; `hr` is a database, `tenure` may read it."""

    socket: str

    @property
    def settings(self) -> dict[str, Any]:
        return {"host": self.socket, "database": "hr", "user": "tenure"}

    def run(self, *statements: str) -> None:
        """As an administrator."""
        with pymysql.connect(unix_socket=self.socket, user="root", database="hr") as connection:
            for statement in statements:
                with connection.cursor() as cursor:
                    cursor.execute(statement)
            connection.commit()


@contextmanager
def mariadb(place: Path) -> Iterator[Mariadb]:
    data, socket = place / "data", place / "s"
    who = ["--user=root"]
    subprocess.run(
        [
            *(shutil.which("mariadb-install-db") or "mariadb-install-db", "--no-defaults", *who),
            *(f"--datadir={data}", "--auth-root-authentication-method=normal"),
        ],
        check=True,
        capture_output=True,
    )
    log = place / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                *(str(SERVER), "--no-defaults", *who, f"--datadir={data}", f"--socket={socket}"),
                *("--skip-networking", f"--pid-file={place / 'pid'}"),
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield _set_up(Mariadb(str(socket)), process, log)
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _set_up(server: Mariadb, process: subprocess.Popen[bytes], log: Path) -> Mariadb:
    deadline = time.monotonic() + 60
    while True:
        try:
            if not Path(server.socket).exists():
                raise pymysql.OperationalError
            with pymysql.connect(unix_socket=server.socket, user="root") as connection:
                for statement in (
                    "CREATE DATABASE hr CHARACTER SET utf8mb4",
                    f"CREATE USER tenure@localhost IDENTIFIED BY '{PASSWORD}'",
                    "GRANT SELECT ON hr.* TO tenure@localhost",
                ):
                    with connection.cursor() as cursor:
                        cursor.execute(statement)
            return server
        except pymysql.Error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"MariaDB did not start: {log.read_text()[-2000:]}") from None
            time.sleep(0.2)
