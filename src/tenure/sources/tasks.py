"""Jobs of sources. Wake-ups only: which source is due is read from its row."""

from __future__ import annotations

from procrastinate.contrib.django import app

from tenure.audit.services import acting
from tenure.infra.clock import now
from tenure.infra.jobs import defer_once
from tenure.people.models import Person
from tenure.sources import pairing, scheduling
from tenure.sources.authorizing import authorised
from tenure.sources.models import Source
from tenure.vault.authorizing import renew_idle


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
    renew_idle(authorised(), now())


@app.task(queue="import", name="tenure.find_pairs", pass_context=False)
def find_pairs(actor: str, names_too: bool = False) -> None:
    """Look for people who are here twice, as whoever asked for it."""
    with acting(actor):
        pairing.look(names_too=names_too)


@app.periodic(cron="23 2 * * *")
@app.task(
    queue="import",
    queueing_lock="find-pairs-nightly",
    name="tenure.find_pairs_nightly",
    pass_context=False,
)
def find_pairs_nightly(timestamp: int) -> None:
    """Every night, where there is anybody."""
    if Person.objects.exists():
        pairing.look()


def queue_find_pairs(*, actor: str, names_too: bool = False) -> bool:
    """Look as soon as a worker is free; False where a search waits already."""
    return defer_once(find_pairs, queueing_lock="find pairs", actor=actor, names_too=names_too)


def queue_import(slug: str) -> None:
    """Have the source imported soon; one job that waits already is enough."""
    defer_once(import_source, queueing_lock=f"import {slug}", slug=slug)
