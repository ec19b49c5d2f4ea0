"""Mapped rows into records and people, in bulk.

A person's attributes are merged from all of their records, in the order of the sources: the first
source that has a value for an attribute owns it. What no source gives may be made here (the
corporate e-mail), and says so in `origins`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tenure.audit.models import Action, Event
from tenure.audit.services import event, record_many
from tenure.core.model import Value
from tenure.infra.bulk import update_rows
from tenure.people import naming
from tenure.people.models import Person
from tenure.people.services import company, restand
from tenure.sources.models import Source, SourceRecord
from tenure.sources.rows import MappedRow, _date

_PERSON_FIELDS = (
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
    "generation",
    "next_look_at",
    "changed_at",
)
_MADE_HERE = ""


@dataclass(frozen=True, slots=True)
class Issue:
    """Something to know about one row that was taken all the same."""

    key: str
    line: int | None
    message: str


@dataclass(slots=True)
class Merge:
    """What became of the rows."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    issues: list[Issue] = field(default_factory=list)


def merge(source: Source, rows: Sequence[MappedRow], *, at: datetime, run: int) -> Merge:
    """Store the records, and make or change their people. Runs in the caller's transaction."""
    done = Merge()
    people = _people(rows)
    events: list[Event] = []
    fresh = [row for row in rows if row.key not in people]
    for row in fresh:
        people[row.key] = Person(employee_number=row.key, changed_at=at)
    before = {key: _snapshot(person) for key, person in people.items()}
    others = _other_records(source, people)
    for row in rows:
        _assign(people[row.key], source, row, others.get(row.key, ()))
    events += restand(list(people.values()), at)
    Person.objects.bulk_create([people[row.key] for row in fresh], batch_size=500)
    done.issues += _name(rows, people)
    changed = []
    for row in rows:
        person = people[row.key]
        after = _snapshot(person)
        if after == before[row.key] and row not in fresh:
            done.unchanged += 1
            continue
        person.generation += 1
        person.changed_at = at
        changed.append(person)
        is_new = before[row.key]["attributes"] == {} and not before[row.key]["name"]
        done.added, done.changed = done.added + is_new, done.changed + (not is_new)
        events.append(_event(person, source, before[row.key], after, is_new, run))
    update_rows(changed, _PERSON_FIELDS)
    _store_records(source, rows, people, at, run)
    record_many(events)
    return done


def _people(rows: Sequence[MappedRow]) -> dict[str, Person]:
    """Employee number -> person, locked, for those who are known."""
    keys = [row.key for row in rows]
    found = Person.objects.select_for_update().filter(employee_number__in=keys)
    return {str(person.employee_number): person for person in found}


def _other_records(
    source: Source, people: Mapping[str, Person]
) -> dict[str, list[tuple[int, str, dict[str, Value]]]]:
    known = [person.pk for person in people.values() if person.pk]
    found: dict[str, list[tuple[int, str, dict[str, Value]]]] = {}
    rows = (
        SourceRecord.objects.filter(person_id__in=known, present=True)
        .exclude(source=source)
        .select_related("source", "person")
    )
    for item in rows:
        found.setdefault(str(item.person.employee_number), []).append(
            (item.source.position, item.source.slug, item.attributes)
        )
    return found


def _assign(
    person: Person,
    source: Source,
    row: MappedRow,
    others: Iterable[tuple[int, str, dict[str, Value]]],
) -> None:
    """Set everything that the person's records say. The generated e-mail is kept."""
    made = {n: v for n, v in person.attributes.items() if person.origins.get(n) == _MADE_HERE}
    attributes: dict[str, Value] = {}
    origins: dict[str, str] = {}
    layers = sorted([*others, (source.position, source.slug, dict(row.attributes))], key=_order)
    for _, slug, values in layers:
        for name, value in values.items():
            if name not in attributes:
                attributes[name], origins[name] = value, slug
    for name, value in made.items():
        if name not in attributes and name != "display_name":
            attributes[name], origins[name] = value, _MADE_HERE
    if "display_name" not in attributes:
        attributes["display_name"] = _display_name(attributes)
        origins["display_name"] = _MADE_HERE
    person.attributes, person.origins = attributes, origins
    person.display_name = str(attributes["display_name"])[:300]
    person.email = str(attributes.get("email", ""))[:254]
    person.start_date = _date(attributes.get("start_date"))
    person.end_date = _date(attributes.get("end_date"))
    person.time_zone = str(attributes.get("time_zone", "UTC"))
    person.on_leave = row.on_leave
    person.ended_by_source_at = row.ended_at


