"""What runs complained about is forgotten three months after their end, and nothing else is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tenure.infra.clock import now
from tenure.runs import selectors, services
from tenure.runs.models import Run, RunIssue, RunKind, RunState, Severity
from tenure.runs.tidying import forget_issues

pytestmark = pytest.mark.django_db


def ended(days: int, state: RunState = RunState.DONE, issues: int = 3) -> Run:
    run = services.start(RunKind.IMPORT, "hr")
    services.complain(
        [RunIssue(run=run, severity=Severity.ERROR, message=f"row {n}") for n in range(issues)]
    )
    services.finish(run, state, counters={"rows": 9, "errors": issues})
    Run.objects.filter(pk=run.pk).update(finished_at=now() - timedelta(days=days))
    return run


def test_of_runs_that_ended_long_ago() -> None:
    old, recent = ended(93), ended(91)
    assert forget_issues(now()) == 3
    assert selectors.issue_counts([old, recent])[recent.pk]["error"] == 3
    old.refresh_from_db()
    assert old.issues.count() == 0
    assert old.issues_forgotten_at is not None
    assert old.counters == {"rows": 9, "errors": 3}
    assert forget_issues(now()) == 0


def test_what_somebody_still_has_to_look_at_stays() -> None:
    held, paused = ended(200, RunState.HELD), ended(200, RunState.PAUSED)
    assert forget_issues(now()) == 0
    assert held.issues.count() == paused.issues.count() == 3


def test_a_run_without_any_says_nothing_of_it() -> None:
    run = ended(200, issues=0)
    assert forget_issues(now()) == 0
    run.refresh_from_db()
    assert run.issues_forgotten_at is None


def test_however_many_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenure.runs.tidying._RUNS", 2)
    for _ in range(5):
        ended(100, issues=1)
    assert forget_issues(now()) == 5
    assert Run.objects.filter(issues_forgotten_at=None).count() == 0
