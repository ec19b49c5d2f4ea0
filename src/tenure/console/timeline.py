"""A working life as a few steps on a line: what was, what is, what is to come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from django.utils import timezone

from tenure.audit.models import Action, Event
from tenure.console.look import PERSON
from tenure.core.model import LifecycleState
from tenure.people.models import Person

_MOVES = {"department": "Moved to", "title": "Became", "location": "Moved to"}
_MOST_MOVES = 3


@dataclass(frozen=True, slots=True)
class Step:
    """`place` is past, now or ahead. One of `day` and `at` is set, or neither."""

    title: str
    place: str
    day: date | None = None
    at: datetime | None = None
    words: str = ""


def steps(person: Person, events: Sequence[Event], deletions: Sequence[datetime]) -> list[Step]:
    """First day, moves and leaves that the trail knows of, where they are now, last day, and when
    disabled accounts are deleted. `events` are the latest first."""
    today = timezone.localdate()
    gone = person.state in (LifecycleState.LEFT.value, LifecycleState.LEAVING.value)
    found: list[Step] = []
    if person.start_date:
        begun = person.start_date <= today
        title = "First day"
        found.append(Step(title, "past" if begun else "ahead", day=person.start_date))
    if person.state != LifecycleState.UPCOMING.value:
        found += _moves(events)
    if not gone:
        word = PERSON[person.state].word
        now = Step(word, "now", at=person.state_since, words="" if person.state_since else "now")
        if found and found[-1].title == word:
            # What the trail says of the state that they are in: since when, if nothing else does.
            began = found.pop()
            now = now if now.at else replace(now, at=began.at, words="")
        found = (
            [s for s in found if s.place == "past"]
            + [now]
            + [s for s in found if s.place == "ahead"]
        )
    found += _end(person, gone)
    found += [
        Step("Accounts deleted", "ahead" if at > timezone.now() else "past", at=at)
        for at in sorted(set(deletions))[-1:]
    ]
    return found


def _moves(events: Sequence[Event]) -> list[Step]:
    """The latest moves, oldest first; two within one import are one step."""
    found: list[Step] = []
    for event in events:
        if event.action == Action.PERSON_STATE_CHANGED:
            state = str(_of(event.after, "state"))
            if state in (LifecycleState.ON_LEAVE.value, LifecycleState.SUSPENDED.value):
                found.append(Step(PERSON[state].word, "past", at=event.at))
        elif event.action == Action.PERSON_CHANGED:
            name = next((n for n in _MOVES if _of(event.after, n) and _of(event.before, n)), None)
            if name:
                words = f"{_MOVES[name]} {_of(event.after, name)}"
                found.append(Step(words, "past", at=event.at))
    return found[:_MOST_MOVES][::-1]


def _end(person: Person, gone: bool) -> list[Step]:
    place = "past" if gone else "ahead"
    if person.terminated_at is not None and not _over_before(person):
        return [Step("Terminated" if gone else "Termination", place, at=person.terminated_at)]
    if person.ended_by_source_at is not None and gone:
        return [Step("Left", place, at=person.ended_by_source_at)]
    if person.end_date is not None:
        return [Step("Last day", place, day=person.end_date)]
    return [Step("Last day", "ahead", words="none set")]


def _over_before(person: Person) -> bool:
    """Whether their last day is earlier than their termination: then it is what counts."""
    ended, at = person.end_date, person.terminated_at
    return ended is not None and at is not None and ended < at.date()


def _of(values: object, name: str) -> object:
    return values.get(name) if isinstance(values, Mapping) else None
