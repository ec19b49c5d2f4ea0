"""Tables are brought up to date by whichever process comes first, and a program that is older than
they are does not touch them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from functools import cache

from django.core.management import call_command
from django.core.management.commands.migrate import Command as Migrate
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import Migration
from django.db.migrations.recorder import MigrationRecorder

from tenure import __version__
from tenure.infra.backups import MARK

log = logging.getLogger(__name__)

MIGRATION_LOCK = 7_245_991
"""Key of the advisory lock under which only one process migrates."""
#: Others that start at the same time are through with looking within that.
_QUIET_SECONDS = 2.0
_LONG_SECONDS = 1.0
_GOES_ON = "Step %d of %d goes on: %s."


class NewerDatabase(ValueError):
    """The tables were made by another Tenure, which this one does not know."""


def bring_up_to_date() -> None:
    """Apply the migrations that are missing; processes that start together take turns. Raises
    `NewerDatabase`."""
    with connection.cursor() as cursor:
        _take_turns(cursor)
        try:
            executor = MigrationExecutor(connection)
            _refuse_unknown(executor.loader.applied_migrations)
            waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
            if waiting:
                new = not executor.loader.applied_migrations
                _apply(0 if new else len(waiting))
            _after_a_restore(cursor)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])


def _apply(steps: int) -> None:
    """`steps`: how many there are to tell of; 0 where there was nothing yet."""
    began = time.monotonic()
    if steps:
        log.info("The tables are brought up to date: %d steps.", steps)
    call_command(_Telling(steps), interactive=False, verbosity=0)
    if steps:
        log.info("The tables are up to date, after %.0f s.", time.monotonic() - began)


class _Telling(Migrate):
    """Says which step it is at where one takes long."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._steps, self._step = steps, 0
        self._timer: threading.Timer | None = None

    def migration_progress_callback(
        self, action: str, migration: Migration | None = None, fake: bool = False
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if action != "apply_start" or migration is None:
            return
        self._step += 1
        if self._steps:
            told = (self._step, self._steps, f"{migration.app_label}.{migration.name}")
            self._timer = threading.Timer(_LONG_SECONDS, log.info, (_GOES_ON, *told))
            self._timer.daemon = True
            self._timer.start()


def _take_turns(cursor: CursorWrapper) -> None:
    """Wait for whoever is at it; who waits long is told for what."""
    quiet_until = time.monotonic() + _QUIET_SECONDS
    while time.monotonic() < quiet_until:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [MIGRATION_LOCK])
        row = cursor.fetchone()
        if row and row[0]:
            return
        time.sleep(0.05)
    log.info("Another process brings the tables up to date; this one waits for it.")
    cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])


def _after_a_restore(cursor: CursorWrapper) -> None:
    """The first process that starts on a backup closes what the backup has open."""
    cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [MARK])
    row = cursor.fetchone()
    if row and row[0]:
        from tenure.sso.restoring import take_mark

        take_mark()


def refuse_newer() -> None:
    """For who reads the tables as they are. Raises `NewerDatabase`."""
    _refuse_unknown(MigrationRecorder(connection).applied_migrations())


def _refuse_unknown(applied: Iterable[tuple[str, str]]) -> None:
    """An older program would read and write as if a column that it does not know meant nothing,
    and what it does to accounts cannot be taken back."""
    unknown = sorted(f"{app}.{name}" for app, name in set(applied) - _known())
    if unknown:
        more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
        raise NewerDatabase(
            f"This database was used by a newer Tenure than this one ({__version__}), which does "
            f"not know {', '.join(unknown[:3])}{more}. Nothing was changed. Start the newer "
            "program, or restore a backup of before the upgrade."
        )


@cache
def _known() -> frozenset[tuple[str, str]]:
    """The migrations of this program."""
    return frozenset(MigrationLoader(None).disk_migrations)
