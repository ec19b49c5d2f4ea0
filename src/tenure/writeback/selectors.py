"""How writing back stands: what waits, is held, failed and was written, and why nothing is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, Max, Min

from tenure.infra.clock import now
from tenure.infra.paging import Page, page
from tenure.people.services import company
from tenure.sources.models import Source
from tenure.writeback.models import Pause, WriteBack

State = WriteBack.State


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one source. `still`: why nothing is sent at present, "" if it is; `refused`: because the
    source does not accept us; `until`: when it is tried again by itself. `held_reason`: what the
    guard says."""

    columns: dict[str, str]
    counts: dict[str, int] = field(default_factory=dict)
    still: str = ""
    refused: bool = False
    until: datetime | None = None
    held_reason: str = ""
    last: datetime | None = None

    @property
    def waiting(self) -> int:
        return self.counts.get(State.WAITING, 0)

    @property
    def held(self) -> int:
        return self.counts.get(State.HELD, 0)

    @property
    def failed(self) -> int:
        return self.counts.get(State.FAILED, 0)

    @property
    def done(self) -> int:
        return self.counts.get(State.DONE, 0)


def standing(source: Source) -> Standing:
    """Four short queries."""
    rows = WriteBack.objects.filter(source=source).order_by()
    counts = dict(rows.values_list("state").annotate(n=Count("pk")))
    pause = Pause.objects.filter(source=source, until__gt=now()).first()
    held = rows.filter(state=State.HELD).first() if counts.get(State.HELD) else None
    ours = company()
    still = pause.reason if pause else ""
    if ours.writes_stopped_at is not None:
        still = f"All writes are stopped: {ours.writes_stopped_reason}"
    return Standing(
        columns=dict(source.write_back),
        counts=counts,
        still=still,
        refused=bool(pause and pause.refused),
        until=pause.until if pause else None,
        held_reason=held.reason if held else "",
        last=rows.filter(state=State.DONE).aggregate(at=Max("settled_at"))["at"],
    )


def records(
    source: Source, *, states: Sequence[str] = (), cursor: str = "", size: int = 50
) -> Page[WriteBack]:
    """The latest first, of all states or of these."""
    rows = WriteBack.objects.filter(source=source).select_related("person", "record")
    if states:
        rows = rows.filter(state__in=list(states))
    return page(rows, order=("-id",), cursor=cursor, size=size)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a person has to look at, of one source: `kind` is refused, held or failed."""

    slug: str
    name: str
    kind: str
    count: int
    since: datetime
    reason: str


def accepting(slug: str) -> Source | None:
    """The source, where it is there, is written to and was not refused since it last took it."""
    row = Source.objects.filter(slug=slug).exclude(write_back={}).first()
    if row is None or Pause.objects.filter(source=row, refused=True).exists():
        return None
    return row


def troubles() -> list[Trouble]:
    """Of all sources. Two queries."""
    refused = Pause.objects.filter(refused=True).select_related("source")
    found = [
        Trouble(row.source.slug, row.source.name, "refused", 0, row.since, row.reason)
        for row in refused.order_by("source__slug")
    ]
    rows = WriteBack.objects.filter(state__in=(State.HELD, State.FAILED)).order_by()
    told = rows.values_list("source__slug", "source__name", "state").annotate(
        n=Count("pk"), since=Min("asked_at"), why=Min("reason")
    )
    return found + [Trouble(*row) for row in told.order_by("source__slug", "-state")]
