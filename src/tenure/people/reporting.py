"""Who reports to whom. What HR says may go round in a circle: each question is one statement that
comes to everybody once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q

from tenure.core.model import LifecycleState
from tenure.people.models import Person

_LEFT: Final = LifecycleState.LEFT.value
#: UNION, and not UNION ALL: nobody comes twice, so a circle ends.
_BELOW: Final = """
    WITH RECURSIVE below AS (
        SELECT id FROM people_person WHERE manager_id = %s
        UNION
        SELECT person.id FROM people_person AS person JOIN below ON person.manager_id = below.id
    ) SELECT id FROM below WHERE id <> %s
"""
_ABOVE: Final = """
    WITH RECURSIVE above AS (
        SELECT id, manager_id FROM people_person WHERE id = %s
        UNION
        SELECT person.id, person.manager_id
        FROM people_person AS person JOIN above ON person.id = above.manager_id
    ) SELECT EXISTS (SELECT FROM above WHERE manager_id = %s)
"""


def team_of(manager: Person, *, but: int | None = None) -> list[Person]:
    """Who reports to them directly, by name: those who have not left, and those who have while
    somebody still reports to them. `but`: not this person."""
    still = Person.objects.filter(manager=OuterRef("pk")).exclude(state=_LEFT)
    rows = Person.objects.filter(~Q(state=_LEFT) | Exists(still), manager=manager)
    return list(rows.exclude(pk__in=[manager.pk, *([but] if but else [])]))


def counts(people: Iterable[Person]) -> dict[int, int]:
    """Id -> how many report to them directly and have not left. One query."""
    rows = Person.objects.filter(manager__in=list(people)).exclude(state=_LEFT)
    return dict(rows.order_by().values_list("manager").annotate(n=Count("pk")))


def everybody_below(manager: Person) -> list[int]:
    """The ids of all who report to them, directly or not; never their own."""
    with connection.cursor() as cursor:
        cursor.execute(_BELOW, [manager.pk, manager.pk])
        return [key for (key,) in cursor.fetchall()]


def reports_to(person: Person, manager: Person) -> bool:
    """Whether they do, directly or not; nobody does to themselves."""
    if person.pk == manager.pk:
        return False
    with connection.cursor() as cursor:
        cursor.execute(_ABOVE, [person.pk, manager.pk])
        return bool(cursor.fetchone()[0])
