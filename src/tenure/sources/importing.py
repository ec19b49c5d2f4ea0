"""One import: rows to records to people.

Good rows go on whatever is wrong with others; each problem is kept with its line. Chunks are
committed as they come, so memory is bounded and an import that dies is simply run again: rows
that were taken are recognised by their digest. What would make people leavers is kept back to the
end and goes through the guard, whole (`leaving.py`). Where the next import of what changed goes on
is stored with the last of it: one that dies before, or is held, is read again from where it began.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from django.db import DatabaseError, transaction

from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.connectors.base import TokenSource
from tenure.core.model import LifecycleState
from tenure.infra.clock import now
from tenure.infra.machine_clock import ClockWrong, require_right
from tenure.readers.base import Gone, ReaderError, RowProblem
from tenure.runs import services as runs
from tenure.runs.models import DRY_RUN, PARTIAL, Run, RunIssue, RunKind, RunState, Severity
from tenure.sources import asking, renumbering, seen, several, zeros
from tenure.sources.acquainting import acquaint
from tenure.sources.leaving import keep_back, merge_others, take_leavers
from tenure.sources.managers import (
    ManagerWarning,
    numbered,
    resolve_managers,
    settle_numbers,
    tie_changed,
)
from tenure.sources.models import Source, SourceRecord
from tenure.sources.opening import open_source
from tenure.sources.preparing import Prepared, Preparing, Taken
from tenure.sources.reading import Reading, begin
from tenure.sources.rows import BadRow, MappedRow, RowMapping
from tenure.sources.spooling import Item
from tenure.sources.surveying import survey
from tenure.sources.telling import PersonChange, Telling
from tenure.sources.work import Work, approve

CHUNK = 2000

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class ImportResult:
    """`counts`: rows, added, changed (`left` among them), unchanged, left, gone (who are not there
    any more, where that means nothing), held, waiting, former, errors, warnings; where nothing of
    it was taken would_add, would_change, would_leave and missing.
    `whole`: everything was read, not only what changed. `leavers`: ids of who has left now.
    `refused`: it is held whole, nothing of it was taken.
    `changes`: what a dry run would change, person by person, the first of them; `more`: how many
    people beyond those."""

    run: Run
    counts: Mapping[str, int]
    issues: tuple[RunIssue, ...]
    held: bool = False
    changes: tuple[PersonChange, ...] = ()
    more: int = 0
    whole: bool = True
    leavers: tuple[int, ...] = ()
    refused: bool = False


class _DryRunOver(Exception):
    """Rolls a dry run back."""


def import_source(
    source: Source,
    *,
    file: Path | None = None,
    dry_run: bool = False,
    accept: str = "",
    full: bool = False,
    ids: Collection[str] = (),
    reason: str = "",
    quiet: bool = False,
    progress: Progress | None = None,
    tokens: TokenSource | None = None,
) -> ImportResult:
    """Read what changed where the source can say so, else all of it. `full`: all of it anyway;
    `ids`: these records only, by the source's own names. `accept` is the reason why a tripped guard
    is overridden, `reason` why it is imported now. `quiet`: where nothing had changed no run is
    left, however many rows came once more. `tokens`: of a source that is set up; see `opening`.

    Raises `ReaderError` when the source as a whole cannot be used, or is being imported already:
    nothing was changed then.
    """
    with seen.alone(source):
        # What an import just before has stored: its cursor.
        source.refresh_from_db()
        runs.abandon(RunKind.IMPORT, source.slug)
        run = runs.start(RunKind.IMPORT, source.slug, reason=DRY_RUN if dry_run else reason)
        work = Work(source=source, run=run, at=now(), dry_run=dry_run, accept=accept)
        try:
            result = _import(
                work, _Asked(file, full or file is not None, tuple(ids), tokens), progress
            )
            if not dry_run and file is None:
                _readable(source)
            # One that succeeds after others that failed is news.
            if quiet and _is_idle(result) and not source.failures:
                run.delete()
            return result
        except BaseException as error:
            # Without a database the run stays as it is, and the next import closes it.
            with suppress(DatabaseError):
                work.store_issues()
                runs.finish(run, RunState.FAILED, message=_said(error), counters=work.counts)
            raise


def _is_idle(result: ImportResult) -> bool:
    """Whether only what changed was asked for, and nothing had."""
    if result.held:
        return False
    told = result.counts["rows"] - result.counts["unchanged"] + len(result.issues)
    return not result.whole and not told


def _readable(source: Source) -> None:
    """It was read as it should be: whatever was wrong with it is over."""
    rows = Source.objects.filter(pk=source.pk)
    rows.update(read_at=now(), failures=0, failed_at=None, failed_reason="")


def _said(error: BaseException) -> str:
    if isinstance(error, ReaderError | ValueError | ClockWrong):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "It was interrupted. What it had taken is kept; run it again."
    return f"{type(error).__name__}: {error}"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the caller wants to be read."""

    file: Path | None
    full: bool
    ids: tuple[str, ...]
    tokens: TokenSource | None


