"""The job that counts ahead."""

from __future__ import annotations

from procrastinate.contrib.django import app

from tenure.figures.services import count_again


@app.periodic(cron="* * * * * */15")
@app.task(queue="sweep", queueing_lock="figures", name="tenure.count_figures", pass_context=False)
def count(timestamp: int) -> None:
    """Every quarter of a minute, and only where there is much to count."""
    count_again()
