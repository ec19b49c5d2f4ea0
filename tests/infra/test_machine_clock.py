"""A machine whose clock is not the database's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.test import RequestFactory

from tenure.config.unwell import unwell
from tenure.infra import machine_clock
from tenure.infra.machine_clock import ClockWrong, require_right
from tenure.people.models import Person
from tenure.provisioning import services
from tenure.provisioning.models import Operation
from tenure.provisioning.planning import plans
from tenure.provisioning.planning.drafting import Scope
from tenure.provisioning.tasks import sweep
from tenure.runs.models import Run
from tenure.sources.importing import import_source
from tenure.sources.models import Source
from tests.provisioning.company import Company, apply, change, drain

pytestmark = pytest.mark.django_db


def shift(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    monkeypatch.setattr(machine_clock, "_machine", lambda: datetime.now(UTC) + by)


@pytest.mark.parametrize("seconds", [0, 5, -5])
def test_a_little_is_tolerated(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    shift(monkeypatch, timedelta(seconds=seconds))
    require_right()


@pytest.mark.parametrize(("hours", "word"), [(3, "ahead of"), (-3, "behind")])
def test_hours_are_told(monkeypatch: pytest.MonkeyPatch, hours: int, word: str) -> None:
    shift(monkeypatch, timedelta(hours=hours))
    with pytest.raises(ClockWrong, match=f"seconds {word} the database's"):
        require_right()


def test_an_answer_that_takes_long_is_no_wrong_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    said = iter(
        [datetime.now(UTC) - timedelta(minutes=2), datetime.now(UTC) + timedelta(minutes=2)]
    )
    monkeypatch.setattr(machine_clock, "_machine", lambda: next(said))
    require_right()


AHEAD = timedelta(days=30)


@pytest.fixture
def ann() -> Person:
    """Who ends in two days."""
    return Person.objects.create(
        employee_number="1",
        display_name="Ann",
        start_date=date(2024, 1, 1),
        end_date=datetime.now(UTC).date() + timedelta(days=2),
        next_look_at=datetime.now(UTC) + timedelta(days=2),
    )


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock that the product reads went wrong together with the machine's."""
    shift(monkeypatch, AHEAD)
    monkeypatch.setattr("tenure.infra.clock._tell", lambda: datetime.now(UTC) + AHEAD)


@pytest.mark.parametrize(
    "doing",
    [
        lambda: sweep(0),
        services.preview,
        services.store,
        lambda: services.approve(reason="looked at"),
        lambda: plans.store(Scope(everybody=True)),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_nobodys_last_day_ends_by_a_wrong_clock(
    ann: Person, wrong: None, doing: Callable[[], object]
) -> None:
    with pytest.raises(ClockWrong):
        doing()
    ann.refresh_from_db()
    assert ann.state == "active"


def test_an_import_by_a_wrong_clock_says_so_and_takes_nothing(
    ann: Person, wrong: None, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_text("Number,Name\n2,Ben\n", encoding="utf-8")
    mapping = {"employee_number": 'row["Number"]', "display_name": 'row["Name"]'}
    source = Source.objects.create(
        slug="hr", name="HR", reader="csv", settings={"path": str(file)}, mapping=mapping
    )
    with pytest.raises(ClockWrong):
        import_source(source)
    run = Run.objects.get()
    assert (run.state, "Set both machines by NTP" in run.message) == ("failed", True)
    assert Person.objects.count() == 1


def test_who_is_terminated_at_a_wrong_clock_is_so_by_the_right_one(
    ann: Person, wrong: None
) -> None:
    """Nobody waits for a clock to be mended when somebody has to go at once."""
    before = datetime.now(UTC)
    assert services.terminate_now(ann, reason="dismissed") is not None
    ann.refresh_from_db()
    assert ann.terminated_at is not None
    assert before - timedelta(seconds=1) <= ann.terminated_at <= datetime.now(UTC)
    assert ann.state in {"leaving", "left"}


@pytest.mark.django_db(transaction=True)
def test_what_waits_is_sent_at_a_wrong_clock_and_planned_by_the_right_one(
    request: pytest.FixtureRequest,
) -> None:
    """A leaver stays inside for no clock, and nobody's last day ends by it."""
    company = Company()
    company.application("chat", removal="disable")
    company.rule("all", "true", {"chat": []})
    gone, stays = company.people(2)
    apply()
    in_two_days = datetime.now(UTC).date() + timedelta(days=2)
    Person.objects.filter(pk=stays.pk).update(end_date=in_two_days)
    change(stays, title="Lead")
    services.store()
    # Their change waits, planned for what they were before this one.
    change(stays, title="Head")
    request.getfixturevalue("wrong")
    services.terminate_now(gone, reason="dismissed")
    drain()
    assert company.open_users() == {"p2@acme.example"}
    assert Operation.objects.get(kind="update", state="done").attributes["title"]["to"] == "Head"


def test_a_page_says_that_the_clock_is_wrong(
    ann: Person, wrong: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        services.store()
    except ClockWrong:
        answer = unwell(RequestFactory().get("/console/plan/", headers={"accept": "text/html"}))
    assert answer.status_code == 503
    assert b"ahead of the database" in answer.content
