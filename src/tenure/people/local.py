"""People who come from no source: entered by hand, and changed by hand, until a source brings
their employee number and takes over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from tenure.audit.models import Action
from tenure.audit.services import record, record_many
from tenure.core.lifecycle import zone
from tenure.core.model import Value
from tenure.people import endings, naming
from tenure.people.entered import as_entered, day, entered
from tenure.people.models import Person
from tenure.people.naming import EMAIL, USER_NAME, NameForm
from tenure.people.selectors import HIDDEN, sensitive_attributes
from tenure.people.services import company, restand, schema

#: Made of the others, or not a matter of entering.
NOT_ENTERED: Final = frozenset({"display_name", "email_aliases", "status"})


class NotEntered(ValueError):
    """What was entered cannot be kept. `problems` says it by attribute; nothing was stored."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__(" ".join(problems.values()))


def is_local(person: Person) -> bool:
    """Whether no source says anything of them."""
    return not any(person.origins.values())


@transaction.atomic
def add_person(*, given: Mapping[str, str], reason: str, now: datetime) -> Person:
    """A new person with these attributes, as texts; an address is made where none is given. Raises
    `NotEntered`."""
    values = _values(given)
    problems = _problems(values, None)
    if not reason.strip():
        problems["reason"] = "Say why they are entered by hand: HR may ask."
    if problems:
        raise NotEntered(problems)
    person = Person(changed_at=now)
    _set(person, values)
    events = restand([person], now)
    person.save(force_insert=True)
    _name(person, values, now)
    person.save()
    _tell(Action.PERSON_ADDED, person, reason, None, dict(person.attributes))
    record_many(events)
    return person


@transaction.atomic
def edit_person(
    *,
    person: Person,
    given: Mapping[str, str],
    reason: str,
    now: datetime,
    was: Mapping[str, str] | None = None,
) -> Person:
    """Change what was entered by hand. `was`: the texts that whoever changes it began with; what
    they left as it was stays as it is now, and what somebody else has changed too is refused.
    Raises `NotEntered`."""
    row = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
    if not is_local(row):
        text = "Their attributes come from a source. Correct them there, and import again."
        raise NotEntered({"": text})
    if was is not None:
        given = _theirs_kept(given, was, row)
    before = dict(row.attributes)
    held = {name: before[name] for name in NOT_ENTERED & before.keys()}
    values = _values(given)
    if problems := _problems(values, row):
        raise NotEntered(problems)
    _set(row, {**held, **values})
    _name(row, values, now)
    changed = sorted(
        name for name in {*before, *row.attributes} if before.get(name) != row.attributes.get(name)
    )
    if not changed:
        return row
    row.generation += 1
    row.changed_at = now
    events = restand([row], now)
    row.save()
    old, new = before, row.attributes
    _tell(
        Action.PERSON_CHANGED,
        row,
        reason,
        {name: old.get(name) for name in changed},
        {name: new.get(name) for name in changed},
    )
    record_many(events)
    endings.end_access([row])
    return row


def _theirs_kept(given: Mapping[str, str], was: Mapping[str, str], row: Person) -> dict[str, str]:
    """What was typed, over what others have changed meanwhile. Raises `NotEntered`."""
    found, problems = {}, {}
    for name, text in given.items():
        before = was.get(name, "")
        there = as_entered(row.attributes[name]) if name in row.attributes else ""
        mine = text.strip()
        found[name] = there if mine == before else text
        if before not in (there, mine) and there != mine:
            problems[name] = (
                f"Somebody has put {there or 'nothing'} here meanwhile. What you typed was not "
                "kept: save again if it is the right one."
            )
    if problems:
        raise NotEntered(problems)
    return found


def _values(given: Mapping[str, str]) -> dict[str, Value]:
    """Attribute -> value, without those that are left empty. Raises `NotEntered`."""
    kinds = schema()
    found: dict[str, Value] = {}
    problems = {}
    for name, text in given.items():
        if name not in kinds or name in NOT_ENTERED:
            continue
        try:
            value = entered(name, text, kinds[name])
        except ValueError as error:
            problems[name] = str(error)
            continue
        if value is not None:
            found[name] = value
    if problems:
        raise NotEntered(problems)
    return found


