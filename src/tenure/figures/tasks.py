"""Jobs: what is counted ahead, and how large the database is."""

from __future__ import annotations

from procrastinate.contrib.django import app

from tenure.figures import growth
from tenure.figures.services import count_again
from tenure.infra.clock import now


@app.periodic(cron="* * * * * */15")
@app.task(queue="sweep", queueing_lock="figures", name="tenure.count_figures", pass_context=False)
def count(timestamp: int) -> None:
    """Every quarter of a minute, and only where there is much to count."""
    count_again()


@app.periodic(cron="7 * * * *")
@app.task(queue="sweep", queueing_lock="growth", name="tenure.note_growth", pass_context=False)
def note_growth(timestamp: int) -> None:
    """Once an hour; a day's last look is kept."""
    growth.note(now())