def _import(work: Work, asked: _Asked, progress: Progress | None) -> ImportResult:
    require_right()
    mapping = RowMapping(work.source)
    reader = open_source(work.source, file=asked.file, columns=mapping.columns, tokens=asked.tokens)
    reading = begin(work.source, reader, mapping, at=work.at, full=asked.full, ids=asked.ids)
    try:
        reading.prepare(
            check=lambda: mapping.check_columns(reader.columns()),
            alive=lambda: runs.advance(work.run),
        )
        work.whole = reading.whole
        if not work.whole:
            work.counts[PARTIAL] = 1
        return _take_reading(work, mapping, reading, progress, usual=asked.file is None)
    finally:
        reading.close()


def _take_reading(
    work: Work, mapping: RowMapping, reading: Reading, progress: Progress | None, *, usual: bool
) -> ImportResult:
    refused, met = survey(work.source, mapping, reading.items(), work.at, whole=reading.whole)
    work.twice, work.moved = met.twice, met.moved
    if refused and not work.accept:
        work.counts.update(refused.counts)
        return _close(work, refused.reason, refused=True)
    scope: AbstractContextManager[object] = transaction.atomic() if work.dry_run else nullcontext()
    held = ""
    with suppress(_DryRunOver), scope:
        seen.begin()
        _take_all(work, mapping, reading.items(), progress)
        with transaction.atomic():
            _withdraw_questions(work)
            held = take_leavers(work, mapping)
            settle_numbers(work.source)
            if not held and usual:
                _remember(work, reading)
        for warning in _tied(work):
            work.complain(Severity.WARNING, warning.message, key=warning.key)
        if work.dry_run:
            raise _DryRunOver
        if refused:
            approved = work.counts["changed"] + work.counts["renumbered"]
            work.counts["changes_approved"] = approved
            approve(work, {"guard": refused.reason})
        seen.end()
    return _close(work, held)


def _withdraw_questions(work: Work) -> None:
    if work.whole:
        asking.withdraw(work)
    else:
        asking.withdraw_those(work, ids=work.gone)


def _remember(work: Work, reading: Reading) -> None:
    """Where the next import goes on. What is held, or was read from another file, changes nothing
    of it: it has to come again."""
    if reading.ids:
        return
    cursor = reading.next_cursor()
    rows = Source.objects.filter(pk=work.source.pk)
    rows.update(cursor=cursor, cursor_of=reading.of)
    if reading.whole:
        rows.update(read_whole_at=work.at)


def _tied(work: Work) -> Iterator[ManagerWarning]:
    """Everybody to their manager; where not everything was read, those of whom something was."""
    if work.whole:
        yield from resolve_managers(work.source)
    elif work.touched:
        yield from tie_changed(work.source, work.touched)


def _take_all(
    work: Work, mapping: RowMapping, items: Iterator[Item], progress: Progress | None
) -> None:
    known = SourceRecord.objects.filter(source=work.source).exists()
    preparing = Preparing(mapping, work.at, strangers=not known)
    if work.moved:
        with _chunk(work, 0):
            renumbering.follow_what_was_read(work)
    for chunk in preparing.chunks(items, CHUNK):
        with _chunk(work, len(chunk)):
            _take(work, preparing, chunk)
        if progress:
            progress(work.counts["rows"])
    keys = sorted(work.aside)
    for start in range(0, len(keys), CHUNK):
        with _chunk(work, 0):
            part = keys[start : start + CHUNK]
            if work.whole:
                seen.repeated({key: work.aside[key][0].row.line for key in part})
            _take_mapped(work, mapping, several.chosen(work, mapping, part))
            work.note_unread(set(part))


@contextmanager
def _chunk(work: Work, size: int) -> Iterator[None]:
    """What is done within is there at once, or not at all."""
    with transaction.atomic():
        seen.need_not_be_on_disk_yet()
        seen.wait_for_other_sources()
        yield
        if not work.dry_run:
            work.store_issues()
            runs.advance(work.run, done=size, counters=work.counts)


