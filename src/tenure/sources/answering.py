"""Answers to the question whether a new record is somebody's who is known.

The same person, who was here under another number: they get the new one, and the record of the old
one is put away. The same person, whom another source has: it is one record more of theirs. Either
way everything that is theirs stays theirs, accounts and addresses among it. Somebody else: a new
person is made. What was said is kept with who said it and why, and can be taken back as long as
nothing followed from it: whether anything did is for those to say who know accounts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from django.db import models, transaction
from django.forms.models import model_to_dict

from tenure.audit.models import Action
from tenure.audit.services import actor, record, record_many
from tenure.people import named
from tenure.people.models import Person, ReservedName
from tenure.people.services import restand
from tenure.sources.asking import again, who
from tenure.sources.merging import merge
from tenure.sources.models import Answer, RehireQuestion, Source, SourceRecord
from tenure.sources.rebuilding import rebuild
from tenure.sources.seen import wait_for_other_sources

#: What an answer changes of a person.
_PERSON = (
    "employee_number",
    "display_name",
    "email",
    "attributes",
    "origins",
    "start_date",
    "end_date",
    "time_zone",
    "on_leave",
    "ended_by_source_at",
    "terminated_at",
    "termination_reason",
)
_RECORD = ("key", "attributes", "line", "present", "on_leave", "ended_at", "changed_at")


class AnswerRefused(ValueError):
    """It cannot be answered, or taken back, so; `str()` says why and what to do."""


def question_named(key: str, *, source: str = "", answered: bool = False) -> RehireQuestion:
    """By the new employee number. Raises `LookupError` that says what there is."""
    rows = RehireQuestion.objects.filter(key=key.strip()).select_related("source", "person")
    rows = rows.exclude(answer="") if answered else rows.filter(answer="")
    if source:
        rows = rows.filter(source__slug=source)
    found = list(rows[:2])
    if len(found) == 1:
        return found[0]
    if found:
        slugs = " and ".join(row.source.slug for row in found)
        raise LookupError(f"Both {slugs} ask about {key}. Say which with --source.")
    what = "answer about" if answered else "question about"
    raise LookupError(f"There is no {what} the number {key!r}: `tenure match list --all`.")


@transaction.atomic
def same(
    *, question: RehireQuestion, person: Person | None = None, reason: str = "", now: datetime
) -> Person:
    """It is that person (None: the only one whom it could be), back under a new number."""
    question = _open(question)
    person = _whom(question, person)
    if str(person.pk) in question.found_by:
        return _tie(question, person, reason, now)
    _free(question)
    source = question.source
    records = SourceRecord.objects.filter(person=person)
    question.before = {
        "person": _as_json(person, _PERSON),
        "records": [
            {**_as_json(row, _RECORD), "digest": bytes(row.digest).hex()}
            for row in records.filter(source=source).order_by("pk")
        ],
    }
    question.former_number = person.employee_number or ""
    records.filter(source=source).delete()
    # Other sources go on with the old number, and are read as if they said the new one.
    records.filter(key=question.former_number).update(key=question.key)
    person.employee_number = question.key
    # They are back: what ended before is over.
    person.terminated_at, person.termination_reason = None, ""
    person.save(update_fields=["employee_number", "terminated_at", "termination_reason"])
    _answer(question, Answer.SAME, person, reason, now)
    merge(source, [again(question.row)], at=now)
    return _fresh(person)


def _tie(question: RehireQuestion, person: Person, reason: str, now: datetime) -> Person:
    """It is one record more of somebody whom another source has: their number stays theirs."""
    question.before = {"person": _as_json(person, _PERSON), "tied": True}
    _answer(question, Answer.SAME, person, reason, now)
    said = f"{question.found_by[str(person.pk)]}, and {actor()} said so"
    merge(question.source, [replace(again(question.row), person=person.pk, tied_by=said)], at=now)
    return _fresh(person)


@transaction.atomic
def other(*, question: RehireQuestion, reason: str = "", now: datetime) -> Person:
    """It is somebody who was never here."""
    question = _open(question)
    _free(question)
    merge(question.source, [again(question.row)], at=now)
    person = Person.objects.get(employee_number=question.key)
    _answer(question, Answer.OTHER, person, reason, now)
    return person


@transaction.atomic
def unsure(*, question: RehireQuestion, reason: str, now: datetime) -> RehireQuestion:
    """Nobody can tell yet: it is kept, with why, and still asked."""
    question = _open(question)
    needs(reason)
    question.unsure_at, question.unsure_by = now, actor()[:200]
    question.unsure_why = reason.strip()
    question.save(update_fields=["unsure_at", "unsure_by", "unsure_why"])
    people = Person.objects.filter(pk__in=question.candidates)
    for person in people:
        record(
            Action.MATCH_UNSURE,
            subject_kind="person",
            subject_key=str(person.uid),
            subject_label=person.display_name,
            person=str(person.uid),
            reason=reason.strip(),
            after={"source": question.source.slug, "record": question.key},
        )
    return question


def needs(reason: str) -> None:
    """Raises `AnswerRefused` without one."""
    if not reason.strip():
        raise AnswerRefused("Say why. The reason is kept in the audit trail.")


@transaction.atomic
def take_back(*, question: RehireQuestion, reason: str = "", now: datetime) -> Person | None:
    """It is asked again. Returns who is as they were before, None where there is nobody: whoever
    was made of the record is gone."""
    wait_for_other_sources()
    question = RehireQuestion.objects.select_for_update().get(pk=question.pk)
    person = question.person
    if not question.answer or person is None:
        raise AnswerRefused(f"{question.key} is not answered: there is nothing to take back.")
    tied = bool(question.before.get("tied"))
    if not tied and person.employee_number != question.key:
        raise AnswerRefused(
            f"{person.display_name} has another number by now, {person.employee_number}: take back "
            "what was said about that one first."
        )
    person = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
    _record(Action.REHIRE_UNDONE, question, person, reason)
    restore = _untie if tied else _restore
    left = restore(question, person, now) if question.answer == Answer.SAME else None
    if left is None:
        ReservedName.objects.filter(person=person).delete()
        person.delete()
    question.answer, question.answered_at, question.answered_by, question.reason = "", None, "", ""
    question.person, question.former_number, question.before = None, "", {}
    question.save()
    return left


def _open(question: RehireQuestion) -> RehireQuestion:
    """The question, locked. Raises `AnswerRefused` where it has an answer."""
    wait_for_other_sources()
    rows = RehireQuestion.objects.select_for_update(of=("self",)).select_related("source")
    found = rows.filter(pk=question.pk).first()
    if found is None:
        raise AnswerRefused(f"{question.key} is not in its source any more: nothing is to answer.")
    if found.answer:
        raise AnswerRefused(
            f"{found.key} is answered already, by {found.answered_by}: "
            f"{found.get_answer_display().lower()}. `tenure match undo {found.key}` takes it back."
        )
    return found


def _free(question: RehireQuestion) -> None:
    """Raises `AnswerRefused` where the number is another's."""
    holder = Person.objects.filter(employee_number=question.key).first()
    if holder is not None:
        raise AnswerRefused(
            f"{holder.display_name} has the number {question.key} already. Correct it in "
            f"{question.source.name}, or say that it is the same person."
        )


