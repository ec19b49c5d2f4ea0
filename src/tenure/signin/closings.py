"""Sessions that end, and keys that are taken away, are told to whoever lets people go on from here
to applications, in the transaction that ends them.

Single sign-on stands above this package and cannot be called from it, so it registers here when it
starts. A closer must bear being told twice of the same sessions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from tenure.people.models import Person

#: Told of the ids of ended `Session` rows, and why they ended.
SessionsCloser: TypeAlias = Callable[[Sequence[int], str], None]
#: Told of a session that the same person goes on with by another one: ids of the old and the new.
Mover: TypeAlias = Callable[[int, int], None]
#: Told of a person whose keys were taken away, and why.
ResetCloser: TypeAlias = Callable[[Person, str], None]
_sessions: list[SessionsCloser] = []
_resets: list[ResetCloser] = []
_movers: list[Mover] = []


def register(sessions: SessionsCloser, reset: ResetCloser, moved: Mover | None = None) -> None:
    """From now on they are told. Once is enough."""
    if moved is not None and moved not in _movers:
        _movers.append(moved)
    if sessions not in _sessions:
        _sessions.append(sessions)
    if reset not in _resets:
        _resets.append(reset)


def closed(rows: Sequence[int], because: str) -> None:
    """These sessions have ended, in the caller's transaction."""
    if rows:
        for closer in _sessions:
            closer(rows, because)


def moved(old: int, new: int) -> None:
    """The same person has signed in anew in the same browser: what was begun from the old session
    goes on from the new one, before the old one ends."""
    for mover in _movers:
        mover(old, new)


def reset(person: Person, because: str) -> None:
    """A passkey of this person was taken away: what was begun with it may be somebody else's."""
    for closer in _resets:
        closer(person, because)
