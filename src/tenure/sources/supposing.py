"""One person as the next import would make them, if HR said something else of them.

For looking at, never for keeping: the names that would be theirs are reserved as in an import, and
whoever asks rolls that back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from tenure.core.model import Attributes, Value
from tenure.people.models import Person
from tenure.people.services import company, zone_of
from tenure.sources.layers import MADE_HERE, full_name, hired_again
from tenure.sources.models import Source
from tenure.sources.naming import Naming
from tenure.sources.rows import DEFAULT_STATUSES, STATUS, MappedRow, ended_by_status, read_date

#: Whose word it is: no source's, and nothing that is made here.
_SUPPOSED: Final = "supposed"
#: What a name that is made here is made of.
_NAMES: Final = frozenset({"given_name", "family_name", "preferred_name"})


def suppose(person: Person, given: Mapping[str, Value | None], at: datetime) -> None:
    """Set on the person, who is not saved, what is given (None takes an attribute away) and what
    follows from it: names, address and login, dates, status, manager. Raises `ValueError`."""
    before, started_before = dict(person.attributes), person.start_date
    _say(person, given)
    person.start_date = read_date(person.attributes.get("start_date"))
    person.end_date = read_date(person.attributes.get("end_date"))
    person.time_zone = str(person.attributes.get("time_zone") or company().time_zone)
    if STATUS in given:
        _stand(person, at)
    if "manager" in given:
        _report(person, given["manager"])
    hired_again(person, started_before)
    _name(person, before, at)


def _say(person: Person, given: Mapping[str, Value | None]) -> None:
    attributes, origins = dict(person.attributes), dict(person.origins)
    for name, value in given.items():
        attributes.pop(name, None)
        origins.pop(name, None)
        if value is not None:
            attributes[name], origins[name] = value, _SUPPOSED
    made_here = origins.get("display_name", MADE_HERE) == MADE_HERE
    if not attributes.get("display_name") or (made_here and given.keys() & _NAMES):
        attributes["display_name"] = full_name(attributes)
    person.attributes, person.origins = attributes, origins
    person.display_name = str(attributes["display_name"])[:300]
    person.email = str(attributes.get("email", ""))[:254]


def _stand(person: Person, at: datetime) -> None:
    """What the status means to the source that gave the one before, or the first that has them."""
    sources = Source.objects.filter(records__person=person).order_by("position", "pk")
    statuses = next((one.statuses for one in sources if one.statuses), None) or DEFAULT_STATUSES
    text = str(person.attributes.get(STATUS, ""))
    known = {"active": "active", "on_leave": "on_leave", "left": "left"}
    known |= {str(word).casefold(): str(meaning) for word, meaning in statuses.items()}
    meaning = known.get(text.casefold()) if text else "active"
    if meaning is None:
        raise ValueError(f"status is one of {', '.join(sorted(known))}, and not {text!r}.")
    local = at.astimezone(zone_of(person))
    person.on_leave = meaning == "on_leave"
    person.ended_by_source_at, _ = ended_by_status(meaning, person.attributes, None, local)


def _report(person: Person, number: Value | None) -> None:
    person.manager = None
    if number is not None:
        person.manager = Person.objects.filter(employee_number=str(number)).first()
        if person.manager is None:
            raise ValueError(f"manager: nobody has the employee number {number}.")


def _name(person: Person, before: Attributes, at: datetime) -> None:
    key = str(person.employee_number or person.pk)
    row = MappedRow(key, b"", person.attributes, record=None, line=None)
    naming = Naming([row], {key: person}, {key: before}, company(), at)
    naming.run()
    if naming.issues:
        raise ValueError(naming.issues[0].message)
