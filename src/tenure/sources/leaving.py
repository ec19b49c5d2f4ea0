"""The leavers of one import: kept back to its end, judged together, taken whole or not at all.

Somebody is a leaver because their row says so, now or by a last day to come that it sets or brings
forward, or because their row is gone from a source where that means it. A row that cannot be read
is not gone: whose it is nobody knows, so while there is one nobody is taken for absent.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from django.db import transaction
from django.db.models import QuerySet

from tenure.core.guard import Verdict, judge, leavers
from tenure.core.model import LifecycleState
from tenure.people.models import Person
from tenure.readers.base import ReaderError
from tenure.runs import services as runs
from tenure.runs.models import Severity
from tenure.sources import seen, unread
from tenure.sources.models import Absence, SourceRecord
from tenure.sources.rows import MappedRow, RowMapping
from tenure.sources.work import Work, approve

_BATCH = 1000
_LEFT = {"person__state": LifecycleState.LEFT.value}


def keep_back(work: Work, rows: Sequence[MappedRow]) -> list[MappedRow]:
    """Keep those that make a leaver of somebody who is here, now or some day. Returns others."""
    left = {row.key for row in rows if row.left(work.at)}
    gone = [row for row in rows if row.key in left or row.lets_go_sooner]
    here = _here(gone) if gone else frozenset()
    if not here:
        return list(rows)
    # What is over the limit is held whole: the rows themselves are not needed then.
    most = work.allowed - work.recent
    for row in gone:
        if row.key in here:
            work.leaving += 1
            work.ending += row.key not in left
            if work.accept or work.leaving <= most:
                work.leavers.append(row)
    return [row for row in rows if row.key not in here]


def merge_others(work: Work, rows: Sequence[MappedRow]) -> None:
    """Those who stay, by their rows. By what all sources say together they may leave all the same,
    now or some day, as when the order of the sources was changed, or with a last day of a second
    source that is near. Raises `ReaderError` where these are too many."""
    allowed = work.allowed
    done = work.merge(rows)
    leaving = done.left + done.sooner
    work.let_go += leaving
    work.sooner += done.sooner
    if done.sooner:
        work.counts["ending"] += done.sooner
    if not leaving or work.recent + work.let_go <= allowed:
        return
    said = f"{_let_go(work)}, and at most {allowed} may (guard: {work.limit})"
    if not work.accept:
        raise ReaderError(
            f"{said}. Was the order of the sources changed, or which of them is authoritative? If "
            f"it is right, import it with a reason to accept it (`tenure import {work.source.slug} "
            "--accept 'why'`)."
        )
    work.counts["approved"] += leaving
    approve(work, {"leavers": leaving, "guard": f"{said}."})


def _let_go(work: Work) -> str:
    """How many would leave whom no row of this import lets go, and how."""
    said = f"{work.let_go} people would leave by what other sources say of them, though "
    said += f"{work.source.name} does not say so"
    if not work.sooner:
        return said
    some = "by a last day to come that they had not before, or not so soon"
    if work.sooner == work.let_go:
        return f"{work.let_go} people would leave {some}, by what all sources say of them together"
    return f"{said}, {work.sooner} of them {some}"


def _here(rows: Sequence[MappedRow]) -> frozenset[str]:
    """The keys of those of whom a person is here."""
    tied = {row.key: pk for row in rows if (pk := row.tied) is not None}
    numbers = [row.key for row in rows if row.key not in tied]
    people = Person.objects.exclude(state=LifecycleState.LEFT.value)
    known = set(people.filter(pk__in=tied.values()).values_list("pk", flat=True)) if tied else set()
    found = people.filter(employee_number__in=numbers) if numbers else people.none()
    by_number = {str(number) for number in found.values_list("employee_number", flat=True)}
    return frozenset(by_number | {key for key, pk in tied.items() if pk in known})


def take_leavers(work: Work, mapping: RowMapping) -> str:
    """The leavers of the whole import, guard permitting. Returns why they are held, or ""."""
    gone = _gone(work)
    # The source has let go those, too, who have left already: it says nothing any more of who comes
    # back by another one, nor does it lack a row. Nobody leaves by it.
    absent, left_before = gone.exclude(**_LEFT), gone.filter(**_LEFT)
    leaving = work.leaving + absent.count()
    verdict = judged(work, leaving)
    if verdict.held and not work.accept:
        work.counts["held"] = leaving
        return verdict.reason
    if not leaving and not left_before.exists():
        return ""
    with transaction.atomic():
        seen.wait_for_other_sources()
        left = work.merge(work.leavers).left
        for those in (absent, left_before):
            records = those.iterator(_BATCH)
            while batch := list(islice(records, _BATCH)):
                left += work.merge([mapping.gone(item, work.at) for item in batch]).left
        work.counts["ending"] += work.ending
        if verdict.held:
            left += work.ending
            work.counts["approved"] += left
            approve(work, {"leavers": left, "guard": verdict.reason})
        # In this very transaction: who left counts for the guard even if the process dies next.
        runs.advance(work.run, counters=work.counts)
    return ""


def judged(work: Work, leaving: int) -> Verdict:
    """What the guard says of so many leavers, those among them whose last day is to come."""
    return judge(
        what=leavers(work.source.name, now=leaving - work.ending, to_come=work.ending),
        new=leaving,
        recent=work.recent + work.let_go,
        population=work.population,
        limit=work.limit,
    )


def _gone(work: Work) -> QuerySet[SourceRecord]:
    """The records that are gone: all that a whole read did not see, or those that the source itself
    says were deleted."""
    if work.whole:
        gone = seen.absent(work.source)
        _look_for(work, gone.exclude(**_LEFT))
    else:
        gone = seen.deleted(work.source, work.gone)
    if work.source.absence != Absence.LEAVE:
        _count_ignored(work, gone.exclude(**_LEFT))
        return SourceRecord.objects.none()
    return SourceRecord.objects.none() if work.whole and work.unreadable else gone


def _count_ignored(work: Work, gone: QuerySet[SourceRecord]) -> None:
    """How many are gone of whom the source does not say that they leave: it is told, for somebody
    may have expected that they do."""
    if not work.unreadable and (number := gone.count()):
        work.counts["gone"] = number


def _look_for(work: Work, missing: QuerySet[SourceRecord]) -> None:
    """Whose row was not seen: it may be one of those that could not be read. Where absence means
    nothing, many may be missing for long: of those only as many as there are such lines."""
    if not work.unreadable:
        if work.some_unread:
            unread.over_for_absent(missing)
        return
    count, lines = missing.count(), work.unreadable
    leaves = work.source.absence == Absence.LEAVE
    if not count or not (leaves or count <= lines):
        return
    names = unread.named([row.person.display_name for row in missing[: unread.NAMED]], count)
    could = f"{lines} {'line' if lines == 1 else 'lines'} could not be read and may be theirs"
    rest = "nobody is taken for absent" if leaves else "what it says of them is not known"
    work.complain(
        Severity.WARNING,
        f"{names} {'is' if count == 1 else 'are'} not in the file, but {could}: {rest}. "
        "Correct the lines and import again.",
    )
    unread.note_all(missing, f"No row was found, but {could}.", work.at)
