"""What a run says of itself when its operations go on in another one, or wait for a person."""

from __future__ import annotations

from tenure.connectors.faults import rejected
from tenure.core.model import OperationState
from tenure.infra.clock import now
from tenure.provisioning import services
from tenure.provisioning.models import Operation
from tenure.provisioning.planning import plans
from tenure.provisioning.planning.drafting import Scope
from tenure.provisioning.questions import selectors
from tenure.provisioning.questions.going import going, to_be_done
from tenure.provisioning.questions.sent_again import ANEW, sent_again
from tenure.provisioning.records import settling
from tenure.runs.models import Run
from tenure.runs.progress import progress
from tests.provisioning.company import Company, apply, change, drain
from tests.provisioning.test_guards import leave


def fresh(run: Run) -> Run:
    return Run.objects.get(pk=run.pk)


def latest() -> Run:
    return Run.objects.filter(kind="execute").latest("pk")


def test_a_run_of_which_everything_was_planned_anew_says_where_it_went(sales: Company) -> None:
    people = sales.people(3)
    first = services.store(reason="by a person").run
    scope = Scope(application="chat", people=frozenset(person.pk for person in people))
    second = plans.store(scope, reason="its accounts were read first").run
    settling.close_runs(now())
    assert (fresh(first).state, fresh(first).total) == ("done", 0)
    assert fresh(first).message == f"What was planned anew of it went on in run {second.pk}."
    assert fresh(second).total == 3
    drain()
    assert (fresh(second).state, fresh(second).done) == ("done", 3)


def test_a_run_of_which_a_part_was_planned_anew_is_whole_when_the_rest_is_done(
    sales: Company,
) -> None:
    people = sales.people(3)
    first = services.store().run
    change(people[0], department="Support")
    plans.store(Scope(person=people[0].pk))
    drain()
    ended = fresh(first)
    assert (ended.state, ended.done, ended.total) == ("done", 2, 2)


def test_a_held_run_of_which_nothing_is_left_is_over(sales: Company) -> None:
    people = sales.people(8)
    apply()
    leave(people[:6])
    held = services.store()
    assert (held.run.state, held.held) == ("held", 6)
    later = services.store().run
    assert fresh(held.run).state == "done"
    assert str(later.pk) in fresh(held.run).message
    assert later.state == "held"


def test_what_is_held_beside_it_does_not_keep_a_run_from_being_said_to_go_on(
    sales: Company,
) -> None:
    people = sales.people(8)
    apply()
    leave(people[:6])
    sales.person("9")
    run = services.store().run
    assert Operation.objects.filter(run=run, state="held").count() == 6
    goes = going(run, now())
    assert goes is not None
    assert (goes.waiting, progress(run, now(), waiting=goes.waiting).moving) == (0, True)


def test_how_much_is_to_be_done_follows_what_was_approved_and_held(sales: Company) -> None:
    people = sales.people(8)
    apply()
    leave(people[:6])
    sales.person("9")
    run = services.store().run
    assert to_be_done(run, selectors.states(run)) == 1
    Operation.objects.filter(run=run, state="held").update(state="planned")
    assert to_be_done(run, selectors.states(run)) == 7
    drain()
    assert to_be_done(fresh(run), selectors.states(run)) == fresh(run).total


def test_what_failed_and_was_sent_again_is_told_as_that(sales: Company) -> None:
    sales.people(4)
    faults = sales.memories["chat"].faults
    faults.nth("create", 1, rejected("title")).nth("create", 2, rejected("title"))
    apply()
    first = latest()
    assert (first.state, first.message, sent_again(first)) == ("failed", "2 failed.", None)
    faults.nth("create", 5, rejected("title"))
    services.retry_failed(run=first.pk)
    drain()
    second = latest()
    assert selectors.states(first) == {OperationState.DONE: 2, OperationState.CANCELLED: 2}
    found = sent_again(first)
    assert found is not None
    assert (found.count, found.done, found.failed, found.open) == (2, 1, 1, 0)
    assert (found.not_due, found.runs) == (0, (second.pk,))
    assert str(found) == "2 that failed were planned anew since: 1 done, 1 failed again."
    # What went wrong stays on its page, and is no longer offered to be sent again.
    (failure,) = selectors.failures(first)
    assert (failure.count, failure.anew, failure.left) == (2, 2, 0)
    assert len(selectors.operations_page(first, state=ANEW).rows) == 2
    assert selectors.operations_page(first, state="cancelled").rows == ()


def test_what_failed_and_is_no_longer_due_is_told_as_that(sales: Company) -> None:
    (person,) = sales.people(1)
    sales.memories["chat"].faults.nth("create", 1, rejected("title"))
    apply()
    run = latest()
    leave([person])
    services.store()
    found = sent_again(run)
    assert found is not None
    assert (found.not_due, found.runs) == (1, ())
    assert str(found) == "1 that failed was planned anew since: 1 no longer due."
