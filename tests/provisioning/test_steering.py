"""A run that a person pauses, resumes, cancels, or sends again what failed of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tenure.applications.models import Application
from tenure.audit.models import Action, Event
from tenure.audit.services import acting
from tenure.connectors.faults import rejected, retry_later, stopped
from tenure.infra.clock import now
from tenure.provisioning import services, tasks
from tenure.provisioning.decisions import steering
from tenure.provisioning.models import Operation
from tenure.provisioning.questions.going import going
from tenure.provisioning.records import settling
from tenure.runs.models import Run
from tenure.runs.progress import progress
from tests.provisioning.company import Company, apply, change, drain, states


def stored() -> Run:
    return services.store(reason="a plan").run


def state(run: Run) -> str:
    return Run.objects.get(pk=run.pk).state


def test_a_paused_run_is_not_begun_and_others_are(sales: Company) -> None:
    sales.people(3)
    run = stored()
    with acting("Ada"):
        steering.pause(run.pk, reason="the vendor asked.")
    assert Run.objects.get(pk=run.pk).message == "Paused by Ada: the vendor asked."
    drain()
    assert sales.users() == {}
    sales.person("9")
    services.store()
    drain()
    assert set(sales.users()) == {"p9@acme.example"}
    assert state(run) == "paused"
    tasks.queue_waiting()
    assert steering.resume(run.pk) == 3
    drain()
    assert len(sales.users()) == 4
    assert state(run) == "done"
    actions = list(Event.objects.filter(subject_kind="run").values_list("action", flat=True))
    assert {Action.RUN_PAUSED, Action.RUN_RESUMED} <= set(actions)


def test_a_run_ends_though_it_was_paused_when_its_last_operations_were_under_way(
    sales: Company,
) -> None:
    sales.people(2)
    run = stored()
    Operation.objects.filter(run=run).update(state="started", attempts=1)
    found = steering.pause(run.pk)
    assert str(found) == "2 under way are finished, 0 wait."
    Operation.objects.filter(run=run).update(state="unknown")
    drain()
    Operation.objects.filter(run=run).update(not_before=None)
    drain()
    assert state(run) == "paused", "what may be done is looked for when the pause is over"
    Operation.objects.filter(run=run).update(state="done")
    settling.close_runs(now())
    assert state(run) == "done"
    assert Run.objects.get(pk=run.pk).message == ""


def test_a_leaver_does_not_wait_for_a_paused_run(sales: Company) -> None:
    (person,) = sales.people(1)
    apply()
    run = services.terminate_now(person, reason="gone")
    assert run is not None
    steering.pause(run.run.pk)
    drain()
    assert sales.open_users() == set()


def test_what_is_cancelled_is_not_sent_and_not_planned_again(sales: Company) -> None:
    sales.people(2)
    run = stored()
    drain()
    sales.person("3")
    more = stored()
    Operation.objects.filter(run=more).update(run=run)
    Run.objects.filter(pk=run.pk).update(state="running")
    found = steering.cancel(run.pk, reason="wrong file")
    assert (found.done, found.not_sent, found.going_on) == (2, 1, 0)
    assert "wrong file. 2 done, 1 not sent." in Run.objects.get(pk=run.pk).message
    plan = services.preview()
    assert (plan.lines, plan.rejected) == ((), ())
    (told,) = plan.declined
    assert (told.application, told.count, told.run, told.cancelled) == ("chat", 1, run.pk, True)
    assert told.words == (
        f"1 operation in Chat is due and not planned, since run {run.pk} was cancelled by system: "
        "wrong file."
    )
    assert str(run.pk) in told.after_all
    services.store()
    drain()
    assert len(sales.users()) == 2
    assert steering.resume(run.pk, reason="it was right") == 1
    drain()
    assert len(sales.users()) == 3
    assert state(run) == "done"
    assert services.preview().declined == ()


def test_what_is_due_in_another_way_is_planned_after_a_cancellation(sales: Company) -> None:
    (person,) = sales.people(1)
    run = stored()
    steering.cancel(run.pk)
    assert [one.count for one in services.preview().declined] == [1]
    change(person, title="Lead")
    assert services.preview().declined == (), "another one takes its place"
    apply()
    assert sales.users()["p1@acme.example"].attributes["title"] == "Lead"


def test_what_was_begun_is_finished(sales: Company) -> None:
    sales.people(2)
    run = stored()
    first = Operation.objects.order_by("pk")[0]
    Operation.objects.filter(pk=first.pk).update(state="unknown", attempts=1)
    found = steering.cancel(run.pk)
    assert (found.not_sent, found.going_on) == (1, 1)
    drain()
    assert len(sales.users()) == 1


def test_only_what_failed_in_the_run_is_sent_again(sales: Company) -> None:
    sales.people(2)
    sales.memories["chat"].faults.nth("create", 1, rejected()).nth("create", 2, rejected())
    first = stored()
    drain()
    sales.person("3")
    sales.memories["chat"].faults.nth("create", 3, rejected())
    second = services.store(application="chat")
    Operation.objects.filter(run=second.run).exclude(person__employee_number="3").delete()
    drain()
    nothing = services.retry_failed(run=first.pk)
    assert (nothing.people, nothing.runs) == (0, ())
    again = services.retry_failed(run=second.run.pk)
    assert (again.people, [run.subject for run in again.runs]) == (1, ["chat"])
    drain()
    assert set(sales.users()) == {"p3@acme.example"}


def test_what_cannot_be_steered_says_why(sales: Company) -> None:
    sales.people(1)
    run = stored()
    drain()
    with pytest.raises(steering.RunRefused, match="is done, not running"):
        steering.pause(run.pk)
    with pytest.raises(steering.RunRefused, match="is done"):
        steering.cancel(run.pk)
    with pytest.raises(LookupError, match="no run 999"):
        steering.resume(999)
    other = Run.objects.create(kind="import", subject="hr", actor="x")
    with pytest.raises(steering.RunRefused, match="no execution"):
        steering.pause(other.pk)


def test_the_states_add_up(sales: Company) -> None:
    sales.people(3)
    run = stored()
    steering.pause(run.pk)
    steering.cancel(run.pk)
    assert states() == {"rejected": 3}
    assert Run.objects.get(pk=run.pk).total == 0


def test_what_waits_is_told_and_not_taken_for_silence(sales: Company) -> None:
    sales.application("mail")
    sales.application("desk", requires=["mail"])
    sales.rule("more", "has(user.email)", {"mail": [], "desk": []})
    sales.people(3)
    run = stored()
    sales.memories["chat"].faults.always("create", stopped())
    sales.memories["mail"].faults.always("create", retry_later(600))
    drain("chat")
    drain("mail")
    run.refresh_from_db()
    chat = Application.objects.get(slug="chat")
    at = now()
    goes = going(run, at)
    assert goes is not None
    assert [(w.slug, w.count, w.why) for w in goes.waits] == [
        ("chat", 3, f"It does not accept us: {chat.stopped_reason}"),
        ("mail", 3, "It has not confirmed them yet."),
        ("desk", 3, "Mail comes first."),
    ]
    assert goes.waits[0].until == chat.probe_at
    later = at + timedelta(minutes=1)
    far = progress(run, later, rate=goes.rate, waiting=goes.waiting)
    assert (far.silent, far.left, far.moving) == (None, None, False)


def test_the_rate_is_that_of_lately(sales: Company) -> None:
    sales.people(4)
    run = stored()
    rows = list(Operation.objects.filter(run=run))
    at = now()
    for row, ago in zip(rows, (3600, 5, 4, None), strict=True):
        if ago is not None:
            row.state, row.finished_at = "done", at - timedelta(seconds=ago)
            row.save()
    Run.objects.filter(pk=run.pk).update(done=3, started_at=at - timedelta(hours=2))
    run.refresh_from_db()
    goes = going(run, at)
    assert goes is not None
    far = progress(run, at, rate=goes.rate, waiting=goes.waiting)
    assert (goes.rate, goes.waits, far.left) == (0.1, (), 10.0)
    Run.objects.filter(pk=run.pk).update(state="paused")
    run.refresh_from_db()
    assert going(run, at) is None


def test_a_cancellation_taken_back_approves_nothing(sales: Company) -> None:
    """What a guard held before waits for approval as before."""
    everybody = sales.people(20)
    apply()
    for person in everybody[:10]:
        change(person, department=None)
    services.store()
    assert states()["held"] == 10
    run = Run.objects.get(operations__state="held", operations__person=everybody[0])
    steering.cancel(run.pk)
    assert states()["rejected"] == 10
    steering.resume(run.pk)
    assert states()["held"] == 10
    drain()
    assert len(sales.open_users()) == 20
    row = Run.objects.get(pk=run.pk)
    assert (row.state, row.total) == ("held", 0)
    services.approve(reason="they really lose it")
    drain()
    assert len(sales.open_users()) == 10
