"""What of signals is shown to administrators."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from django.db.models import Count

from tenure.figures.services import figure, register
from tenure.signals import listening
from tenure.signals.models import Heard, Receiver, Signal, Transmitter

_LAST: Final = 50
_SIGNALS: Final = "signals of streams"


def receivers() -> list[dict[str, Any]]:
    """Who is told, how the stream of each stands, and how many signals came to what: of a great
    many as it was a moment ago."""
    state, counted = Signal.State, _by_stream()
    found = []
    for row in Receiver.objects.select_related("application", "stream"):
        stream = getattr(row, "stream", None)
        counts = counted.get(str(stream.pk), {}) if stream else {}
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
                "waiting": counts.get(state.WAITING, 0) + counts.get(state.HELD, 0),
                "delivered": counts.get(state.DELIVERED, 0),
                "refused": counts.get(state.REFUSED, 0) + counts.get(state.DROPPED, 0),
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


def _by_stream() -> dict[str, dict[str, int]]:
    """Id of a stream, as text -> how many of its signals are in each state."""
    found: dict[str, dict[str, int]] = figure(_SIGNALS, table="signals_signal")
    return found


def _count_signals() -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    rows = Signal.objects.order_by().values_list("stream", "state").annotate(n=Count("pk"))
    for stream, state, count in rows:
        found.setdefault(str(stream), {})[state] = count
    return found


register(_SIGNALS, _count_signals)
