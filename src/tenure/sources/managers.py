"""The org chart: managers by their employee numbers, with those missing and the cycles reported.

The database does it, so that a million people cost this process nothing: only people who have
both reports and a manager can be part of a circle, and only they are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import connection, transaction

from tenure.sources.models import Source

_WANTED = """
    FROM people_person AS person
    LEFT JOIN people_person AS manager
        ON manager.employee_number = person.attributes ->> 'manager'
    WHERE EXISTS (
        SELECT 1 FROM sources_sourcerecord AS record
        WHERE record.person_id = person.id AND record.source_id = %(source)s AND record.present
    )
"""
_MIDDLE = f"""
    WITH wanted AS MATERIALIZED (
        SELECT person.id, person.employee_number AS number, manager.id AS manager {_WANTED}
            AND manager.id IS NOT NULL
    )
    SELECT id, number, manager FROM wanted WHERE id IN (SELECT manager FROM wanted)
"""
_TIE = f"""
    UPDATE people_person SET manager_id = right_one.manager
    FROM (
        SELECT person.id, CASE WHEN person.id <> ALL(%(circling)s::bigint[]) THEN manager.id END
            AS manager
        {_WANTED}
    ) AS right_one
    WHERE people_person.id = right_one.id
        AND people_person.manager_id IS DISTINCT FROM right_one.manager
"""
_MISSING = f"""
    SELECT person.employee_number, person.attributes ->> 'manager' {_WANTED}
        AND person.attributes ? 'manager' AND manager.id IS NULL
    ORDER BY person.id
"""


@dataclass(frozen=True, slots=True)
class ManagerWarning:
    """One thing wrong with the org chart. `key` is the employee number."""

    key: str
    message: str


def resolve_managers(source: Source) -> Iterator[ManagerWarning]:
    """Tie everybody of the source to their manager. Warns of managers who do not exist and of
    cycles; those people are left without a manager, and everything else goes on."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_MIDDLE, {"source": source.pk})
        rows = cursor.fetchall()
        cycles = _cycles({pk: manager for pk, _, manager in rows})
        circling = [pk for cycle in cycles for pk in cycle]
        cursor.execute(_TIE, {"source": source.pk, "circling": circling})
    names = {pk: number for pk, number, _ in rows}
    for cycle in cycles:
        chain = " -> ".join(names[pk] for pk in [*cycle, cycle[0]])
        message = f"The managers go round in a circle: {chain}. None of them gets a manager here."
        yield ManagerWarning(names[cycle[0]], f"{message} Correct one of them in the source.")
    with connection.cursor() as cursor:
        cursor.execute(_MISSING, {"source": source.pk})
        while missing := cursor.fetchmany(1000):
            for number, manager in missing:
                yield ManagerWarning(
                    number,
                    f"The manager {manager} of {number} does not exist in any source. "
                    "Correct the number, or import the manager too.",
                )


def tie_managers(keys: Sequence[str]) -> None:
    """Of these people, and of those who wait for one of them. Circles and managers who do not exist
    are told by an import of the whole source."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE people_person SET manager_id = manager.id
            FROM people_person AS manager
            WHERE manager.employee_number = people_person.attributes ->> 'manager'
                AND manager.id <> people_person.id
                AND people_person.manager_id IS DISTINCT FROM manager.id
                AND (people_person.employee_number = ANY(%(keys)s)
                    OR (manager.employee_number = ANY(%(keys)s)
                        AND people_person.manager_id IS NULL))
            """,
            {"keys": list(keys)},
        )


def _cycles(managers: dict[int, int]) -> list[list[int]]:
    """Every circle, each once, starting from its smallest id."""
    done: set[int] = set()
    cycles = []
    for start in managers:
        path: dict[int, int] = {}
        at: int | None = start
        while at is not None and at not in done and at not in path:
            path[at] = len(path)
            at = managers.get(at)
        if at is not None and at in path:
            circle = list(path)[path[at] :]
            turn = circle.index(min(circle))
            cycles.append(circle[turn:] + circle[:turn])
        done.update(path)
    return cycles
