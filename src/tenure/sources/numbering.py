"""The employee number of people of several records: the one of the source that goes first for it.

Sources count people each in their own way. A record is found by its own number in its own source;
the person has one number, and nobody else has it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tenure.people.models import Person
from tenure.sources.models import SourceRecord
from tenure.sources.rows import KEY

#: Why a record is its person's whose number it was before another source brought theirs.
FORMER = "its number was theirs before"


def settle_employee_numbers(
    people: Sequence[Person], taken: Collection[str] = ()
) -> tuple[set[int], dict[int, str]]:
    """Give these stored people, who are not saved here, the number that their attributes name;
    where it is another's, or among `taken`, they keep theirs. Returns the ids of those who have
    another one now, and id -> what to know."""
    wanted = {
        person.pk: str(person.attributes.get(KEY, ""))
        for person in people
        if person.pk and person.attributes.get(KEY) != person.employee_number
    }
    if not wanted:
        return set(), {}
    others = Person.objects.filter(employee_number__in=list(wanted.values()))
    holders = dict(others.values_list("employee_number", "display_name"))
    changed: set[int] = set()
    told: dict[int, str] = {}
    for person in people:
        number = wanted.get(person.pk)
        if number is None:
            continue
        if not number or number in holders or number in taken:
            _keeps(person)
            if number:
                whose = holders.get(number, "somebody else")
                told[person.pk] = (
                    f"The employee number {number} is {whose}'s already: {person.display_name} "
                    f"keeps {person.employee_number or 'none'}. Correct one of them in its source."
                )
            continue
        holders[number] = person.display_name
        if person.employee_number:
            SourceRecord.objects.filter(
                person=person, key=person.employee_number, tied_by=""
            ).update(tied_by=FORMER)
        person.employee_number = number
        changed.add(person.pk)
    return changed, told


def _keeps(person: Person) -> None:
    if person.employee_number:
        person.attributes = {**person.attributes, KEY: person.employee_number}
    else:
        person.attributes = {n: v for n, v in person.attributes.items() if n != KEY}
        person.origins = {n: v for n, v in person.origins.items() if n != KEY}
