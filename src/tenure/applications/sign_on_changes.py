"""That people sign in to an application in another way from now on, or not any more, is told to
whoever keeps their sessions there: in the transaction that changes it, while the application is
still as it was.

Single sign-on stands above this package and registers here when it starts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from tenure.applications.models import Application

#: Told of the application as it is stored, and of how people are to sign in to it; {} not at all.
Closer: TypeAlias = Callable[[Application, Mapping[str, Any]], object]
_closers: list[Closer] = []


def register(closer: Closer) -> None:
    """From now on `closer` is told. Once is enough."""
    if closer not in _closers:
        _closers.append(closer)


def tell(application: Application, wanted: Mapping[str, Any]) -> None:
    """In the caller's transaction, before the application is changed."""
    if application.single_sign_on and application.single_sign_on != wanted:
        for closer in _closers:
            closer(application, wanted)
