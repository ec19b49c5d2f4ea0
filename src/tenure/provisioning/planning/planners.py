"""Planning for many people by several processes: deciding is arithmetic, and Python does that on
one core only. Each process reads and decides for a number of people at a time and gives back what
that comes to (see `sheets`); the one that asked stores it all, in one transaction.

All of them read one snapshot of the database, the asking transaction's: a rule that is changed
meanwhile does not count for some and not for others, and raises generations for the next plan.
"""

from __future__ import annotations

import gc
import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from django.db import connection, transaction

from tenure.provisioning.planning import ledger
from tenure.provisioning.planning.drafting import CHUNK, Drafting, Scope, batched
from tenure.provisioning.planning.sheets import Sheet, Terms, sheet

#: A process costs a second or two before it decides anything.
_WORTH_IT = 10_000
_MOST = 4
#: So many portions wait at each process, so that none stands idle while we store.
_AHEAD = 2
_ENDS_WITHIN = 10.0
_PROCESS = "tenure.provisioning.planning.process"


class PlannerDied(RuntimeError):
    """A planning process ended before its work did; nothing of the plan was stored."""


@dataclass(frozen=True, slots=True)
class _Task:
    """What a planning process has to know. It goes through a pipe: there is a password in it."""

    database: Mapping[str, Any]
    snapshot: str
    scope: Scope
    terms: Terms


def worth_it(people: int) -> bool:
    """Whether so many people are planned faster by several processes."""
    return people >= _WORTH_IT and _cores() > 1


def sheets(scope: Scope, keys: Sequence[int], terms: Terms) -> Iterator[Sheet]:
    """What these people come to, in any order. In the transaction whose snapshot all read. Raises
    `PlannerDied`."""
    task = _Task(_database(), _snapshot(), scope, terms)
    portions = batched(keys, CHUNK)
    with ExitStack() as stack:
        pipes = [stack.enter_context(_Planner(task)).pipe for _ in range(min(_cores(), _MOST))]
        waiting = dict.fromkeys(pipes, 0)
        for pipe in pipes * _AHEAD:
            waiting[pipe] += _give(pipe, portions)
        while busy := [pipe for pipe, count in waiting.items() if count]:
            for ready in wait(busy):
                assert isinstance(ready, Connection)
                found = _received(ready)
                waiting[ready] += _give(ready, portions) - 1
                yield found


def _give(pipe: Connection, portions: Iterator[Sequence[int]]) -> int:
    """Hand over the next portion, if there is one; how many that were."""
    portion = next(portions, None)
    if portion is None:
        return 0
    try:
        pipe.send(portion)
    except OSError:
        raise _died() from None
    return 1


def _received(pipe: Connection) -> Sheet:
    try:
        found = pipe.recv()
    except (EOFError, OSError):
        raise _died() from None
    if isinstance(found, Exception):
        raise found
    assert isinstance(found, Sheet)
    return found


def _died() -> PlannerDied:
    return PlannerDied(
        "A planning process ended before its work did: it may have been killed, or the memory was "
        "used up. Nothing of this plan was stored; plan again."
    )


class _Planner:
    """One planning process. It ends when its pipe does, also where we are killed."""

    def __init__(self, task: _Task) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", _PROCESS, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        self.pipe = Connection(ours.detach())
        self.pipe.send(task)

    def __enter__(self) -> _Planner:
        return self

    def __exit__(self, *_: object) -> None:
        self.pipe.close()
        try:
            self._process.wait(_ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _database() -> dict[str, Any]:
    names = ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")
    return {name: connection.settings_dict[name] for name in names}


def _snapshot() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_export_snapshot()")
        (name,) = cursor.fetchone()
    return str(name)


# Below: in a planning process (`process`).


def work(pipe: Connection) -> None:
    """Plan what comes through the pipe until it ends."""
    # What is decided has no circles, and looking for some takes a third of the time. The process
    # ends with the plan.
    gc.disable()
    try:
        _plan(pipe)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except Exception as error:  # whatever it is, the one who asked has to know
        pipe.send(_sendable(error))


def _plan(pipe: Connection) -> None:
    task = pipe.recv()
    connection.settings_dict.update(task.database)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SET TRANSACTION SNAPSHOT %s", [task.snapshot])
        drafting = Drafting(task.scope, task.terms.at)
        while True:
            pipe.send(_portion(drafting, pipe.recv(), task.terms))


def _portion(drafting: Drafting, keys: Sequence[int], terms: Terms) -> Sheet:
    """What these people come to. Operations of those who have none yet are made ready for the
    table here; the others' have to be compared by whoever stores them."""
    found = sheet(drafting, keys, terms)
    occupied = ledger.occupied(found.generations)
    new = [row for row in found.wanted if row.person_id not in occupied]
    found.fresh = ledger.fresh(found.generations.keys() - occupied, new)
    found.wanted = [row for row in found.wanted if row.person_id in occupied]
    return found


def _sendable(error: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
