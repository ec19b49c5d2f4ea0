"""Opening the product for one command: database up, Django ready, the actor known."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from tenure.cli.output import Failure, plainly, say

if TYPE_CHECKING:
    from tenure.infra.postgres import EmbeddedPostgres


@contextmanager
def session(*, migrate: bool = True, by: str = "") -> Iterator[EmbeddedPostgres | None]:
    """Everything inside may use the database. `by`: who it is that does something there, unless it
    is whoever typed the command: what a server does by itself nobody at a terminal did. Yields the
    embedded server, None where the database is somebody else's."""
    from tenure.config.bootstrap import setup
    from tenure.config.paths import HOME_VARIABLE, begun, home

    new = not begun()
    with plainly(), ExitStack() as stack:
        try:
            server = stack.enter_context(setup(migrate=migrate))
        except ValueError as error:
            # A setting in the environment that makes no sense: the message names it.
            raise Failure(str(error)) from error
        if new:
            # Whoever is in another folder than before would take it for theirs, emptied.
            say(
                f"No installation was here: a new, empty one was made in {home()}. Is there one "
                f"already, set {HOME_VARIABLE} to its folder."
            )
        from tenure.audit.services import acting

        stack.enter_context(acting(by or f"command line ({_user()})"))
        yield server


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown user"
