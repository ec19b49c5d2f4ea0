"""When the database goes away under a worker: one line that says so, and one when it is back.

Whoever uses a connection that is lost finds out for itself, so one event makes a dozen errors. Here
they are told from other errors of a database (a statement that is wrong, a lock that was waited for
too long), which are logged as ever. Knows nothing of what a worker does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Any

import django.db
import psycopg
from procrastinate.exceptions import ConnectorException

log = logging.getLogger(__name__)

#: Of SQLSTATE (PostgreSQL, appendix A), what says that a session is over: connection exceptions;
#: shut down, crashed, not to be connected to now.
_CONNECTION_EXCEPTION = "08"
_ENDED = {"57P01", "57P02", "57P03"}
_LOOK_SECONDS, _ANSWER_SECONDS = 0.5, 5
#: So long after the last error somebody may still find out that a connection is lost.
_QUIET_SECONDS = 10.0
_REMIND_SECONDS = 60.0
_TAKEN_OVER = (
    "This worker stood still for a while, and another one did a job that it had: nothing is lost."
)


def lost(error: BaseException | None) -> psycopg.Error | None:
    """The loss of a connection from which this error comes; None for any other error, one that was
    made while such a loss was handled among them."""
    while isinstance(error, django.db.Error | ConnectorException):
        error = error.__cause__ or error.__context__
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return None
    state = error.sqlstate
    ended = state is None or state.startswith(_CONNECTION_EXCEPTION) or state in _ENDED
    return error if ended else None


def reason(error: BaseException) -> str:
    """Why, in a few words: of what libpq says, without the address and without advice."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rpartition(" failed: ")[2].removeprefix("FATAL:").strip().rstrip(".")


class Outage(logging.Filter):
    """Keeps errors that come of lost connections out of a log, and says once what happened. With
    level DEBUG they are all there."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = Lock()
        self._since = self._last = self._told = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        if _is_of_job_taken_over(record):
            record.msg, record.args = _TAKEN_OVER, ()
            record.exc_info = record.exc_text = None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            return True
        error = _of(record)
        if error is None:
            return True
        self.note(error)
        return logging.getLogger().isEnabledFor(logging.DEBUG)

    def note(self, error: BaseException) -> None:
        """A connection was lost, or there still is none."""
        now = time.monotonic()
        with self._lock:
            first, self._last = not self._since, now
            again = not first and now - self._told >= _REMIND_SECONDS
            self._since = self._since or now
            if first or again:
                self._told = now
        if first:
            log.warning(
                "The connection to the database is lost (%s). What was stored is kept; this worker "
                "goes on by itself when the database answers.",
                reason(error),
            )
        elif again:
            log.warning("The database still does not answer (%s).", reason(error))

    def over(self) -> None:
        """The database answers, and whoever lost a connection has another one."""
        with self._lock:
            was, self._since = self._since, 0.0
        if was:
            log.warning("The database answers again: this worker has gone on.")

    @property
    def quiet(self) -> bool:
        """There was one, and nobody noticed anything of it any more for a while."""
        return bool(self._since) and time.monotonic() - self._last > _QUIET_SECONDS


@contextlib.contextmanager
def told_once() -> Iterator[Outage]:
    """While this lasts, what is logged of lost connections is one line."""
    outage = Outage()
    handlers = list(logging.getLogger().handlers)
    for handler in handlers:
        handler.addFilter(outage)
    try:
        yield outage
    finally:
        for handler in handlers:
            handler.removeFilter(outage)


async def answers(parameters: Mapping[str, Any], outage: Outage) -> bool:
    """Whether the database can be connected to now."""
    try:
        connection = await psycopg.AsyncConnection.connect(
            **{**parameters, "connect_timeout": _ANSWER_SECONDS}
        )
    except psycopg.OperationalError as error:
        outage.note(error)
        return False
    await connection.close()
    return True


async def until_it_answers(parameters: Mapping[str, Any], outage: Outage) -> None:
    """Wait for that, however long it takes."""
    while True:
        if await answers(parameters, outage):
            break
        await asyncio.sleep(_LOOK_SECONDS)
    outage.over()


async def watch(parameters: Mapping[str, Any], outage: Outage) -> None:
    """Tell the end of outages that did not end the worker: a single connection was cut."""
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        if outage.quiet and await answers(parameters, outage):
            outage.over()


def _is_of_job_taken_over(record: logging.LogRecord) -> bool:
    """A worker that stood still comes to the end of a job that another one did meanwhile."""
    error = record.exc_info[1] if record.exc_info else None
    cause = error.__cause__ if isinstance(error, ConnectorException) else None
    return isinstance(cause, psycopg.errors.RaiseException) and "Job was not found" in str(cause)


def _of(record: logging.LogRecord) -> psycopg.Error | None:
    """The lost connection that the record is about."""
    if record.exc_info and record.exc_info[1] is not None:
        return lost(record.exc_info[1])
    # The pool tells them as words: "error connecting in %r: %s".
    if record.name == "psycopg.pool" and isinstance(record.args, tuple):
        for argument in record.args:
            if isinstance(argument, BaseException):
                return lost(argument)
    return None