def _order(layer: tuple[int, str, dict[str, Value]]) -> tuple[int, str]:
    return layer[0], layer[1]


def _display_name(attributes: Mapping[str, Value]) -> str:
    first = attributes.get("preferred_name") or attributes.get("given_name") or ""
    return " ".join(part for part in (str(first), str(attributes.get("family_name", ""))) if part)


def _name(rows: Sequence[MappedRow], people: Mapping[str, Person]) -> list[Issue]:
    """Reserve the addresses that were given and make those that were not."""
    settings = company()
    given: dict[str, int] = {}
    issues = []
    nameless: dict[int, Person] = {}
    by_pk = {people[row.key].pk: row for row in rows}
    for row in rows:
        person = people[row.key]
        if not person.email:
            if settings.domain and row.present:
                nameless[person.pk] = person
        elif given.setdefault(person.email.casefold(), person.pk) != person.pk:
            issues.append(Issue(row.key, row.line, _shared(person.email)))
    for address in naming.claim(naming.EMAIL, given):
        row = by_pk[given[address]]
        issues.append(Issue(row.key, row.line, _shared(address)))
    made, failed = naming.reserve_emails(
        {key: person.attributes for key, person in nameless.items()},
        formats=settings.email_formats,
        domain=settings.domain,
    )
    for key, address in made.items():
        person = nameless[key]
        person.email = address
        person.attributes = {**person.attributes, "email": address}
        person.origins = {**person.origins, "email": _MADE_HERE}
    for key, why in failed.items():
        issues.append(Issue(by_pk[key].key, by_pk[key].line, f"No corporate e-mail: {why}."))
    return issues


def _shared(address: str) -> str:
    return f"The e-mail {address} belongs to somebody else already. Correct it in the source."


def _store_records(
    source: Source, rows: Sequence[MappedRow], people: Mapping[str, Person], at: datetime, run: int
) -> None:
    SourceRecord.objects.bulk_create(
        [
            SourceRecord(
                source=source,
                key=row.key,
                digest=row.digest,
                attributes=dict(row.attributes),
                person=people[row.key],
                line=row.line,
                present=row.present,
                seen_in=run,
                changed_at=at,
            )
            for row in rows
        ],
        update_conflicts=True,
        unique_fields=["source", "key"],
        update_fields=[
            "digest",
            "attributes",
            "person",
            "line",
            "present",
            "seen_in",
            "changed_at",
        ],
        batch_size=500,
    )


def _snapshot(person: Person) -> dict[str, object]:
    return {
        "name": person.display_name,
        "attributes": dict(person.attributes),
        "on_leave": person.on_leave,
        "ended": person.ended_by_source_at.isoformat() if person.ended_by_source_at else None,
    }


def _event(
    person: Person,
    source: Source,
    before: Mapping[str, object],
    after: Mapping[str, object],
    is_new: bool,
    run: int,
) -> Event:
    """Only what differs, so that the trail reads like a sentence."""
    old, new = before["attributes"], after["attributes"]
    assert isinstance(old, dict)
    assert isinstance(new, dict)
    names = sorted(n for n in old.keys() | new.keys() if old.get(n) != new.get(n))
    return event(
        Action.PERSON_ADDED if is_new else Action.PERSON_CHANGED,
        subject_kind="person",
        subject_key=str(person.uid),
        subject_label=person.display_name,
        person=str(person.uid),
        reason=f"import of {source.name}",
        before=None if is_new else {name: old.get(name) for name in names},
        after={name: new.get(name) for name in names},
        run=run,
    )
