"""Mapped rows into records and people, in bulk.

A person is merged from all of their records (see `layers`). What no source gives may be made here
(the corporate e-mail), and says so in `origins`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q

from tenure.audit.models import Action
from tenure.audit.services import Entry, event, record_many
from tenure.core.model import LifecycleState, Value
from tenure.infra.aside import Aside
from tenure.infra.bulk import among, encoded, insert_encoded, number, update_rows
from tenure.infra.instances import blanks
from tenure.people import named
from tenure.people.endings import end_access
from tenure.people.models import Person
from tenure.people.selectors import HIDDEN, sensitive_attributes
from tenure.people.services import admitted_at_first, company, restand
from tenure.sources.echoes import heard
from tenure.sources.layers import Layer, put_together
from tenure.sources.managers import tie_new
from tenure.sources.models import Source, SourceRecord
from tenure.sources.naming import Issue, Naming
from tenure.sources.numbering import settle_employee_numbers
from tenure.sources.rows import KEY, MappedRow
from tenure.sources.telling import Telling

_FIELDS = (
    "display_name",
    "email",
    "attributes",
    "origins",
    "state",
    "state_since",
    "start_date",
    "end_date",
    "time_zone",
    "on_leave",
    "ended_by_source_at",
    "terminated_at",
    "termination_reason",
    "generation",
    "next_look_at",
    "changed_at",
)


@dataclass(slots=True)
class Merge:
    """What became of the rows. `left`: people who were not gone before."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    left: int = 0
    leavers: list[int] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)


def merge(
    source: Source,
    rows: Sequence[MappedRow],
    *,
    at: datetime,
    run: int | None = None,
    telling: Telling | None = None,
    reason: str = "",
) -> Merge:
    """Store the records, and make or change their people. Runs in the caller's transaction. Every
    change is told to `telling`. `reason` is why, where it is not that they were read."""
    done = Merge()
    why = reason or f"import of {source.name}"
    people = _people(rows)
    fresh = {row.key for row in rows} - people.keys()
    settings = company()
    nobody = _flat(_snapshot(Person()))
    blank = blanks(Person, changed_at=at, admitted=admitted_at_first(settings))
    for key in fresh:
        people[key] = blank()
        people[key].employee_number = key
    before = {key: _snapshot(person) for key, person in people.items() if key not in fresh}
    here = {k for k, person in people.items() if person.state != LifecycleState.LEFT.value} - fresh
    others = _other_records(source, people)
    # Of several rows of one person the first stands for all.
    mine = _by_person(rows, people)
    firsts = [found[0] for found in mine]
    for found in mine:
        row, person = found[0], people[found[0].key]
        layers = [*(_layer(source, one) for one in found), *others.get(person.pk, ())]
        told = put_together(person, layers, settings.time_zone)
        done.issues += [Issue(row.key, row.line, text) for text in told]
    known = {people[row.key].pk: row for row in firsts if row.key not in fresh}
    numbered, told_of = settle_employee_numbers([people[row.key] for row in known.values()], fresh)
    done.issues += [Issue(known[pk].key, known[pk].line, text) for pk, text in told_of.items()]
    stood = restand([people[row.key] for row in firsts], at)
    events = [entry._replace(run=run) for entry in stood]
    new = [people[row.key] for row in rows if row.key in fresh]
    number(new)
    tie_new(new)
    had = {key: _attributes(before[key]) if key in before else {} for key in people}
    naming = Naming(firsts, people, had, settings, at)
    naming.run()
    sensitive = sensitive_attributes()
    done.issues += naming.issues
    changed = []
    done.unchanged += len(rows) - len(firsts)
    with Aside() as aside:
        aside.insert_instances(new)
        for row in aside.going_on(firsts):
            person = people[row.key]
            after = _snapshot(person)
            is_new = row.key in fresh
            if not is_new and after == before[row.key]:
                done.unchanged += 1
                continue
            if not is_new:
                person.generation += 1
                person.changed_at = at
                changed.append(person)
            done.added, done.changed = done.added + is_new, done.changed + (not is_new)
            if row.key in here and person.state == LifecycleState.LEFT.value:
                done.left += 1
                done.leavers.append(person.pk)
            if telling is not None:
                told_before = {} if is_new else _whole(before[row.key])
                telling.add(person, told_before, _whole(after), new=is_new)
            old = nobody if is_new else _flat(before[row.key])
            was, now = _differing(old, _flat(after), sensitive)
            if is_new or now:
                events.append(_event(person, why, None if is_new else was, now, run))
        events += [_joined(people[row.key], source, row, run) for row in rows if _is_joined(row)]
        record_many(events, aside)
        records = _records(source, aside.going_on(rows), people, at)
        aside.wait()
        update_rows(changed, (*_FIELDS, "employee_number") if numbered else _FIELDS)
        _store_records(rows, records)
    named.tell([people[row.key] for row in rows if _is_named(row, had, people)], at)
    end_access(changed)
    return done


def _is_named(
    row: MappedRow, before: Mapping[str, Mapping[str, Value]], people: Mapping[str, Person]
) -> bool:
    """Whether they are called otherwise now, or have a record that does not know how."""
    if row.record is None:
        return True
    after = people[row.key].attributes
    return any(before[row.key].get(name) != after.get(name) for name in named.NAMES)


