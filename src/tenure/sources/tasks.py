"""Jobs of sources. Wake-ups only: which source is due is read from its row."""

from __future__ import annotations

from procrastinate.contrib.django import app

from tenure.infra.clock import now
from tenure.infra.jobs import defer_once
from tenure.sources import scheduling
from tenure.sources.authorizing import renew_idle
from tenure.sources.models import Source


@app.task(queue="import", name="tenure.import_source", pass_context=False)
def import_source(slug: str) -> None:
    """Import one source; one that is no longer configured is none."""
    source = Source.objects.filter(slug=slug).first()
    if source is not None:
        scheduling.import_due(source)


@app.periodic(cron="* * * * * */10")
@app.task(queue="sweep", queueing_lock="import-due", name="tenure.import_due", pass_context=False)
def import_due(timestamp: int) -> None:
    """What is due."""
    scheduling.queue_due(now(), queue_import)


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


def queue_import(slug: str) -> None:
    """Have the source imported soon; one job that waits already is enough."""
    defer_once(import_source, queueing_lock=f"import {slug}", slug=slug)
