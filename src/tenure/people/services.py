"""Writing people: attributes from sources, states from the clock, terminations, generations.

Nothing here knows of applications. What a change means for accounts is decided by whoever takes
the people whose generation was raised.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from tenure.audit.models import Action
from tenure.audit.services import Entry, event, record, record_many
from tenure.core.expressions import AttributeType
from tenure.core.lifecycle import Standing, WorkingLife, standing, zone
from tenure.core.model import LifecycleState, PersonFacts
from tenure.infra.bulk import update_rows
from tenure.infra.machine_clock import require_right
from tenure.people import endings
from tenure.people.attributes import STANDARD
from tenure.people.models import AttributeDefinition, Company, Person
from tenure.people.onboarding import Trigger, onboarding_of
from tenure.people.searching import called, having_words, with_email, words

TICK_BATCH = 2000
#: See `company_read_once`; None outside of it.
_known: ContextVar[list[Company] | None] = ContextVar("company", default=None)


def company() -> Company:
    """The one company. Made with its defaults at first use."""
    known = _known.get()
    if known:
        return known[0]
    found, _ = Company.objects.get_or_create(pk=1)
    if known is not None:
        known.append(found)
    return found


@contextmanager
def company_read_once() -> Iterator[None]:
    """While a page is shown, which changes nothing, the company is asked for once, not a dozen
    times."""
    token = _known.set([])
    try:
        yield
    finally:
        _known.reset(token)


@dataclass(frozen=True, slots=True)
class AttributeBook:
    """All attributes, the standard ones and the company's own: their labels in the order of the
    schema, their types, and those that are sensitive."""

    labels: Mapping[str, str]
    kinds: Mapping[str, AttributeType]
    sensitive: frozenset[str]


def attribute_book() -> AttributeBook:
    """One query, for whoever needs more than one part of it."""
    own = list(AttributeDefinition.objects.all())
    labels = {name: label for name, (label, _) in STANDARD.items()}
    kinds = {name: kind for name, (_, kind) in STANDARD.items()}
    return AttributeBook(
        labels | {row.name: row.label for row in own},
        kinds | {row.name: AttributeType(row.type) for row in own if not row.standard},
        frozenset(row.name for row in own if row.sensitive),
    )


def schema() -> dict[str, AttributeType]:
    """Attribute -> type: the standard ones and the company's own."""
    standard = {name: kind for name, (_, kind) in STANDARD.items()}
    custom = AttributeDefinition.objects.filter(standard=False).values_list("name", "type")
    return standard | {name: AttributeType(kind) for name, kind in custom}


def sensitive_attributes() -> frozenset[str]:
    """Those whose values are not shown in lists, exports, logs and the audit trail. One query."""
    rows = AttributeDefinition.objects.filter(sensitive=True)
    return frozenset(rows.values_list("name", flat=True))


def raise_generation(people: Iterable[int] | None = None) -> None:
    """What these people should have may have changed. None: everybody's. They are taken in order,
    so that two who raise those of the same people wait for one another, and never both."""
    rows = Person.objects.all()
    if people is not None:
        rows = rows.filter(pk__in=list(people))
    with transaction.atomic():
        taken = rows.order_by("pk").select_for_update(no_key=True).values("pk")
        Person.objects.filter(pk__in=taken).update(generation=F("generation") + 1)


def working_life(person: Person, grace: timedelta | None = None) -> WorkingLife:
    """The dates and marks that the lifecycle is read from. Who asks for many people asks for the
    company's `leaver_grace()` once."""
    ends = [at for at in (person.terminated_at, person.ended_by_source_at) if at is not None]
    return WorkingLife(
        start_date=person.start_date,
        end_date=person.end_date,
        time_zone=zone_of(person).key,
        on_leave=person.on_leave,
        suspended=person.suspended,
        terminated_at=min(ends, default=None),
        grace=leaver_grace() if grace is None else grace,
    )


def zone_of(person: Person) -> ZoneInfo:
    """The person's own zone; the company's where that is not known any more: an update of the time
    zone database may have dropped it since it was stored."""
    try:
        return zone(person.time_zone)
    except ValueError:
        return zone(company().time_zone)


def leaver_grace() -> timedelta:
    """For how long who has left is `leaving`."""
    return company().leaver_grace or timedelta(0)


def stand(person: Person, now: datetime, grace: timedelta | None = None) -> Standing:
    """Where the person stands at `now`."""
    return standing(working_life(person, grace), now)


def facts(person: Person, now: datetime, grace: timedelta | None = None) -> PersonFacts:
    """What decisions need to know of the person at `now`."""
    life = working_life(person, grace)
    at = standing(life, now)
    # Instants are told in the person's own zone: that is how HR and they themselves know them.
    place = zone_of(person)
    starts = life.starts()
    return PersonFacts(
        key=str(person.pk),
        label=person.display_name,
        state=at.state,
        attributes=person.attributes,
        starts=starts.astimezone(place) if starts else None,
        left_at=at.left_at.astimezone(place) if at.left_at else None,
        end_date=person.end_date,
        reason=person.termination_reason,
        legal_hold=person.legal_hold_since is not None,
        admitted=person.admitted,
    )


def due_for_a_look(now: datetime) -> Q:
    """People whose state, or what they should have, changes by itself at or before `now`."""
    return Q(next_look_at__lte=now)


