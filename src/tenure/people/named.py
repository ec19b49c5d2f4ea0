"""Who is called otherwise is told to whoever passes names on, in the transaction that names them.

What writes names into HR records stands above this package and cannot be called from it, so it
registers here when it starts. A hearer must bear being told of somebody whose names are as before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from tenure.people.models import Person
from tenure.people.naming import EMAIL, USER_NAME

#: The attributes that are names.
NAMES: Final = (EMAIL, USER_NAME)
Hearer: TypeAlias = Callable[[Sequence[Person], datetime], None]
_hearers: list[Hearer] = []


def register(hearer: Hearer) -> None:
    """From now on `hearer` is told. Once is enough."""
    if hearer not in _hearers:
        _hearers.append(hearer)


def tell(people: Sequence[Person], at: datetime) -> None:
    """These stored people have other names, or a record more."""
    for hearer in _hearers if people else ():
        hearer(people, at)
