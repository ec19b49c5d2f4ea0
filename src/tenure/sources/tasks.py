"""Jobs of sources: refresh tokens that nobody uses are kept alive."""

from __future__ import annotations

from procrastinate.contrib.django import app

from tenure.infra.clock import now
from tenure.sources.authorizing import renew_idle


@app.periodic(cron="27 * * * *")
@app.task(
    queue="sweep",
    queueing_lock="renew-idle-sources",
    name="tenure.renew_idle_sources",
    pass_context=False,
)
def renew(timestamp: int) -> None:
    """Once an hour."""
    renew_idle(now())
