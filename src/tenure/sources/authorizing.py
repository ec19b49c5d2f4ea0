"""Sources as whoever authorises us by OAuth; what is done about it is in `vault.authorizing`."""

from __future__ import annotations

from tenure.infra.clock import now
from tenure.people.credentials import Warned, told_of
from tenure.sources.models import Source, SourceAuthorization
from tenure.vault.parties import SOURCE, Party


def party(source: Source) -> Party:
    """The source as whoever authorises us."""
    return Party(
        kind=SOURCE,
        owner=source,
        slug=source.slug,
        name=source.name,
        oauth=source.oauth,
        rows=SourceAuthorization,
    )


def authorised() -> list[Party]:
    """Those whose authorisation was not refused since."""
    rows = SourceAuthorization.objects.filter(refused_at=None).select_related("source")
    return [party(row.source) for row in rows.order_by("pk")]


def warnings() -> list[Warned]:
    """What of the credentials of sources is to be mended, what does not work now first."""
    rows = Source.objects.exclude(expires={}, oauth={})
    return told_of([(party(row), row.expires) for row in rows], now().date())
