"""Is this source whole, and would it change no more people than it should? Asked before anything
of it is taken: the records are read once for the counts and once more to be taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

import orjson

from tenure.core.guard import judge, judge_missing, source_guard_from
from tenure.readers.base import Row
from tenure.runs import selectors
from tenure.runs.models import RunKind
from tenure.sources.echoes import echoes
from tenure.sources.models import Absence, Source, SourceRecord
from tenure.sources.rows import BadRow, RowMapping
from tenure.sources.seen import marks, records
from tenure.sources.spooling import Item

_CHUNK = 1000
#: So many people may lose what they had without a question.
_FEW = 5


@dataclass(slots=True)
class Survey:
    """What an import would meet: records that can be told apart, and people whom it would change.
    Leavers are not among them: they have a limit of their own. Nor are those who are new."""

    read: int = 0
    changed: int = 0
    left: int = 0
    added: int = 0
    #: Attribute -> how many people lose it.
    lost: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing of an import is to be taken, and by how many people it would have been what: for
    its run's counters, which are not those of what was done."""

    reason: str
    found: Survey
    missing: int = 0

    @property
    def counts(self) -> dict[str, int]:
        would = {
            "would_add": self.found.added,
            "would_change": self.found.changed,
            "would_leave": self.found.left,
            "missing": self.missing,
        }
        same = self.found.read - self.found.added - self.found.changed - self.found.left
        return {
            "rows": self.found.read,
            "unchanged": same,
            **{name: many for name, many in would.items() if many},
        }


def refusal(
    source: Source,
    mapping: RowMapping,
    rows: Iterable[Item],
    at: datetime,
    *,
    whole: bool = True,
) -> Refusal | None:
    """Why nothing of it is to be taken, None if it may be. A source without any record yet is not
    read: there is nothing to compare it with. Where not everything is read nothing is missing."""
    known = SourceRecord.objects.filter(source=source, present=True).count()
    if not known:
        return None
    guard = source_guard_from(source.guard)
    found = _survey(source, mapping, rows, at)
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


def _survey(source: Source, mapping: RowMapping, rows: Iterable[Item], at: datetime) -> Survey:
    found = Survey()
    iterator = iter(rows)
    seen: set[str] = set()
    while chunk := list(islice(iterator, _CHUNK)):
        keyed = {k: v for k, v in _keyed(mapping, chunk).items() if k not in seen}
        seen |= keyed.keys()
        _compare(source, mapping, keyed, at, found)
    found.read = len(seen)
    return found


def _keyed(mapping: RowMapping, chunk: Sequence[Item]) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for item in chunk:
        if not isinstance(item, Row):
            continue
        try:
            rows.setdefault(mapping.key(item), item)
        except BadRow:
            continue
    return rows


def _emptied(source: Source, mapping: RowMapping, found: Survey) -> str:
    """Whether an attribute is gone from everybody who had it: a column that lost its content, or
    a right to read it that was taken away, looks like that."""
    for name, count in sorted(found.lost.items()):
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
    there = {key: digest for key, (digest, present) in marks(source, digests).items() if present}
    found.added += len(rows) - len(there)
    differing = [key for key, digest in there.items() if digest != digests[key]]
    for key, record in records(source, differing).items():
        try:
            mapped = mapping.mapped(rows[key], key, digests[key], record, at)
        except BadRow:
            continue
        found.lost.update(record.attributes.keys() - mapped.attributes.keys())
        ours = echoes(source, record, mapped.attributes)
        if mapped.left(at):
            found.left += 1
        elif _plain(mapped.attributes, ours) != _plain(record.attributes, ours):
            found.changed += 1


def _plain(attributes: Mapping[str, Any], without: frozenset[str]) -> bytes:
    kept = {name: value for name, value in attributes.items() if name not in without}
    return orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)


def _changed_since(source: Source, since: datetime) -> int:
    """People whom its imports changed lately and nobody approved."""
    lately = selectors.counted_since(RunKind.IMPORT, source.slug, since)
    return lately["changed"] - lately["changes_approved"]
