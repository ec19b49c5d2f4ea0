"""What is forgotten of runs: what they complained about, row by row, once nobody corrects it any
more. Runs themselves stay, and so does whatever is evidence."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from tenure.runs.models import Run, RunIssue, RunState

#: After the end of the run.
ISSUES_KEPT: Final = timedelta(days=92)
#: Of one transaction, so that nobody waits for it.
_RUNS: Final = 100
#: Of a run that is held or goes on somebody still has to look at them.
_OVER: Final = (RunState.DONE.value, RunState.FAILED.value, RunState.CANCELLED.value)


def forget_issues(at: datetime) -> int:
    """Those of runs that ended long ago; each of these says that it had some. Returns how many."""
    count = 0
    while found := _forget_some(at):
        count += found
    return count


@transaction.atomic
def _forget_some(at: datetime) -> int:
    old = Run.objects.filter(state__in=_OVER, finished_at__lte=at - ISSUES_KEPT)
    with_issues = RunIssue.objects.filter(run__in=old).order_by("run_id").values_list("run_id")
    runs = [pk for (pk,) in with_issues.distinct()[:_RUNS]]
    count, _ = RunIssue.objects.filter(run__in=runs).delete()
    Run.objects.filter(pk__in=runs).update(issues_forgotten_at=at)
    return count
