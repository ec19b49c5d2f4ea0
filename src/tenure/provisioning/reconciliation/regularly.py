"""Reading applications again and again, so that what somebody does there is seen: an account that
is opened again, changed or deleted, one that is nobody's.

An application is read as often as it says (`reconcile_every`), counted from when it was last read,
whoever asked for that. What follows from it is planned as ever, and the policies of drift and of
orphans decide.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db.models import (
    DateTimeField,
    DurationField,
    ExpressionWrapper,
    F,
    OuterRef,
    Subquery,
    Value,
)
from django.db.models.functions import Greatest, Least
from procrastinate.contrib.django.models import ProcrastinateJob

from tenure.applications.models import Application, Health
from tenure.runs.models import Run, RunKind

#: A reading that failed, or is still going on, is not begun again sooner than this; where it is to
#: be read more often, than that.
AGAIN: Final = timedelta(hours=1)
#: So many at a time: a reading takes as long as the application likes, and what is to be sent needs
#: a place among the jobs of a worker too.
AT_ONCE: Final = 4
#: What is done by hand has nothing to be read.
BY_HAND: Final = "manual"
_JOB: Final = "tenure.reconcile"


def next_readings() -> dict[str, datetime]:
    """Slug -> when it is read next by itself, the longest unread first; in the past if it is due.
    Not one that nobody has read yet: its first contact is begun by whoever adds it, or by what is
    to be sent there. Nor one that is stopped: it is read when it works again."""
    last = Run.objects.filter(kind=RunKind.RECONCILE, subject=OuterRef("slug")).order_by("-id")
    touched = Subquery(last.values("touched_at")[:1], output_field=DateTimeField())
    pause = Least(F("reconcile_every"), Value(AGAIN), output_field=DurationField())
    every = ExpressionWrapper(F("reconciled_at") + F("reconcile_every"), DateTimeField())
    again = ExpressionWrapper(F("touched_at") + pause, DateTimeField())
    rows = Application.objects.filter(health=Health.OK).exclude(connector=BY_HAND)
    rows = rows.filter(reconciled_at__isnull=False, reconcile_every__isnull=False)
    # The greatest of what there is: of a reading that found nothing no run is kept.
    dated = rows.annotate(touched_at=touched).annotate(next_at=Greatest(every, again))
    return dict(dated.order_by("reconciled_at", "pk").values_list("slug", "next_at"))


def due(at: datetime) -> list[str]:
    """Slugs of those to be read now, the longest unread first: as many as there is room for."""
    jobs = ProcrastinateJob.objects.filter(task_name=_JOB, status__in=["todo", "doing"])
    under_way = {job.args["slug"] for job in jobs}
    found = [slug for slug, when in next_readings().items() if when <= at and slug not in under_way]
    return found[: max(0, AT_ONCE - len(under_way))]
