"""What an application taught us of its limits, kept from one drain to the next: whoever comes next,
in whatever process, starts at the pace that was found, and minds a pause that was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tenure.applications.models import Application
from tenure.connectors.base import Learnt, Pace


@dataclass(frozen=True, slots=True)
class Told:
    """For one kind of request: so many a second, none before `paused_until`."""

    kind: str
    rate: float | None
    paused_until: datetime | None

    def __str__(self) -> str:
        parts = [f"{self.rate:.1f} {self.kind} a second"] if self.rate else []
        if self.paused_until is not None:
            parts.append(f"no {self.kind} before {self.paused_until:%-d %b %H:%M:%S %Z}")
        return ", ".join(parts)


def learnt(application: Application) -> Learnt:
    """As it was kept."""
    return Learnt(**{kind: _pace(application.learnt.get(kind)) for kind in ("reads", "writes")})


def keep(application: Application, now: Learnt) -> None:
    """Store what was learnt, where it is something else."""
    document = {kind: _document(getattr(now, kind)) for kind in ("reads", "writes")}
    document = {kind: told for kind, told in document.items() if told}
    if document != application.learnt:
        application.learnt = document
        Application.objects.filter(pk=application.pk).update(learnt=document)


def told(application: Application, now: datetime) -> list[Told]:
    """What is to be told of it now."""
    found = []
    for kind in ("reads", "writes"):
        pace = _pace(application.learnt.get(kind))
        until = datetime.fromtimestamp(pace.paused_until, UTC)
        paused = until if until > now else None
        if pace.rate is not None or paused is not None:
            found.append(Told(kind, pace.rate, paused))
    return found


def _pace(document: Any) -> Pace:
    if not isinstance(document, dict):
        return Pace()
    rate, until = document.get("rate"), document.get("paused_until")
    return Pace(
        rate=float(rate) if rate else None,
        paused_until=datetime.fromisoformat(until).timestamp() if until else 0.0,
    )


def _document(pace: Pace) -> dict[str, Any]:
    document: dict[str, Any] = {}
    if pace.rate is not None:
        document["rate"] = round(pace.rate, 2)
    if pace.paused_until:
        document["paused_until"] = datetime.fromtimestamp(round(pace.paused_until), UTC).isoformat()
    return document