def _whom(question: RehireQuestion, person: Person | None) -> Person:
    people = (
        Person.objects.select_for_update(no_key=True)
        .filter(pk__in=question.candidates)
        .order_by("pk")
    )
    found = [row for row in people if person is None or row.pk == person.pk]
    if len(found) == 1:
        return found[0]
    names = " or ".join(who(row) for row in people) or "nobody who is still known"
    whom = f"{person.display_name} is none of them" if person else "say who it is"
    raise AnswerRefused(f"{question.key} could be {names}: {whom}.")


def _answer(
    question: RehireQuestion, answer: Answer, person: Person, reason: str, now: datetime
) -> None:
    question.answer, question.answered_at, question.person = answer.value, now, person
    question.answered_by, question.reason = actor(), reason.strip()
    question.save()
    # What another source asks about the same number is answered with it.
    RehireQuestion.objects.filter(key=question.key, answer="").exclude(pk=question.pk).delete()
    _record(Action.REHIRE_ANSWERED, question, person, reason)


def _restore(question: RehireQuestion, person: Person, now: datetime) -> Person:
    """The person and their records as they were before the answer."""
    source: Source = question.source
    for name, value in question.before["person"].items():
        setattr(person, name, _read(Person, name, value))
    records = SourceRecord.objects.filter(person=person)
    records.filter(source=source).delete()
    records.filter(key=question.key).update(key=question.former_number)
    for kept in question.before["records"]:
        fields = {name: _read(SourceRecord, name, kept[name]) for name in _RECORD}
        digest = bytes.fromhex(kept["digest"])
        SourceRecord.objects.create(source=source, person=person, digest=digest, **fields)
    person.generation += 1
    person.changed_at = now
    record_many(restand([person], now))
    person.save()
    named.tell([person], now)
    return person


def _untie(question: RehireQuestion, person: Person, now: datetime) -> Person:
    """The person without the record: put together from their others, or as they were entered."""
    records = SourceRecord.objects.filter(person=person)
    records.filter(source=question.source, key=question.key).delete()
    kept = question.before["person"]
    for name, value in kept.items():
        setattr(person, name, _read(Person, name, value))
    person.generation += 1
    person.changed_at = now
    record_many(restand([person], now))
    person.save()
    rebuild([person], at=now)
    return _fresh(person)


def _as_json(row: Person | SourceRecord, names: Sequence[str]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in model_to_dict(row, names).items()
    }


def _read(model: type[models.Model], name: str, value: Any) -> Any:
    field = model._meta.get_field(name)
    assert isinstance(field, models.Field)
    return field.to_python(value)


def _fresh(person: Person) -> Person:
    return Person.objects.get(pk=person.pk)


def _record(action: Action, question: RehireQuestion, person: Person, reason: str) -> None:
    said = {"answer": question.answer, "employee_number": question.key}
    former = {"employee_number": question.former_number} if question.former_number else None
    record(
        action,
        subject_kind="person",
        subject_key=str(person.uid),
        subject_label=person.display_name,
        person=str(person.uid),
        reason=reason.strip(),
        before=former if action is Action.REHIRE_ANSWERED else said,
        after=said if action is Action.REHIRE_ANSWERED else former,
    )
