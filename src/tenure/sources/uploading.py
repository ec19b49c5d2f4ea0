"""Records that a script uploads: kept, and imported at once through the same guards as any other.

All of the source's people, or some of them: an upload says which. What a guard holds stays kept,
so that a person who agrees to it takes exactly that (`tenure import SLUG --accept 'why'`). Whoever
sends only what changed does not send it again: what comes meanwhile is kept with it, the latest of
each record. An upload that cannot be used takes nothing from what waits.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from tenure.infra.clock import now
from tenure.readers.base import Row
from tenure.readers.upload import flat
from tenure.runs.models import DRY_RUN, Run, RunKind, RunState
from tenure.sources import seen
from tenure.sources.importing import ImportResult, import_source
from tenure.sources.models import Source, Upload
from tenure.sources.rows import BadRow, RowMapping

MOST_RECORDS = 200_000
#: Complaints in an answer; all of them are with the run.
_MOST_TOLD = 1000
_NAMES = ("people", "complete", "dry_run")


class WrongUpload(ValueError):
    """It is not what is expected. str() says what is."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What was sent. `complete`: these are all people of the source; who is not among them may have
    left."""

    people: Sequence[Any]
    complete: bool
    dry_run: bool


def parsed(body: bytes) -> Uploaded:
    """Raises `WrongUpload`."""
    expected = 'Expected {"people": [{...}, ...], "complete": false}.'
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise WrongUpload(f"This is no JSON: {error}. {expected}") from None
    if not isinstance(document, dict) or not isinstance(document.get("people"), list):
        raise WrongUpload(f"There is no list of people. {expected}")
    if not document["people"]:
        raise WrongUpload("There is nobody in it: nothing was taken.")
    if unknown := sorted(document.keys() - set(_NAMES)):
        raise WrongUpload(f"There is no {unknown[0]!r} here. Known: {', '.join(_NAMES)}.")
    flags = {name: document.get(name, False) for name in ("complete", "dry_run")}
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise WrongUpload(f"{name} is true or false, not {value!r}.")
    if len(document["people"]) > MOST_RECORDS:
        raise WrongUpload(f"More than {MOST_RECORDS} people are not taken at once.")
    return Uploaded(document["people"], flags["complete"], flags["dry_run"])


def take(source: Source, given: Uploaded) -> ImportResult:
    """Keep it and import it. Raises `ReaderError`, `AlreadyImporting` where somebody is at it."""
    with seen.alone(source):
        before = Upload.objects.filter(source=source).first()
        waiting = [] if given.complete else _waiting(source)
        mapping = RowMapping(source)
        now_said = {name for record in given.people for name in _names(mapping, record)}
        _keep(source, given, [one for one in waiting if now_said.isdisjoint(_names(mapping, one))])
        taken = False
        try:
            result = import_source(source, dry_run=given.dry_run, reason="uploaded")
            taken = not given.dry_run
        finally:
            if not taken:
                _put_back(source, before)
        if taken and waiting:
            _keep(source, given, _not_said_anew(mapping, waiting, given.people))
        return result


def _keep(source: Source, given: Uploaded, waiting: Sequence[Any]) -> None:
    Upload.objects.update_or_create(
        source=source,
        defaults={
            # Those that were sent now first: problems are told by their place.
            "records": zlib.compress(orjson.dumps([*given.people, *waiting]), 3),
            "complete": given.complete,
            "uploaded_at": now(),
        },
    )


def _waiting(source: Source) -> list[Any]:
    """What a guard holds of those that changed."""
    kept = Upload.objects.filter(source=source, complete=False).first()
    runs = Run.objects.filter(kind=RunKind.IMPORT, subject=source.slug)
    last = runs.exclude(reason=DRY_RUN).exclude(state=RunState.FAILED).order_by("-pk")
    if kept is None or last.values_list("state", flat=True).first() != RunState.HELD:
        return []
    records = orjson.loads(zlib.decompress(kept.records))
    return [one for one in records if isinstance(one, dict)]


def _not_said_anew(mapping: RowMapping, waiting: Sequence[Any], new: Sequence[Any]) -> list[Any]:
    """Of the first those of which the second say nothing that could be taken. Of two of one record
    the last counts."""
    said: set[tuple[str, str]] = set()
    for record in new:
        if names := _names(mapping, record):
            row = Row(0, flat(record))
            with suppress(BadRow):
                mapping.mapped(row, mapping.key(row), b"", None, now())
                said |= names
    return [one for one in waiting if said.isdisjoint(_names(mapping, one))]


def _names(mapping: RowMapping, record: Any) -> set[tuple[str, str]]:
    """What a record is known by: its employee number, and its id where it has one."""
    if not isinstance(record, dict):
        return set()
    values = flat(record)
    found = {("id", values["id"])} if values.get("id") else set()
    with suppress(BadRow):
        found.add(("key", mapping.key(Row(0, values))))
    return found


def told(result: ImportResult, given: Uploaded) -> dict[str, Any]:
    """The answer to whoever uploaded it."""
    return {
        "run": result.run.pk,
        "complete": given.complete,
        "dry_run": given.dry_run,
        "held": result.held,
        "message": result.run.message,
        "counts": dict(result.counts),
        "problems": [
            {
                "record": issue.line,
                "key": issue.key,
                "severity": issue.severity,
                "message": issue.message,
            }
            for issue in result.issues[:_MOST_TOLD]
        ],
        "problems_more": max(0, len(result.issues) - _MOST_TOLD),
        "changes": [change.as_json() for change in result.changes],
    }


def _put_back(source: Source, before: Upload | None) -> None:
    """A dry run leaves nothing behind."""
    Upload.objects.filter(source=source).delete()
    if before is not None:
        before.pk = None
        before.save(force_insert=True)
