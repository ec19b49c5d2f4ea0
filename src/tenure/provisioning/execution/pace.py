"""How long it takes from what HR says to what is done, and what happened in a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import connection
from django.db.models import Count

from tenure.audit.models import Action, Event
from tenure.core.model import OperationState
from tenure.figures.services import figure, register
from tenure.infra.clock import now

#: Of the operations done lately so many are looked at.
_LATEST: Final = 2_000
_DAYS: Final = 7
_CAUSES: Final = (
    Action.PERSON_ADDED,
    Action.PERSON_CHANGED,
    Action.PERSON_STATE_CHANGED,
    Action.PERSON_TERMINATED,
)
_PACE, _LAST_DAY = "from HR to done", "happened in a day"


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds from a person's change to the account that follows from it: half of them took no
    longer than `p50`, nineteen of twenty no longer than `p95`; of `count` operations."""

    p50: float
    p95: float
    count: int


def pace() -> Pace | None:
    """Of the last week; None where nothing that HR said was carried out."""
    found = figure(_PACE, table="provisioning_operation")
    return Pace(*found) if found else None


def last_day() -> dict[str, int]:
    """Action -> how often it happened in the last 24 hours."""
    found: dict[str, int] = figure(_LAST_DAY, table="audit_event")
    return found


def _pace() -> list[float] | None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH done AS (
                SELECT operation.finished_at, operation.created_at, person.uid
                FROM (
                    SELECT * FROM provisioning_operation
                    WHERE state = %s AND person_id IS NOT NULL ORDER BY id DESC LIMIT %s
                ) AS operation
                JOIN people_person AS person ON person.id = operation.person_id
                WHERE operation.finished_at > %s
            ), taken AS (
                SELECT extract(epoch FROM done.finished_at - cause.at) AS seconds
                FROM done, LATERAL (
                    SELECT at FROM audit_event
                    WHERE person = done.uid::text AND action = ANY(%s) AND at <= done.created_at
                    ORDER BY id DESC LIMIT 1
                ) AS cause
                -- What somebody changed in a rule later has nothing to do with HR.
                WHERE done.created_at - cause.at < interval '1 day'
            )
            SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds),
                   percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds), count(*)
            FROM taken
            """,
            [
                OperationState.DONE.value,
                _LATEST,
                now() - timedelta(days=_DAYS),
                [action.value for action in _CAUSES],
            ],
        )
        half, most, count = cursor.fetchone()
    return [float(half), float(most), int(count)] if count else None


def _last_day() -> dict[str, int]:
    at = now()
    rows = Event.objects.filter(at__gte=at - timedelta(hours=24)).order_by()
    return dict(rows.values_list("action").annotate(n=Count("pk")))


register(_PACE, _pace)
register(_LAST_DAY, _last_day)
