"""Two transactions at the same instant: whichever comes first, nobody keeps what they lost."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Model
from django.db.models.expressions import RawSQL
from procrastinate.contrib.django.models import ProcrastinateJob

from tenure.applications.connecting import connector_for
from tenure.applications.models import Account, Application, Entitlement
from tenure.audit.models import Action, Event
from tenure.connectors.base import RemoteAccount, RemoteEntitlement
from tenure.core.model import OperationKind
from tenure.infra.clock import now
from tenure.people import configuration
from tenure.people import services as people
from tenure.people.models import Person
from tenure.provisioning import services, tasks
from tenure.provisioning.decisions import lives, ownership, unions
from tenure.provisioning.execution import claiming, postponed
from tenure.provisioning.execution.sending import Batch
from tenure.provisioning.models import Operation
from tenure.provisioning.planning import guarding, plans, replacing
from tenure.provisioning.planning.drafting import Scope
from tenure.provisioning.reconciliation import memberships, observing, reconcile
from tenure.provisioning.reconciliation.reconcile import reconcile_by_slug
from tenure.provisioning.records import accounts, exchanging, settling
from tenure.provisioning.records.work import Outcome, Work
from tests.provisioning.company import Company, apply, change, drain, linked, states


class Beside:
    """Something in a thread of its own, begun in the middle of another transaction: it is done by
    then, or it waits for that transaction to end."""

    def __init__(self, do: Callable[[], object]) -> None:
        self._do = do
        self._backend = 0
        self._error: BaseException | None = None
        self._began = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                (self._backend,) = cursor.fetchone()
            self._began.set()
            self._do()
        except BaseException as error:
            self._error = error
        finally:
            self._began.set()
            connection.close()

    def begin(self) -> None:
        self._thread.start()
        assert self._began.wait(30)
        until = time.monotonic() + 30
        while self._thread.is_alive() and not self._waits():
            assert time.monotonic() < until
            self._thread.join(0.01)

    def _waits(self) -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", [self._backend])
            return bool(cursor.fetchone()[0])

    @property
    def is_waiting(self) -> bool:
        return self._thread.is_alive()

    def end(self) -> None:
        self._thread.join(30)
        assert not self._thread.is_alive()
        if self._error is not None:
            raise self._error


def during_the_claim(monkeypatch: pytest.MonkeyPatch, do: Callable[[], object]) -> Beside:
    """Begin it when operations are chosen, and before that is committed; once."""
    beside, read = Beside(do), claiming._read
    begun: list[Beside] = []

    def read_and_begin(rows: Any) -> list[Operation]:
        found = read(rows)
        if found and not begun:
            begun.append(beside)
            beside.begin()
        return found

    monkeypatch.setattr(claiming, "_read", read_and_begin)
    return beside


def test_whoever_is_terminated_while_their_account_is_claimed_does_not_keep_it(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.application("chat")
    company.rule("all", "true", {"chat": []})
    person = company.person("1")
    services.store()
    beside = during_the_claim(
        monkeypatch, lambda: services.terminate_now(person, reason="dismissed")
    )
    drain()
    beside.end()
    drain()
    assert Person.objects.get().state == "left"
    assert company.open_users() == set()


def sent(rows: Sequence[Operation]) -> list[Outcome]:
    """What became of what was claimed, as a drain sends it."""
    application = Application.objects.get()

    async def nothing(account: RemoteAccount, person: str) -> str:
        return ""

    async def all_of_it() -> list[Outcome]:
        async with connector_for(application) as connector:
            work = claiming.work_for(rows)
            return await Batch(connector, work, {}, objection=nothing, concurrency=1).send()

    return asyncio.run(all_of_it())


def settle(rows: Sequence[Operation], outcomes: Sequence[Outcome]) -> None:
    application = Application.objects.get()
    settling.settle(application, outcomes, {row.pk: row for row in rows}, now())


def send(rows: Sequence[Operation]) -> None:
    settle(rows, sent(rows))


def test_a_plan_that_did_not_see_what_was_made_meanwhile_is_made_again(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.application("chat")
    company.rule("all", "true", {"chat": []})
    person = company.person("1")
    services.store()
    rows, _ = claiming.claim(Application.objects.get(), 10, now())
    people.terminate(person, at=now(), reason="left", now=now())
    replace = replacing.replace

    def later(**given: Any) -> Any:
        """Their accounts were read before, and this one is made before the plan is stored."""
        send(rows)
        monkeypatch.setattr(replacing, "replace", replace)
        return replace(**given)

    monkeypatch.setattr(replacing, "replace", later)
    plans.store(Scope(person=person.pk), decided=True)
    assert company.open_users() == {"p1@acme.example"}
    postponed.catch_up()
    drain()
    assert company.open_users() == set()


def test_an_account_is_not_made_for_somebody_who_got_one_meanwhile(company: Company) -> None:
    """Two plans of one instant each want it; the second is stored when the first was carried
    out."""
    company.application("chat")
    company.rule("all", "true", {"chat": []})
    company.person("1")
    services.store()
    drain()
    company.memories["chat"].unique = False
    first = Operation.objects.get()
    first.pk, first.state, first.account, first.attempts = None, "planned", None, 0
    first.progress, first.finished_at, first.started_at = {}, None, None
    first.save(force_insert=True)
    drain()
    assert len(company.memories["chat"].users) == 1
    assert states() == {"done": 1, "cancelled": 1}


def test_two_plans_of_one_instant_are_not_each_within_a_limit_that_both_are_over(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.application("chat")
    company.rule("all", 'user.department == "Sales"', {"chat": []})
    everybody = company.people(20)
    apply()
    for person in everybody[:10]:
        change(person, department="Support")
    first, second = (frozenset(p.pk for p in some) for some in (everybody[:5], everybody[5:10]))
    beside = Beside(lambda: plans.store(Scope(people=second)))
    of_run = guarding.of_run

    def then_the_other(*given: Any) -> Any:
        monkeypatch.setattr(guarding, "of_run", of_run)
        found = of_run(*given)
        beside.begin()
        return found

    monkeypatch.setattr(guarding, "of_run", then_the_other)
    plans.store(Scope(people=first))
    beside.end()
    drain()
    assert len(company.open_users()) == 20
    assert Operation.objects.filter(state="held").count() == 10


def test_a_guard_that_holds_does_not_wait_for_a_plan_that_waits_for_the_guard(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one plan would hold the other is just planning anew."""
    company.application("chat", guard={"removals": {"percent": 0, "floor": 1}})
    company.rule("sales", 'user.department == "Sales"', {"chat": []})
    first, second, *_ = company.people(5)
    apply()
    change(first, department="Support")
    plans.store(Scope(person=first.pk))
    assert states() == {"done": 5, "planned": 1}
    change(first, title="Lead")
    change(second, department="Support")
    beside = Beside(lambda: plans.store(Scope(person=second.pk)))
    of_run = guarding.of_run

    def after_the_other(*given: Any) -> Any:
        monkeypatch.setattr(guarding, "of_run", of_run)
        beside.begin()
        return of_run(*given)

    monkeypatch.setattr(guarding, "of_run", after_the_other)
    plans.store(Scope(person=first.pk))
    beside.end()
    drain()
    assert len(company.open_users()) == 5
    assert states()["held"] == 2


