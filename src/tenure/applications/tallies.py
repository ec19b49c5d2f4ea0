"""How many accounts there are, without counting them: sums over the few rows of `AccountTally`,
which triggers keep in the transactions that write accounts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection
from django.db.models import Sum

from tenure.applications.models import AccountTally, Application
from tenure.core.model import Situation

_TOGETHER = """
    WITH gone AS (
        DELETE FROM applications_accounttally
        RETURNING application_id, situation, open, held, delta
    )
    INSERT INTO applications_accounttally (application_id, situation, open, held, delta)
    SELECT application_id, situation, open, held, sum(delta) FROM gone
    GROUP BY application_id, situation, open, held
    HAVING sum(delta) <> 0
"""


@dataclass(frozen=True, slots=True)
class Tally:
    """Accounts of one application in one situation, open ones or closed ones."""

    application: int
    situation: Situation
    open: bool
    count: int


def tallies(applications: Iterable[int] | None = None) -> list[Tally]:
    """Of these applications by id, of all for None. One query."""
    rows = AccountTally.objects.filter(held="")
    if applications is not None:
        rows = rows.filter(application_id__in=list(applications))
    found = rows.order_by().values_list("application_id", "situation", "open")
    return [
        Tally(application, Situation(situation), is_open, count)
        for application, situation, is_open, count in found.annotate(n=Sum("delta"))
        if count
    ]


def holders(applications: Iterable[int] | None = None) -> dict[tuple[int, str], int]:
    """(Application id, entitlement key) -> open accounts that hold it. One query."""
    rows = AccountTally.objects.exclude(held="")
    if applications is not None:
        rows = rows.filter(application_id__in=list(applications))
    found = rows.order_by().values_list("application_id", "held").annotate(n=Sum("delta"))
    return {(application, key): count for application, key, count in found if count}


def linked_and_open(row: Application) -> int:
    """Open accounts of the application that are somebody's."""
    return sum(
        item.count for item in tallies([row.pk]) if item.situation is Situation.LINKED and item.open
    )


def put_together() -> None:
    """One row for each number again. Numbers stay the same, also for who reads meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(_TOGETHER)
