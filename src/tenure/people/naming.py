"""Generated names that nobody else has: formats tried in order, reserved in the database.

The unique constraint on `ReservedName` decides, so two workers can never give the same name. A name
passes to another person only when its owner has been gone for longer than the company's retention,
and never while an application still has it on somebody else's account: an address whose owner left
may still get their mail.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from types import MappingProxyType

from django.db import connection

from tenure.audit.models import Action
from tenure.audit.services import event, record_many
from tenure.core.model import Attributes, LifecycleState
from tenure.core.names import candidates
from tenure.infra.bulk import array, grown
from tenure.people.models import Person, ReservedName

EMAIL = "email"
USER_NAME = "user_name"
#: Former addresses, which applications may keep as aliases.
ALIASES = "email_aliases"
#: Candidates of one person that are asked for at once, from the second round on.
MOST_AT_ONCE = 64
DEFAULT_FORMATS = ("{first}.{last}", "{f}.{last}", "{first}.{last}{n}")

#: Names in lower case -> the ids of the people on whose accounts they are, None for nobody's.
Holders = Callable[[Collection[str]], Mapping[str, Collection[int | None]]]
_holders: list[Holders] = []
_NOBODY: Mapping[int, Person | None] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class NameForm:
    """How names of one kind are made. `left_before`: those of people who have left before it may
    be given again; None: never."""

    kind: str
    formats: Sequence[str]
    domain: str = ""
    left_before: datetime | None = None

    def names(self, attributes: Attributes) -> Iterator[str]:
        """Everything that this person could be called, best first."""
        for local in candidates(self.formats or DEFAULT_FORMATS, attributes):
            yield f"{local}@{self.domain}".lower() if self.domain else local

    def renamed(self, before: Attributes, after: Attributes) -> bool:
        """Whether another name would be made now, were every name free."""
        return next(self.names(before), None) != next(self.names(after), None)


def ask_also(holders: Holders) -> None:
    """Whoever knows what applications hold says so here, at start-up."""
    if holders not in _holders:
        _holders.append(holders)


def reserve(
    form: NameForm,
    people: Mapping[int, Attributes],
    *,
    in_hand: Mapping[int, Person | None] = _NOBODY,
) -> tuple[dict[int, str], dict[int, str]]:
    """Person id -> a name of their own, and person id -> why there is none. `in_hand` are people
    whom the caller is about to save, by id: nothing of theirs is given to anybody else.

    Proposals go round by round: everybody proposes their next candidate that is not taken yet, the
    database keeps those that are still free, the rest propose again. A round asks for twice as
    many candidates as the one before, so that the thousandth of a name is found as soon.
    """
    kept = {**dict.fromkeys(people), **in_hand}
    proposals = {key: form.names(attributes) for key, attributes in people.items()}
    given: dict[int, str] = {}
    failed: dict[int, str] = {}
    width = 1
    while proposals:
        batches = {key: list(islice(iterator, width)) for key, iterator in proposals.items()}
        asked = {v for values in batches.values() for v in values}
        taken = _taken(form, asked, kept) if width > 1 else {}
        # Whoever has a name already may propose it again: only another's is out of the question.
        elsewhere = _elsewhere({v for v in asked if v not in taken or taken[v] in people})
        wanted: dict[str, int] = {}
        again: dict[int, list[str]] = {}
        for key, values in batches.items():
            if not values:
                failed[key] = _why_none(form, people[key])
                del proposals[key]
                continue
            free = [
                value
                for value in values
                if taken.get(value, key) == key and elsewhere.get(value, {key}) <= {key}
            ]
            mine = next((value for value in free if value not in wanted), None)
            if mine is not None:
                wanted[mine] = key
            again[key] = [value for value in free if value != mine]
        for value in _keep(form, wanted, kept):
            given[wanted[value]] = value
            del proposals[wanted[value]]
        for key in proposals:
            proposals[key] = chain(again[key], proposals[key])
        width = min(MOST_AT_ONCE, width * 2)
    return given, failed


def _why_none(form: NameForm, attributes: Attributes) -> str:
    what = "address" if form.domain else "user name"
    if next(form.names(attributes), None) is None:
        return f"their name has no letter that can be in one; give them the {what} in the source"
    return f"whatever the {what} formats make is somebody else's; add a format with {{n}}"


def claim(
    form: NameForm, names: Mapping[str, int], *, in_hand: Mapping[int, Person | None] = _NOBODY
) -> list[str]:
    """Reserve names that were given from outside. Returns those that somebody else holds."""
    kept = set(_keep(form, names, {**dict.fromkeys(names.values()), **in_hand}))
    return [value for value in names if value not in kept]


def _taken(
    form: NameForm, values: Collection[str], in_hand: Collection[int]
) -> dict[str, int | None]:
    """Name -> who has it, without those that could be passed on."""
    rows = ReservedName.objects.filter(kind=form.kind, value__in=values)
    if form.left_before is not None:
        rows = rows.exclude(
            person__in=Person.objects.filter(
                state=LifecycleState.LEFT.value, state_since__lt=form.left_before
            ).exclude(pk__in=in_hand)
        )
    return dict(rows.values_list("value", "person_id"))


def _elsewhere(values: Collection[str]) -> dict[str, set[int | None]]:
    """Name -> on whose accounts it is, for those that are on any."""
    found: dict[str, set[int | None]] = {}
    for holders in _holders if values else ():
        for value, people in holders(values).items():
            found.setdefault(value, set()).update(people)
    return found


_RESERVE = """
    INSERT INTO people_reservedname (kind, value, person_id)
    SELECT %s, given.value, given.person
    FROM unnest(%s::text[], %s::bigint[]) AS given (value, person)
    ON CONFLICT (kind, value) DO NOTHING RETURNING value
