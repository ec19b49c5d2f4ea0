"""What of signals is shown to administrators."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from django.db.models import Count, Q

from tenure.signals import listening
from tenure.signals.models import Heard, Receiver, Signal, Transmitter

_LAST: Final = 50


def receivers() -> list[dict[str, Any]]:
    """Who is told, how the stream of each stands, and how many signals came to what."""
    state = Signal.State
    rows = Receiver.objects.select_related("application", "stream").annotate(
        waiting=_count(state.WAITING, state.HELD),
        delivered=_count(state.DELIVERED),
        refused=_count(state.REFUSED, state.DROPPED),
    )
    found = []
    for row in rows:
        stream = getattr(row, "stream", None)
        found.append(
            {
                "name": row.slug,
                "label": row.name,
                "application": row.application.slug if row.application else "",
                "subjects": row.subjects,
                "audience": row.audience,
                "status": stream.status if stream else "",
                "status_reason": stream.status_reason if stream else "",
                "delivery": stream.get_method_display() if stream else "",
                "address": stream.address if stream else "",
                "host": urlsplit(stream.address).netloc if stream else "",
                "waiting": row.waiting,
                "delivered": row.delivered,
                "refused": row.refused,
                "last_used_at": row.last_used_at,
                "expires_at": row.expires_at,
            }
        )
    return found


def transmitters() -> list[dict[str, Any]]:
    """Whom we listen to, and what is done of what they say."""
    return [
        {
            "name": row.slug,
            "label": row.name,
            "issuer": row.issuer,
            "audience": row.audience,
            "policy": listening.policy_of(row),
            "last_heard_at": row.last_heard_at,
            "last_refused_at": row.last_refused_at,
            "last_refusal": row.last_refusal,
        }
        for row in Transmitter.objects.all()
    ]


def heard() -> list[dict[str, Any]]:
    """The last that others told us, the newest first."""
    rows = Heard.objects.select_related("transmitter", "person")[:_LAST]
    return [
        {
            "at": row.at,
            "transmitter": row.transmitter.slug,
            "event": row.kind,
            "person": row.person.display_name if row.person else "",
            "person_uid": str(row.person.uid) if row.person else "",
            "done": row.done,
            "detail": row.detail,
        }
        for row in rows
    ]


def _count(*states: str) -> Count:
    return Count("stream__signals", filter=Q(stream__signals__state__in=states))
