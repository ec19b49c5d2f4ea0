"""What is pushed, into people: at once, in the transaction in which it is stored.

A resource that the source's mapping cannot take is refused, and nothing of it is kept: whoever
pushes it reads why. Leavers and changes go through the guards of an import; what
these hold stays pushed, and is taken when somebody approves it by an import of the source: whoever
pushes is answered as ever, for nothing is wrong with the request (see `held_pushes`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from tenure.core.acquaintance import resemble
from tenure.core.model import LifecycleState
from tenure.people.models import Person
from tenure.readers.base import ReaderError, Row
from tenure.runs import services as runs
from tenure.runs.models import Run, RunKind, RunState, Severity
from tenure.sources import asking, held_numbers, held_pushes, pushed_rows, renumbering, seen
from tenure.sources.acquainting import acquaint
from tenure.sources.leaving import judged, keep_back, merge_others
from tenure.sources.managers import tie_changed
from tenure.sources.models import Absence, PushedResource, Source, SourceRecord
from tenure.sources.pushed_rows import GROUPS, USER
from tenure.sources.rows import BadRow, MappedRow, RowMapping
from tenure.sources.work import Work

PUSHED = "pushed"
#: What is pushed within so long is one run.
_ONE_RUN = timedelta(hours=1)


class Busy(Exception):
    """The whole source is being imported: push again in a moment."""


class TakenKey(ValueError):
    """Another resource has this employee number already."""


@dataclass(slots=True)
class Taking:
    """One user as it is to be taken: the columns that the mapping reads, and what they mean."""

    row: Row
    mapped: MappedRow


@dataclass(slots=True)
class Push:
    """One request of one source: what it changed, taken together at its end."""

    source: Source
    at: datetime
    mapping: RowMapping = field(init=False)
    #: uid -> what is to be taken of it.
    _taking: dict[str, Taking] = field(default_factory=dict)
    #: uid -> what was to be taken of it before the last change.
    _before: dict[str, Taking | None] = field(default_factory=dict)
    _gone: set[str] = field(default_factory=set)
    #: uid -> the employee number that it had before this request, where it has another one now.
    _former: dict[str, str] = field(default_factory=dict)
    #: The numbers that records keep, as their newer ones wait.
    _keeping: frozenset[str] = frozenset()
    #: Keys and names that others have, of those that were asked for ahead; None: each is asked for.
    _others: frozenset[tuple[str, str]] | None = None

    def __post_init__(self) -> None:
        self.mapping = RowMapping(self.source)
        if not _asked("SELECT pg_try_advisory_xact_lock_shared(%s, %s)", self.source):
            raise Busy

    def expect(self, documents: Sequence[Mapping[str, Any]]) -> None:
        """Many new users come in this request: whose names and employee numbers are taken already
        is asked once for all of them."""
        names = {str(item.get("userName", "")).lower() for item in documents}
        keys = set()
        for item in documents:
            row = Row(
                0,
                next(iter(pushed_rows.values(self.source, [_unsaved(item)], self.mapping.columns))),
            )
            with suppress(BadRow):
                keys.add(self.mapping.key(row))
        rows = PushedResource.objects.filter(source=self.source, kind=USER)
        taken = {
            ("name", name) for name in rows.filter(name__in=names).values_list("name", flat=True)
        }
        taken |= {("key", key) for key in rows.filter(key__in=keys).values_list("key", flat=True)}
        former = rows.filter(former__in=keys).exclude(former="").values_list("former", flat=True)
        taken |= {("key", key) for key in former}
        self._others = frozenset(taken)

    def is_taken(self, resource: PushedResource) -> bool:
        """Whether somebody else has its userName, where that was asked for ahead."""
        return self._others is not None and ("name", resource.name) in self._others

    def changed(self, resource: PushedResource) -> None:
        """A user was pushed. Raises `BadRow` or `TakenKey` where they cannot be taken."""
        taking = self._read(
            resource, Row(resource.pk or 0, pushed_rows.values_of(resource, self.mapping))
        )
        self._note(resource, taking)

    def _read(self, resource: PushedResource, row: Row) -> Taking:
        """Nothing is noted yet: of several that are read together all can be taken, or none is."""
        key = self.mapping.key(row)
        mapped = self.mapping.mapped(row, key, b"", None, self.at)
        if key != resource.key and self._has_another(key, resource):
            raise TakenKey(
                f"Employee number {key} is another user's already. Correct it, or delete the other."
            )
        return Taking(row, mapped)

    def _note(self, resource: PushedResource, taking: Taking) -> None:
        key = taking.mapped.key
        had = resource.former or resource.key
        if had and had != key:
            self._former.setdefault(resource.uid, had)
        resource.former = resource.former if had != key else ""
        resource.key = key
        self._before[resource.uid] = self._taking.get(resource.uid)
        self._taking[resource.uid] = taking

    def refused(self, resource: PushedResource) -> None:
        """It was not stored after all: what was stored of it before is still to be taken."""
        before = self._before.pop(resource.uid, None)
        if before is None:
            self._taking.pop(resource.uid, None)
        else:
            self._taking[resource.uid] = before

    def _has_another(self, key: str, resource: PushedResource) -> bool:
        if self._others is not None:
            return ("key", key) in self._others
        rows = PushedResource.objects.filter(source=self.source, key=key).exclude(uid=resource.uid)
        waits = not resource.key and held_numbers.is_anothers(self.source, key)
        return waits or rows.exists()

    def deleted(self, resource: PushedResource) -> None:
        self._taking.pop(resource.uid, None)
        numbers = {resource.key, resource.former, self._former.pop(resource.uid, "")}
        self._gone |= numbers - {""}

    def members_changed(self, uids: Sequence[str]) -> None:
        """The groups of these users are others now, where the mapping reads them."""
        if GROUPS not in self.mapping.columns:
            return
        rows = PushedResource.objects.filter(source=self.source, uid__in=uids)
        resources = list(rows.order_by("pk"))
        read = pushed_rows.values(self.source, resources, self.mapping.columns)
        found = [
            (resource, self._read(resource, Row(resource.pk, values)))
            for resource, values in zip(resources, read, strict=True)
        ]
        for resource, taking in found:
            self._note(resource, taking)

    def take(self) -> list[int]:
        """Into records and people. Returns the ids of those who have left now."""
        if not self._taking and not self._gone:
            return []
        seen.wait_for_other_sources()
        work = _work(self.source, self.at)
        numbers = self._follow_numbers(work)
        rows = asking.current(work, self.mapping, self._mapped(work))
        gone = self._absent(work, {row.key for row in rows})
        keys = [row.key for row in (*rows, *gone)]
        rows = acquaint(work, rows)
        for row in rows:
            for said in row.warnings:
                work.complain(Severity.WARNING, said, key=row.key)
        before = _here(self.source, keys)
        work.counts["rows"] += len(rows)
        arriving, others = asking.arriving(work, [*rows, *gone])
        held = " ".join(filter(None, (numbers, self._take_those(work, others))))
        # Taken otherwise, they wait for their number still.
        held_pushes.keep(self.source, self._keeping, self.at)
        work.merge(asking.ask(work, arriving))
        asking.withdraw_those(work, self._gone - {row.key for row in rows})
        for warning in tie_changed(self.source, keys):
            work.complain(Severity.WARNING, warning.message, key=warning.key)
        work.store_issues()
        if not held and held_pushes.count(self.source):
            # What waited before waits still: nobody has decided about it.
            held = held_pushes.last_reason(self.source)
        runs.finish(
            work.run,
            RunState.HELD if held else RunState.DONE,
            message=held,
            counters=work.counts,
            done=work.counts["rows"],
            total=work.counts["rows"],
        )
        return sorted(before - _here(self.source, keys))

    def _take_those(self, work: Work, rows: Sequence[MappedRow]) -> str:
        """Those whom the guards let be taken. Returns why others are held, or ""."""
        # What had waited, and is as it was before, was taken back.
        keys = {item.mapped.key for item in self._taking.values()}
        waited = held_pushes.settle(self.source, keys - self._keeping)
        staying = keep_back(work, rows)
        leaving = {row.key for row in rows} - {row.key for row in staying}
        changed = held_pushes.changes(self.source, staying)
        verdict = held_pushes.judged(self.source, changed, self.at)
        if verdict.held:
            work.counts["would_change"] += len(changed - waited)
            held_pushes.keep(self.source, changed, self.at)
            staying = [row for row in staying if row.key not in changed]
        others = _others(work, staying)
        if others:
            held_pushes.keep(self.source, {row.key for row in staying}, self.at)
        elif not verdict.held:
            held_pushes.note_changes(self.source, changed, self.at)
        left = _leavers(work)
        if left:
            work.counts["held"] += len(leaving - waited)
            held_pushes.keep(self.source, leaving, self.at)
        return " ".join(filter(None, (others, left, verdict.reason)))

    def _follow_numbers(self, work: Work) -> str:
        """A user with another employee number is the same person, unless they are known by one of
        the two otherwise. Returns why these wait, guard permitting ""."""
        same, before = {}, {}
        mine = SourceRecord.objects.filter(source=self.source, key__in=set(self._former.values()))
        said = dict(mine.values_list("key", "attributes"))
        for uid, old in self._former.items():
            taking = self._taking.get(uid)
            if taking is None or taking.mapped.key == old:
                continue
            before[taking.mapped.key] = old
            if old in said and resemble(said[old], taking.mapped.attributes):
                same[uid] = old
        verdict = held_numbers.judged(self.source, same, self.at)
        if verdict.held:
            work.counts["would_change"] += held_numbers.wait(self.source, same, self.at)
            self._keeping = frozenset(same.values())
            for uid, old in same.items():
                # Whatever else is said of them goes on by the number that they have: who left has.
                taking = self._taking[uid]
                del before[taking.mapped.key]
                self._taking[uid] = replace(taking, mapped=replace(taking.mapped, key=old))
            same = {}
        wanted = {self._taking[uid].mapped.key: old for uid, old in same.items()}
        why = f"pushed to {self.source.name}"
        done = renumbering.follow(self.source, wanted, self.at, why)
        held_numbers.settle(self.source, wanted)
        held_pushes.note_changes(self.source, done, self.at)
        work.counts["renumbered"] += len(done)
        self._gone |= {old for new, old in before.items() if new not in done}
        return verdict.reason

    def _mapped(self, work: Work) -> list[MappedRow]:
        keys = [item.mapped.key for item in self._taking.values()]
        records = {
            item.key: item for item in SourceRecord.objects.filter(source=self.source, key__in=keys)
        }
        found = []
        for item in self._taking.values():
            key, record = item.mapped.key, records.get(item.mapped.key)
            digest = self.mapping.digest(item.row)
            if record is None:
                found.append(replace(item.mapped, digest=digest))
            elif record.present and bytes(record.digest) == digest:
                work.counts["unchanged"] += 1
            else:
                found.append(self.mapping.mapped(item.row, key, digest, record, self.at))
        return found

    def _absent(self, work: Work, back: set[str]) -> list[MappedRow]:
        if self.source.absence != Absence.LEAVE:
            return []
        records = SourceRecord.objects.filter(
            source=self.source, key__in=self._gone - back, present=True
        )
        return [self.mapping.gone(item, self.at) for item in records]


def _unsaved(document: Mapping[str, Any]) -> PushedResource:
    return PushedResource(kind=USER, uid="", document=dict(document))


def _work(source: Source, at: datetime) -> Work:
    """On the run of this hour, whose counters go on."""
    run = (
        Run.objects.filter(
            kind=RunKind.IMPORT, subject=source.slug, reason=PUSHED, started_at__gt=at - _ONE_RUN
        )
        .order_by("-pk")
        .first()
    )
    run = run or runs.start(RunKind.IMPORT, source.slug, reason=PUSHED)
    work = Work(source=source, run=run, at=at, dry_run=False, accept="")
    work.counts.update(run.counters)
    return work


def _others(work: Work, rows: Sequence[MappedRow]) -> str:
    """Those who stay by what was pushed, guard permitting: by what other sources say they may leave
    all the same. Returns why nothing of these is taken, or ""."""
    counts, issues = work.counts.copy(), len(work.issues)
    try:
        with transaction.atomic():
            merge_others(work, rows)
    except ReaderError as error:
        work.counts = counts
        work.counts["held"] += work.let_go
        work.let_go = work.sooner = 0
        del work.issues[issues:]
        return str(error)
    return ""


def _leavers(work: Work) -> str:
    """The leavers among them, guard permitting. Returns why they are held, or ""."""
    if not work.leaving:
        return ""
    verdict = judged(work, work.leaving)
    if verdict.held:
        return verdict.reason
    work.merge(work.leavers)
    work.counts["ending"] += work.ending
    return ""


def _here(source: Source, keys: Sequence[str]) -> set[int]:
    """The ids of the people of these records who are here."""
    here = Person.objects.exclude(state=LifecycleState.LEFT.value)
    tied = here.filter(records__source=source, records__key__in=keys)
    by_number = here.filter(employee_number__in=keys)
    return {*tied.values_list("pk", flat=True), *by_number.values_list("pk", flat=True)}


def _asked(query: str, source: Source) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query, [seen.SOURCE_LOCK, source.pk])
        row = cursor.fetchone()
    return bool(row and row[0])


__all__ = ["BadRow", "Busy", "Push", "TakenKey"]