def test_people_are_not_put_together_while_something_is_claimed_for_one_of_them(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.application("chat")
    company.rule("all", "true", {"chat": []})
    person, other = company.people(2)
    apply()
    change(other, title="Lead")
    services.store()
    beside = during_the_claim(
        monkeypatch, lambda: unions.merge(person=person, other=other, reason="one and the same")
    )
    drain()
    with pytest.raises(unions.UnionRefused, match="on its way to Chat"):
        beside.end()
    assert Person.objects.count() == 2
    assert company.users()["p2@acme.example"].attributes["title"] == "Lead"


def test_nobodys_account_is_not_linked_while_it_is_being_closed(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.application("chat", orphans="disable")
    company.rule("all", 'user.department == "Sales"', {"chat": []})
    company.memories["chat"].add_user({"userName": "old@acme.example"})
    person = company.person("1", "Support")
    drain()
    apply()
    services.approve(reason="nobody knows it")
    account = Account.objects.get()
    beside = during_the_claim(
        monkeypatch, lambda: ownership.link(account, person, reason="it is theirs")
    )
    drain()
    with pytest.raises(ownership.CannotDecide, match="just now"):
        beside.end()
    ownership.link(account, person, reason="it is theirs")
    assert linked()["old@acme.example"].person == person


def test_whoever_is_found_to_own_what_is_just_being_closed_keeps_it(company: Company) -> None:
    """What is settled says nothing of whose an account is."""
    company.application("chat", orphans="disable")
    company.rule("all", "true", {"chat": []})
    company.memories["chat"].add_user({"userName": "old@acme.example"})
    drain()
    apply()
    services.approve(reason="nobody knows it")
    rows, _ = claiming.claim(Application.objects.get(), 10, now())
    person = company.person("1")
    Account.objects.update(person=person, situation="linked")
    send(rows)
    assert linked()["old@acme.example"].person == person
    apply()
    assert company.open_users() == {"p1@acme.example"}


def test_what_is_settled_writes_over_nothing_that_was_read_meanwhile(company: Company) -> None:
    """Somebody opens a leaver's account there, and a reading sees it while they lose a group."""
    company.application("chat", groups=["all"])
    company.rule("all", "true", {"chat": ["group:all"]})
    company.person("1")
    apply()
    Account.objects.update(active=False)
    operation = Operation.objects.get()
    operation.pk, operation.kind, operation.state = None, "revoke", "planned"
    operation.attributes, operation.grant, operation.revoke = {}, [], ["group:all"]
    operation.progress = {}
    operation.save(force_insert=True)
    rows, _ = claiming.claim(Application.objects.get(), 10, now())
    Account.objects.update(active=True)
    send(rows)
    account = Account.objects.get()
    assert (account.active, account.entitlements) == (True, [])


def test_what_we_just_deleted_was_not_deleted_there_by_somebody_else(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reading ends when it is gone there, and what became of it is not stored. Whoever comes back
    would have no account until somebody approves it."""
    monkeypatch.setattr(settling, "SHOWN_AFTER", 0)
    company.application("chat", removal="delete")
    company.rule("all", "true", {"chat": []})
    person = company.person("1")
    company.person("2")
    apply()
    services.terminate_now(person, reason="dismissed")
    rows, _ = claiming.claim(Application.objects.get(), 10, now())
    outcomes = sent(rows)
    asyncio.run(reconcile_by_slug("chat"))
    settle(rows, outcomes)
    assert not Event.objects.filter(action=Action.ACCOUNT_DELETED_THERE).exists()
    lives.reinstate(person, reason="a mistake")
    drain()
    assert company.open_users() == {"p1@acme.example", "p2@acme.example"}


def test_what_is_settled_and_read_at_the_same_instant_is_one_account(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page with an account that was made just now is stored while the batch that made it is."""
    company.application("chat")
    company.rule("all", "true", {"chat": []})
    person = company.person("1")
    services.store()
    rows, _ = claiming.claim(Application.objects.get(), 10, now())
    reading = reconcile._begin("chat", "system")
    known_ones = settling.known_ones

    def then_it_is_read(*given: Any) -> Any:
        found = known_ones(*given)
        (user,) = company.memories["chat"].users.values()
        listed = RemoteAccount(user.remote_id, dict(user.attributes), user.active, b"read")
        beside.append(Beside(lambda: observing.store(reading, [listed])))
        beside[0].begin()
        return found

    beside: list[Beside] = []
    monkeypatch.setattr(settling, "known_ones", then_it_is_read)
    send(rows)
    beside[0].end()
    assert (Account.objects.get().person, states()) == (person, {"done": 1})


def test_a_termination_and_a_plan_of_the_same_person_do_not_wait_for_each_other(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.application("chat")
    company.rule("all", "true", {"chat": []})
    person = company.person("1")
    apply()
    change(person, title="Lead")
    services.store()
    change(person, title="Head")
    beside = Beside(lambda: services.terminate_now(person, reason="dismissed"))
    insert = replacing.insert

    def then_the_other(rows: Sequence[Any]) -> None:
        monkeypatch.setattr(replacing, "insert", insert)
        beside.begin()
        insert(rows)

    monkeypatch.setattr(replacing, "insert", then_the_other)
    services.store()
    beside.end()
    drain()
    assert company.open_users() == set()


def in_the_order_of_the_table(do: Callable[[], object]) -> None:
    """Rows are taken as the table has them, not as an index does."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off")
        do()


def put_behind(first: Model, second: Model) -> None:
    """In their table the first stands behind the second now."""
    rows = type(first)._default_manager.filter(pk__in=[first.pk, second.pk])
    places = rows.annotate(at=RawSQL("ctid", [])).order_by("at").values_list("pk", flat=True)
    while list(places.all()) != [second.pk, first.pk]:
        rows.filter(pk=first.pk).update(id=first.pk)


def is_taken_in_order(first: Model, second: Model, do: Callable[[], object]) -> None:
    """Whoever does that waits for the first, and keeps nobody from the second meanwhile."""
    put_behind(first, second)
    beside = Beside(lambda: in_the_order_of_the_table(do))
    table = type(first)._default_manager.select_for_update(no_key=True)
    with transaction.atomic():
        table.get(pk=first.pk)
        beside.begin()
        assert beside.is_waiting
        type(first)._default_manager.select_for_update(no_key=True, nowait=True).get(pk=second.pk)
    beside.end()


def test_nobody_is_planned_whom_the_plan_has_not_taken(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their operations would be taken before them, which others do the other way round."""
    company.application("chat")
    company.rule("all", "true", {"chat": []})
    first, second = company.people(2)
    apply()
    said = {"decided": False, "by": "system", "reason": "it was under way"}
    Operation.objects.filter(person=first).update(postponed=said)
    lock = people.lock

    def then_another_is_postponed(keys: Any) -> None:
        monkeypatch.setattr(people, "lock", lock)
        lock(keys)
        Operation.objects.filter(person=second).update(postponed=said)

    monkeypatch.setattr(people, "lock", then_another_is_postponed)
    postponed.catch_up()
    assert Operation.objects.get(postponed__isnull=False).person == second
    postponed.catch_up()
    assert not Operation.objects.filter(postponed__isnull=False).exists()


def test_whoever_leaves_while_their_account_is_stored_waits_for_that_and_not_it_for_them(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database looks whether the person of a new account is there when that is committed."""
    company.application("chat")
    company.rule("all", "true", {"chat": []})
    person = company.person("1")
    services.store()
    beside = Beside(lambda: services.terminate_now(person, reason="dismissed"))
    wake = exchanging.wake

    def they_leave(*given: Any) -> None:
        monkeypatch.setattr(exchanging, "wake", wake)
        beside.begin()
        wake(*given)

    monkeypatch.setattr(exchanging, "wake", they_leave)
    drain()
    beside.end()
    # What was stored a moment later is planned at once, and not by the next sweep.
    assert ProcrastinateJob.objects.filter(task_name="tenure.catch_up", status="todo").exists()
    tasks.catch_up()
    drain()
    assert company.open_users() == set()


@pytest.mark.parametrize("what", ["what is found", "days of deletion", "leavers' grace"])
def test_whoever_changes_several_people_takes_them_in_order(company: Company, what: str) -> None:
    """A rule that is changed takes everybody: of two who take them otherwise, each may wait for the
    other for ever."""
    company.application("chat", removal="disable", delete_after=timedelta(days=30))
    company.rule("all", "true", {"chat": []})
    first, second = company.people(2)
    apply()
    Person.objects.update(state="left")
    Account.objects.update(active=False, disabled_at=now())
    of_both = Account.objects.order_by("-person")
    moved = [
        (
            Operation(person=one, kind="transfer"),
            Outcome(Work(0, OperationKind.TRANSFER, "", "", "", {}, (), ())),
        )
        for one in (second, first)
    ]
    do = {
        "what is found": lambda: accounts._plan_again(moved),
        "days of deletion": lambda: accounts._look_at_disabled(
            Application.objects.get(), list(of_both)
        ),
        "leavers' grace": configuration._look_at_leavers,
    }[what]
    is_taken_in_order(first, second, do)


@pytest.mark.parametrize("whose", [Account, Operation])
def test_outcomes_take_what_they_change_in_order(company: Company, whose: type[Model]) -> None:
    company.application("chat")
    company.rule("all", "true", {"chat": []})
    people_ = company.people(2)
    apply()
    for person in people_:
        change(person, title="Lead")
    services.store()
    rows, _ = claiming.claim(Application.objects.get(), 10, now())
    last_first = rows[::-1]
    outcomes = sent(last_first)
    keys = [row.pk if whose is Operation else row.account_id for row in rows]
    first, second = whose._default_manager.filter(pk__in=keys).order_by("pk")
    is_taken_in_order(first, second, lambda: settle(last_first, outcomes))


@pytest.mark.parametrize("what", ["a page", "memberships"])
def test_what_is_read_takes_the_accounts_in_order(company: Company, what: str) -> None:
    """Outcomes are stored meanwhile, of the same accounts."""
    company.application("chat", groups=["all"])
    company.rule("all", "true", {"chat": ["group:all"]})
    company.people(2)
    apply()
    first, second = Account.objects.order_by("pk")
    reading = reconcile._begin("chat", "system")
    listed = [
        RemoteAccount(one.remote_id, {"title": "King"}, active=True) for one in (second, first)
    ]
    nobody = RemoteEntitlement("group", Entitlement.objects.get().remote_id, "all", frozenset())
    do = {
        "a page": lambda: observing.store(reading, listed),
        "memberships": lambda: memberships.store(reading, [nobody]),
    }[what]
    is_taken_in_order(first, second, do)


def test_a_plan_waits_for_nobody_who_has_an_account(company: Company) -> None:
    """It has its people by then, and whoever has the account may be about to change its owner."""
    company.application("chat")
    company.rule("all", "true", {"chat": []})
    company.person("1")
    apply()
    account = Account.objects.get()

    def agree() -> None:
        with transaction.atomic():
            accounts.agree({str(account.pk): {"title": "King"}})

    beside = Beside(agree)
    with transaction.atomic():
        Account.objects.select_for_update().get()
        beside.begin()
        assert not beside.is_waiting
    beside.end()
    agree()
    assert Account.objects.get().baseline["title"] == "King"