def _take(work: Work, preparing: Preparing, chunk: Sequence[Taken]) -> None:
    """One chunk: map what changed, merge it into people, remember what was seen."""
    rows = _keyed(work, chunk)
    if work.whole:
        lines = {key: found.row.line for key, found in rows.items()}
        for key, line in seen.repeated(lines).items():
            _duplicate(work, key, rows.pop(key).row.line, line)
        for key in work.twice & rows.keys():
            several.put_aside(work, rows.pop(key))
    marks = seen.marks(work.source, rows)
    _expect_acquaintances(work, rows, marks)
    same = {key for key, (digest, there) in marks.items() if there and digest == rows[key].digest}
    if same:
        work.counts["unchanged"] += len(same)
    known = seen.records(work.source, marks.keys() - same)
    twins = zeros.twins(work, rows.keys() - marks.keys()) if work.newest else {}
    changed: list[MappedRow] = []
    for key, found in rows.items():
        if key in same:
            continue
        if several.is_another(work, found.row, known.get(key)):
            several.put_aside(work, found)
            continue
        line = found.row.line
        try:
            mapped = preparing.as_mapped(found, known.get(key))
        except BadRow as error:
            work.refuse(key, str(error), line=line)
            continue
        if zeros.is_refused(work, mapped, twins.get(key)):
            continue
        for warning in mapped.warnings:
            work.complain(Severity.WARNING, warning, line=line, key=key)
        changed.append(mapped)
    _take_mapped(work, preparing.mapping, changed)
    work.note_unread(rows.keys() - work.aside.keys())


def _take_mapped(work: Work, mapping: RowMapping, changed: Sequence[MappedRow]) -> None:
    current = acquaint(work, asking.current(work, mapping, changed))
    current = numbered(work.source, current)
    arriving, others = asking.arriving(work, current)
    merge_others(work, keep_back(work, others))
    work.merge(asking.ask(work, arriving))


def _keyed(work: Work, chunk: Sequence[Taken]) -> dict[str, Prepared]:
    """Employee number -> row, for the rows that can be read at all; those of which others have the
    same number are put aside."""
    rows: dict[str, Prepared] = {}
    for item in chunk:
        work.counts["rows"] += 1
        if isinstance(item, Gone):
            work.gone.add(item.id)
            several.forget(work, item.id)
            continue
        if isinstance(item, RowProblem):
            work.unreadable += 1
            work.complain(Severity.ERROR, item.message, line=item.line)
            continue
        key, row = item.key, item.row
        work.gone.discard(row.id)
        before = rows.get(key)
        if key in work.aside or (before and (work.whole or before.row.id != row.id)):
            if before:
                several.put_aside(work, rows.pop(key))
            several.put_aside(work, item)
        else:
            # What changed may name a record twice: the last time is how it is now.
            rows[key] = item
    return rows


def _duplicate(work: Work, key: str, line: int, first: int) -> None:
    work.complain(
        Severity.ERROR,
        f"Employee number {key} is on line {first} already. The first one counts; correct one of "
        "them.",
        line=line,
        key=key,
    )


def _expect_acquaintances(work: Work, rows: Collection[str], known: Collection[str]) -> None:
    """Raises `ReaderError` where the first rows are many and all strangers, in a source that has
    people: the file of another company has the same columns."""
    first, work.begun = not work.begun, work.begun or bool(rows)
    if not work.whole or not first or known or len(rows) <= work.allowed:
        return
    people = SourceRecord.objects.filter(source=work.source, present=True)
    people = people.exclude(person__state=LifecycleState.LEFT.value)
    count = people.count()
    if count == 0:
        return
    said = (
        f"None of the first {len(rows)} employee numbers is known, and {work.source.name} has "
        f"{count} people"
    )
    if not work.accept:
        raise ReaderError(
            f"{said}: this looks like the file of another company, or the numbers were changed. "
            "Nothing was taken. If it is right, import it with a reason to accept it "
            f"(`tenure import {work.source.slug} --accept 'why'`)."
        )
    approve(work, {"guard": f"{said}."})


def _close(work: Work, held: str, *, refused: bool = False) -> ImportResult:
    run, counts = work.run, work.counts
    done = 0 if refused else counts["rows"]
    work.store_issues()
    state = RunState.HELD if held else RunState.DONE
    runs.finish(run, state, message=held, counters=counts, done=done, total=counts["rows"])
    if not work.dry_run and (work.whole or counts["rows"] > counts["unchanged"]):
        record(
            Action.IMPORT_HELD if held else Action.IMPORT_FINISHED,
            subject_kind="source",
            subject_key=work.source.slug,
            subject_label=work.source.name,
            reason=held,
            after=dict(counts),
            run=run.pk,
        )
    told = work.telling or Telling(frozenset())
    return ImportResult(
        run,
        dict(counts),
        tuple(work.issues),
        bool(held),
        tuple(told.changes),
        told.more,
        work.whole,
        () if work.dry_run else tuple(work.left),
        refused,
    )
