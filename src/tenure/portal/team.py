"""A manager's people as their manager may see them: who comes and goes, and what is missing for
them to work. No reasons, nothing of HR's that is not about that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.db.models import Q

from tenure.core.model import LifecycleState, OperationState
from tenure.infra.clock import now
from tenure.people import reporting
from tenure.people.models import Person
from tenure.people.services import stand, zone_of
from tenure.provisioning.questions import selectors as provisioning
from tenure.signin import arrivals
from tenure.signin.arrivals import Arrival

#: So near its last day is marked.
_SOON: Final = timedelta(days=30)
#: A source that knows no end writes such a year.
_NEVER: Final = 9999
#: Of those who come and go among the people of one's people, so many are shown, of so many.
_MOST: Final = 30
_LOOKED_AT: Final = 500
#: So long after the first day it is told that somebody has not come in.
_NEW: Final = timedelta(days=30)
_STUCK: Final = frozenset(
    {OperationState.HELD.value, OperationState.MANUAL.value, OperationState.FAILED.value}
)
_GONE: Final = (LifecycleState.LEFT, LifecycleState.LEAVING)


@dataclass(frozen=True, slots=True)
class Member:
    """One of the team. `missing`: what they lack, in sentences; `reports`: how many they lead."""

    person: Person
    word: str
    meaning: str
    missing: tuple[str, ...]
    reports: int
    day: date | None = None

    @property
    def about(self) -> str:
        """What they do, and where."""
        found = (self.person.attributes.get(name) for name in ("title", "department"))
        return " · ".join(str(value) for value in found if value)


def team(manager: Person, *, but: Person | None = None) -> list[Member]:
    """Who reports to them directly, those who start or leave first."""
    people = reporting.team_of(manager, but=but.pk if but else None)
    order = {"change": 0, "wait": 1, "": 2, "remove": 3}
    return sorted(
        members(people),
        key=lambda one: (order[one.meaning], one.day or date.max, one.person.display_name),
    )


def coming_below(manager: Person) -> list[Member]:
    """Who starts or leaves soon among all who report to them, in the order of the days."""
    today, until = now().date(), now().date() + _SOON
    near = (
        Q(start_date__range=(today, until))
        | Q(end_date__range=(today - timedelta(days=1), until))
        | Q(terminated_at__lte=now() + _SOON)
    )
    # The days first: they are few, whoever leads how many.
    keys = Person.objects.filter(near).exclude(state=LifecycleState.LEFT.value)
    below = set(reporting.everybody_below(manager))
    found = [key for key in keys.order_by().values_list("pk", flat=True) if key in below]
    shown = members(list(Person.objects.filter(pk__in=found[:_LOOKED_AT])))
    return sorted(
        (one for one in shown if one.day is not None),
        key=lambda one: (one.day or date.max, one.person.display_name),
    )[:_MOST]


def members(people: Sequence[Person]) -> list[Member]:
    """These people, each with what is to be said. A few queries for all of them."""
    at = now()
    keys = [person.pk for person in people]
    making = provisioning.making_for(keys)
    counts = reporting.counts(people)
    came = arrivals.arrivals(people)
    return [
        _member(person, at, making.get(person.pk, []), came[person.pk], counts.get(person.pk, 0))
        for person in people
    ]


def _member(
    person: Person, at: datetime, making: list[tuple[str, str]], came: Arrival, reports: int
) -> Member:
    state = stand(person, at, timedelta(0)).state
    place = zone_of(person)
    today = at.astimezone(place).date()
    word, meaning, day = "", "", None
    if state in _GONE:
        word, meaning = "Has left", "remove"
    elif state is LifecycleState.UPCOMING:
        day = person.start_date
        word, meaning = (f"Starts on {_day(day)}" if day else "Starts"), "change"
    elif (last := _last_day(person)) is not None:
        near = last - today <= _SOON
        day = last if near else None
        word, meaning = f"Leaves on {_day(last)}", "wait" if near else ""
    elif state is LifecycleState.SUSPENDED:
        word = "Access is closed for now"
    elif state is LifecycleState.ON_LEAVE:
        word = "On leave"
    return Member(
        person=person,
        word=word,
        meaning=meaning,
        missing=() if state in _GONE else tuple(_missing(person, state, today, making, came)),
        reports=reports,
        day=day,
    )


def _missing(
    person: Person,
    state: LifecycleState,
    today: date,
    making: list[tuple[str, str]],
    came: Arrival,
) -> list[str]:
    found = []
    if not person.email:
        found.append("No work address yet.")
    stuck = [name for name, operation in making if operation in _STUCK]
    coming = [name for name, operation in making if operation not in _STUCK]
    if coming:
        found.append(f"On the way: {_listed(coming)}.")
    if stuck:
        found.append(f"IT has to do something first: {_listed(stuck)}.")
    start = person.start_date
    is_new = state is LifecycleState.UPCOMING or (start is not None and today - start <= _NEW)
    if not came.came and (is_new or came.invited_at is not None):
        if came.invited_at is None:
            found.append("Not invited yet.")
        else:
            seen = "has opened the invitation" if came.opened else "has not opened the invitation"
            found.append(f"Has not come in yet: {seen} of {_day(came.invited_at.date())}.")
    return found


def _last_day(person: Person) -> date | None:
    days = [person.end_date] if person.end_date else []
    if person.terminated_at is not None:
        days.append(person.terminated_at.astimezone(zone_of(person)).date())
    found = min(days, default=None)
    return None if found is None or found.year >= _NEVER else found


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(sorted(names)[:4])
    return f"{shown} and {len(names) - 4} more" if len(names) > 4 else shown


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
