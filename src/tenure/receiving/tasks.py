"""Jobs of what is received. Wake-ups only: what waits is read from its table."""

from __future__ import annotations

from procrastinate.contrib.django import app

from tenure.infra.clock import now
from tenure.receiving import hints


@app.task(queue="hints", name="tenure.take_hints", pass_context=False)
def take_hints(slug: str) -> None:
    """Fetch what the webhooks of one source name."""
    hints.take(slug)


@app.periodic(cron="* * * * * */10")
@app.task(queue="sweep", queueing_lock="wake-hints", name="tenure.wake_hints", pass_context=False)
def wake_hints(timestamp: int) -> None:
    """What a lost wake-up left behind."""
    hints.wake_waiting(now())


@app.periodic(cron="37 * * * *")
@app.task(queue="sweep", queueing_lock="tidy-hints", name="tenure.tidy_hints", pass_context=False)
def tidy(timestamp: int) -> None:
    """Once an hour."""
    hints.tidy(now())
