"""Imports by schedule: one at a time, again after a failure, told where a person looks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.urls import reverse

from tenure.configuration.document_sources import Source as Described
from tenure.configuration.exporting import to_yaml
from tenure.configuration.reading import read_text
from tenure.configuration.translation import source_definition, stored
from tenure.infra.clock import now
from tenure.people.models import Company, Person
from tenure.readers.base import ReaderBusy, ReaderError
from tenure.readers.memory import MemorySource, forget_all
from tenure.runs.models import Run
from tenure.sources import scheduling, tasks
from tenure.sources.models import Source
from tenure.sources.services import save_source
from tests.console.conftest import signed_in
from tests.sources.memory import live, put

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    forget_all()
    yield
    forget_all()


@pytest.fixture
def hr() -> tuple[Source, MemorySource]:
    return live(3, schedule={"every": 900})


def due(after: timedelta = timedelta()) -> list[str]:
    found: list[str] = []
    scheduling.queue_due(now() + after, found.append)
    return found


def test_a_source_is_due_when_its_schedule_says(hr: tuple[Source, MemorySource]) -> None:
    source, _ = hr
    live(0, slug="by_hand")
    assert due() == ["hr"], "at once, the first time"
    assert due() == []
    assert due(timedelta(minutes=14)) == []
    assert due(timedelta(minutes=15)) == ["hr"]
    assert scheduling.import_due(source) is not None
    run = Run.objects.get()
    assert (run.reason, run.actor, run.counters["added"]) == ("schedule", "schedule", 3)
    save_source(
        definition=source_definition(
            "hr",
            Described.model_validate(
                {**stored().sources["hr"].model_dump(), "schedule": {"cron": "0 6 * * *"}}
            ),
        )
    )
    Company.objects.update(time_zone="Asia/Tokyo")
    assert due() == ["hr"]
    found = Source.objects.get(slug="hr").due_at
    assert found is not None
    assert (found.hour, found.minute) == (21, 0), "six o'clock in Tokyo"


def test_a_job_is_queued_and_carried_out(hr: tuple[Source, MemorySource]) -> None:
    tasks.import_due(0)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT args ->> 'slug' FROM procrastinate_jobs WHERE task_name = %s",
            ["tenure.import_source"],
        )
        assert cursor.fetchall() == [("hr",)]
    tasks.import_source("hr")
    tasks.import_source("gone meanwhile")
    assert Person.objects.count() == 3


def failures() -> list[int]:
    """How often in a row each source failed of which somebody should know."""
    told = Source.objects.filter(failures__gt=0).exclude(failed_reason="")
    return list(told.values_list("failures", flat=True))


def test_a_failure_is_told_and_tried_again_until_it_is_over(
    hr: tuple[Source, MemorySource],
) -> None:
    source, there = hr
    due()
    there.failure = ReaderError("The key was refused: enter another.")
    for minutes in (1, 2, 4):
        assert scheduling.import_due(source) is None
        assert due(timedelta(seconds=60 * minutes - 5)) == []
        assert due(timedelta(seconds=60 * minutes + 5)) == ["hr"]
        source.refresh_from_db()
    assert failures() == [3]
    assert not Person.objects.exists()
    page = signed_in().get(reverse("console:overview")).content.decode()
    assert "HR cannot be imported" in page
    assert "The key was refused: enter another. Tried 3 times in a row." in page
    there.failure = None
    assert scheduling.import_due(source) is not None
    assert failures() == []
    assert Person.objects.count() == 3


def test_a_busy_source_gets_the_time_that_it_asked_for(hr: tuple[Source, MemorySource]) -> None:
    source, there = hr
    due()
    there.failure = ReaderBusy("Too many requests.", after=3600)
    for times in range(1, 5):
        assert scheduling.import_due(source) is None
        assert due(timedelta(minutes=59)) == []
        assert bool(failures()) == (times == 4), "somebody should know after a while"
    assert due(timedelta(minutes=61)) == ["hr"]


def test_what_is_held_waits_for_a_person(hr: tuple[Source, MemorySource]) -> None:
    source, there = hr
    for number in range(4, 31):
        put(there, number)
    scheduling.import_due(source)
    for number in range(1, 31):
        put(there, number, status="Terminated")
    due(timedelta(minutes=15))
    found = scheduling.import_due(source)
    assert found is not None
    assert found.held
    assert due(timedelta(minutes=59)) == []
    assert due(timedelta(minutes=61)) == ["hr"]


def test_continuous_goes_on_when_the_last_has_ended() -> None:
    source, _ = live(3, schedule={"continuous": True})
    assert due() == ["hr"]
    assert due(timedelta(minutes=5)) == [], "the first one may still be going on"
    scheduling.import_due(source)
    assert due(timedelta(seconds=29)) == []
    assert due(timedelta(seconds=31)) == ["hr"]


def test_as_the_document_writes_it() -> None:
    text = """
sources:
  a: {name: A, reader: csv, settings: {path: /a.csv}, schedule: continuous, mapping: &m
        {employee_number: 'row["Number"]', given_name: 'row["Given"]'}}
  b: {name: B, reader: csv, settings: {path: /b.csv}, mapping: *m,
      schedule: {every: PT15M}, full_every: PT12H}
  c: {name: C, reader: csv, settings: {path: /c.csv}, mapping: *m, schedule: {cron: "0 6 * * 1-5"}}
"""
    document = read_text(text).document
    for slug, described in (document.sources or {}).items():
        save_source(definition=source_definition(slug, described))
    written = to_yaml(stored())
    for line in ("schedule: continuous", "every: PT15M", "full_every: PT12H", "cron: 0 6 * * 1-5"):
        assert line in written
    assert stored().sources == document.sources
    assert sorted(due()) == ["a", "b", "c"]
