"""Jobs: refresh tokens that nobody uses are kept alive, and tallies are kept short."""

from __future__ import annotations

from procrastinate.contrib.django import app

from tenure.applications import tallies
from tenure.applications.authorizing import authorised
from tenure.infra.clock import now
from tenure.vault.authorizing import renew_idle


@app.periodic(cron="17 * * * *")
@app.task(queue="sweep", queueing_lock="renew-idle", name="tenure.renew_idle", pass_context=False)
def renew(timestamp: int) -> None:
    """Once an hour."""
    renew_idle(authorised(), now())


@app.periodic(cron="* * * * *")
@app.task(queue="sweep", queueing_lock="tallies", name="tenure.tallies", pass_context=False)
def put_tallies_together(timestamp: int) -> None:
    """Once a minute."""
    tallies.put_together()
