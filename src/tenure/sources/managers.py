"""The org chart: managers by their employee numbers, with those missing and the cycles reported;
and those whom a source names otherwise, made to numbers.

The database does it, so that a million people cost this process nothing: only people who have
both reports and a manager can be part of a circle, and only they are read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Lower

from tenure.core.model import LifecycleState
from tenure.infra.bulk import among
from tenure.people.models import Person
from tenure.sources.models import Source, SourceRecord
from tenure.sources.rows import MappedRow

#: What a source names managers by.
BY_NUMBER, BY_ID, BY_EMAIL = "employee_number", "id", "email"

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
    SELECT id, number, manager FROM wanted WHERE id IN (SELECT manager FROM wanted) ORDER BY id
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


#: A manager who is not known yet is kept as `id:7` or `email:anna@acme.example`, which is nobody's
#: number, and looked for again at the end of every import.
_NUMBERS = """
    WITH found AS (
        SELECT record.id, record.person_id, boss.number
        FROM sources_sourcerecord AS record
        JOIN ({bosses}) AS boss ON boss.name = record.attributes ->> 'manager'
        WHERE record.source_id = %(source)s AND record.attributes ->> 'manager' LIKE %(mark)s
    ), records AS (
        UPDATE sources_sourcerecord AS record
        SET attributes = jsonb_set(record.attributes, '{{manager}}', to_jsonb(found.number))
        FROM found WHERE record.id = found.id
    )
    UPDATE people_person AS person
    SET attributes = jsonb_set(person.attributes, '{{manager}}', to_jsonb(found.number)),
        generation = person.generation + 1
    FROM found
    WHERE person.id = found.person_id AND person.origins ->> 'manager' = %(slug)s
"""
_BOSSES = {
    BY_NUMBER: """
        SELECT key AS name, employee_number AS number
        FROM sources_sourcerecord JOIN people_person ON people_person.id = person_id
        WHERE source_id = %(source)s AND tied_by <> '' AND employee_number <> key
    """,
    BY_ID: """
        SELECT DISTINCT ON (remote_id) 'id:' || remote_id AS name, employee_number AS number
        FROM sources_sourcerecord AS given JOIN people_person ON people_person.id = person_id
        WHERE source_id = %(source)s AND remote_id <> '' AND employee_number IS NOT NULL
        ORDER BY remote_id, present DESC, given.id DESC
    """,
    BY_EMAIL: """
        SELECT DISTINCT ON (lower(email))
            'email:' || lower(email) AS name, employee_number AS number FROM people_person
        WHERE email <> '' AND employee_number IS NOT NULL
        ORDER BY lower(email), state = 'left', id
    """,
}


@dataclass(frozen=True, slots=True)
class ManagerWarning:
    """One thing wrong with the org chart. `key` is the employee number."""

    key: str
    message: str


def numbered(source: Source, rows: Sequence[MappedRow]) -> list[MappedRow]:
    """The rows with their managers by employee number, where the source names them otherwise.
    Whoever is not known yet is found by `settle_numbers`."""
    by = source.manager_by
    wanted = {name for row in rows if (name := _manager(row, by))}
    if by == BY_NUMBER:
        return _by_their_number(source, rows, wanted)
    if not wanted:
        return list(rows)
    # Whose record is tied to somebody may have another number than it says.
    new = (row for row in rows if row.id and row.tied is None)
    known = {row.id: row.key for row in new} if by == BY_ID else {}
    known |= _known(source, by, wanted)
    done = []
    for row in rows:
        if name := _manager(row, by):
            number = known.get(name, f"{by}:{name}")
            row = replace(row, attributes={**row.attributes, "manager": number})
        done.append(row)
    return done


def _by_their_number(
    source: Source, rows: Sequence[MappedRow], wanted: Collection[str]
) -> list[MappedRow]:
    """Managers whom this source knows by a number that is not theirs elsewhere, by the one that
    is."""
    if not wanted or not _counts_by_itself(source):
        return list(rows)
    tied = SourceRecord.objects.filter(source=source, key__in=wanted).exclude(tied_by="")
    numbers = dict(tied.values_list("key", "person__employee_number"))
    return [
        replace(row, attributes={**row.attributes, "manager": number})
        if (number := numbers.get(_manager(row, BY_NUMBER)))
        else row
        for row in rows
    ]


def _counts_by_itself(source: Source) -> bool:
    """Whether it has people whose employee number is another one than it says."""
    return SourceRecord.objects.filter(source=source).exclude(tied_by="").exists()


def settle_numbers(source: Source) -> None:
    """Managers who came later than those whom they manage."""
    by = source.manager_by
    if by == BY_NUMBER and not _counts_by_itself(source):
        return
    query = _NUMBERS.format(bosses=_BOSSES[by])
    given: dict[str, int | str] = {
        "source": source.pk,
        "slug": source.slug,
        "mark": "%" if by == BY_NUMBER else f"{by}:%",
    }
    with connection.cursor() as cursor:
        cursor.execute(query, given)


def _manager(row: MappedRow, by: str) -> str:
    name = str(row.attributes.get("manager", ""))
    return name.lower() if by == BY_EMAIL else name


def _known(source: Source, by: str, names: Collection[str]) -> dict[str, str]:
    if by == BY_ID:
        rows = SourceRecord.objects.filter(source=source, remote_id__in=names)
        # Of several with one id, what is written last stands: a row that is there, the newest.
        rows = rows.order_by("present", "pk")
        found = rows.values_list("remote_id", "person__employee_number", "key")
        return {name: number or key for name, number, key in found}
    # Of several with one address: whoever is here, then whoever came first, as `_BOSSES` says.
    people = (
        Person.objects.annotate(address=Lower("email"), left=Q(state=LifecycleState.LEFT.value))
        .filter(address__in=names, employee_number__isnull=False)
        .order_by("-left", "-pk")
    )
    return {a: number for a, number in people.values_list("address", "employee_number") if number}


def resolve_managers(source: Source) -> Iterator[ManagerWarning]:
    """Tie everybody of the source to their manager. Warns of managers who do not exist and of
    cycles; those people are left without a manager, and everything else goes on."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_MIDDLE, {"source": source.pk})
        rows = cursor.fetchall()
        cycles = _cycles({pk: manager for pk, _, manager in rows})
        circling = [pk for cycle in cycles for pk in cycle]
        cursor.execute(_TIE, {"source": source.pk, "circling": circling})
    yield from _told(cycles, {pk: number for pk, number, _ in rows})
    with connection.cursor() as cursor:
        cursor.execute(_MISSING, {"source": source.pk})
        while missing := cursor.fetchmany(1000):
            for number, manager in missing:
                yield ManagerWarning(
                    number,
                    f"The manager {manager} of {number} does not exist in any source. "
                    "Correct the number, or import the manager too.",
                )


