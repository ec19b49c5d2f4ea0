"""Records of people who are known from another source: tied to them, or asked about.

What a source says of its rules is carried out here (see `core.acquaintance`). A record is tied
once: from then on it is its person's, whatever its values become. Somebody who is asked about is
kept apart until a human has said who it is (see `asking`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tenure.core.acquaintance import EMPLOYEE_NUMBER, NUMBER_ALONE, Acquaintance, doubted, resemble
from tenure.core.correlation import Key
from tenure.core.model import LifecycleState
from tenure.infra.bulk import among
from tenure.people.models import Person
from tenure.readers.registry import PUSH
from tenure.runs.models import Severity
from tenure.sources.models import SourceRecord
from tenure.sources.rows import MappedRow
from tenure.sources.selectors import name_of
from tenure.sources.work import Work


def acquaint(work: Work, rows: Sequence[MappedRow]) -> list[MappedRow]:
    """The rows, with whose they are where that is certain. Who has to be asked about is in
    `work.unsure`. A row whose employee number is somebody else's is left out, and told."""
    rows = _without_strangers(work, rows)
    everybody = work.everybody
    new = [row for row in rows if row.record is None and row.person is None]
    if not new:
        return rows
    if everybody is None:
        left_out = _by_number_alone(work, new)
        return [row for row in rows if row.key not in left_out]
    # Who has left already is no reason to take anybody for somebody.
    fresh = {row.key: row for row in new if not row.left(work.at)}
    found = _recognised(work, fresh)
    by = {key: one.by for key, one in found.items() if one.known}
    known = {key: int(one.known) for key, one in found.items() if one.known}
    work.unsure.update({key: dict(one.candidates) for key, one in found.items() if one.candidates})
    others = [row for row in new if row.key not in known]
    clashing = _clashing(work, others)
    left_out = _by_number_alone(work, [row for row in others if row.key not in clashing])
    done = []
    for row in rows:
        if row.key in clashing:
            _refuse(work, row, clashing[row.key])
        elif row.key in left_out:
            continue
        elif row.key in known:
            done.append(replace(row, person=known[row.key], tied_by=by[row.key]))
        else:
            done.append(row)
    return done


def _without_strangers(work: Work, rows: Sequence[MappedRow]) -> list[MappedRow]:
    """Without those whose number was given to somebody else, as far as anything tells: they would
    get the accounts of whoever had it. Whoever imports may say that it is right."""
    found = []
    for row in rows:
        record = row.record
        if record is None or work.accept or row.left(work.at) or _goes_on(work, record, row):
            found.append(row)
            continue
        work.complain(
            Severity.ERROR,
            f"{row.key} was {name_of(record.attributes)} and is {name_of(row.attributes)} now, and "
            "nothing else that names them is the same: nothing of the row is taken. Was the number "
            "given to somebody else? They need one of their own. If it is the same person, import "
            f"it with a reason to accept it (`tenure import {work.source.slug} --accept 'why'`).",
            line=row.line,
            key=row.key,
        )
    return found


def _goes_on(work: Work, record: SourceRecord, row: MappedRow) -> bool:
    """Whether it is the record that it was: by the source's own id, or by what names its person.
    Who is still to come may have had no name yet ("New hire"), and has nothing to lose."""
    pushed = work.source.reader == PUSH and record.present
    return (
        pushed
        or bool(row.id and row.id == record.remote_id)
        or resemble(record.attributes, row.attributes)
        or record.person.state == LifecycleState.UPCOMING.value
    )


def _by_number_alone(work: Work, rows: Sequence[MappedRow]) -> set[str]:
    """Whoever has nothing but the number in common with who has it is asked about, and is in
    `work.unsure` then. Returns the keys of those who are gone: they are nobody's."""
    if not work.newest or not rows:
        return set()
    holders = {
        str(person.employee_number): person
        for person in Person.objects.filter(
            employee_number__in=among([row.key for row in rows], "text"), pk__lte=work.newest
        )
    }
    gone = set()
    for row in rows:
        person = holders.get(row.key)
        if person is None or resemble(person.attributes, row.attributes):
            continue
        if not row.left(work.at):
            work.unsure.setdefault(row.key, {}).setdefault(str(person.pk), NUMBER_ALONE)
            continue
        gone.add(row.key)
        work.complain(
            Severity.WARNING,
            f"{row.key} is the employee number of {person.display_name}, and of "
            f"{name_of(row.attributes)}, who is gone: the row is left out.",
            line=row.line,
            key=row.key,
        )
    return gone


def _recognised(work: Work, rows: dict[str, MappedRow]) -> dict[str, Acquaintance]:
    assert work.everybody is not None
    recognition = work.everybody.recognition
    records = {key: recognition.record_keys(row.attributes) for key, row in rows.items()}
    wanted = frozenset[Key]().union(*records.values())
    people = work.everybody.sharing(wanted)
    if not people:
        return {}
    taken = SourceRecord.objects.filter(source=work.source, person__in=list(people))
    gone = Person.objects.filter(pk__in=list(people), state=LifecycleState.LEFT.value)
    verdicts = recognition.recognise(
        records,
        people,
        taken={str(pk) for pk in taken.values_list("person_id", flat=True)},
        gone={str(pk) for pk in gone.values_list("pk", flat=True)},
    )
    known = Person.objects.in_bulk([int(one.known) for one in verdicts.values() if one.known])
    return {
        key: doubted(one, rows[key].attributes, known[int(one.known)].attributes)
        if one.known
        else one
        for key, one in verdicts.items()
    }


def _clashing(work: Work, rows: Sequence[MappedRow]) -> dict[str, str]:
    """Key -> whose number it is, where a source says that numbers alone mean nothing."""
    assert work.everybody is not None
    rules = work.everybody.recognition.certain
    if any(rule.record == rule.person == EMPLOYEE_NUMBER for rule in rules):
        return {}
    holders = Person.objects.filter(employee_number__in=[row.key for row in rows])
    return {str(key): name for key, name in holders.values_list("employee_number", "display_name")}


def _refuse(work: Work, row: MappedRow, name: str) -> None:
    work.unsure.pop(row.key, None)
    work.complain(
        Severity.ERROR,
        f"{row.key} is the employee number of {name}, and this source ties nobody by employee "
        f'number. Give its numbers a beginning of their own in its mapping ("C-" + ...), or add '
        f"{EMPLOYEE_NUMBER} to its `correlation`.",
        line=row.line,
        key=row.key,
    )
