"""Opening the product for one command: database up, Django ready, the actor known."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tenure.cli.output import Failure, plainly

if TYPE_CHECKING:
    from tenure.infra.postgres import EmbeddedPostgres


@contextmanager
def session(*, migrate: bool = True) -> Iterator[EmbeddedPostgres | None]:
    """Everything inside may use the database, as `command line (user)`. Yields the embedded
    server, None where the database is somebody else's."""
    from tenure.config.bootstrap import setup
    from tenure.infra.postgres_place import PostgresError

    try:
        with setup(migrate=migrate) as server:
            from tenure.audit.services import acting

            with plainly(), acting(f"command line ({_user()})"):
                yield server
    except PostgresError as error:
        raise Failure(str(error)) from error


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown user"
