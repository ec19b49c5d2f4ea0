"""What a person decides about writing back: that what is held is right or wrong, that what failed
is tried again, and that everybody who lacks something gets it."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet

from tenure.audit.models import Action
from tenure.audit.services import record as tell
from tenure.infra.clock import now
from tenure.sources.models import Source
from tenure.writeback.asking import ask_for, wake
from tenure.writeback.models import Pause, WriteBack
from tenure.writeback.previewing import preview


@transaction.atomic
def accept(source: Source, *, reason: str) -> int:
    """What is held is written. Returns how many records that is."""
    count = _of(source, WriteBack.State.HELD).update(
        state=WriteBack.State.WAITING, approved=True, reason="", not_before=now()
    )
    if count:
        _record(Action.WRITE_BACK_APPROVED, source, reason, count)
        wake(source.slug)
    return count


@transaction.atomic
def reject(source: Source, *, reason: str) -> int:
    """What is held is forgotten, until those people are called otherwise. Returns how many."""
    count, _ = _of(source, WriteBack.State.HELD).delete()
    if count:
        _record(Action.WRITE_BACK_REJECTED, source, reason, count)
    return count


@transaction.atomic
def retry(source: Source, *, reason: str = "") -> int:
    """What failed or waits is tried now, whatever the source said. Returns how many records."""
    at = now()
    Pause.objects.filter(source=source).update(until=at)
    failed = _of(source, WriteBack.State.FAILED).update(
        state=WriteBack.State.WAITING, tries=0, asked_at=at, settled_at=None
    )
    count = _of(source, WriteBack.State.WAITING).update(not_before=at)
    if count:
        _record(Action.WRITE_BACK_RETRIED, source, reason, failed)
        wake(source.slug)
    return count


def write_all(source: Source, *, reason: str) -> int:
    """Everybody whose record lacks it gets it: the records are read first. Returns how many. Raises
    `ReaderError`."""
    found = preview(source).lacking
    with transaction.atomic():
        count = ask_for(source, {one.record: one.person for one in found}, now(), approved=True)
        if count:
            _record(Action.WRITE_BACK_APPROVED, source, reason, count)
    return count


def _of(source: Source, state: WriteBack.State) -> QuerySet[WriteBack]:
    return WriteBack.objects.filter(source=source, state=state)


def _record(action: Action, source: Source, reason: str, count: int) -> None:
    tell(
        action,
        subject_kind="source",
        subject_key=source.slug,
        subject_label=source.name,
        reason=reason,
        after={"records": count},
    )
