"""What came of writing one record: kept with it, in the record that it was written into, and in the
audit trail; and for how long a source is left in peace."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from django.db import transaction

from tenure.audit.models import Action
from tenure.audit.services import record as tell
from tenure.core.schedules import waits
from tenure.infra.clock import now
from tenure.people.selectors import HIDDEN, sensitive_attributes
from tenure.sources.models import Source, SourceRecord
from tenure.writeback.models import Pause, WriteBack
from tenure.writeback.writing import Busy, Later, Outcome, Refused, Shut, Written

#: A record that cannot be written for so long is given up, and told.
_PATIENCE: Final = timedelta(days=3)
_TRIES: Final = 10


@transaction.atomic
def settle(row: WriteBack, values: Mapping[str, str], outcome: Outcome) -> bool:
    """Keep what came of it. `values`: attribute -> what was to be written. Returns whether the
    record has that now."""
    fresh = WriteBack.objects.select_for_update().filter(pk=row.pk).first()
    if fresh is None:
        # They are called otherwise by now: that waits as it is.
        _remember(row, values, outcome)
        if isinstance(outcome, Written) and outcome.sent:
            _tell(Action.WRITTEN_BACK, row, "", row.was, outcome.found)
        return False
    fresh.source, fresh.person = row.source, row.person
    match outcome:
        case Written():
            _remember(row, values, outcome)
            _done(fresh, outcome)
            return True
        case Refused():
            _failed(fresh, outcome.reason)
        case Shut() | Busy():
            # It is not the record's fault.
            fresh.tries = max(0, fresh.tries - 1)
            _again(fresh, outcome.reason, timedelta())
        case Later():
            if fresh.tries >= _TRIES or now() - fresh.asked_at > _PATIENCE:
                _failed(fresh, outcome.reason)
            else:
                _again(fresh, outcome.reason, waits(fresh.tries))
    return False


def put_off(row: WriteBack, reason: str, by: timedelta) -> None:
    """Not now, and that is nobody's fault."""
    row.tries = max(0, row.tries - 1)
    _again(row, reason, by)


@transaction.atomic
def pause(
    source: Source, reason: str, *, after: float | None = None, refused: bool = False
) -> None:
    """Leave the source in peace, for longer each time, and never shorter than it asked for."""
    at = now()
    known = Pause.objects.select_for_update().filter(source=source).first()
    tries = known.tries + 1 if known else 1
    Pause.objects.update_or_create(
        source=source,
        defaults={
            "until": at + waits(tries, after),
            "refused": refused,
            "since": known.since if known and known.refused == refused else at,
            "tries": tries,
            "reason": reason,
        },
    )
    if refused and not (known and known.refused):
        tell(
            Action.WRITE_BACK_STOPPED,
            subject_kind="source",
            subject_key=source.slug,
            subject_label=source.name,
            reason=reason,
        )


def _remember(row: WriteBack, values: Mapping[str, str], outcome: Outcome) -> None:
    """What the record has from us, so that it is no news when it is read."""
    if not isinstance(outcome, Written):
        return
    found = SourceRecord.objects.select_for_update().filter(pk=row.record_id).first()
    if found is not None:
        found.written = {**found.written, **values}
        found.save(update_fields=["written"])
    Pause.objects.filter(source=row.source).delete()


def _done(row: WriteBack, outcome: Written) -> None:
    """What was about to be sent when a worker died was sent, if it is there now."""
    sent = outcome.sent or row.sent_at is not None
    if row.sent_at is None:
        row.was = dict(outcome.was)
    row.state, row.reason, row.settled_at = WriteBack.State.DONE, "", now()
    row.found = dict(outcome.found)
    row.save(update_fields=["state", "reason", "settled_at", "was", "found"])
    if sent:
        _tell(Action.WRITTEN_BACK, row, "", row.was, row.found)


def _failed(row: WriteBack, reason: str) -> None:
    row.state, row.reason, row.settled_at = WriteBack.State.FAILED, reason, now()
    row.save(update_fields=["state", "reason", "settled_at"])
    columns = {
        row.source.write_back[n]: v for n, v in row.wanted.items() if n in row.source.write_back
    }
    _tell(Action.WRITE_BACK_FAILED, row, reason, row.was or None, columns)


def _again(row: WriteBack, reason: str, after: timedelta) -> None:
    row.reason, row.not_before = reason, now() + after
    row.save(update_fields=["reason", "not_before", "tries"])


def _tell(
    action: Action,
    row: WriteBack,
    reason: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
) -> None:
    hidden = {c for n, c in row.source.write_back.items() if n in sensitive_attributes()}

    def shown(values: Mapping[str, Any]) -> dict[str, Any]:
        return {n: HIDDEN if n in hidden and v else v for n, v in values.items()}

    tell(
        action,
        subject_kind="person",
        subject_key=str(row.person.uid),
        subject_label=row.person.display_name,
        person=str(row.person.uid),
        reason=f"into {row.source.name}" + (f": {reason}" if reason else ""),
        before=None if before is None else shown(before),
        after=shown(after),
    )
