"""Whose access has ended is told to whoever keeps sessions and keys, in the transaction that ends
it: before it is committed they are dead, and before any application hears of it.

Sign-in and single sign-on stand above this package and cannot be called from it, so they register
here when they start. A closer must bear being told twice of the same people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

from tenure.core.model import LifecycleState
from tenure.people.models import Person

#: In these states a person has no way in.
CLOSED: Final = frozenset(
    {
        LifecycleState.SUSPENDED.value,
        LifecycleState.LEAVING.value,
        LifecycleState.LEFT.value,
    }
)
Closer: TypeAlias = Callable[[Sequence[Person]], None]
_closers: list[Closer] = []


def register(closer: Closer) -> None:
    """From now on `closer` is told of everybody whose access has ended. Once is enough."""
    if closer not in _closers:
        _closers.append(closer)


def end_access(people: Iterable[Person]) -> None:
    """End the access of those among these stored people who are to have none, in the caller's
    transaction."""
    closed = [person for person in people if person.pk is not None and person.state in CLOSED]
    if not closed:
        return
    for closer in _closers:
        closer(closed)
