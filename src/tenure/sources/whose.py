"""Whose the records of a source would be, by rules that are not in force yet: tried on the people
who are here, and kept nowhere.

Each record is taken for one that was never seen: what its own source says of its person counts for
nothing, and everybody is who the other sources say, or who was entered by hand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tenure.core.acquaintance import (
    EMPLOYEE_NUMBER,
    Acquaintance,
    Recognition,
    SameAttribute,
    doubted,
)
from tenure.core.correlation import Key
from tenure.core.model import LifecycleState, Value
from tenure.infra.bulk import among
from tenure.people.models import Person
from tenure.people.services import schema
from tenure.sources import asking
from tenure.sources.everybody import Everybody
from tenure.sources.models import Source, SourceRecord
from tenure.sources.selectors import name_of

#: Records that are tried, the latest first.
LAST: Final = 500
#: Examples of each outcome.
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Rules:
    """By what a source ties its records, whom it suggests, and who may be back: as of `Source`."""

    correlation: tuple[SameAttribute, ...] = ()
    suggest: tuple[tuple[str, ...], ...] = ()
    rehire: tuple[tuple[str, ...], ...] = ()

    @property
    def certain(self) -> tuple[SameAttribute, ...]:
        """Where none is given the employee number is."""
        return self.correlation or (SameAttribute(EMPLOYEE_NUMBER, EMPLOYEE_NUMBER),)

    @property
    def by_number(self) -> bool:
        return any(rule.record == rule.person == EMPLOYEE_NUMBER for rule in self.certain)


@dataclass(frozen=True, slots=True)
class Record:
    """One row as attributes, and the id of whose it is, if it is anybody's."""

    key: str
    attributes: Mapping[str, Value]
    owner: int | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """One record, who it would be or could be, and by what. `wrong`: it is another's now."""

    key: str
    name: str
    people: tuple[Person, ...] = ()
    by: str = ""
    wrong: bool = False


@dataclass(slots=True)
class Trial:
    """What became of `looked` records. `tied`: by which rule, how many; `asked`, `back` (who may be
    back under a new number), `new`, and `clash`: the number is somebody else's, and numbers tie
    nobody. `moved` of those that are tied would be somebody else's than now. `others`: how many
    people are known otherwise than from this source."""

    looked: int = 0
    tied: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    back: int = 0
    new: int = 0
    clash: int = 0
    moved: int = 0
    others: int = 0
    examples: dict[str, list[Example]] = field(default_factory=dict)

    def add(self, kind: str, example: Example) -> None:
        shown = self.examples.setdefault(kind, [])
        if len(shown) < _SHOWN:
            shown.append(example)


def rules_of(source: Source) -> Rules:
    """Those in force."""
    return Rules(
        tuple(SameAttribute(**rule) for rule in source.correlation),
        tuple(tuple(names) for names in source.suggest),
        tuple(tuple(names) for names in source.rehire),
    )


def records_of(source: Source) -> list[Record]:
    """The latest records of a source."""
    rows = SourceRecord.objects.filter(source=source, present=True).order_by("-id")[:LAST]
    return [
        Record(row.key, {**row.attributes, EMPLOYEE_NUMBER: row.key}, row.person_id) for row in rows
    ]


def with_owners(slug: str, records: Sequence[tuple[str, Mapping[str, Value]]]) -> list[Record]:
    """Records that were just read, as key and attributes, with whose they are."""
    owners = dict(
        SourceRecord.objects.filter(
            source__slug=slug, key__in=among([key for key, _ in records], "text")
        ).values_list("key", "person_id")
    )
    return [Record(key, attributes, owners.get(key)) for key, attributes in records]


def attempt(slug: str, rules: Rules, records: Sequence[Record]) -> Trial:
    """What these rules would make of these records of the source `slug`. Raises `ValueError` where
    an attribute is not known."""
    recognition = Recognition(rules.certain, rules.suggest, schema())
    rows = {record.key: record for record in records}
    keys = {key: recognition.record_keys(row.attributes) for key, row in rows.items()}
    newest = Person.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    everybody = Everybody(recognition, newest)
    near = everybody.going_through(frozenset[Key]().union(*keys.values()))
    elsewhere = _known_elsewhere(slug, [int(pk) for pk in near])
    people = {
        str(pk): shared
        for pk, attributes in elsewhere.items()
        if (shared := recognition.person_keys(attributes) & near[str(pk)])
    }
    found = recognition.recognise(
        keys, people, taken=_taken(slug, people, rows), gone=_gone(people)
    )
    verdicts = {
        key: doubted(one, rows[key].attributes, elsewhere[int(one.known)]) if one.known else one
        for key, one in found.items()
    }
    back = _back(rules, records, newest)
    trial = Trial(looked=len(records), others=_others(slug))
    seen = _seen(verdicts, back)
    holders = {} if rules.by_number else _holders(rows)
    for key, row in rows.items():
        _count(trial, row, verdicts[key], back.get(key, []), holders.get(key), seen)
    return trial


