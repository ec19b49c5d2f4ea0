"""One import: rows to records to people.

Good rows go on whatever is wrong with others; each problem is kept with its line. Chunks are
committed as they come, so memory is bounded and an import that dies is simply run again: rows
that were taken are recognised by their digest. What would make people leavers is kept back to the
end and goes through the guard, whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

from django.db import transaction

from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.core.guard import judge, limit_from
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.readers.base import Reader, ReaderError, Row, RowProblem
from tenure.readers.registry import open_reader
from tenure.runs import services as runs
from tenure.runs.models import Run, RunIssue, RunKind, RunState, Severity
from tenure.sources.managers import resolve_managers
from tenure.sources.merging import Merge, merge
from tenure.sources.models import Absence, Source, SourceRecord
from tenure.sources.rows import BadRow, MappedRow, RowMapping

CHUNK = 1000
#: Kept one by one; beyond that they are counted only, so that a wholly wrong file stays cheap.
MOST_ISSUES = 10_000

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class ImportResult:
    """`counts`: rows, added, changed, unchanged, left, errors, warnings. `changes` (dry run)."""

    run: Run
    counts: Mapping[str, int]
    issues: tuple[RunIssue, ...]
    held: bool = False
    changes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Import:
    source: Source
    run: Run
    mapping: RowMapping
    at: datetime
    dry_run: bool
    population: int
    counts: Counter[str] = field(default_factory=Counter)
    issues: list[RunIssue] = field(default_factory=list)
    leavers: list[MappedRow] = field(default_factory=list)

    def complain(
        self, severity: Severity, message: str, *, line: int | None = None, key: str = ""
    ) -> None:
        self.counts["errors" if severity is Severity.ERROR else "warnings"] += 1
        if len(self.issues) < MOST_ISSUES:
            self.issues.append(
                RunIssue(run=self.run, severity=severity, line=line, key=key[:300], message=message)
            )


class _DryRunOver(Exception):
    """Rolls a dry run back."""


def import_source(
    source: Source,
    *,
    file: Path | None = None,
    dry_run: bool = False,
    accept_leavers: str = "",
    progress: Progress | None = None,
) -> ImportResult:
    """Read the source whole. `accept_leavers` is the reason why a tripped guard is overridden.

    Raises `ReaderError` when the source as a whole cannot be used: nothing was changed then.
    """
    run = runs.start(RunKind.IMPORT, source.slug, reason="dry run" if dry_run else "")
    try:
        reader = open_reader(source.reader, source.settings, file=file)
        mapping = RowMapping(source)
        mapping.check_columns(reader.columns())
    except (ReaderError, ValueError) as error:
        runs.finish(run, RunState.FAILED, message=str(error))
        raise
    work = _Import(
        source=source,
        run=run,
        mapping=mapping,
        at=now(),
        dry_run=dry_run,
        population=Person.objects.exclude(state="left").count(),
    )
    verdict = ""
    scope: AbstractContextManager[object] = transaction.atomic() if dry_run else nullcontext()
    try:
        with scope:
            _take_all(work, reader, progress)
            verdict = _take_leavers(work, accept_leavers)
            for warning in resolve_managers(source):
                work.complain(Severity.WARNING, warning.message, key=warning.key)
            if dry_run:
                raise _DryRunOver
    except _DryRunOver:
        pass
    except ReaderError as error:
        runs.complain(work.issues)
        runs.finish(run, RunState.FAILED, message=str(error), counters=work.counts)
        raise
    return _close(work, verdict)


def _take_all(work: _Import, reader: Reader, progress: Progress | None) -> None:
    for chunk in _chunks(reader.rows()):
        with transaction.atomic():
            _take(work, chunk)
        if progress:
            progress(work.counts["rows"])
        if not work.dry_run:
            runs.advance(work.run, done=len(chunk), counters=work.counts)


def _take(work: _Import, chunk: Sequence[Row | RowProblem]) -> None:
    """One chunk: map what changed, merge it into people, remember what was seen."""
    rows = _keyed(work, chunk)
    known = {
        item.key: item
        for item in SourceRecord.objects.filter(source=work.source, key__in=rows).select_related(
            "person"
        )
    }
    changed: list[MappedRow] = []
    for key, row in rows.items():
        before = known.get(key)
        if before is not None and before.seen_in == work.run.pk:
            _duplicate(work, key, row.line, "an earlier line")
            continue
        digest = work.mapping.digest(row)
        if before is not None and before.present and bytes(before.digest) == digest:
            work.counts["unchanged"] += 1
            continue
        try:
            mapped = work.mapping.mapped(row, key, digest, before)
        except BadRow as error:
            work.complain(Severity.ERROR, str(error), line=row.line, key=key)
            continue
        for warning in mapped.warnings:
            work.complain(Severity.WARNING, warning, line=row.line, key=key)
        changed.append(mapped)
    _merge(work, [m for m in changed if not _newly_left(work, m)])
    SourceRecord.objects.filter(source=work.source, key__in=rows).update(seen_in=work.run.pk)


def _keyed(work: _Import, chunk: Sequence[Row | RowProblem]) -> dict[str, Row]:
    """Employee number -> row, for the rows that can be read at all."""
    rows: dict[str, Row] = {}
    for item in chunk:
        work.counts["rows"] += 1
        if isinstance(item, RowProblem):
            work.complain(Severity.ERROR, item.message, line=item.line)
            continue
        try:
            key = work.mapping.key(item)
        except BadRow as error:
            work.complain(Severity.ERROR, str(error), line=item.line)
            continue
        if key in rows:
            _duplicate(work, key, item.line, f"line {rows[key].line}")
        else:
            rows[key] = item
    return rows


def _duplicate(work: _Import, key: str, line: int, where: str) -> None:
    work.complain(
        Severity.ERROR,
        f"Employee number {key} is on {where} already. The first one counts; correct one of them.",
        line=line,
        key=key,
    )


def _newly_left(work: _Import, mapped: MappedRow) -> bool:
    """Keep back what makes somebody a leaver who is not one yet. New people are no leavers."""
    if mapped.record is None or not mapped.left(work.at):
        return False
    work.leavers.append(mapped)
    return True


def _take_leavers(work: _Import, accept: str) -> str:
    """The leavers of the whole import, guard permitting. Returns why they are held, or ""."""
    absent: list[SourceRecord] = []
    if work.source.absence == Absence.LEAVE:
        absent = list(
            SourceRecord.objects.filter(source=work.source, present=True)
            .exclude(seen_in=work.run.pk)
            .exclude(person__state="left")
        )
    leaving = {m.record.person_id for m in work.leavers if m.record} | {r.person_id for r in absent}
    active = set(
        Person.objects.filter(pk__in=leaving).exclude(state="left").values_list("pk", flat=True)
    )
    limit = limit_from(work.source.leaver_limit)
    verdict = judge(
        what=f"leavers in {work.source.name}",
        new=len(active),
        recent=0,
        population=work.population,
        limit=limit,
    )
    if verdict.held and not accept:
        work.counts["held"] = len(active)
        return verdict.reason
    with transaction.atomic():
        _merge(work, work.leavers)
        _merge_absent(work, absent)
        if verdict.held:
            record(
                Action.IMPORT_APPROVED,
                subject_kind="source",
                subject_key=work.source.slug,
                subject_label=work.source.name,
                reason=accept,
                after={"leavers": len(active), "guard": verdict.reason},
                run=work.run.pk,
            )
    work.counts["left"] = len(active)
    return ""


def _merge(work: _Import, rows: Sequence[MappedRow]) -> None:
    if rows:
        _count(work, merge(work.source, rows, at=work.at, run=work.run.pk))


def _merge_absent(work: _Import, records: Sequence[SourceRecord]) -> None:
    if records:
        gone = [work.mapping.gone(item, work.at) for item in records]
        _count(work, merge(work.source, gone, at=work.at, run=work.run.pk))


def _count(work: _Import, done: Merge) -> None:
    work.counts["added"] += done.added
    work.counts["changed"] += done.changed
    work.counts["unchanged"] += done.unchanged
    for issue in done.issues:
        work.complain(Severity.WARNING, issue.message, line=issue.line, key=issue.key)


def _close(work: _Import, held: str) -> ImportResult:
    run, counts = work.run, work.counts
    runs.complain(work.issues)
    state = RunState.HELD if held else RunState.DONE
    runs.finish(
        run, state, message=held, counters=counts, done=counts["rows"], total=counts["rows"]
    )
    if not work.dry_run:
        record(
            Action.IMPORT_HELD if held else Action.IMPORT_FINISHED,
            subject_kind="source",
            subject_key=work.source.slug,
            subject_label=work.source.name,
            reason=held,
            after=dict(counts),
            run=run.pk,
        )
    return ImportResult(run, dict(counts), tuple(work.issues), held=bool(held))


def _chunks(rows: Iterable[Row | RowProblem]) -> Iterator[list[Row | RowProblem]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk
