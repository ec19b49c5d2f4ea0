"""Is this source whole, and would it change no more people than it should? Asked before anything
of it is taken: the records are read once for the counts and once more to be taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
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
    Leavers are not counted: they have a limit of their own."""

    read: int = 0
    #: Key of a row that is another than it was -> the attributes that its person loses, and whether
    #: they are changed.
    differing: dict[str, tuple[frozenset[str], bool]] = field(default_factory=dict)
    #: Keys that are on several rows.
    twice: set[str] = field(default_factory=set)


def survey(
    source: Source,
    mapping: RowMapping,
    rows: Iterable[Item],
    at: datetime,
    *,
    whole: bool = True,
) -> tuple[str, frozenset[str]]:
    """Why nothing of it is to be taken, "" if it may be; and the employee numbers that several rows
    have, where everything is read: else nothing is missing, and a record may come twice. Where a
    source has no record yet there is nothing to compare it with."""
    known = SourceRecord.objects.filter(source=source, present=True).count()
    if not (known or whole):
        return "", frozenset()
    found = _survey(source, mapping, rows, at, compare=bool(known))
    if not whole:
        found.twice.clear()
    # Which of several rows counts is not known here.
    for key in found.twice & found.differing.keys():
        del found.differing[key]
    refused = _refusal(source, mapping, found, at, known, whole=whole) if known else ""
    return refused, frozenset(found.twice)


def _refusal(
    source: Source, mapping: RowMapping, found: Survey, at: datetime, known: int, *, whole: bool
) -> str:
    guard = source_guard_from(source.guard)
    if whole and (source.absence == Absence.LEAVE or "missing" in source.guard):
        # Where absence means nothing a source may send only what changed, unless it says not.
        there = judge_missing(source=source.name, read=found.read, known=known, limit=guard.missing)
        if there.held:
            return there.reason
    if emptied := _emptied(source, mapping, found):
        return emptied
    verdict = judge(
        what=f"changed people in {source.name}",
        new=sum(changed for _, changed in found.differing.values()),
        recent=_changed_since(source, at - guard.changes.window),
        population=known,
        limit=guard.changes,
    )
    return f"{verdict.reason} Nothing of it was taken." if verdict.held else ""


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
            found.differing |= _differing(source, mapping, keyed, at)
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
    lost = Counter(name for names, _ in found.differing.values() for name in names)
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


def _differing(
    source: Source, mapping: RowMapping, rows: Mapping[str, Row], at: datetime
) -> dict[str, tuple[frozenset[str], bool]]:
    """Of rows that are others than they were; as `Survey.differing`."""
    digests = {key: mapping.digest(row) for key, row in rows.items()}
    differing = [
        key
        for key, (digest, present) in marks(source, digests).items()
        if present and digest != digests[key]
    ]
    found = {}
    for key, record in records(source, differing).items():
        try:
            mapped = mapping.mapped(rows[key], key, digests[key], record, at)
        except BadRow:
            continue
        lost = frozenset(record.attributes.keys() - mapped.attributes.keys())
        ours = echoes(source, record, mapped.attributes)
        differs = _plain(mapped.attributes, ours) != _plain(record.attributes, ours)
        found[key] = (lost, differs and not mapped.left(at))
    return found


def _plain(attributes: Mapping[str, Any], without: frozenset[str]) -> bytes:
    kept = {name: value for name, value in attributes.items() if name not in without}
    return orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)


def _changed_since(source: Source, since: datetime) -> int:
    """People whom its imports changed lately and nobody approved."""
    lately = selectors.counted_since(RunKind.IMPORT, source.slug, since)
    return lately["changed"] - lately["changes_approved"]
