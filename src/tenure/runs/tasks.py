"""The job that forgets what runs complained about."""

from __future__ import annotations

from procrastinate.contrib.django import app

from tenure.infra.clock import now
from tenure.runs.tidying import forget_issues


@app.periodic(cron="11 3 * * *")
@app.task(queue="sweep", queueing_lock="tidy-runs", name="tenure.tidy_runs", pass_context=False)
def tidy(timestamp: int) -> None:
    """Every night."""
    forget_issues(now())
