"""Who decides about a request for access, of those who could: asked anew at every look, so that
whoever has left, is away, or has become somebody else's manager decides no more.

Nobody decides about their own request. Where nobody is left, administrators do.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Approver(StrEnum):
    """Whom an application names."""

    MANAGER = "manager"
    OWNER = "owner"
    NAMED = "named"
    ADMINISTRATORS = "administrators"


#: Whom an application names -> who is asked, one after the other, until somebody can decide.
_ORDER: Final[Mapping[Approver, tuple[Approver, ...]]] = MappingProxyType(
    {
        Approver.MANAGER: (Approver.MANAGER, Approver.OWNER),
        Approver.OWNER: (Approver.OWNER,),
        Approver.NAMED: (Approver.NAMED, Approver.OWNER),
        Approver.ADMINISTRATORS: (),
    }
)


@dataclass(frozen=True, slots=True)
class Route:
    """Who decides now: `people` by their keys, none of them where `by` is administrators.
    `instead_of`: whom the application names, where that is nobody who could."""

    by: Approver
    people: frozenset[str]
    instead_of: Approver | None = None


def route(
    wanted: Approver,
    requester: str,
    known: Mapping[Approver, Collection[str]],
    able: Collection[str],
) -> Route:
    """Who decides about what `requester` asks for. `known`: the keys of the manager, the owner and
    those who are named; `able`: who is here and may come in at this moment."""
    for candidate in _ORDER[wanted]:
        people = frozenset(known.get(candidate, ())) & frozenset(able) - {requester}
        if people:
            return Route(candidate, people, None if candidate is wanted else wanted)
    missed = None if wanted is Approver.ADMINISTRATORS else wanted
    return Route(Approver.ADMINISTRATORS, frozenset(), missed)
