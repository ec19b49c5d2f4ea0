"""Whether an application accepts us: stopped with the reason, probed with back-off, resumed."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from tenure.applications.connecting import connector_for
from tenure.applications.models import Application, Health
from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.connectors.base import Check, ConnectorError
from tenure.infra.clock import now

_FIRST_PROBE = 15.0
_LONGEST = 1800.0


@transaction.atomic
def stop(application: Application, reason: str) -> None:
    """Send nothing more until a probe succeeds. What waits keeps waiting, unfailed."""
    row = Application.objects.select_for_update().get(pk=application.pk)
    was_well = row.health == Health.OK
    row.health, row.stopped_reason = Health.STOPPED, reason
    row.stopped_at = row.stopped_at or now()
    row.probe_at = now() + timedelta(seconds=min(_LONGEST, _FIRST_PROBE * 2**row.probes))
    row.probes += 1
    row.save(update_fields=["health", "stopped_reason", "stopped_at", "probe_at", "probes"])
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
def resume(application: Application) -> None:
    """It works again."""
    row = Application.objects.select_for_update().get(pk=application.pk)
    if row.health == Health.OK:
        return
    row.health, row.stopped_reason, row.stopped_at = Health.OK, "", None
    row.probe_at, row.probes = None, 0
    row.save(update_fields=["health", "stopped_reason", "stopped_at", "probe_at", "probes"])
    record(
        Action.APPLICATION_RESUMED,
        subject_kind="application",
        subject_key=row.slug,
        subject_label=row.name,
        application=row.slug,
    )


async def check(application: Application) -> list[Check]:
    """The connection check of its connector: what works, and what to do about what does not."""
    try:
        connector = connector_for(application)
    except (LookupError, ValueError) as error:
        return [Check("configuration", ok=False, detail=str(error))]
    try:
        async with connector:
            return await connector.check()
    except ConnectorError as error:
        return [Check("connection", ok=False, detail=str(error))]
