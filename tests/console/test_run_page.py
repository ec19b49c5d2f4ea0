"""What the page of a run says when its operations failed, stand still, or went on elsewhere."""

from __future__ import annotations

import re

from asgiref.sync import async_to_sync
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from tenure.audit.models import Event
from tenure.connectors.faults import rejected
from tenure.console import look
from tenure.provisioning import services
from tenure.provisioning.decisions import steering
from tenure.provisioning.models import Operation
from tenure.provisioning.planning import plans
from tenure.provisioning.planning.drafting import Scope
from tenure.provisioning.tasks import reconcile
from tenure.runs import services as runs
from tenure.runs.models import Run, RunIssue, RunKind, Severity
from tenure.runs.tidying import ISSUES_KEPT, forget_issues
from tests.console.conftest import signed_in
from tests.provisioning.company import Company, apply, drain


def company(people: int) -> Company:
    made = Company()
    made.application("chat")
    made.rule("everyone", "has(user.department)", {"chat": []})
    made.people(people)
    return made


def page(run: Run, more: str = "") -> str:
    return signed_in().get(f"/console/runs/{run.pk}/{more}").content.decode()


def test_what_was_sent_again_is_neither_failed_nor_cancelled(transactional_db: None) -> None:
    made = company(3)
    made.memories["chat"].faults.nth("create", 1, rejected("title"))
    apply()
    run = Run.objects.filter(kind="execute").latest("pk")
    services.retry_failed(run=run.pk)
    drain()
    later = Run.objects.filter(kind="execute").latest("pk")
    text = page(run)
    assert "1 that failed was planned anew since: 1 done." in text
    assert f'See <a href="/console/runs/{later.pk}/">run {later.pk}</a>' in text
    assert "Cancelled" not in text
    assert "Retry" not in text
    listed = page(run, "?state=anew")
    assert listed.count('<div class="op">') == 1
    assert "The application refused" in listed or "title" in listed


def test_a_run_that_went_on_leads_to_the_other(transactional_db: None) -> None:
    company(2)
    first = services.store().run
    second = plans.store(Scope(application="chat", everybody=True)).run
    text = page(first)
    assert f'It went on in <a href="/console/runs/{second.pk}/">run {second.pk}</a>' in text
    assert "what it would have sent went on in another" in text


def test_a_pause_is_followed_while_something_is_under_way(transactional_db: None) -> None:
    company(3)
    run = services.store().run
    one = Operation.objects.filter(run=run).earliest("pk")
    Operation.objects.filter(pk=one.pk).update(state="started", started_at=timezone.now())
    steering.pause(run.pk)
    text = page(run)
    assert "1 under way is being finished" in text
    assert "/live/?was=paused" in text
    Operation.objects.filter(pk=one.pk).update(state="planned")
    still = page(run, "live/?was=paused")
    assert 'hx-trigger="every 1s"' not in still
    assert 'id="steer"' not in still, "what is being typed there stays"
    assert 'id="steer"' in page(run, "live/?was=running")


def test_a_run_whose_cancellation_kept_nothing_back_is_not_offered_to_be_resumed(
    transactional_db: None,
) -> None:
    company(2)
    run = services.store().run
    steering.cancel(run.pk)
    assert "Resume" in page(run)
    Operation.objects.filter(run=run).update(state="cancelled")
    assert "Resume" not in page(run)


def test_each_reason_to_wait_is_told_once(transactional_db: None) -> None:
    made = company(2)
    made.application("desk")
    made.rule("desk", "has(user.department)", {"desk": []})
    run = services.store().run
    services.stop_writes(reason="Something is wrong")
    text = page(run)
    assert text.count("All writes are stopped by") == 1
    assert "4 wait for" in text
    assert "Nothing of it can be sent just now" in text


def test_a_termination_is_not_offered_to_be_paused_and_leads_to_the_proof(
    transactional_db: None,
) -> None:
    made = company(2)
    apply()
    person = Operation.objects.earliest("pk").person
    assert person is not None
    stored = services.terminate_now(person, reason="gone")
    assert stored is not None
    text = page(stored.run)
    assert f"/console/people/{person.uid}/proof" in text
    assert 'value="pause"' not in text
    made.person("9")
    assert 'value="pause"' in page(services.store().run)


def test_one_application_is_stopped_and_resumed_from_its_own_page(transactional_db: None) -> None:
    company(1)
    client = signed_in()
    where = "/console/applications/chat/"
    text = client.get(where).content.decode()
    assert f'href="{where}settings/#writes"' in text
    assert "Stop writes" in text
    stop = {"do": "stop", "reason": "They asked"}
    client.post(f"{where}writes/", stop)
    text = client.get(where).content.decode()
    assert "Connected</span>" not in text
    assert f'<a class="button" href="{where}settings/#writes">Resume</a>' in text


def test_what_was_forgotten_is_not_told_as_nothing(transactional_db: None) -> None:
    """An import of long ago: whether a row was wrong is not known any more, and that is said."""
    run = runs.start(RunKind.IMPORT, "hr")
    runs.complain([RunIssue(run=run, severity=Severity.ERROR, message="no number")])
    runs.finish(run)
    Run.objects.update(finished_at=timezone.now() - ISSUES_KEPT)
    forget_issues(timezone.now())
    assert "was forgotten" in page(run)
    assert "Every row was taken" not in page(run)


def test_a_run_that_waits_for_tasks_by_hand_says_so(transactional_db: None) -> None:
    company(3)
    run = services.store().run
    Operation.objects.update(state="manual")
    text = page(run)
    assert "It waits for <a" in text
    assert 'href="/console/tasks/">3 tasks by hand</a>' in text
    assert "/s<" not in text
    assert ">Running<" not in text


def test_what_is_held_says_why_and_not_that_a_guard_does(transactional_db: None) -> None:
    company(3)
    run = services.store().run
    why = "Nobody has said yet whether it may be made again."
    Operation.objects.update(state="held", hold_reason=why, held_at=timezone.now())
    text = page(run)
    assert f"Chat: {why}" in text
    assert "guard" not in text


def test_the_states_above_the_list_are_counted_anew_with_the_rest(transactional_db: None) -> None:
    company(3)
    run = services.store().run
    client, live = signed_in(), f"/console/runs/{run.pk}/live/"
    here = f"http://testserver/console/runs/{run.pk}/?state=planned"
    text = client.get(live, headers={"HX-Current-URL": here}).content.decode()
    chips = text.split('id="chips"')[1]
    assert 'hx-swap-oob="true"' in chips
    assert re.search(
        rf'state=planned#operations" aria-current="true">{look.OPERATION["planned"].word} <b>3</b>',
        chips,
    )
    drain()
    chips = client.get(live, headers={"HX-Current-URL": here}).content.decode()
    assert re.search(r"Done <b>3</b>", chips.split('id="chips"')[1])


def test_a_reading_is_theirs_who_asked_for_it(transactional_db: None) -> None:
    company(1)
    signed_in().post("/console/applications/chat/reconcile/")
    job = ProcrastinateJob.objects.get(task_name="tenure.reconcile")
    async_to_sync(reconcile.func)(**job.args)
    run = Run.objects.get(kind="reconcile")
    assert run.actor == "administrator owner"
    found = Event.objects.filter(actor="administrator owner", run=run.pk)
    assert not found.exists()
