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
from tenure.infra.machine_clock import require_right
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
from tenure.sources.rows import KEY, MappedRow, read_date
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
    """What became of the rows. `left`: people who were not gone before; `sooner`: people who have a
    last day to come that they had not, or a later one."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    left: int = 0
    sooner: int = 0
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
    require_right()
    chunk = _Chunk(source, rows, at, run, reason or f"import of {source.name}")
    chunk.put_together()
    chunk.settle()
    chunk.store(telling)
    return chunk.done


class _Chunk:
    """Rows on their way into the tables, and the people whose they are. `fresh`: keys of rows that
    are of nobody yet; `firsts`: of several rows of one person the first, which stands for all."""

    def __init__(
        self, source: Source, rows: Sequence[MappedRow], at: datetime, run: int | None, why: str
    ) -> None:
        self.source, self.rows, self.at, self.run, self.why = source, rows, at, run, why
        self.done = Merge()
        self.settings = company()
        self.people = _people(rows)
        self.fresh = {row.key for row in rows} - self.people.keys()
        self.before = {key: _snapshot(person) for key, person in self.people.items()}
        self._nobody = _flat(_snapshot(Person()))
        self._sensitive = sensitive_attributes()
        self._changed: list[Person] = []
        self._events: list[Entry] = []
        self._numbered: set[int] = set()
        blank = blanks(Person, changed_at=at, admitted=admitted_at_first(self.settings))
        for key in self.fresh:
            self.people[key] = blank()
            self.people[key].employee_number = key
        self.had = {
            key: _attributes(self.before[key]) if key in self.before else {} for key in self.people
        }
        self._of_person = _by_person(rows, self.people)
        self.firsts = [found[0] for found in self._of_person]
        self.new = [self.people[row.key] for row in rows if row.key in self.fresh]
        self.done.unchanged += len(rows) - len(self.firsts)

    def put_together(self) -> None:
        """Make of each person what all of their records say."""
        others = _other_records(self.source, self.people)
        for found in self._of_person:
            row, person = found[0], self.people[found[0].key]
            layers = [*(_layer(self.source, one) for one in found), *others.get(person.pk, ())]
            told = put_together(person, layers, self.settings.time_zone)
            self.done.issues += [Issue(row.key, row.line, text) for text in told]

    def settle(self) -> None:
        """What follows for them: number, state, manager, names and addresses."""
        known = {self.people[r.key].pk: r for r in self.firsts if r.key not in self.fresh}
        self._numbered, told = settle_employee_numbers(
            [self.people[row.key] for row in known.values()], self.fresh
        )
        self.done.issues += [
            Issue(known[pk].key, known[pk].line, text) for pk, text in told.items()
        ]
        stood = restand([self.people[row.key] for row in self.firsts], self.at)
        self._events = [entry._replace(run=self.run) for entry in stood]
        number(self.new)
        tie_new(self.new)
        naming = Naming(self.firsts, self.people, self.had, self.settings, self.at)
        naming.run()
        self.done.issues += naming.issues

    def store(self, telling: Telling | None) -> None:
        """Write people, events and records. While the database takes in the one, the next is made
        ready."""
        with Aside() as aside:
            aside.insert_instances(self.new)
            for row in aside.going_on(self.firsts):
                self._take(row, telling)
            self._events += [
                _joined(self.people[row.key], self.source, row, self.run)
                for row in self.rows
                if _is_joined(row)
            ]
            record_many(self._events, aside)
            records = _records(self.source, aside.going_on(self.rows), self.people, self.at)
            aside.wait()
            names = (*_FIELDS, "employee_number") if self._numbered else _FIELDS
            update_rows(self._changed, names)
            _store_records(self.rows, records)
        called = [row for row in self.rows if _is_named(row, self.had, self.people)]
        named.tell([self.people[row.key] for row in called], self.at)
        end_access(self._changed)

    def _take(self, row: MappedRow, telling: Telling | None) -> None:
        """Whether the person is new or another than before, and what is told of that."""
        person, before = self.people[row.key], self.before.get(row.key)
        after = _snapshot(person)
        if after == before:
            self.done.unchanged += 1
            return
        if before is None:
            self.done.added += 1
        else:
            person.generation += 1
            person.changed_at = self.at
            self._changed.append(person)
            self.done.changed += 1
            if before["state"] != person.state == LifecycleState.LEFT.value:
                self.done.left += 1
                self.done.leavers.append(person.pk)
            elif person.state != LifecycleState.LEFT.value:
                had = read_date(_attributes(before).get("end_date"))
                self.done.sooner += row.ends_sooner(had, person.end_date, self.at)
        if telling is not None:
            told = {} if before is None else _whole(before)
            telling.add(person, told, _whole(after), new=before is None)
        old = self._nobody if before is None else _flat(before)
        was, now = _differing(old, _flat(after), self._sensitive)
        if before is None or now:
            given = None if before is None else was
            self._events.append(_event(person, self.why, given, now, self.run))


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
    found = Person.objects.filter(which).select_for_update(of=("self",), no_key=True).order_by("pk")
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
