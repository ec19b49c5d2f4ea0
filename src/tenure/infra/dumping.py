"""A whole database into a file and back, by PostgreSQL's own programs. Knows nothing of what is in
it; the password goes by the environment, never by a command line that others can read."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from tenure.infra.postgres_place import VERSION, PostgresError, client_programs


def dump(url: str, path: Path) -> None:
    """Everything in the database as it is at one instant, compressed, while others go on working.
    Raises `PostgresError`."""
    where, environment = _without_password(url)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        done = subprocess.run(
            [
                str(client_programs() / "pg_dump"),
                "--format=custom",
                "--no-owner",
                "--no-privileges",
                f"--dbname={where}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.PIPE,
            env=environment,
            check=False,
        )
        if done.returncode == 0:
            file.flush()
            os.fsync(file.fileno())
    if done.returncode:
        raise PostgresError(_why("dumped", done.stderr))


def load(url: str, path: Path, *, afterwards: str, room: Path) -> None:
    """Everything of the dump, and then the statement `afterwards`, in one transaction: all of it
    is there, or nothing. The database has to be empty. All of it is written into the folder `room`
    meanwhile. Raises `PostgresError`."""
    where, environment = _without_password(url)
    programs = client_programs()
    # A file and not a pipe: what is read from a pipe that breaks off looks like its end, and what
    # came until then would be committed.
    script = room / f".{path.name}.{os.getpid()}.sql"
    try:
        descriptor = os.open(script, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            made = subprocess.run(
                [programs / "pg_restore", "--no-owner", "--no-privileges", "--file=-", path],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.PIPE,
                check=False,
            )
            file.write(f"\n{afterwards};\n".encode())
        if made.returncode:
            raise PostgresError(_why("read", made.stderr))
        done = subprocess.run(
            [
                programs / "psql",
                "--no-psqlrc",
                "--quiet",
                "--single-transaction",
                "--set=ON_ERROR_STOP=1",
                f"--file={script}",
                f"--dbname={where}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment,
            check=False,
        )
        if done.returncode:
            raise PostgresError(_why("loaded", done.stderr))
    finally:
        script.unlink(missing_ok=True)


def _without_password(url: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(url)
    who, _, address = parts.netloc.rpartition("@")
    user, _, password = who.partition(":")
    netloc = f"{quote(unquote(user), safe='')}@{address}" if who else address
    environment = {**os.environ, "PGCONNECT_TIMEOUT": "10"}
    if password:
        environment["PGPASSWORD"] = unquote(password)
    return urlunsplit(parts._replace(netloc=netloc)), environment


def _why(what: str, said: bytes) -> str:
    lines = [line for line in said.decode(errors="replace").splitlines() if line.strip()]
    shown = "\n  ".join(lines[:4]) or "it said nothing"
    newer = "server version mismatch" in shown
    advice = (
        f"\nThe server is newer than PostgreSQL {VERSION}: use its own pg_dump, and mark what is "
        "restored by `tenure restored begin`."
        if newer
        else ""
    )
    return f"The database could not be {what}: {shown}{advice}"
