"""Reading applications again and again, so that what somebody does there is seen: an account that
is opened again, changed or deleted, one that is nobody's.

An application is read once a day, counted from when it was last read, whoever asked for that. What
follows from it is planned as ever, and the policies of drift and of orphans decide.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db.models import DateTimeField, OuterRef, Q, QuerySet, Subquery

from tenure.applications.models import Application, Health
from tenure.runs.models import Run, RunKind

EVERY: Final = timedelta(days=1)
#: A reading that failed, or is still going on, is not begun again sooner than this.
AGAIN: Final = timedelta(hours=1)
#: What is done by hand has nothing to be read.
_BY_HAND: Final = "manual"


def due(at: datetime) -> QuerySet[Application]:
    """Those that have not been read for a day, the longest unread first. Not one that nobody has
    read yet: its first contact is begun by whoever adds it, or by what is to be sent there. Nor one
    that is stopped: it is read when it works again."""
    last = Run.objects.filter(kind=RunKind.RECONCILE, subject=OuterRef("slug")).order_by("-id")
    touched = Subquery(last.values("touched_at")[:1], output_field=DateTimeField())
    return (
        Application.objects.filter(health=Health.OK, reconciled_at__lte=at - EVERY)
        .exclude(connector=_BY_HAND)
        .annotate(tried_at=touched)
        .filter(Q(tried_at=None) | Q(tried_at__lte=at - AGAIN))
        .order_by("reconciled_at", "pk")
    )
