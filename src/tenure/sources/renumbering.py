"""A record that has another employee number now: a typing error that HR corrected, zeros that were
lost, a new way to count. The source's own name for the record says whose it is, so its person goes
on with their accounts under the new number.

Where somebody has the new number already, where another source knows the person by the former one,
or where the former one is on another record now, the number decides as it does for anybody.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime

from django.db import connection

from tenure.audit.models import Action
from tenure.audit.services import Entry, event, record_many
from tenure.core.acquaintance import resemble
from tenure.infra.bulk import update_rows
from tenure.people.models import Person
from tenure.readers.base import Row
from tenure.runs.models import Severity
from tenure.sources import held_numbers
from tenure.sources.models import Source, SourceRecord
from tenure.sources.rows import KEY, BadRow, RowMapping
from tenure.sources.work import Work

_NUMBERS = "unnest(%(old)s::text[], %(new)s::text[]) AS given (old, new)"
#: Where the one has what the other had before, the database would refuse one of the two.
_AWAY = "UPDATE sources_sourcerecord SET key = chr(31) || id WHERE id = ANY(%(ids)s::bigint[])"
_RECORDS = """
    UPDATE sources_sourcerecord AS record SET key = given.new
    FROM unnest(%(ids)s::bigint[], %(new)s::text[]) AS given (id, new) WHERE record.id = given.id
"""
#: Whoever is managed by them: what a record says of its manager may be made of the former number.
_MANAGED = f"""
    WITH records AS (
        UPDATE sources_sourcerecord AS record
        SET attributes = jsonb_set(attributes, '{{manager}}', to_jsonb(given.new))
        FROM {_NUMBERS}
        WHERE record.source_id = %(source)s AND record.attributes ->> 'manager' = given.old
        RETURNING record.person_id
    )
    UPDATE people_person AS person
    SET attributes = jsonb_set(attributes, '{{manager}}', to_jsonb(given.new)),
        generation = generation + 1
    FROM {_NUMBERS}
    WHERE person.id IN (SELECT person_id FROM records)
        AND person.attributes ->> 'manager' = given.old
        AND person.origins ->> 'manager' = %(slug)s
"""


def moved(
    source: Source,
    mapping: RowMapping,
    rows: Mapping[str, Row],
    strangers: Collection[str],
    at: datetime,
) -> dict[str, str]:
    """Of rows whose numbers have no record, or that of a stranger: the number that the record had,
    by the source's own name for it."""
    ids = {row.id: key for key, row in rows.items() if row.id}
    if not ids:
        return {}
    records = SourceRecord.objects.filter(source=source, remote_id__in=list(ids))
    found = {}
    for row in records.order_by("present", "pk"):
        key = ids[row.remote_id]
        with suppress(BadRow):
            mapped = mapping.mapped(rows[key], key, b"", None, at)
            if row.key != key and resemble(row.attributes, mapped.attributes):
                found[key] = row.key
    there = set(SourceRecord.objects.filter(source=source, key__in=list(found)).values_list("key"))
    return {key: old for key, old in found.items() if (key,) not in there or key in strangers}


def follow_what_was_read(work: Work) -> None:
    """Those that an import met; each is told, and counts as a person whom it changes."""
    reason = f"import of {work.source.name}"
    done = follow(work.source, work.moved, work.at, reason)
    held_numbers.settle(work.source, work.moved)
    work.counts["renumbered"] += len(done)
    for new, old in done.items():
        work.complain(
            Severity.WARNING,
            f"The record that had the employee number {old} has {new} now: its person has the new "
            f"one, and keeps their accounts. Groups that name {old} have to name {new}.",
            key=new,
        )


def follow(source: Source, numbers: Mapping[str, str], at: datetime, reason: str) -> dict[str, str]:
    """New number -> former one: records and people have the new ones from now on. Returns those of
    which that is so. Runs in the caller's transaction."""
    wanted = _free(source, numbers)
    if not wanted:
        return {}
    rows = SourceRecord.objects.filter(source=source, key__in=list(wanted.values()))
    records = {row.key: row for row in rows.order_by("pk")}
    given: dict[str, int | str | list[int] | list[str]] = {
        "source": source.pk,
        "slug": source.slug,
        "ids": [records[old].pk for old in wanted.values()],
        "old": list(wanted.values()),
        "new": list(wanted),
    }
    with connection.cursor() as cursor:
        for query in (_AWAY, _RECORDS):
            cursor.execute(query, given)
        _number({records[old].person_id: (old, new) for new, old in wanted.items()}, at, reason)
        cursor.execute(_MANAGED, given)
    return wanted


def _number(numbers: Mapping[int, tuple[str, str]], at: datetime, reason: str) -> None:
    """The people who were known by the former numbers."""
    rows = Person.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=list(numbers))
    people = [one for one in rows.order_by("pk") if one.employee_number == numbers[one.pk][0]]
    Person.objects.filter(pk__in=[one.pk for one in people]).update(employee_number=None)
    for person in people:
        person.employee_number = numbers[person.pk][1]
        person.attributes = {**person.attributes, KEY: person.employee_number}
        person.generation += 1
        person.changed_at = at
    update_rows(people, ["employee_number", "attributes", "generation", "changed_at"])
    record_many([_told(one, *numbers[one.pk], reason) for one in people])


def _told(person: Person, old: str, new: str, reason: str) -> Entry:
    return event(
        Action.PERSON_CHANGED,
        subject_kind="person",
        subject_key=str(person.uid),
        subject_label=person.display_name,
        person=str(person.uid),
        reason=reason,
        before={KEY: old},
        after={KEY: new},
    )


def _free(source: Source, numbers: Mapping[str, str]) -> dict[str, str]:
    """Those of which the record is there, nobody else has the new number once all have theirs, and
    no other source knows the person by the former one."""
    former = list(numbers.values())
    there = SourceRecord.objects.filter(source=source, key__in=former)
    owners = dict(there.values_list("key", "person_id"))
    elsewhere = set(
        SourceRecord.objects.filter(key__in=former, present=True, tied_by="")
        .exclude(source=source)
        .values_list("person_id", "key")
    )
    people = Person.objects.filter(employee_number__in=list(numbers))
    records = SourceRecord.objects.filter(source=source, key__in=list(numbers))
    holders = dict(people.values_list("employee_number", "pk"))
    taken = set(holders) | set(records.values_list("key", flat=True))
    found = {
        new: old
        for new, old in numbers.items()
        if old in owners and (owners[old], old) not in elsewhere
    }
    while True:
        # A number that is taken is free where whoever has it has another one with this.
        leaving = set(found.values())
        kept = {
            new: old
            for new, old in found.items()
            if new not in taken or (new in leaving and holders.get(new, owners[new]) == owners[new])
        }
        if len(kept) == len(found):
            return kept
        found = kept