def _problems(values: Mapping[str, Value], row: Person | None) -> dict[str, str]:
    problems = {}
    others = Person.objects.exclude(pk=row.pk) if row else Person.objects.all()
    number = values.get("employee_number")
    if number is not None and others.filter(employee_number=str(number)).exists():
        problems["employee_number"] = f"Somebody has the number {number} already."
    if not values.get("given_name") and not values.get("family_name"):
        problems["family_name"] = "Give them a name."
    first, last = values.get("start_date"), values.get("end_date")
    if first and last and str(last) < str(first):
        problems["end_date"] = "The last day is before the first."
    manager = values.get("manager")
    if manager is not None and not others.filter(employee_number=str(manager)).exists():
        problems["manager"] = f"Nobody else has the employee number {manager}."
    if place := values.get("time_zone"):
        try:
            zone(str(place))
        except ValueError as error:
            problems["time_zone"] = str(error)
    address = str(values.get("email", ""))
    if address and address.count("@") != 1:
        problems["email"] = f"{address!r} is no e-mail address."
    return problems


def _set(person: Person, values: Mapping[str, Value]) -> None:
    """Everything that is read from the attributes; nothing is saved."""
    attributes = dict(values)
    first = attributes.get("preferred_name") or attributes.get("given_name") or ""
    parts = (str(first), str(attributes.get("family_name", "")))
    attributes["display_name"] = " ".join(part for part in parts if part)
    attributes.setdefault("time_zone", company().time_zone)
    person.attributes = attributes
    person.origins = dict.fromkeys(attributes, "")
    person.display_name = str(attributes["display_name"])[:300]
    person.email = str(attributes.get(EMAIL, ""))[:254]
    person.employee_number = _text(attributes.get("employee_number"))
    person.time_zone = str(attributes["time_zone"])
    first_day, last_day = attributes.get("start_date"), attributes.get("end_date")
    person.start_date = day("start_date", str(first_day)) if first_day else None
    person.end_date = day("end_date", str(last_day)) if last_day else None
    number = attributes.get("manager")
    person.manager = Person.objects.filter(employee_number=str(number)).first() if number else None


def _name(person: Person, values: Mapping[str, Value], now: datetime) -> None:
    """Reserve the names that were given, and make those that were not, as an import does."""
    settings = company()
    retention = settings.name_retention
    left_before = now - retention if retention is not None else None
    forms = []
    if settings.domain or EMAIL in values:
        forms.append(NameForm(EMAIL, settings.email_formats, settings.domain, left_before))
    if settings.user_name_formats or USER_NAME in values:
        forms.append(NameForm(USER_NAME, settings.user_name_formats, "", left_before))
    for form in forms:
        held = values.get(form.kind)
        if held is not None:
            if naming.claim(form, {str(held).casefold(): person.pk}):
                raise NotEntered({form.kind: f"{held} belongs to somebody else already."})
            continue
        made, failed = naming.reserve(form, {person.pk: person.attributes})
        if person.pk in failed:
            raise NotEntered({form.kind: f"Enter one: {failed[person.pk]}."})
        name = made[person.pk]
        person.attributes = {**person.attributes, form.kind: name}
        person.origins = {**person.origins, form.kind: ""}
        if form.kind == EMAIL:
            person.email = name


def _text(value: Value | None) -> str | None:
    return None if value is None else str(value)[:100]


def _tell(
    action: Action,
    person: Person,
    reason: str,
    before: dict[str, Any] | None,
    after: dict[str, Any],
) -> None:
    hidden = sensitive_attributes()
    told = [
        values and {n: HIDDEN if n in hidden and v is not None else v for n, v in values.items()}
        for values in (before, after)
    ]
    record(
        action,
        subject_kind="person",
        subject_key=str(person.uid),
        subject_label=person.display_name,
        person=str(person.uid),
        reason=reason.strip() or "entered by hand",
        before=told[0],
        after=told[1],
    )