def tick(now: datetime) -> int:
    """Bring the states of all people up to `now`. Returns how many were looked at.

    Their generation is raised, so that provisioning looks at them too. Raises `ClockWrong`.
    """
    require_right()
    count = 0
    while True:
        with transaction.atomic():
            batch = list(
                Person.objects.select_for_update(skip_locked=True, no_key=True)
                .filter(due_for_a_look(now))
                .order_by("next_look_at")[:TICK_BATCH]
            )
            if not batch:
                return count
            record_many(restand(batch, now))
            for person in batch:
                person.generation += 1
            update_rows(batch, ["state", "state_since", "next_look_at", "generation"])
            endings.end_access(batch)
            count += len(batch)


def restand(people: Sequence[Person], now: datetime) -> list[Entry]:
    """Set state, since and next look on these instances (not saved). Returns what to record."""
    events = []
    grace = leaver_grace()
    for person in people:
        at = stand(person, now, grace)
        if person.state != at.state.value:
            if person.pk is not None:
                events.append(_state_event(person, at.state))
            person.state = at.state.value
        person.state_since = at.since
        person.next_look_at = at.until
    return events


def _state_event(person: Person, state: LifecycleState) -> Entry:
    return event(
        Action.PERSON_STATE_CHANGED,
        subject_kind="person",
        subject_key=str(person.uid),
        subject_label=person.display_name,
        person=str(person.uid),
        reason=person.termination_reason if state is LifecycleState.LEFT else "",
        before={"state": person.state},
        after={"state": state.value},
    )


@transaction.atomic
def terminate(person: Person, *, at: datetime, reason: str, now: datetime) -> Person:
    """The person is gone from `at` on, whatever any source says until it says otherwise."""
    person = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
    before = person.terminated_at
    person.terminated_at = at
    person.termination_reason = reason
    person.generation += 1
    person.changed_at = now
    record(
        Action.PERSON_TERMINATED,
        subject_kind="person",
        subject_key=str(person.uid),
        subject_label=person.display_name,
        person=str(person.uid),
        reason=reason,
        before={"terminated_at": before.isoformat() if before else None},
        after={"terminated_at": at.isoformat()},
    )
    record_many(restand([person], now))
    person.save()
    endings.end_access([person])
    return person


def admitted_at_first(settings: Company) -> bool | None:
    """Whether somebody who is new counts as having come in; see `core.model.PersonFacts`."""
    waits = onboarding_of(settings.onboarding).trigger is Trigger.ONBOARDING
    return False if waits else None


@transaction.atomic
def admit(person: Person, *, now: datetime) -> bool:
    """They have come in: what waited for that is due. Returns whether anything did."""
    row = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
    if row.admitted is not False:
        return False
    row.admitted, row.changed_at = True, now
    row.generation += 1
    row.save(update_fields=["admitted", "changed_at", "generation"])
    record(
        Action.PERSON_ADMITTED,
        subject_kind="person",
        subject_key=str(row.uid),
        subject_label=row.display_name,
        person=str(row.uid),
    )
    return True


def lock(people: Iterable[int]) -> None:
    """Nobody else changes these people before the caller's transaction ends. Whoever takes locks of
    operations too takes these first."""
    rows = Person.objects.filter(pk__in=list(people)).select_for_update(no_key=True)
    list(rows.order_by("pk").values_list("pk", flat=True))


def planned(generations: Mapping[int, int], looks: Mapping[int, datetime | None]) -> None:
    """These people were planned at these generations; look again at the given instants at the
    latest. A person who changed meanwhile keeps lagging."""
    keys = list(generations)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE people_person AS person
            SET planned_generation = given.generation,
                next_look_at = least(person.next_look_at, given.look)
            FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[])
                AS given (id, generation, look)
            WHERE person.id = given.id
            """,
            [keys, [generations[key] for key in keys], [looks.get(key) for key in keys]],
        )


def lagging(of: str = "") -> Q:
    """People that provisioning has not looked at since something changed; `of`: their rows are
    found by this path (`person__`)."""
    return Q(**{f"{of}planned_generation__lt": F(f"{of}generation")})


def find_person(text: str) -> Person:
    """By employee number, corporate e-mail, uid or full name. Raises `LookupError` that says
    what was looked for, and who it could be when several have the name."""
    text = text.strip()
    for rows in (Person.objects.filter(employee_number=text), with_email(text)):
        found = rows.first()
        if found:
            return found
    if len(text) == 36 and text.count("-") == 4:
        found = Person.objects.filter(uid=text).first()
        if found:
            return found
    named = list(called(text)[:5])
    if len(named) == 1:
        return named[0]
    if named:
        numbers = ", ".join(p.employee_number or str(p.uid) for p in named)
        raise LookupError(f"Several people are called {text!r}. Give one of: {numbers}.")
    raise LookupError(
        f"Nobody has the employee number, e-mail or name {text!r}.{_likely(text)} `tenure people "
        "list` shows who there is."
    )


def _likely(text: str) -> str:
    """Who may have been meant: by a part of the name, or a number without its zeros in front."""
    with_zeros = [text.zfill(length) for length in range(len(text) + 1, 13)]
    rows = Person.objects.filter(employee_number__in=with_zeros) if text.isdecimal() else None
    if rows is None:
        rows = having_words(Person.objects.all(), text) if words(text) else Person.objects.none()
    found = rows.order_by("display_name", "pk")[:3]
    named = [f"{p.display_name} ({p.employee_number or p.uid})" for p in found]
    return f" Did you mean {' or '.join(named)}?" if named else ""


def touch(people: Sequence[int]) -> None:
    """Mark as changed now."""
    Person.objects.filter(pk__in=people).update(changed_at=Now())