def _known_elsewhere(slug: str, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Person id -> what is known of them otherwise than from this source; without those of whom
    nothing is."""
    people = Person.objects.filter(pk__in=among(ids))
    found: dict[int, dict[str, Any]] = {
        pk: {name: value for name, value in attributes.items() if origins.get(name, "") != slug}
        for pk, attributes, origins in people.values_list("pk", "attributes", "origins")
    }
    records = SourceRecord.objects.filter(person__in=among(ids)).select_related("source")
    said: dict[int, dict[str, Any]] = {}
    only_here = set()
    # The first source in order says most.
    for row in records.order_by("-source__position", "-key", "-pk"):
        if row.source.slug == slug:
            only_here.add(row.person_id)
        else:
            number = {EMPLOYEE_NUMBER: row.key}
            said.setdefault(row.person_id, {}).update({**row.attributes, **number})
    # Who is known from here alone would not be known: not what was made for them either.
    for pk in only_here - said.keys():
        found.pop(pk, None)
    return {pk: {**said.get(pk, {}), **attributes} for pk, attributes in found.items()}


def _others(slug: str) -> int:
    here = SourceRecord.objects.filter(source__slug=slug).values("person")
    elsewhere = SourceRecord.objects.exclude(source__slug=slug).values("person")
    alone = Person.objects.filter(pk__in=here).exclude(pk__in=elsewhere)
    return Person.objects.count() - alone.count()


def _taken(slug: str, people: Mapping[str, object], rows: Mapping[str, Record]) -> set[str]:
    """Who has a record of this source that is not one of these."""
    records = SourceRecord.objects.filter(source__slug=slug, person__in=[int(pk) for pk in people])
    return {str(pk) for key, pk in records.values_list("key", "person_id") if key not in rows}


def _gone(people: Mapping[str, object]) -> set[str]:
    left = Person.objects.filter(pk__in=[int(pk) for pk in people], state=LifecycleState.LEFT.value)
    return {str(pk) for pk in left.values_list("pk", flat=True)}


def _back(rules: Rules, records: Sequence[Record], newest: int) -> dict[str, list[int]]:
    """Record -> ids of people who may come back as it, without whose it is."""
    rows = [(record.key, record.attributes) for record in records]
    found = asking.same_in(rules.rehire, rows, newest)
    owners = {record.key: record.owner for record in records}
    return {
        key: rest for key, ids in found.items() if (rest := [i for i in ids if i != owners[key]])
    }


def _holders(rows: Mapping[str, Record]) -> dict[str, Person]:
    """Record -> who has its number, where it is not theirs."""
    people = Person.objects.filter(employee_number__in=among(rows, "text"))
    return {
        str(one.employee_number): one
        for one in people
        if one.pk != rows[str(one.employee_number)].owner
    }


def _seen(
    verdicts: Mapping[str, Acquaintance], back: Mapping[str, Sequence[int]]
) -> dict[int, Person]:
    ids = {int(one.known) for one in verdicts.values() if one.known}
    ids |= {int(pk) for one in verdicts.values() for pk in one.candidates or ()}
    ids |= {pk for found in back.values() for pk in found}
    return Person.objects.in_bulk(list(ids))


def _count(
    trial: Trial,
    row: Record,
    verdict: Acquaintance,
    back: Sequence[int],
    holder: Person | None,
    people: Mapping[int, Person],
) -> None:
    name = name_of(row.attributes)
    if verdict.known:
        owner = int(verdict.known)
        wrong = row.owner is not None and owner != row.owner
        trial.tied[verdict.by] += 1
        trial.moved += wrong
        kind = "moved" if wrong else "tied"
        trial.add(kind, Example(row.key, name, (people[owner],), verdict.by, wrong))
    elif verdict.candidates:
        trial.asked += 1
        could = tuple(people[int(pk)] for pk in verdict.candidates)
        by = ", ".join(dict.fromkeys(verdict.candidates.values()))
        trial.add("asked", Example(row.key, name, could, by))
    elif back:
        trial.back += 1
        trial.add("back", Example(row.key, name, tuple(people[pk] for pk in back[:_SHOWN])))
    elif holder is not None:
        trial.clash += 1
        trial.add("clash", Example(row.key, name, (holder,), EMPLOYEE_NUMBER))
    else:
        trial.new += 1
        trial.add("new", Example(row.key, name))
