"""Is this source whole, and would it change no more people than it should? Asked before anything
of it is taken: the records are read once for the counts and once more to be taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from tenure.core.acquaintance import alike
from tenure.core.guard import judge, judge_missing, source_guard_from
from tenure.readers.base import Row
from tenure.readers.registry import PUSH
from tenure.runs import selectors
from tenure.runs.models import RunKind
from tenure.sources import held_numbers, renumbering
from tenure.sources.echoes import differs
from tenure.sources.models import Absence, Source, SourceRecord
from tenure.sources.rows import BadRow, RowMapping
from tenure.sources.seen import marks, records
from tenure.sources.spooling import Item

_CHUNK = 1000
#: So many people may lose what they had without a question.
_FEW = 5


@dataclass(frozen=True, slots=True)
class Difference:
    """Of a row that is another than it was: the attributes that its person loses, and whether they
    are gone by it (leavers have a limit of their own), or changed."""

    lost: frozenset[str]
    left: bool
    changed: bool


@dataclass(slots=True)
class Survey:
    """What an import would meet: records that can be told apart, those of them that are new, and
    by key how the others differ from what they were."""

    read: int = 0
    added: int = 0
    differing: dict[str, Difference] = field(default_factory=dict)
    #: Keys that are on several rows.
    twice: set[str] = field(default_factory=set)
    #: Keys of which the row is not that of the record, by the source's own id and by name.
    strangers: set[str] = field(default_factory=set)
    #: Key -> the one that the record had before; see `renumbering`.
    moved: dict[str, str] = field(default_factory=dict)

    @property
    def changed(self) -> int:
        differing = {key for key, row in self.differing.items() if row.changed}
        return len(differing | self.moved.keys())

    @property
    def left(self) -> int:
        return sum(row.left for row in self.differing.values())


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing of an import is to be taken, and by how many people it would have been what: for
    its run's counters, which are not those of what was done."""

    reason: str
    found: Survey
    missing: int = 0

    @property
    def counts(self) -> dict[str, int]:
        found = self.found
        would = {
            "would_add": found.added,
            "would_change": found.changed,
            "would_leave": found.left,
            "missing": self.missing,
        }
        return {
            "rows": found.read,
            "unchanged": found.read - found.added - found.changed - found.left,
            **{name: many for name, many in would.items() if many},
        }


def survey(
    source: Source,
    mapping: RowMapping,
    rows: Iterable[Item],
    at: datetime,
    *,
    whole: bool = True,
) -> tuple[Refusal | None, Survey]:
    """Why nothing of it is to be taken, None if it may be; and what was found. Which numbers are on
    several rows is told where everything is read: else nothing is missing, and a record may come
    twice. Where a source has no record yet there is nothing to compare it with."""
    known = SourceRecord.objects.filter(source=source, present=True).count()
    if not (known or whole):
        return None, Survey()
    found = _survey(source, mapping, rows, at, compare=bool(known))
    if not whole:
        found.twice.clear()
    # Which of several rows counts is not known here.
    for key in found.twice & found.differing.keys():
        del found.differing[key]
    refused = _refusal(source, mapping, found, at, known, whole=whole) if known else None
    return refused, found


def _refusal(
    source: Source, mapping: RowMapping, found: Survey, at: datetime, known: int, *, whole: bool
) -> Refusal | None:
    guard = source_guard_from(source.guard)
    if whole and (source.absence == Absence.LEAVE or "missing" in source.guard):
        # Where absence means nothing a source may send only what changed, unless it says not.
        there = judge_missing(source=source.name, read=found.read, known=known, limit=guard.missing)
        if there.held:
            return Refusal(there.reason, found, missing=known - found.read)
    if emptied := _emptied(source, mapping, found):
        return Refusal(emptied, found)
    verdict = judge(
        what=f"changed people in {source.name}",
        new=found.changed,
        recent=_changed_since(source, at - guard.changes.window),
        population=known,
        limit=guard.changes,
    )
    if not verdict.held:
        return None
    return Refusal(f"{verdict.reason} Nothing of it was taken.", found)


def _survey(
    source: Source, mapping: RowMapping, rows: Iterable[Item], at: datetime, *, compare: bool
) -> Survey:
    found = Survey()
    iterator = iter(rows)
    seen: set[str] = set()
    while chunk := list(islice(iterator, _CHUNK)):
        keyed: dict[str, Row] = {}
        for key, row in _keyed(mapping, chunk):
            if key in seen or key in keyed:
                found.twice.add(key)
            else:
                keyed[key] = row
        seen |= keyed.keys()
        if compare:
            _compare(source, mapping, keyed, at, found)
    for key, old in list(found.moved.items()):
        if (old in seen and old not in found.strangers) or key in found.twice:
            del found.moved[key]
    found.added -= len(found.moved.keys() - found.strangers)
    found.read = len(seen)
    return found


def _keyed(mapping: RowMapping, chunk: Sequence[Item]) -> Iterator[tuple[str, Row]]:
    for item in chunk:
        if isinstance(item, Row):
            with suppress(BadRow):
                yield mapping.key(item), item


def _emptied(source: Source, mapping: RowMapping, found: Survey) -> str:
    """Whether an attribute is gone from everybody who had it: a column that lost its content, or
    a right to read it that was taken away, looks like that."""
    lost = Counter(name for row in found.differing.values() for name in row.lost)
    for name, count in sorted(lost.items()):
        if count < _FEW or name not in mapping.names:
            continue
        had = SourceRecord.objects.filter(
            source=source, present=True, attributes__has_key=name
        ).count()
        if count >= had:
            return (
                f"None of the {had} people in {source.name} who had {name} has it any more: its "
                "column is empty, or we may not read it any longer. Nothing of it was taken."
            )
    return ""


def _compare(
    source: Source, mapping: RowMapping, rows: Mapping[str, Row], at: datetime, found: Survey
) -> None:
    digests = {key: mapping.digest(row) for key, row in rows.items()}
    known = marks(source, digests)
    there = {key: digest for key, (digest, present) in known.items() if present}
    found.added += len(rows) - len(there)
    differing = [key for key, digest in there.items() if digest != digests[key]]
    for key, record in records(source, differing).items():
        row = rows[key]
        try:
            mapped = mapping.mapped(row, key, digests[key], record, at)
        except BadRow:
            continue
        lost = frozenset(record.attributes.keys() - mapped.attributes.keys())
        left = mapped.left(at)
        changed = not left and differs(source, record, mapped.attributes)
        found.differing[key] = Difference(lost, left, changed)
        another = row.id and record.remote_id and row.id != record.remote_id
        if another and not alike(record.attributes, mapped.attributes):
            found.strangers.add(key)
    unknown = {k: row for k, row in rows.items() if k not in known or k in found.strangers}
    found.moved |= renumbering.moved(source, mapping, unknown, found.strangers, at)
    if source.reader == PUSH:
        waiting = held_numbers.waiting(source, rows)
        found.strangers |= waiting.keys() & known.keys()
        found.moved |= waiting


def _changed_since(source: Source, since: datetime) -> int:
    """People whom its imports changed lately and nobody approved."""
    lately = selectors.counted_since(RunKind.IMPORT, source.slug, since)
    return lately["changed"] + lately["renumbered"] - lately["changes_approved"]
