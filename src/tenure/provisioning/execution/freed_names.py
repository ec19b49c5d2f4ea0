"""Whoever has no account, or not their new name, because somebody else had the name there, gets it
once it is free: nobody has to remember that it failed.

It is free where whoever had it has it no more; where nobody here was seen to have it (some
applications keep the names of deleted accounts), it is tried once after each reading.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from django.db.models import F, QuerySet

from tenure.applications.holding import accounts_called
from tenure.applications.models import Application, Health
from tenure.core.model import ApplicationMode, OperationState
from tenure.people.services import lagging
from tenure.provisioning.models import Operation
from tenure.provisioning.planning import plans
from tenure.provisioning.planning.drafting import Scope
from tenure.provisioning.records.names_held import TAKEN, names

#: So many are looked at in one go; the others come after them.
_MOST: Final = 500


def try_again() -> int:
    """Plan and send again what failed for a name that is free by now. Returns for how many people.
    Whoever has changed since is left to the plan that they wait for."""
    free: dict[str, set[int]] = defaultdict(set)
    for row in _refused().select_related("application")[:_MOST]:
        if _is_free(row):
            free[row.application.slug].add(row.person_id or 0)
    for slug, keys in sorted(free.items()):
        scope = Scope(people=frozenset(keys), application=slug)
        plans.store(scope, reason="the name is free", by_itself=True)
    return len(set().union(*free.values()))


def _refused() -> QuerySet[Operation]:
    applications = Application.objects.filter(
        health=Health.OK, paused_at=None, mode=ApplicationMode.LIVE.value
    )
    return (
        Operation.objects.filter(
            application__in=list(applications.values_list("pk", flat=True)),
            state=OperationState.FAILED.value,
            progress__has_key=TAKEN,
            person__isnull=False,
        )
        .exclude(lagging("person__"))
        # The one that waits longest since it was looked at comes first.
        .order_by(F("finished_at").asc(nulls_first=True), "pk")
    )


def _is_free(row: Operation) -> bool:
    if row.progress[TAKEN]:
        having = accounts_called(names(row), row.application_id)
        return not having.exclude(pk=row.account_id or 0).exists()
    read, failed = row.application.reconciled_at, row.finished_at
    return read is not None and failed is not None and read > failed
