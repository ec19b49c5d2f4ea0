"""Whether an application accepts us: stopped with the reason, probed with back-off, resumed."""

from __future__ import annotations

import logging
from datetime import timedelta

from asgiref.sync import sync_to_async
from django.db import transaction

from tenure.applications.connecting import connector_for
from tenure.applications.models import Application, Health
from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.connectors.base import Check, ConnectorError
from tenure.infra.clock import now

log = logging.getLogger(__name__)

_FIRST_PROBE = 15.0
_LONGEST = 1800.0
_HEALTH = ["health", "stopped_reason", "stopped_at", "stopped_on", "probe_at", "probes"]


@transaction.atomic
def stop(application: Application, reason: str, *, on: str = "") -> None:
    """Send nothing more until what failed works again. What waits keeps waiting, unfailed. `on`:
    the kind of operation that was not accepted, "" where it cannot be opened or read at all."""
    row = Application.objects.select_for_update(no_key=True).get(pk=application.pk)
    was_well = row.health == Health.OK
    row.health, row.stopped_reason = Health.STOPPED, reason
    row.stopped_at = row.stopped_at or now()
    row.stopped_on = on or row.stopped_on
    row.probe_at = now() + timedelta(seconds=min(_LONGEST, _FIRST_PROBE * 2 ** min(row.probes, 16)))
    row.probes += 1
    row.save(update_fields=_HEALTH)
    if was_well:
        record(
            Action.APPLICATION_STOPPED,
            subject_kind="application",
            subject_key=row.slug,
            subject_label=row.name,
            application=row.slug,
            reason=reason,
        )


@transaction.atomic
def resume(application: Application, *, proven: bool = True) -> None:
    """It works again. Not `proven`: nothing that failed could be tried, so that the next time it
    fails it is left alone for longer than the last time."""
    row = Application.objects.select_for_update(no_key=True).get(pk=application.pk)
    if row.health == Health.OK:
        return
    row.health, row.stopped_reason, row.stopped_at = Health.OK, "", None
    row.probe_at, row.stopped_on = None, ""
    row.probes = 0 if proven else row.probes
    row.save(update_fields=_HEALTH)
    record(
        Action.APPLICATION_RESUMED,
        subject_kind="application",
        subject_key=row.slug,
        subject_label=row.name,
        application=row.slug,
    )


def readable(application: Application) -> None:
    """It could be read. That says nothing of writing: if that is what failed, it is tried soon."""
    row = Application.objects.get(pk=application.pk)
    if row.stopped_on:
        Application.objects.filter(pk=row.pk, health=Health.STOPPED).update(probe_at=now())
    else:
        resume(row)


def works(application: Application) -> None:
    """Something was done there: whatever it refused before is over."""
    Application.objects.filter(pk=application.pk, health=Health.OK).exclude(probes=0).update(
        probes=0
    )


async def check(application: Application) -> list[Check]:
    """The connection check of its connector: what works, and what to do about what does not."""
    try:
        # Its secrets may be in the vault, which is a table.
        connector = await sync_to_async(connector_for)(application)
    except (LookupError, ValueError) as error:
        return [Check("configuration", ok=False, detail=str(error))]
    try:
        async with connector:
            return await connector.check()
    except ConnectorError as error:
        return [Check("connection", ok=False, detail=str(error))]
    except Exception as error:
        # Nobody's fault but the connector's; whoever asked is told all the same.
        log.exception("The check of %s failed.", application.slug)
        return [Check("connector", ok=False, detail=f"{type(error).__name__}: {error}")]