def tie_new(people: Sequence[Person]) -> None:
    """Tie people who are about to be stored, and have their ids, to managers who came before them:
    nobody gets above themselves that way. It costs a tenth of what it does to write to them again;
    `resolve_managers` ties the others."""
    known = {person.employee_number: person.pk for person in people}
    wanted = {person.attributes.get("manager") for person in people} - known.keys() - {None}
    if wanted:
        rows = Person.objects.filter(employee_number__in=among(wanted, "text"))
        known.update(rows.values_list("employee_number", "pk"))
    for person in people:
        manager = known.get(person.attributes.get("manager"))
        if manager is not None and manager < person.pk:
            person.manager_id = manager


#: The people of these records, and everybody above them.
_ABOVE = """
    WITH RECURSIVE above AS (
        SELECT person_id AS id FROM sources_sourcerecord
        WHERE source_id = %(source)s AND key = ANY(%(keys)s)
        UNION
        SELECT person.manager_id FROM above JOIN people_person AS person ON person.id = above.id
        WHERE person.manager_id IS NOT NULL
    )
    SELECT person.id, person.employee_number, person.manager_id
    FROM people_person AS person JOIN above ON above.id = person.id
    WHERE person.manager_id IS NOT NULL ORDER BY person.id
"""


def tie_changed(source: Source, keys: Sequence[str]) -> Iterator[ManagerWarning]:
    """The same for the people of these records only. Warns of circles that they are in; managers
    who do not exist are told by an import of the whole source."""
    with transaction.atomic(), connection.cursor() as cursor:
        tie_managers(source, keys)
        cursor.execute(_ABOVE, {"source": source.pk, "keys": list(keys)})
        rows = cursor.fetchall()
        cycles = _cycles({pk: manager for pk, _, manager in rows})
        circling = [pk for cycle in cycles for pk in cycle]
        if circling:
            Person.objects.filter(pk__in=circling).update(manager=None)
    yield from _told(cycles, {pk: number for pk, number, _ in rows})


#: The people of these records, and all below them who have no manager because one of those above
#: was not known yet, or was in a circle with them.
_WAITING = """
    WITH RECURSIVE waiting AS (
        SELECT person.id, person.employee_number AS number
        FROM sources_sourcerecord AS record
        JOIN people_person AS person ON person.id = record.person_id
        WHERE record.source_id = %(source)s AND record.key = ANY(%(keys)s)
        UNION
        SELECT person.id, person.employee_number FROM waiting
        JOIN people_person AS person ON person.manager_id IS NULL
            AND person.attributes ->> 'manager' = waiting.number
    )
    UPDATE people_person SET manager_id = right_one.manager
    FROM (
        SELECT person.id, manager.id AS manager FROM waiting
        JOIN people_person AS person ON person.id = waiting.id
        LEFT JOIN people_person AS manager
            ON manager.employee_number = person.attributes ->> 'manager'
            AND manager.id <> person.id
    ) AS right_one
    WHERE people_person.id = right_one.id
        AND people_person.manager_id IS DISTINCT FROM right_one.manager
"""


def tie_managers(source: Source, keys: Sequence[str]) -> None:
    """Of the people of these records, and of those who wait for one of them. Whoever has none by
    now is left without one."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, {"source": source.pk, "keys": list(keys)})


def _told(cycles: Sequence[Sequence[int]], names: Mapping[int, str]) -> Iterator[ManagerWarning]:
    for cycle in cycles:
        chain = " -> ".join(names[pk] for pk in [*cycle, cycle[0]])
        message = f"The managers go round in a circle: {chain}. None of them gets a manager here."
        yield ManagerWarning(names[cycle[0]], f"{message} Correct one of them in the source.")


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
