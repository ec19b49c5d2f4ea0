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
#: Told of a person whose keys were taken away, and why.
ResetCloser: TypeAlias = Callable[[Person, str], None]
_sessions: list[SessionsCloser] = []
_resets: list[ResetCloser] = []


def register(sessions: SessionsCloser, reset: ResetCloser) -> None:
    """From now on they are told. Once is enough."""
    if sessions not in _sessions:
        _sessions.append(sessions)
    if reset not in _resets:
        _resets.append(reset)


def closed(rows: Sequence[int], because: str) -> None:
    """These sessions have ended, in the caller's transaction."""
    if rows:
        for closer in _sessions:
            closer(rows, because)


def reset(person: Person, because: str) -> None:
    """A passkey of this person was taken away: what was begun with it may be somebody else's."""
    for closer in _resets:
        closer(person, because)