def _people(rows: Sequence[MappedRow]) -> dict[str, Person]:
    """Key of the row -> person, locked, for those who are known: whose record it is, or who has its
    employee number."""
    tied = {row.key: pk for row in rows if (pk := row.tied) is not None}
    keys = {row.key for row in rows if row.key not in tied}
    which = Q(pk__in=among(tied.values())) if tied else Q(pk__in=())
    if keys:
        which |= Q(employee_number__in=among(keys, "text"))
    found = Person.objects.filter(which).select_for_update(of=("self",)).order_by("pk")
    by_id = {person.pk: person for person in found}
    people = {key: by_id[pk] for key, pk in tied.items() if pk in by_id}
    by_number = {str(person.employee_number): person for person in by_id.values()}
    return people | {key: by_number[key] for key in keys & by_number.keys()}


def _by_person(rows: Sequence[MappedRow], people: Mapping[str, Person]) -> list[list[MappedRow]]:
    """The rows, those of one person together."""
    found: dict[int, list[MappedRow]] = {}
    for row in rows:
        found.setdefault(id(people[row.key]), []).append(row)
    return list(found.values())


def _layer(source: Source, row: MappedRow) -> Layer:
    return Layer(
        source.position,
        source.slug,
        heard(source, row.record, row.attributes),
        row.on_leave,
        ended_at=row.ended_at,
        first_for=frozenset(source.first_for),
        authoritative=source.authoritative,
        key=row.key,
    )


def _other_records(source: Source, people: Mapping[str, Person]) -> dict[int, list[Layer]]:
    """Person id -> what their other records say, or said last where its absence from the source
    means that they left."""
    known = {person.pk for person in people.values() if person.pk}
    found: dict[int, list[Layer]] = {}
    rows = (
        SourceRecord.objects.filter(person_id__in=known)
        .exclude(source=source, key__in=among(people, "text"))
        .select_related("source")
    )
    for item in rows:
        found.setdefault(item.person_id, []).append(
            Layer(
                item.source.position,
                item.source.slug,
                # The number may have changed since: it is their new one that counts.
                {**heard(item.source, item, item.attributes), KEY: item.key},
                item.on_leave,
                ended_at=item.ended_at,
                first_for=frozenset(item.source.first_for),
                authoritative=item.source.authoritative,
                key=item.key,
            )
        )
    return found


_RECORDED = (
    *("remote_id", "digest", "attributes", "person_id", "line", "present", "on_leave"),
    "ended_at",
)
_RECORD = ("source_id", "key", "tied_by", *_RECORDED, "changed_at")


def _records(
    source: Source, rows: Iterable[MappedRow], people: Mapping[str, Person], at: datetime
) -> bytes:
    """The records as they are stored, made ready."""
    lines = (
        (
            source.pk,
            row.key,
            row.tied_by,
            row.id,
            row.digest,
            dict(row.attributes),
            people[row.key].pk,
            row.line,
            row.present,
            row.on_leave,
            row.ended_at,
            at,
        )
        for row in rows
    )
    return encoded(SourceRecord, _RECORD, lines)


def _store_records(rows: Sequence[MappedRow], records: bytes) -> None:
    insert_encoded(
        SourceRecord,
        _RECORD,
        records,
        skip=all(row.record is None for row in rows),
        unique=["source", "key"],
        update=[*_RECORDED, "changed_at"],
    )


def _is_joined(row: MappedRow) -> bool:
    """Whether it is the first time that this record is theirs, and not by its number alone."""
    return bool(row.tied_by) and row.record is None


def _joined(person: Person, source: Source, row: MappedRow, run: int | None) -> Entry:
    return event(
        Action.RECORD_JOINED,
        subject_kind="person",
        subject_key=str(person.uid),
        subject_label=person.display_name,
        person=str(person.uid),
        reason=f"the same {row.tied_by}",
        after={"source": source.slug, "record": row.key},
        run=run,
    )


def _snapshot(person: Person) -> dict[str, object]:
    return {
        "state": person.state,
        "attributes": dict(person.attributes),
        "on_leave": person.on_leave,
        "ended_by_source_at": _iso(person.ended_by_source_at),
        "terminated_at": _iso(person.terminated_at),
    }


#: What of a snapshot is told beside the attributes.
_BESIDE = ("on_leave", "ended_by_source_at", "terminated_at")


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None


def _differing(
    old: Mapping[str, object], new: Mapping[str, object], sensitive: frozenset[str]
) -> tuple[dict[str, object], dict[str, object]]:
    """Only what differs, so that the trail reads like a sentence. A state has its own event. Of
    sensitive attributes only that they differ."""
    names = [n for n, value in new.items() if old.get(n) != value]
    names += [n for n, value in old.items() if n not in new and value is not None]
    names.sort()
    was, now = {n: old.get(n) for n in names}, {n: new.get(n) for n in names}
    for name in sensitive & now.keys():
        for values in (was, now):
            values[name] = None if values[name] is None else HIDDEN
    return was, now


def _flat(snapshot: Mapping[str, object]) -> dict[str, object]:
    return _attributes(snapshot) | {name: snapshot[name] for name in _BESIDE}


def _whole(snapshot: Mapping[str, object]) -> dict[str, object]:
    return {**_flat(snapshot), "state": snapshot["state"]}


def _attributes(snapshot: Mapping[str, object]) -> dict[str, Value]:
    attributes = snapshot["attributes"]
    assert isinstance(attributes, dict)
    return attributes


def _event(
    person: Person,
    reason: str,
    before: Mapping[str, object] | None,
    after: Mapping[str, object],
    run: int | None,
) -> Entry:
    uid = str(person.uid)
    return event(
        Action.PERSON_ADDED if before is None else Action.PERSON_CHANGED,
        subject_kind="person",
        subject_key=uid,
        subject_label=person.display_name,
        person=uid,
        reason=reason,
        before=before,
        after=after,
        run=run,
    )
