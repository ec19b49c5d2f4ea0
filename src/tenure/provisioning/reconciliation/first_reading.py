"""Reading applications that never were read, or not with all that is asked of their accounts by
now, before anything about them is planned.

What it means that somebody worked in one before us is in `first_contact`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from tenure.applications.models import Application
from tenure.connectors.base import ConnectorError
from tenure.core.model import ApplicationMode
from tenure.provisioning.reconciliation.first_contact import needs_reading
from tenure.provisioning.reconciliation.reconcile import reconcile_by_slug


@dataclass(frozen=True, slots=True)
class Unread:
    """An application that could not be read, and why."""

    application: str
    name: str
    message: str


def read_first(slug: str | None = None) -> list[Unread]:
    """Read every application (or this one) that never was, or not with everything that is asked
    of its accounts now. Returns those that could not be."""
    failed = []
    for application in _unread(slug):
        try:
            asyncio.run(reconcile_by_slug(application.slug))
        except (ConnectorError, LookupError, ValueError) as error:
            failed.append(Unread(application.slug, application.name, str(error)))
    return failed


def _unread(slug: str | None) -> list[Application]:
    rows = Application.objects.filter(mode__in=[mode.value for mode in ApplicationMode])
    if slug is not None:
        rows = rows.filter(slug=slug)
    return [row for row in rows if needs_reading(row)]
