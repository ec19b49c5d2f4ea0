"""Jobs of setting up: an import that somebody asked for on a page, and files that are left over."""

from __future__ import annotations

import logging

from procrastinate.contrib.django import app

from tenure.audit.services import acting
from tenure.infra.jobs import defer_once
from tenure.readers.base import ReaderError
from tenure.setup import uploads
from tenure.setup.looking import takes_file
from tenure.sources.importing import import_source
from tenure.sources.models import Source

log = logging.getLogger(__name__)


@app.task(queue="import", name="tenure.import_source_by_hand", pass_context=False)
def import_now(slug: str, actor: str, accept: str = "") -> None:
    """Read the source whole, as this administrator. What goes wrong is told by its run."""
    source = Source.objects.filter(slug=slug).first()
    if source is None:
        return
    with acting(actor), uploads.as_file(slug) as file:
        given = file if takes_file(source.reader) else None
        try:
            result = import_source(source, file=given, accept=accept)
        except (ReaderError, ValueError) as error:
            log.warning("Import of %s: %s", slug, error)
            return
    # What is held is read again once somebody has accepted it.
    if given is not None and not result.held:
        uploads.forget(slug)


def queue_import(slug: str, *, actor: str, accept: str = "") -> bool:
    """Read the source as soon as a worker is free; False where one waits already."""
    return defer_once(
        import_now, queueing_lock=f"import {slug}", slug=slug, actor=actor, accept=accept
    )


@app.periodic(cron="41 * * * *")
@app.task(
    queue="sweep", queueing_lock="tidy-uploads", name="tenure.tidy_uploads", pass_context=False
)
def tidy(timestamp: int) -> None:
    """Once an hour."""
    uploads.tidy()
