"""New records that may be somebody's who is known already: of who was here before and comes under a
new employee number, and of who is known from another source (see `acquainting`).

A source names the attributes by which it would be noticed. Whoever was known before this import and
is the same in all attributes of one of its rules may be who comes, whether they have left or are
about to: a person then decides (see `answering`), and until then nothing is made of the record.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from tenure.core.model import Attributes, LifecycleState
from tenure.people.models import Person
from tenure.runs.models import Severity
from tenure.sources.models import Absence, RehireQuestion
from tenure.sources.rows import MappedRow, RowMapping
from tenure.sources.work import Work

_SAME = """
    SELECT given.key, person.id FROM people_person AS person
    JOIN unnest(%s::text[], {types}) AS given (key, {columns}) ON {equal}
    WHERE person.id <= %s AND person.employee_number IS DISTINCT FROM given.key
    ORDER BY person.id
"""


def arriving(work: Work, rows: Sequence[MappedRow]) -> tuple[list[MappedRow], list[MappedRow]]:
    """Rows of whom nobody knows yet, about whom it may have to be asked; and all others."""
    if not work.newest or not (work.source.rehire or work.unsure):
        return [], list(rows)
    fresh = [row for row in rows if row.tied is None and not row.left(work.at)]
    known = set(
        Person.objects.filter(employee_number__in=[row.key for row in fresh]).values_list(
            "employee_number", flat=True
        )
        if fresh
        else ()
    )
    new = ({row.key for row in fresh} - known) | work.unsure.keys()
    return [row for row in rows if row.key in new], [row for row in rows if row.key not in new]


def ask(work: Work, rows: Sequence[MappedRow]) -> list[MappedRow]:
    """Ask about rows that may be somebody's who is known. Returns the others."""
    if not rows:
        return []
    asked = {
        q.key: q
        for q in RehireQuestion.objects.filter(
            source=work.source, key__in=[row.key for row in rows]
        )
    }
    open_ones = [row for row in rows if row.key not in asked or not asked[row.key].answer]
    found = same_in(
        work.source.rehire, [(row.key, row.attributes) for row in open_ones], work.newest
    )
    unsure = {row.key: work.unsure.get(row.key, {}) for row in open_ones}
    for key, by in unsure.items():
        if by:
            found[key] = [*map(int, by), *(pk for pk in found.get(key, ()) if str(pk) not in by)]
    people = Person.objects.in_bulk({pk for keys in found.values() for pk in keys})
    others = []
    for row in rows:
        if row.key not in found:
            others.append(row)
            continue
        RehireQuestion.objects.update_or_create(
            source=work.source,
            key=row.key,
            defaults={
                "candidates": found[row.key],
                "found_by": unsure.get(row.key, {}),
                "row": kept(row),
            },
        )
        work.counts["waiting"] += 1
        work.complain(
            Severity.WARNING,
            _may_be([people[pk] for pk in found[row.key]], row.key, unsure.get(row.key, {})),
            line=row.line,
            key=row.key,
        )
    done = [q.pk for key, q in asked.items() if not q.answer and key not in found]
    if done:
        RehireQuestion.objects.filter(pk__in=done).delete()
    return others


def _may_be(people: Sequence[Person], key: str, found_by: Mapping[str, str]) -> str:
    names = " or ".join(who(person) for person in people)
    waits = "Nothing is made of the row until it is said"
    if not found_by:
        return (
            f"May be {names}, back under a new number. {waits}: `tenure match same {key}` or "
            f"`tenure match other {key}`."
        )
    by = " and ".join(sorted(set(found_by.values())))
    return (
        f"May be {names}, whom another source has: the same {by}. {waits}: `tenure match same "
        f"{key}` or `tenure match other {key}`."
    )


def current(work: Work, mapping: RowMapping, rows: Sequence[MappedRow]) -> list[MappedRow]:
    """The rows without those under a number that its person no longer has: that employment is
    over."""
    former = [row for row in rows if row.key in mapping.former]
    for row in former:
        work.counts["former"] += 1
        if not row.left(work.at):
            work.complain(
                Severity.WARNING,
                f"{row.key} is the former number of somebody who has another one now: the row is "
                "left out. If it is right, take back the answer: `tenure match list --all`.",
                line=row.line,
                key=row.key,
            )
    return [row for row in rows if row.key not in mapping.former] if former else list(rows)


def withdraw(work: Work) -> None:
    """Questions about rows that are gone, where that means something: the hire was cancelled."""
    if work.source.absence != Absence.LEAVE or work.unreadable:
        return
    RehireQuestion.objects.filter(source=work.source, answer="").extra(
        where=[
            "NOT EXISTS (SELECT 1 FROM import_seen"
            " WHERE import_seen.key = sources_rehirequestion.key)"
        ]
    ).delete()


def withdraw_those(work: Work, keys: Collection[str] = (), ids: Collection[str] = ()) -> None:
    """Questions about records that were taken back one by one, by their keys or by the source's own
    names for them."""
    if work.source.absence == Absence.LEAVE and (keys or ids):
        which = Q(key__in=keys) | Q(row__id__in=list(ids))
        RehireQuestion.objects.filter(which, source=work.source, answer="").delete()


def kept(row: MappedRow) -> dict[str, Any]:
    """A row as JSON, of which `again` makes the same row."""
    return {
        "key": row.key,
        "digest": row.digest.hex(),
        "attributes": dict(row.attributes),
        "line": row.line,
        "time_zone": row.time_zone,
        "on_leave": row.on_leave,
        "ended_at": row.ended_at.isoformat() if row.ended_at else None,
        "present": row.present,
        "id": row.id,
    }


def again(stored: dict[str, Any]) -> MappedRow:
    """The row that was kept."""
    ended = stored["ended_at"]
    return MappedRow(
        **{
            **stored,
            "digest": bytes.fromhex(stored["digest"]),
            "ended_at": datetime.fromisoformat(ended) if ended else None,
        },
        record=None,
    )


def same_in(
    lists: Sequence[Sequence[str]], rows: Sequence[tuple[str, Attributes]], newest: int
) -> dict[str, list[int]]:
    """Key -> ids of people up to `newest` with another number who are the same in all attributes
    of one of the lists, for those of the rows (key and attributes) who could be anybody."""
    found: dict[str, list[int]] = {}
    for names in lists:
        whole = [row for row in rows if all(name in row[1] for name in names)]
        if not whole:
            continue
        places = range(len(names))
        query = _SAME.format(
            types=", ".join("%s::text[]" for _ in places),
            columns=", ".join(f"v{i}" for i in places),
            equal=" AND ".join(
                f"lower(person.attributes ->> %s) = lower(given.v{i})" for i in places
            ),
        )
        values = [[str(attributes[name]) for _, attributes in whole] for name in names]
        with connection.cursor() as cursor:
            cursor.execute(query, [[key for key, _ in whole], *values, *names, newest])
            for key, person in cursor.fetchall():
                if person not in found.setdefault(key, []):
                    found[key].append(person)
    return found


def who(person: Person) -> str:
    """`Anna Nagy (10482, left)`."""
    state = LifecycleState(person.state).value.replace("_", " ")
    return f"{person.display_name} ({person.employee_number or person.uid}, {state})"
