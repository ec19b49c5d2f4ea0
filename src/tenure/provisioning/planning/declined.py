"""What is due and not planned because a person said so: they cancelled a run before it was sent, or
rejected what a guard held. That stands until what is due changes, so whoever looks at a plan is
told: nothing to do is not the same as everything as it should be.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.db.models import Case, Count, F, Max, Q, Value, When

from tenure.applications.models import Application
from tenure.provisioning.models import Operation
from tenure.provisioning.planning.drafting import Scope
from tenure.provisioning.planning.ledger import REJECTED
from tenure.provisioning.records.plan import Declined, PlanLine
from tenure.runs.models import RunState


def declined(
    scope: Scope,
    here: Iterable[Application],
    over: Collection[int],
    rejected: Iterable[PlanLine],
) -> tuple[Declined, ...]:
    """In these applications, by application, run and decision. `over` are ids of operations that
    are not due any more. Of nobody's accounts only those count that are among `rejected`."""
    # All applications, named: the index begins with them.
    rows = Operation.objects.filter(REJECTED, application__in=[row.pk for row in here])
    if scope.person is not None:
        rows = rows.filter(person=scope.person)
    if scope.people is not None:
        rows = rows.filter(person__in=scope.people)
    nobodys = {line.account_id for line in rejected if line.person_id is None}
    rows = rows.filter(Q(person__isnull=False) | Q(account__in=nobodys)).exclude(pk__in=over)
    # A cancellation and what it kept back have one instant; see `decisions.steering`.
    cancelled = When(
        run__state=RunState.CANCELLED.value,
        run__finished_at=F("finished_at"),
        then=Value(value=True),
    )
    grouped = (
        rows.annotate(cancelled=Case(cancelled, default=Value(value=False)))
        .values("application__slug", "application__name", "run", "cancelled")
        .annotate(
            n=Count("pk"),
            at=Max("finished_at"),
            by=Max("decided_by"),
            why=Max("decided_reason"),
            deciders=Count("decided_by", distinct=True),
            whys=Count("decided_reason", distinct=True),
        )
        .order_by("application__name", "application__slug", "at", "run")
    )
    return tuple(
        Declined(
            application=row["application__slug"],
            application_name=row["application__name"],
            count=row["n"],
            run=row["run"],
            cancelled=row["cancelled"],
            # Of several decisions none is told for all of them: each operation has its own.
            by=row["by"] if row["deciders"] == 1 else "",
            reason=row["why"] if row["whys"] == 1 else "",
            at=row["at"],
        )
        for row in grouped
    )
