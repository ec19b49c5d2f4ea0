"""How far people are on their way in, for many at once: invited, opened, come in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tenure.people.models import Person
from tenure.signin.models import Invitation, Passkey


@dataclass(frozen=True, slots=True)
class Arrival:
    """`came`: they have a passkey. The invitation is the latest one."""

    came: bool
    invited_at: datetime | None = None
    opened: bool = False


def arrivals(people: Sequence[Person]) -> dict[int, Arrival]:
    """Id -> how far they are. Two queries."""
    keys = [person.pk for person in people]
    came = set(
        Passkey.objects.filter(person__in=keys, removed_at=None).values_list("person", flat=True)
    )
    rows = Invitation.objects.filter(person__in=keys, withdrawn_at=None).order_by(
        "person_id", "-created_at", "-pk"
    )
    last = {row.person_id: row for row in rows.distinct("person_id")}
    return {
        key: Arrival(
            key in came,
            last[key].created_at if key in last else None,
            key in last and last[key].opened_at is not None,
        )
        for key in keys
    }
