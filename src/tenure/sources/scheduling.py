"""Imports that begin by themselves: when each source is due, and what becomes of one that fails.

A source that is due gets a job, in the transaction that says when it is due next; a job whose
worker dies is done by another. One that fails is tried again with growing pauses, or when the
source said so; the sentence that it failed with is kept until an import succeeds.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from tenure.audit.services import acting
from tenure.core.lifecycle import zone
from tenure.core.schedules import schedule_from, waits
from tenure.infra.clock import now
from tenure.people.services import company
from tenure.readers.base import ReaderBusy, ReaderError
from tenure.sources.importing import ImportResult, import_source
from tenure.sources.models import Source
from tenure.sources.seen import AlreadyImporting

SCHEDULE = "schedule"
#: What is held waits for a person: reading it again and again tells nobody more.
_HELD = timedelta(hours=1)
#: A source that is busy is complained about after so many times in a row.
_BUSY = 4
#: While something is done continuously it is looked at again after so long, whatever happens.
_SAFETY = timedelta(hours=1)


def queue_due(at: datetime, queue: Callable[[str], None]) -> int:
    """Have every source imported that is due. Returns how many."""
    count = 0
    due = Source.objects.exclude(schedule={}).filter(Q(due_at=None) | Q(due_at__lte=at))
    for pk in list(due.values_list("pk", flat=True)):
        with transaction.atomic():
            source = (
                Source.objects.select_for_update(skip_locked=True)
                .filter(Q(due_at=None) | Q(due_at__lte=at), pk=pk)
                .first()
            )
            if source is None:
                continue
            source.due_at = _next(source, at)
            source.save(update_fields=["due_at"])
            queue(source.slug)
            count += 1
    return count


def import_due(source: Source) -> ImportResult | None:
    """One import by schedule. None where it failed or another one is under way. Raises nothing
    that has to do with the source: what went wrong is kept with it."""
    try:
        with acting(SCHEDULE):
            result = import_source(source, reason=SCHEDULE)
    except AlreadyImporting:
        return None
    except ReaderBusy as error:
        failed(source, str(error), again=error.after, busy=True)
        return None
    except (ReaderError, LookupError, ValueError, OSError) as error:
        failed(source, str(error))
        return None
    except Exception as error:
        failed(source, f"{type(error).__name__}: {error}")
        raise
    at = now()
    if result.held:
        _postpone(source, at + _HELD)
    elif schedule_from(source.schedule).continuous:
        Source.objects.filter(pk=source.pk).update(due_at=_after(source, at))
    return result


def failed(source: Source, reason: str, *, again: float | None = None, busy: bool = False) -> None:
    """It could not be read. It is tried again after a while, or when it asked to be."""
    at = now()
    rows = Source.objects.filter(pk=source.pk)
    rows.update(failures=F("failures") + 1)
    source.refresh_from_db(fields=["failures", "schedule", "due_at", "failed_at"])
    if not busy or source.failures >= _BUSY:
        rows.update(failed_reason=reason)
    rows.update(failed_at=source.failed_at or at)
    if source.schedule:
        due = at + waits(source.failures, again)
        # A weekly import that fails is not a week away; one that asks for peace gets it.
        rows.update(due_at=due if again or source.due_at is None else min(due, source.due_at))


def _postpone(source: Source, until: datetime) -> None:
    rows = Source.objects.filter(pk=source.pk).exclude(schedule={})
    rows.filter(due_at__lt=until).update(due_at=until)


def _next(source: Source, at: datetime) -> datetime:
    """The next time, as long as the one that is due now goes on."""
    following = _after(source, at)
    return at + _SAFETY if schedule_from(source.schedule).continuous else following


def _after(source: Source, at: datetime) -> datetime:
    return schedule_from(source.schedule).after(at, zone(company().time_zone))
