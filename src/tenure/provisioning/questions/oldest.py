"""What waits longest of all that could be sent."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F
from django.db.models.functions import Greatest

from tenure.core.model import OperationState
from tenure.provisioning.models import Operation

_COULD_BE_SENT = (
    OperationState.PLANNED.value,
    OperationState.RETRYING.value,
    OperationState.UNKNOWN.value,
)


def waits_longest(at: datetime) -> tuple[str, datetime] | None:
    """The application of the operation that waits longest, and since when; what is put off until
    later, by a failure or a policy, is not counted before."""
    rows = Operation.objects.filter(state__in=_COULD_BE_SENT).exclude(not_before__gt=at)
    rows = rows.annotate(since=Greatest("created_at", F("not_before"))).order_by("since", "pk")
    return rows.values_list("application__slug", "since").first()
