"""What somebody says of two people who may be one: that they are two, or that they are not sure.

That they are one is a merge, which knows of accounts and is not for here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Q

from tenure.audit.models import Action
from tenure.audit.services import actor, record
from tenure.people.models import Person
from tenure.sources.answering import AnswerRefused, needs
from tenure.sources.models import Answer, PersonPair

#: The rank of what a human asks and no rule has found: after all that were.
_SAID: Final = 1_000


def pair_of(one: Person, other: Person) -> PersonPair | None:
    """What is known of these two, in whichever order."""
    both = Q(one=one, other=other) | Q(one=other, other=one)
    return PersonPair.objects.select_related("one", "other").filter(both).order_by("id").first()


@transaction.atomic
def two(*, one: Person, other: Person, reason: str, now: datetime) -> PersonPair:
    """They are two people. Nobody is asked about them again."""
    pair = _locked(one, other)
    needs(reason)
    if pair.answer:
        raise AnswerRefused(
            f"{pair.answered_by} has said already that they are two: {pair.reason} `tenure match "
            f"undo {_name(one)} {_name(other)}` takes it back."
        )
    pair.answer, pair.answered_at, pair.reason = Answer.OTHER.value, now, reason.strip()
    pair.answered_by = actor()[:200]
    pair.save()
    _record(Action.TOLD_APART, pair, reason)
    return pair


@transaction.atomic
def unsure(*, one: Person, other: Person, reason: str, now: datetime) -> PersonPair:
    """Nobody can tell yet: it is kept, with why, and still asked."""
    pair = _locked(one, other)
    needs(reason)
    if pair.answer:
        raise AnswerRefused(f"{pair.answered_by} has said already that they are two: {pair.reason}")
    pair.unsure_at, pair.unsure_by, pair.unsure_why = now, actor()[:200], reason.strip()
    pair.save()
    _record(Action.MATCH_UNSURE, pair, reason)
    return pair


@transaction.atomic
def take_back(*, one: Person, other: Person, reason: str) -> PersonPair:
    """They may be one after all: it is asked again."""
    pair = _locked(one, other)
    needs(reason)
    if not pair.answer:
        raise AnswerRefused("Nobody has said that they are two: there is nothing to take back.")
    pair.answer, pair.answered_at, pair.answered_by, pair.reason = "", None, "", ""
    pair.save()
    _record(Action.TOLD_APART_UNDONE, pair, reason)
    return pair


def _locked(one: Person, other: Person) -> PersonPair:
    """The question, made where nobody has asked it yet."""
    if one.pk == other.pk:
        raise AnswerRefused("They are one person already.")
    # Whoever asks about the same two meanwhile waits here.
    people = (
        Person.objects.select_for_update(no_key=True)
        .filter(pk__in=[one.pk, other.pk])
        .order_by("pk")
    )
    if len(list(people)) < 2:
        raise AnswerRefused("One of them is gone meanwhile.")
    found = pair_of(one, other)
    if found is None:
        first, second = sorted((one, other), key=lambda person: person.pk)
        found = PersonPair.objects.create(one=first, other=second, rank=_SAID)
    return found


def _name(person: Person) -> str:
    return person.employee_number or str(person.uid)


def _record(action: Action, pair: PersonPair, reason: str) -> None:
    """Told of both."""
    for person, other in ((pair.one, pair.other), (pair.other, pair.one)):
        record(
            action,
            subject_kind="person",
            subject_key=str(person.uid),
            subject_label=person.display_name,
            person=str(person.uid),
            reason=reason.strip(),
            after={"other": str(other.uid), "name": other.display_name, "same": pair.found_by},
        )
