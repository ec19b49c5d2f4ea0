"""Closing what a leaver has is never given up. Where other operations would have failed for good it
failed too, for everybody who looks; but `not_before` says when it comes back by itself: after a
long wait, or as soon as the application was read, or works again. It ends when it is done, a plan
or a person takes its place, or a person says that they did it by hand.

`finished_at` is kept from its first failure: a leaver's removal that has one and is open came back.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q

from tenure.applications.models import Application, Health
from tenure.core.model import OPEN_STATES, ApplicationMode, OperationKind, OperationState
from tenure.core.planner import LEAVER_URGENCY
from tenure.provisioning.models import Operation
from tenure.provisioning.records.waking import queue_drain

_FIRST = timedelta(minutes=10)
_LONGEST = timedelta(hours=6)
#: What was refused as such is hardly taken ten minutes later.
_REFUSED = timedelta(hours=1)
_OPEN = [state.value for state in OPEN_STATES]
_FAILED = OperationState.FAILED.value

#: Said of it before what the application says.
STILL_OPEN = "Still open, and tried again by itself until it is done."
#: Failed, and comes back by itself.
WAITING = Q(state=_FAILED, not_before__isnull=False)
#: Came back, and is being tried.
BACK = Q(
    state__in=[
        OperationState.PLANNED.value,
        OperationState.STARTED.value,
        OperationState.RETRYING.value,
        OperationState.UNKNOWN.value,
    ],
    finished_at__isnull=False,
)


def lasts(row: Operation) -> bool:
    """Whether it closes what a leaver has."""
    removes = OperationKind(row.kind).removes
    return removes and row.urgency <= LEAVER_URGENCY and row.person_id is not None


def comes_back(beyond: int, now: datetime, *, refused: bool) -> datetime:
    """When it is tried again after so many attempts beyond those that every operation has:
    doubling, with jitter."""
    doubled: int = 2 ** min(max(0, beyond), 10)
    wait = max(min(_LONGEST, _FIRST * doubled), _REFUSED if refused else _FIRST)
    return now + wait * random.uniform(0.7, 1.3)


def bring_back(at: datetime) -> int:
    """Let those go again whose time has come, where something can be sent. Where a newer one of
    the same kind is open it is that one's turn."""
    newer = Operation.objects.filter(
        application=OuterRef("application"),
        person=OuterRef("person"),
        kind=OuterRef("kind"),
        state__in=_OPEN,
    )
    due = Operation.objects.filter(
        WAITING,
        not_before__lte=at,
        application__health=Health.OK,
        application__paused_at=None,
        application__mode=ApplicationMode.LIVE.value,
    ).exclude(Exists(newer))
    found = dict(due.order_by("pk").values_list("pk", "application__slug"))
    if not found:
        return 0
    count = 0
    seen: set[tuple[int, int | None, str]] = set()
    for row in Operation.objects.filter(pk__in=found).order_by("-pk"):
        key = (row.application_id, row.person_id, row.kind)
        if key not in seen:
            seen.add(key)
            count += Operation.objects.filter(WAITING, ~Exists(newer), pk=row.pk).update(
                state=OperationState.RETRYING.value, not_before=None
            )
    for slug in sorted(set(found.values())):
        queue_drain(slug)
    return count


def try_soon(application: Application, at: datetime) -> None:
    """The application was read, or works again: whatever stood in the way may be over."""
    Operation.objects.filter(WAITING, application=application, not_before__gt=at).update(
        not_before=at
    )
