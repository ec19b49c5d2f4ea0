"""Backups: made, tried, restored; and what is to be done before a restored one goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.cli.context import session
from tenure.cli.output import AsJson, Failure, out, print_json, say

if TYPE_CHECKING:
    from tenure.infra.backups import Backup
    from tenure.sso.restoring import Restored

restored_app = typer.Typer(
    name="restored",
    help="What was restored from a backup: what is to be done before it goes on.\n\n"
    "Example: `tenure restored show`",
    no_args_is_help=True,
)
#: What the installation has made for itself; without them its database is worth little.
_KEYS = ("secrets.key", "django.key")
Reason = Annotated[str, typer.Option(help="Why: it is kept in the audit trail.")]


def register(app: typer.Typer) -> None:
    app.command("backup")(backup)
    app.command("restore")(restore)
    restored_app.command("show")(show)
    restored_app.command("begin")(begin)
    restored_app.command("done")(done)
    app.add_typer(restored_app)


def backup(
    folder: Annotated[Path, typer.Argument(help="A folder that is not there yet.")],
    as_json: AsJson = False,
) -> None:
    """Back up the database and the keys into a folder, while everything goes on.

    Whoever has the folder has all secrets: keep it as you keep those.

    Example: `tenure backup /backup/tenure-2026-11-29`
    """
    with session() as server, _plainly():
        from django.conf import settings

        from tenure import __version__
        from tenure.audit.models import Action
        from tenure.audit.services import last, record, seal
        from tenure.infra import backups
        from tenure.infra.clock import now
        from tenure.infra.secrets import KEY_VARIABLE
        from tenure.vault.services import box

        box()  # Whose keys are wrong makes no backup that could be restored.
        while seal():
            pass
        end = last()
        elsewhere = bool(os.environ.get(KEY_VARIABLE))
        made = backups.make(
            folder.absolute(),
            server.url() if server else os.environ["DATABASE_URL"],
            keys=[
                settings.HOME / name
                for name in _KEYS
                if (settings.HOME / name).exists() and not (elsewhere and name == _KEYS[0])
            ],
            about={
                "tenure": __version__,
                "made_at": now().isoformat(timespec="seconds"),
                "audit": f"{end.position}:{end.digest}" if end else "",
                "keys_in": KEY_VARIABLE if elsewhere else _KEYS[0],
            },
        )
        size = sum(path.stat().st_size for path in made.folder.iterdir())
        record(
            Action.BACKED_UP,
            subject_kind="backup",
            subject_key=str(made.folder),
            after={"bytes": size, "keys": not elsewhere},
        )
        if as_json:
            print_json({"folder": str(made.folder), "bytes": size, **made.about})
            return
        out.print(f"Backed up to {made.folder} ({size / 1e6:.1f} MB).", markup=False)
        if elsewhere:
            out.print(f"{KEY_VARIABLE} is not in it: keep it elsewhere.", markup=False)
        say(f"`tenure restore {folder} --check` tells whether it can be restored.")


def restore(
    folder: Annotated[Path, typer.Argument(help="What `tenure backup` wrote.")],
    check: Annotated[
        bool, typer.Option("--check", help="Only try it, in a database that is removed again.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Restore a backup into an empty installation: a new TENURE_HOME, or an empty DATABASE_URL.

    Nothing is sent and nobody comes in before `tenure restored done`.

    Example: `tenure restore /backup/tenure-2026-11-29`
    """
    with _plainly():
        from tenure.infra import backups

        found = backups.read(folder.absolute())
        if check:
            _try(found.folder, str(found.about.get("audit", "")))
        else:
            _load(found)
        unopened = [] if check else _unopened()
        if as_json:
            print_json({"restored": not check, "of": found.about["made_at"], "unopened": unopened})
            return
    if check:
        out.print(f"The backup of {found.about['made_at']} can be restored.", markup=False)
        return
    out.print(f"Restored as of {found.about['made_at']}.", markup=False)
    for name in unopened:
        say(f"No key opens the secret {name}: put its key back, or enter it again.")
    say("Start `tenure up`, then `tenure restored show` says what is to be done.")


def show(as_json: AsJson = False) -> None:
    """What was not read since, and whose accounts somebody closed since. Exit code 2 as long as
    there is something to do.

    Example: `tenure restored show`
    """
    with session():
        from tenure.sso.restoring import standing

        now = standing()
        if as_json:
            print_json(_document(now))
        elif now is None:
            out.print("Nothing was restored from a backup here, or it is done.")
        else:
            _show(now)
        if now is not None:
            raise typer.Exit(2)


