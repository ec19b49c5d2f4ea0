"""How a process of Tenure starts: the database is made available, Django is configured, and the
tables are brought up to date. Whoever calls it knows nothing of embedded or external databases."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from tenure.config.paths import HOME_VARIABLE, home
from tenure.infra import circles
from tenure.infra.postgres import EmbeddedPostgres

MIGRATION_LOCK = 7_245_991
"""Key of the advisory lock under which only one process migrates."""


@contextlib.contextmanager
def setup(folder: Path | None = None, *, migrate: bool = True) -> Iterator[EmbeddedPostgres | None]:
    """Django, ready to use with its database as long as the block lasts. `folder` is the home, by
    default that of the environment. The embedded server is yielded where there is one; children
    that inherit the environment use it while this block holds it. Raises `PostgresError`,
    `ValueError` for settings that are wrong, `django.db.OperationalError` for a database that
    cannot be reached."""
    if folder is not None:
        os.environ[HOME_VARIABLE] = str(folder.absolute())
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tenure.config.settings")
    if os.environ.get("DATABASE_URL"):
        with _django(migrate=migrate):
            yield None
        return
    with EmbeddedPostgres(home()) as server:
        os.environ["DATABASE_URL"] = server.url()
        try:
            with _django(migrate=migrate):
                yield server
        finally:
            del os.environ["DATABASE_URL"]


@contextlib.contextmanager
def _django(*, migrate: bool) -> Iterator[None]:
    import django
    from django.db import connections

    django.setup()
    circles.look_seldom()
    try:
        if migrate:
            bring_up_to_date()
        yield
    finally:
        connections.close_all()


def bring_up_to_date() -> None:
    """Apply the migrations that are missing; processes that start together take turns."""
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        try:
            executor = MigrationExecutor(connection)
            if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                call_command("migrate", interactive=False, verbosity=0)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])
