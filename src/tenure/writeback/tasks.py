"""Jobs of writing back. Wake-ups only: what is to be written is read from its table."""

from __future__ import annotations

from procrastinate.contrib.django import app

from tenure.infra.clock import now
from tenure.sources.models import Source
from tenure.writeback import asking, delivery
from tenure.writeback.models import WriteBack


@app.task(queue="notices", name="tenure.write_back", pass_context=False)
def write_back(slug: str) -> None:
    """Write what is due into one source; one that is no longer configured is none."""
    source = Source.objects.filter(slug=slug).first()
    if source is not None:
        delivery.write_due(source)


@app.periodic(cron="* * * * * */10")
@app.task(queue="sweep", queueing_lock="write-backs", name="tenure.write_backs", pass_context=False)
def sweep(timestamp: int) -> None:
    """What is due and nobody writes: what is tried again, and what a lost job left."""
    due = WriteBack.objects.filter(state=WriteBack.State.WAITING, not_before__lte=now())
    for source in Source.objects.filter(pk__in=due.values("source")):
        if delivery.may_write(source):
            asking.wake(source.slug)
