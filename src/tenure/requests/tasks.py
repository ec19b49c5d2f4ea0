"""The job that looks after requests."""

from __future__ import annotations

from procrastinate.contrib.django import app

from tenure.infra.clock import now
from tenure.requests.sweeping import sweep


@app.periodic(cron="* * * * *")
@app.task(queue="mail", queueing_lock="requests", name="tenure.requests", pass_context=False)
def look_after_requests(timestamp: int) -> None:
    """Once a minute."""
    sweep(now())
