"""What `doctor` tells of an installation that has run for years: room on the disk, growth, the last
backup, what waits longest, the seal of the audit trail."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from tenure.cli.looked_at import Line, length, size

#: Less than that is wrong: the database alone writes up to 2 GB before it takes stock.
_LEAST_FREE: Final = 2 * 10**9
#: A disk that is full by then is told now.
_AHEAD: Final = timedelta(days=60)
_BACKUP_AGE: Final = timedelta(days=2)
_WAITS: Final = timedelta(hours=1)
_UNSEALED: Final = timedelta(minutes=10)


def looks(*, embedded: bool) -> Iterator[Line]:
    """All of it. `embedded`: the database is in the home, on its disk."""
    yield from _disk(embedded)
    yield from _backup()
    yield from _waiting()
    yield from _seal()


def _disk(embedded: bool) -> Iterator[Line]:
    from django.conf import settings

    from tenure.figures.growth import growth
    from tenure.infra.clock import now

    found = growth(now())
    told = f"the database has {size(found.size)}"
    if found.a_day is None:
        told += ", and how it grows is known after two days"
    else:
        told += f" and grew by {size(found.a_day)} a day in {found.days} days"
    folder = Path(settings.HOME)
    free = shutil.disk_usage(folder).free
    if not embedded:
        yield Line("database size", True, f"{told}; its disk is on another machine: watch it there")
        yield _room(free, f"{size(free)} free at {folder}", None)
    else:
        yield _room(free, f"{size(free)} free at {folder}; {told}", found.a_day)


def _room(free: int, detail: str, a_day: float | None) -> Line:
    if free < _LEAST_FREE:
        return Line("disk", False, f"{detail}: make room before it is full, for work stops then")
    if a_day is not None and a_day > 0 and free / a_day < _AHEAD.days:
        return Line("disk", True, f"{detail}: full in {free / a_day:.0f} days", warning=True)
    return Line("disk", True, detail)


def _backup() -> Iterator[Line]:
    from tenure.audit.models import Action
    from tenure.audit.selectors import last_of_all
    from tenure.infra.clock import now

    last = last_of_all(Action.BACKED_UP)
    if last is None:
        detail = (
            "`tenure backup` was never used here: what is backed up by other means, keys included, "
            "is not known here"
        )
        yield Line("backup", True, detail, warning=True)
        return
    age = now() - last.at
    detail = f"{length(age)} old, in {last.subject_key}"
    if age > _BACKUP_AGE:
        detail += ": what was decided since would be lost; `tenure backup` once a night"
    yield Line("backup", True, detail, warning=age > _BACKUP_AGE)


def _waiting() -> Iterator[Line]:
    from tenure.infra.clock import now
    from tenure.provisioning.questions.oldest import waits_longest

    found = waits_longest(now())
    if found is None:
        yield Line("oldest operation", True, "nothing waits that could be sent")
        return
    slug, since = found
    age = now() - since
    detail = f"waits for {length(age)}, in {slug}"
    if age > _WAITS:
        detail += ": the application is slow or stopped, or no worker is alive"
    yield Line("oldest operation", True, detail, warning=age > _WAITS)


def _seal() -> Iterator[Line]:
    from tenure.audit.selectors import unsealed
    from tenure.infra.clock import now

    count, since = unsealed()
    if since is None:
        yield Line("audit trail", True, "all of it is sealed")
        return
    yield _sealing(count, now() - since)


def _sealing(count: int, age: timedelta) -> Line:
    detail = f"{count} events are not sealed yet, the oldest for {length(age)}"
    if age <= _UNSEALED:
        return Line("audit trail", True, detail)
    return Line("audit trail", False, f"{detail}: a worker seals them, and none does")
