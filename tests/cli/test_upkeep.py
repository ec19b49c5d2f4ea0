"""What `doctor` says of an installation that has run for long."""

from __future__ import annotations

import shutil
from collections import namedtuple
from datetime import timedelta

import pytest

from tenure.audit.models import Action, Event
from tenure.audit.services import record, seal
from tenure.cli import upkeep
from tenure.cli.looked_at import Line
from tenure.figures import growth
from tenure.infra.clock import now

pytestmark = pytest.mark.django_db
Usage = namedtuple("Usage", "total used free")


def told(what: str, *, embedded: bool = True) -> Line:
    return {line.what: line for line in upkeep.looks(embedded=embedded)}[what]


def free(monkeypatch: pytest.MonkeyPatch, gigabytes: float) -> None:
    usage = Usage(10**12, 0, int(gigabytes * 10**9))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)


def grew(monkeypatch: pytest.MonkeyPatch, by: int) -> None:
    """In ten days."""
    monkeypatch.setattr(growth, "_size", lambda: 10**9)
    growth.note(now() - timedelta(days=10))
    monkeypatch.setattr(growth, "_size", lambda: 10**9 + by)


def test_a_disk_that_is_nearly_full(monkeypatch: pytest.MonkeyPatch) -> None:
    free(monkeypatch, 1.9)
    assert not told("disk").ok
    assert "make room before it is full" in told("disk").detail


def test_a_disk_that_will_be_full(monkeypatch: pytest.MonkeyPatch) -> None:
    free(monkeypatch, 50)
    assert told("disk") == Line("disk", True, told("disk").detail)
    grew(monkeypatch, 10 * 10**9)
    assert (told("disk").ok, told("disk").warning) == (True, True)
    assert "grew by 1.0 GB a day in 10 days: full in 50 days" in told("disk").detail
    # It is not known there.
    assert not told("disk", embedded=False).warning
    assert "on another machine" in told("database size", embedded=False).detail


def test_the_last_backup() -> None:
    assert "never used here" in told("backup").detail
    record(Action.BACKED_UP, subject_kind="backup", subject_key="/backup/friday")
    assert told("backup") == Line("backup", True, "less than a minute old, in /backup/friday")


def test_an_old_backup(monkeypatch: pytest.MonkeyPatch) -> None:
    record(Action.BACKED_UP, subject_kind="backup", subject_key="/backup/friday")
    later = now() + timedelta(days=3, minutes=1)
    monkeypatch.setattr("tenure.infra.clock.now", lambda: later)
    assert told("backup").warning
    assert told("backup").detail.startswith("3 days old, in /backup/friday: ")


def test_what_is_not_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    record(Action.WRITES_STOPPED, subject_kind="company", subject_key="all")
    assert told("audit trail").ok
    later = now() + timedelta(minutes=11)
    monkeypatch.setattr("tenure.infra.clock.now", lambda: later)
    assert not told("audit trail").ok
    assert "1 events are not sealed yet, the oldest for 11 minutes" in told("audit trail").detail
    seal()
    assert told("audit trail") == Line("audit trail", True, "all of it is sealed")
    assert Event.objects.filter(position=None).count() == 0
