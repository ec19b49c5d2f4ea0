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


@contextlib.contextmanager
def setup(folder: Path | None = None, *, migrate: bool = True) -> Iterator[EmbeddedPostgres | None]:
    """Django, ready to use with its database as long as the block lasts. `folder` is the home, by
    default that of the environment. The embedded server is yielded where there is one; children
    that inherit the environment use it while this block holds it. Raises `PostgresError`,
    `ValueError` for settings that are wrong and for tables of a newer Tenure,
    `django.db.OperationalError` for a database that cannot be reached."""
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
def database() -> Iterator[str]:
    """The URL of this installation's database, without Django and whatever is in it. Raises
    `PostgresError`."""
    if url := os.environ.get("DATABASE_URL"):
        yield url
        return
    with EmbeddedPostgres(home()) as server:
        yield server.url()


@contextlib.contextmanager
def _django(*, migrate: bool) -> Iterator[None]:
    import django
    from django.db import connections

    django.setup()
    from tenure.config.upgrading import bring_up_to_date, refuse_newer

    circles.look_seldom()
    try:
        if migrate:
            bring_up_to_date()
        else:
            refuse_newer()
        yield
    finally:
        connections.close_all()