"""


def _keep(
    form: NameForm, wanted: Mapping[str, int], in_hand: Mapping[int, Person | None]
) -> list[str]:
    """Insert what is free; return the values that now belong to who wanted them. In order, so
    that two who want the same names never wait for each other."""
    if not wanted:
        return []
    values = sorted(wanted)
    people = [wanted[value] for value in values]
    with connection.cursor() as cursor:
        cursor.execute(_RESERVE, [form.kind, array(values), array(people)])
        mine = [value for (value,) in cursor.fetchall()]
    grown(ReservedName, len(mine))
    stood = wanted.keys() - set(mine)
    if not stood:
        return mine
    rows = ReservedName.objects.filter(kind=form.kind, value__in=stood)
    owners = dict(rows.values_list("value", "person_id"))
    mine += [value for value in stood if owners.get(value) == wanted[value]]
    others = sorted(value for value in stood if owners.get(value) != wanted[value])
    if others and form.left_before is not None:
        mine += _pass_on(form, {value: wanted[value] for value in others}, in_hand)
    return mine


_PASS_ON = """
    WITH free AS (
        SELECT name.id, name.person_id AS former
        FROM people_reservedname AS name JOIN people_person AS person ON person.id = name.person_id
        WHERE name.kind = %s AND name.value = ANY(%s) AND person.id <> ALL(%s::bigint[])
            AND person.state = 'left' AND person.state_since < %s
        ORDER BY name.value FOR UPDATE
    )
    UPDATE people_reservedname AS name SET person_id = given.person, reserved_at = now()
    FROM free, unnest(%s::text[], %s::bigint[]) AS given (value, person)
    WHERE name.id = free.id AND name.value = given.value
    RETURNING name.value, free.former
"""


def _pass_on(
    form: NameForm, wanted: Mapping[str, int], in_hand: Mapping[int, Person | None]
) -> list[str]:
    """Names of people who have been gone for long enough, to their new owners."""
    with connection.cursor() as cursor:
        cursor.execute(
            _PASS_ON,
            [
                form.kind,
                list(wanted),
                list(in_hand),
                form.left_before,
                list(wanted),
                list(wanted.values()),
            ],
        )
        former = dict(cursor.fetchall())
    _forget(form.kind, former, wanted, in_hand)
    return list(former)


def _forget(
    kind: str,
    former: Mapping[str, int],
    wanted: Mapping[str, int],
    in_hand: Mapping[int, Person | None],
) -> None:
    """Who has left is no longer found under a name that is somebody else's now."""
    people = Person.objects.in_bulk([*former.values(), *(wanted[value] for value in former)])
    events = []
    for value, key in former.items():
        person = people[key]
        heir = in_hand.get(wanted[value]) or people.get(wanted[value]) or "somebody else"
        attributes = {
            name: _without(held, value) if name in (kind, ALIASES) else held
            for name, held in person.attributes.items()
        }
        person.attributes = {name: held for name, held in attributes.items() if held}
        if kind == EMAIL and person.email.casefold() == value:
            person.email = ""
        person.save(update_fields=["attributes", "email"])
        events.append(
            event(
                Action.PERSON_CHANGED,
                subject_kind="person",
                subject_key=str(person.uid),
                subject_label=person.display_name,
                person=str(person.uid),
                reason=f"they left long ago, and {heir} has it now",
                before={kind: value},
                after={kind: None},
            )
        )
    record_many(events)


def _without(held: object, value: str) -> object:
    if isinstance(held, list):
        return [item for item in held if str(item).casefold() != value]
    return "" if str(held).casefold() == value else held
