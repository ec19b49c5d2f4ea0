"""Several rows with one employee number: which of them counts, whatever their order.

Some systems give a row for each contract: the one that is over beside the one that goes on, or the
one that is to come. A person is here by any of them. Where the names say that two people have one
number, what is known of its person goes on, and the other row waits until somebody corrects it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from tenure.core.acquaintance import alike
from tenure.core.lifecycle import WorkingLife, standing
from tenure.core.model import LifecycleState
from tenure.readers.base import Row
from tenure.runs.models import Severity
from tenure.sources import seen
from tenure.sources.models import SourceRecord
from tenure.sources.preparing import Prepared
from tenure.sources.rebuilding import row_of
from tenure.sources.rows import BadRow, MappedRow, RowMapping
from tenure.sources.work import Work

_DAY = timedelta(days=1)
_GONE = frozenset({LifecycleState.LEFT, LifecycleState.LEAVING})


def put_aside(work: Work, item: Prepared) -> None:
    """Until all rows are known that have its number. Of one record the last one counts, where only
    what changed is read."""
    rows = work.aside.setdefault(item.key, [])
    if not work.whole:
        rows[:] = [one for one in rows if one.row.id != item.row.id]
    rows.append(item)


def forget(work: Work, id: str) -> None:
    """This record is gone."""
    for rows in work.aside.values():
        rows[:] = [one for one in rows if one.row.id != id]


def is_another(work: Work, row: Row, record: SourceRecord | None) -> bool:
    """Whether, among what changed, a row has the employee number of another record."""
    if work.whole or record is None or not record.present:
        return False
    return bool(row.id and record.remote_id and record.remote_id != row.id)


def chosen(work: Work, mapping: RowMapping, keys: Sequence[str]) -> list[MappedRow]:
    """Of the rows that were put aside the one that counts, of each of these numbers; without those
    by which nothing changes. What does not count is told."""
    marks, records = seen.marks(work.source, keys), seen.records(work.source, keys)
    found = []
    for key in keys:
        record = records.get(key)
        rows = _mapped(work, mapping, work.aside[key], record)
        if not work.whole and record is not None and _goes_on(work, record, rows):
            rows.append(row_of(record))
        if not rows:
            continue
        row = choose(rows, record, work.at)
        _tell(work, row, rows)
        if (row.digest, True) == marks.get(key):
            work.counts["unchanged"] += 1
        else:
            found.append(row)
    return found


def choose(rows: Sequence[MappedRow], record: SourceRecord | None, at: datetime) -> MappedRow:
    """The row that counts, with the days of all contracts that follow one another."""
    known = record.attributes if record is not None else rows[0].attributes
    theirs = [row for row in rows if alike(row.attributes, known)]
    if not theirs:
        theirs = [row for row in rows if alike(row.attributes, rows[0].attributes)] or [rows[0]]
    own = record.remote_id if record is not None else ""
    best = min(theirs, key=lambda row: (*_place(row, at), row.id != own, row.id, row.digest))
    return _with_all_days(best, theirs, at) if len(theirs) > 1 else best


def _mapped(
    work: Work, mapping: RowMapping, items: Sequence[Prepared], record: SourceRecord | None
) -> list[MappedRow]:
    found = []
    for item in items:
        try:
            found.append(mapping.mapped(item.row, item.key, item.digest, record, work.at))
        except BadRow as error:
            work.refuse(item.key, str(error), line=item.row.line)
    return found


def _goes_on(work: Work, record: SourceRecord, rows: Sequence[MappedRow]) -> bool:
    """Whether what is known of it counts still, though nothing is said of it now."""
    there = record.present and record.remote_id not in work.gone
    return there and all(row.id != record.remote_id for row in rows)


def _place(row: MappedRow, at: datetime) -> tuple[int, int, int]:
    """Who is here goes before who is to come, and that before who is gone; then whoever stays
    longest, and who came last."""
    life = WorkingLife(
        start_date=row.start_date,
        end_date=row.end_date,
        time_zone=row.time_zone,
        terminated_at=row.ended_at,
    )
    state = standing(life, at).state
    rank = 2 if state in _GONE else int(state is LifecycleState.UPCOMING)
    until = row.ended_at.date() if row.ended_at else row.end_date or date.max
    return rank, -until.toordinal(), -(row.start_date or date.min).toordinal()


def _with_all_days(best: MappedRow, rows: Sequence[MappedRow], at: datetime) -> MappedRow:
    """Contracts without a day between them are one: nobody is gone for a night."""
    starts, ends = best.start_date, best.end_date
    others = [row for row in rows if row is not best and row.ended_at is None]
    if _place(best, at)[0] == 2:
        others = []
    for _ in others:
        for row in others:
            if ends and (row.start_date or date.min) <= ends + _DAY:
                ends = None if row.end_date is None else max(ends, row.end_date)
            if starts and (row.end_date or date.max) >= starts - _DAY:
                starts = row.start_date and min(starts, row.start_date)
    days = {"start_date": starts, "end_date": ends}
    attributes = {name: value for name, value in best.attributes.items() if name not in days}
    attributes |= {name: day.isoformat() for name, day in days.items() if day is not None}
    # Another row may decide as well: nothing of it is passed over as known.
    content = b"".join([best.digest, *sorted(row.digest for row in rows)])
    digest = hashlib.blake2b(content, digest_size=16).digest()
    return replace(best, attributes=attributes, digest=digest)


def _tell(work: Work, row: MappedRow, rows: Sequence[MappedRow]) -> None:
    for other in rows:
        if other.line == row.line and other.id == row.id:
            continue
        one = alike(other.attributes, row.attributes)
        where = f"line {row.line}" if work.whole else f"the record {row.id}"
        why = (
            "by which they are here longest"
            if one
            else "and the names are of two people. Correct one of the numbers"
        )
        work.complain(
            Severity.WARNING if one else Severity.ERROR,
            f"Employee number {row.key} is on {where} too: that one counts, {why}.",
            line=other.line,
            key=row.key,
        )
