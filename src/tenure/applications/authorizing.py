"""Applications as whoever authorises us by OAuth; what is done about it: `vault.authorizing`."""

from __future__ import annotations

from tenure.applications.models import Application, Authorization
from tenure.vault.parties import APPLICATION, Party


def party(application: Application) -> Party:
    """The application as whoever authorises us."""
    return Party(
        kind=APPLICATION,
        owner=application,
        slug=application.slug,
        name=application.name,
        oauth=application.oauth,
        rows=Authorization,
    )


def authorised() -> list[Party]:
    """Those whose authorisation was not refused since."""
    rows = Authorization.objects.filter(refused_at=None).select_related("application")
    return [party(row.application) for row in rows.order_by("pk")]
