"""The job that tells."""

from __future__ import annotations

from procrastinate.contrib.django import app

from tenure.notices.services import tell


@app.periodic(cron="* * * * * */30")
@app.task(
    queue="mail", lock="notices", queueing_lock="notices", name="tenure.tell", pass_context=False
)
def tell_what_waits(timestamp: int) -> None:
    """Twice a minute, one at a time: two would tell the same thing twice."""
    tell()
