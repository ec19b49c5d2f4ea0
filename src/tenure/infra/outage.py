"""When the database goes away under a process, or takes nothing any more: one line that says so,
and one when it is back.

Whoever uses a connection that is lost finds out for itself, so one event makes a dozen errors. Here
they are told from other errors of a database (a statement that is wrong, a lock that was waited for
too long), which are logged as ever. Knows nothing of what the process does.
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
#: Of a standby, or of a server that somebody made read-only.
_READ_ONLY = "25006"
#: Insufficient resources (a full disk above all), and errors of the system that it runs on.
_NO_ROOM = ("53", "58")
_LOOK_SECONDS, _ANSWER_SECONDS = 0.5, 5
#: A disk is not emptied in a second.
_ROOM_SECONDS = 5.0
#: So long after the last error somebody may still find out that a connection is lost.
_QUIET_SECONDS = 10.0
_REMIND_SECONDS = 60.0
#: Whether the connection is lost, and whether that is new -> what is said.
_SAID = {
    (
        True,
        True,
    ): "The connection to the database is lost (%s). What was stored is kept; %s goes on "
    "by itself when the database answers.",
    (True, False): "The database still does not answer (%s).",
    (False, True): "The database takes nothing (%s). What was stored is kept; %s goes on by itself "
    "when it does.",
    (False, False): "The database still takes nothing (%s).",
}
_TAKEN_OVER = (
    "This worker stood still for a while, and another one did a job that it had: nothing is lost."
)


def lost(error: BaseException | None) -> psycopg.Error | None:
    """The loss of a connection from which this error comes; None for any other error, one that was
    made while such a loss was handled among them."""
    found = _of_database(error)
    return found if found is not None and _is_loss(found) else None


def ailing(error: BaseException | None) -> psycopg.Error | None:
    """What is wrong with the database as a whole, whatever was asked of it, and passes: its
    connection is lost, it is read-only, its disk is full. None for any other error."""
    found = _of_database(error)
    if found is None:
        return None
    return found if _is_loss(found) or found.sqlstate == _READ_ONLY or _lacks_room(found) else None


def _of_database(error: BaseException | None) -> psycopg.Error | None:
    while isinstance(error, django.db.Error | ConnectorException):
        error = error.__cause__ or error.__context__
    return error if isinstance(error, psycopg.Error) else None


def _is_loss(error: psycopg.Error) -> bool:
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    state = error.sqlstate
    return state is None or state.startswith(_CONNECTION_EXCEPTION) or state in _ENDED


def _lacks_room(error: psycopg.Error) -> bool:
    return (error.sqlstate or "").startswith(_NO_ROOM)


def reason(error: BaseException) -> str:
    """Why, in a few words: of what libpq says, without the address and without advice."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rpartition(" failed: ")[2].removeprefix("FATAL:").strip().rstrip(".")


class Outage(logging.Filter):
    """Keeps errors that come of a database which is away, or takes nothing, out of a log, and says
    once what happened. With level DEBUG they are all there."""

    def __init__(self, who: str = "this worker") -> None:
        super().__init__()
        self._who = who
        self._lock = Lock()
        self._since = self._last = self._told = 0.0
        self._lost = True
        #: What it lacked when it was last heard of is room.
        self.lacks_room = False

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
        """A connection was lost, or there still is none; or there is one, and it takes nothing."""
        now, lost_now = time.monotonic(), lost(error) is not None
        with self._lock:
            # Nobody need have noticed that an earlier one was over.
            begins = not self._since or now - self._last > _REMIND_SECONDS
            first = begins or lost_now is not self._lost
            again = not first and now - self._told >= _REMIND_SECONDS
            self._last, self._lost = now, lost_now
            self._since = self._since or now
            self.lacks_room = not lost_now and _lacks_room(_of_database(error) or psycopg.Error())
            if first or again:
                self._told = now
        if first or again:
            log.warning(_SAID[lost_now, first], reason(error), *[self._who] * first)

    def over(self) -> None:
        """The database answers, and whoever lost a connection has another one."""
        with self._lock:
            was, self._since = self._since, 0.0
            self.lacks_room = False
        if was:
            log.warning("The database answers again: %s has gone on.", self._who)

    @property
    def quiet(self) -> bool:
        """There was one, and nobody noticed anything of it any more for a while."""
        return bool(self._since) and time.monotonic() - self._last > _QUIET_SECONDS


@contextlib.contextmanager
def told_once(who: str = "this worker") -> Iterator[Outage]:
    """While this lasts, what is logged of a database that is away is one line; `who` goes on."""
    outage = Outage(who)
    handlers = list(logging.getLogger().handlers)
    for handler in handlers:
        handler.addFilter(outage)
    try:
        yield outage
    finally:
        for handler in handlers:
            handler.removeFilter(outage)


async def answers(parameters: Mapping[str, Any], outage: Outage) -> bool:
    """Whether the database can be connected to now, and takes something."""
    wanted = {"connect_timeout": _ANSWER_SECONDS, "target_session_attrs": "read-write"}
    try:
        connection = await psycopg.AsyncConnection.connect(**{**parameters, **wanted})
    except psycopg.OperationalError as error:
        outage.note(error)
        return False
    await connection.close()
    return True


async def until_it_answers(parameters: Mapping[str, Any], outage: Outage) -> None:
    """Wait for that, however long it takes. Whether a full disk has room again shows whoever
    writes: `watch` tells the end of that."""
    if outage.lacks_room:
        await asyncio.sleep(_ROOM_SECONDS)
    while True:
        if await answers(parameters, outage):
            break
        await asyncio.sleep(_LOOK_SECONDS)
    if not outage.lacks_room:
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
    """The trouble of the database that the record is about."""
    if record.exc_info and record.exc_info[1] is not None:
        return ailing(record.exc_info[1])
    # The pool tells them as words: "error connecting in %r: %s".
    if record.name == "psycopg.pool" and isinstance(record.args, tuple):
        for argument in record.args:
            if isinstance(argument, BaseException):
                return lost(argument)
    return None
