"""Records that a script uploads: kept, and imported at once through the same guards as any other.

All of the source's people, or some of them: an upload says which. What a guard holds stays kept,
so that a person who agrees to it takes exactly that (`tenure import SLUG --accept 'why'`).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from tenure.infra.clock import now
from tenure.sources import seen
from tenure.sources.importing import ImportResult, import_source
from tenure.sources.models import Source, Upload

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
        Upload.objects.update_or_create(
            source=source,
            defaults={
                "records": zlib.compress(orjson.dumps(given.people), 3),
                "complete": given.complete,
                "uploaded_at": now(),
            },
        )
        try:
            return import_source(source, dry_run=given.dry_run, reason="uploaded")
        finally:
            if given.dry_run:
                _put_back(source, before)


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