def begin(reason: Reason, as_json: AsJson = False) -> None:
    """For a database that other tools have put back: from now on it is one of a backup.

    Example: `tenure restored begin --reason 'snapshot of Friday night'`
    """
    _reasoned(reason)
    with session():
        from tenure.sso import restoring

        restoring.begin(reason)
        if as_json:
            print_json({"restored": True})
            return
        out.print("Nothing is sent and nobody comes in before `tenure restored done`.")


def done(
    reason: Reason,
    let_in: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NUMBER",
            help="Open this person's accounts again although somebody closed them. Several times.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Sign-in and writes go on.

    Example: `tenure restored done --let-in 10482 --reason 'all looked at'`
    """
    _reasoned(reason)
    with session():
        from tenure.sso.restoring import NotReady, finish

        try:
            finish(reason=reason, let_in=frozenset(let_in or ()))
        except NotReady as error:
            raise Failure(str(error)) from error
        if as_json:
            print_json({"restored": False})
            return
        out.print("Sign-in and writes go on.")


def _document(now: Restored | None) -> dict[str, Any]:
    if now is None:
        return {"restored": False}
    return {
        "restored": True,
        "since": now.since,
        "unread": {"sources": now.sources, "applications": now.applications},
        "closed_since": [
            {
                "person": item.person.employee_number,
                "name": item.person.display_name,
                "application": item.application,
                "account": item.user_name,
                "gone": item.gone,
            }
            for item in now.closed
        ],
    }


def _show(now: Restored) -> None:
    out.print(f"Restored on {now.since:%Y-%m-%d %H:%M %Z}. Nothing is sent, nobody comes in.")
    for slug in now.sources:
        out.print(f"Source {slug} was not read since: `tenure import {slug}`.", markup=False)
    for slug in now.applications:
        out.print(f"Application {slug}, too: `tenure reconcile {slug}`.", markup=False)
    for item in now.closed:
        number = item.person.employee_number
        out.print(
            f"{number} {item.person.display_name} works here by the backup, but {item.said}: "
            f"`tenure terminate {number}`, or `--let-in {number}`.",
            markup=False,
        )
    if not (now.sources or now.applications or now.closed):
        out.print("Everything was read. `tenure restored done --reason ...` goes on.")


def _load(found: Backup) -> None:
    """Keys first: with the database alone everything would look well, and open nothing."""
    from tenure.config.bootstrap import database
    from tenure.config.paths import home
    from tenure.infra.backups import MARK
    from tenure.infra.dumping import load

    place = home()
    for key in found.key_files:
        there = place / key.name
        if there.exists() and there.read_bytes() != key.read_bytes():
            raise Failure(
                f"{there} is another key than the backup's. Restore into a new TENURE_HOME, or "
                "move that file away."
            )
    with database() as url:
        _must_be_empty(url)
        for key in found.key_files:
            if not (place / key.name).exists():
                shutil.copy2(key, place / key.name)
                (place / key.name).chmod(0o600)
        made = str(found.about["made_at"]).replace("'", "")
        load(
            url,
            found.database,
            room=place,
            afterwards=f"CREATE TABLE {MARK} AS SELECT text 'the backup of {made}' AS of",
        )


def _must_be_empty(url: str) -> None:
    import psycopg

    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchone()
    if row is not None and row[0]:
        raise Failure(
            "There are tables in this database already. A backup is restored into an empty one: "
            "a new TENURE_HOME, or another DATABASE_URL."
        )


def _unopened() -> list[str]:
    with session():
        from tenure.vault.services import unreadable

        return sorted(unreadable())


def _try(folder: Path, place: str) -> None:
    """Restore it elsewhere for real, and walk the audit trail to where the backup says it ended."""
    from tenure.infra.postgres import destroy_database

    scratch = Path(tempfile.mkdtemp(prefix="tenure-check-"))
    scratch.chmod(0o711)
    environment = {**os.environ, "TENURE_HOME": str(scratch)}
    environment.pop("DATABASE_URL", None)
    noted = ["--noted", place] if place else []
    try:
        for words in (["restore", str(folder)], ["audit", "verify", *noted]):
            ended = subprocess.run(
                [sys.executable, "-m", "tenure", *words],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            if ended.returncode or "No key opens" in ended.stderr:
                said = ended.stderr.strip() or f"it ended with {ended.returncode}"
                raise Failure(f"The backup in {folder} cannot be restored: {said}")
    finally:
        destroy_database(scratch)
        shutil.rmtree(scratch, ignore_errors=True)


def _reasoned(reason: str) -> None:
    if not reason.strip():
        raise Failure("A decision needs a reason: --reason 'why'.")


@contextmanager
def _plainly() -> Iterator[None]:
    from tenure.infra.backups import BackupError
    from tenure.infra.postgres_place import PostgresError
    from tenure.infra.secrets import SecretError

    try:
        yield
    except (BackupError, PostgresError, SecretError) as error:
        raise Failure(str(error)) from error
