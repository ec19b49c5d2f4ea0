"""The judge of histories says no: it is shown a company in which everything is right, and then one
wrong outcome at a time, made by hand. What says nothing here would say nothing of an engine that
does just that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pytest
from django.db import connection

from tenure.applications.models import Account, Application, Health
from tenure.audit.models import Action, Event
from tenure.audit.services import record, seal
from tenure.connectors.memory import Call
from tenure.connectors.memory_application import Happened, MemoryGroup
from tenure.infra.clock import now
from tenure.people.models import Company, Person, PlanMode
from tenure.provisioning import services
from tenure.provisioning.models import Operation
from tenure.rules.services import save_rule
from tenure.signin.models import How, Session
from tests.survive import judging
from tests.survive.claims import Claim
from tests.survive.lives import say
from tests.survive.office import definition
from tests.survive.truth import Rule, Truth
from tests.survive.virtual import VirtualLoop, virtual_time
from tests.survive.watching import Judge, Target
from tests.survive.worker import Death, Tables, work
from tests.survive.world import DEPARTMENTS, STARTS, World

_HOUR = 3600.0
#: Nothing is left to chance in the application.
_POLICY: dict[str, object] = {
    "removal": "disable", "delete_after": None, "leave": "disable", "lead": timedelta(0),
    "closed_ahead": False, "orphans": "disable", "recreate": "ask", "on_rename": "change",
    "transfer_to": "manager", "drift": {}, "guard": {},
}  # fmt: skip


@dataclass
class Case:
    """Ada works here; Ben has left, and his account was closed."""

    world: World
    loop: VirtualLoop

    def person(self, number: str) -> Person:
        return Person.objects.get(employee_number=number)

    def account(self, number: str) -> str:
        return Account.objects.get(person__employee_number=number).remote_id

    @property
    def target(self) -> Target:
        return self.world.targets["mail"]

    @property
    def everybody(self) -> MemoryGroup:
        return next(g for g in self.target.memory.groups.values() if g.name == "all")

    def later(self, seconds: float) -> None:
        self.loop.elapsed += seconds

    def policy(self, **fields: object) -> None:
        """Said now, and long ago when the judge looks."""
        Application.objects.update(**fields)
        self.look()

    def look(self) -> Truth:
        truth = self.world.look()
        self.later(_HOUR)
        return truth

    def did(self, what: str, number: str, detail: object = "") -> list[str]:
        """The judge's word on one thing that we did there."""
        self.target.history.append(Happened(what, self.account(number), detail))  # type: ignore[arg-type]
        return self.judge()

    def claim(
        self, state: str, number: str = "1", what: str = "", detail: object = ""
    ) -> list[str]:
        """The judge's word on this being taken in hand."""
        remote, uid = self.account(number), str(self.person(number).uid)
        changes = (Happened(what, remote, detail),) if what else ()  # type: ignore[arg-type]
        claim = Claim(now(), "mail", uid, remote, "update", state, changes)
        self.world.claims.append(claim)
        return self.judge()

    def judge(self) -> list[str]:
        return Judge(self.target, self.world.timeline, self.world.claims).judge()


@pytest.fixture
def case(transactional_db: None) -> Iterator[Case]:
    with virtual_time(STARTS[0]) as loop:
        made = Case(World(0), loop)
        loop.run_until_complete(_live(made))
        made.later(_HOUR)
        yield made


async def _live(case: Case) -> None:
    desk = Tables()
    await desk.do(_begin, case.world)
    await work(desk, Death())
    case.later(_HOUR)
    await desk.do(_let_go, case)
    await work(desk, Death())
    await desk.close()


def _begin(world: World) -> None:
    Company.objects.update_or_create(pk=1, defaults={"plan_mode": PlanMode.AUTOMATIC})
    world.make_application("mail", [])
    Application.objects.update(**_POLICY)
    target = world.targets["mail"]
    target.memory.unique, target.memory.shown_after, target.honest = True, 0.0, True
    world.clear_weather()
    world.rules["one"] = Rule(
        frozenset(DEPARTMENTS), "", {"mail": frozenset({"group:all"})}, timedelta(0)
    )
    save_rule(definition=definition("one", world.rules["one"]))
    for number, name in (("1", "Ada"), ("2", "Ben")):
        person = Person(employee_number=number, start_date=date(2026, 1, 1), time_zone="UTC")
        say(person, email=f"{name}@acme.example", display_name=name, department="Sales")
        person.save()
    world.look()
    services.store()
    services.approve(reason="the first day")


def _let_go(case: Case) -> None:
    services.terminate_now(case.person("2"), reason="simulated")
    case.world.look()


def test_it_says_nothing_of_what_is_right(case: Case) -> None:
    assert case.target.memory.users[case.account("1")].active
    assert not case.target.memory.users[case.account("2")].active
    assert judging.rests(case.world) == []
    assert judging.said(case.world, case.world.look()) == []
    assert judging.deletions(case.world.look()) == []


def test_it_says_nothing_of_what_is_taken_in_hand_when_it_is_due(case: Case) -> None:
    assert case.claim("planned", "1", "updated", {"title": ""}) == []
    assert case.claim("planned", "1", "joined", "all") == []
    assert case.claim("retrying", "2", "closed") == []
    case.policy(removal="delete")
    assert case.claim("unknown", "2", "deleted") == []


def test_it_asks_for_no_proof_where_a_policy_leaves_them_the_account(case: Case) -> None:
    case.policy(removal="keep")
    assert _no_proof(case) == []


# What is wrong in the end.


def _limbo(case: Case) -> list[str]:
    _operation(case, "1", kind="update", state="held")
    return judging.rests(case.world)


def _stays_stopped(case: Case) -> list[str]:
    Application.objects.update(health=Health.STOPPED)
    return judging.rests(case.world)


def _twice(case: Case) -> list[str]:
    uid = str(case.person("1").uid)
    case.target.memory.add_user({"userName": "ada2"}, external_id=uid)
    return judging.rests(case.world)


def _lost(case: Case) -> list[str]:
    case.target.memory.delete_user(case.account("1"))
    return judging.rests(case.world)


def _called_otherwise(case: Case) -> list[str]:
    case.target.memory.change_user(case.account("1"), {"displayName": "King"})
    return judging.rests(case.world)


def _lacks_a_group(case: Case) -> list[str]:
    case.target.memory.change_group(case.everybody.remote_id, [], [case.account("1")])
    return judging.rests(case.world)


def _open_after_leaving(case: Case) -> list[str]:
    case.target.memory.set_active(case.account("2"), True)
    return judging.rests(case.world)


def _holds_after_leaving(case: Case) -> list[str]:
    case.target.memory.change_group(case.everybody.remote_id, [case.account("2")], [])
    return judging.rests(case.world)


def _never_deleted(case: Case) -> list[str]:
    case.policy(removal="delete", transfer_to="")
    return judging.rests(case.world)


def _open_orphan(case: Case) -> list[str]:
    _orphan(case)
    return judging.rests(case.world)


def _orphan_there(case: Case) -> list[str]:
    case.policy(orphans="delete")
    _orphan(case)
    return judging.rests(case.world)


def _no_proof(case: Case) -> list[str]:
    Account.objects.filter(person__employee_number="2").update(evidence={})
    return judging.rests(case.world)


def _chain_is_broken(case: Case) -> list[str]:
    while seal():
        pass
    first = Event.objects.order_by("id").first()
    assert first is not None
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
        Event.objects.filter(pk=first.pk).update(reason="another one")
        cursor.execute("ALTER TABLE audit_event ENABLE TRIGGER USER")
    return judging.audit(case.world)


def _told_what_never_was(case: Case) -> list[str]:
    row = Account.objects.get(person__employee_number="1")
    record(
        Action.ACCOUNT_DELETED,
        application="mail",
        subject_kind="account",
        subject_key=str(row.pk),
        subject_label=str(row),
    )
    return judging.audit(case.world)


# What is wrong on the way.


def _comes_in(case: Case) -> list[str]:
    truth, uid = case.world.look(), str(case.person("1").uid)
    gone = replace(truth.lives[uid], ended=now())
    return judging.doors(replace(truth, lives={**truth.lives, uid: gone}))


def _signed_in(case: Case) -> list[str]:
    at = now()
    Session.objects.create(person=case.person("2"), how=How.PASSKEY, began_at=at, seen_at=at)
    return judging.doors(case.world.look())


def _receipt_is_wrong(case: Case) -> list[str]:
    case.target.memory.set_active(case.account("2"), True)
    return judging.receipts(case.world, case.world.look())


def _receipt_forgets(case: Case) -> list[str]:
    case.target.memory.set_active(case.account("2"), True)
    Account.objects.filter(person__employee_number="2").update(person=None)
    return judging.receipts(case.world, case.world.look())


def _nothing_said(case: Case) -> list[str]:
    case.target.memory.set_active(case.account("2"), True)
    _operation(case, "2", kind="disable", state="cancelled")
    return judging.said(case.world, case.world.look())


def _deletion_under_hold(case: Case) -> list[str]:
    _hold(case)
    _operation(case, "2", kind="delete", state="manual")
    return judging.deletions(case.look())


def _written_while_stopped(case: Case) -> list[str]:
    services.stop_writes(reason="simulated")
    return _writes(case)


def _written_while_it_is_stopped(case: Case) -> list[str]:
    services.stop_writes(reason="simulated", application="mail")
    return _writes(case)


def _written_in_report_mode(case: Case) -> list[str]:
    Application.objects.update(mode="report")
    return _writes(case)


def _taken_up_while_stopped(case: Case) -> list[str]:
    services.stop_writes(reason="simulated")
    case.look()
    return case.claim("planned")


def _shielded(case: Case) -> list[str]:
    case.target.shields.append([case.account("1"), now(), None])
    case.later(_HOUR)
    return case.did("updated", "1", {"displayName": "Ada"})


def _orphan_closed(case: Case) -> list[str]:
    case.policy(orphans="report")
    case.target.memory.set_active(_orphan(case), False)
    return case.judge()


def _deleted_too_early(case: Case) -> list[str]:
    case.policy(delete_after=timedelta(days=1))
    return case.did("deleted", "2")


def _deleted_under_hold(case: Case) -> list[str]:
    case.policy(removal="delete")
    _hold(case)
    case.look()
    return case.did("deleted", "2")


def _claimed_after_a_change(case: Case) -> list[str]:
    """A moment after somebody said otherwise."""
    person = case.person("1")
    say(person, title="Queen")
    person.save()
    case.world.look()
    case.later(0.1)
    return case.claim("planned", "1", "updated", {"title": ""})


def _claimed_under_hold(case: Case) -> list[str]:
    case.policy(removal="delete")
    _hold(case)
    case.world.look()
    case.later(0.1)
    return case.claim("planned", "2", "deleted")


def _claimed_while_shielded(case: Case) -> list[str]:
    case.target.shields.append([case.account("2"), now(), None])
    case.later(0.1)
    return case.claim("planned", "2", "closed")


def _stale(case: Case) -> list[str]:
    """A title that was right when it was planned, and not when it was taken up."""
    person = case.person("1")
    say(person, title="Queen")
    person.save()
    case.world.look()
    case.later(90)
    case.claim("planned")
    return case.did("updated", "1", {"title": ""})


_WRONG: dict[Callable[[Case], list[str]], str] = {
    _limbo: "1 operations are held",
    _stays_stopped: "an application is still stopped",
    _twice: "2 accounts:",
    _lost: "no open account",
    _called_otherwise: "displayName is King, not Ada",
    _lacks_a_group: "holds set(), not",
    _open_after_leaving: "Ben (left) in mail: the account is open",
    _holds_after_leaving: "Ben (left) in mail: holds",
    _never_deleted: "Ben (left) in mail: the account is still there",
    _open_orphan: "is still open",
    _orphan_there: "is still there",
    _no_proof: "nothing proves that",
    _chain_is_broken: "the chain:",
    _told_what_never_was: "the audit tells what never was",
    _comes_in: "Ada may come in",
    _signed_in: "Ben has a session",
    _receipt_is_wrong: "the receipt of Ben for mail says",
    _receipt_forgets: "the receipt of Ben knows of no account in mail",
    _nothing_said: "nothing says why mail is open",
    _deletion_under_hold: "deletion of Ben in mail is manual, under legal hold",
    _written_while_stopped: "while stopped",
    _written_while_it_is_stopped: "while stopped",
    _written_in_report_mode: "while stopped",
    _taken_up_while_stopped: "while stopped",
    _claimed_after_a_change: "was not due any more",
    _claimed_under_hold: "was not due any more",
    _claimed_while_shielded: "was not due any more",
    lambda case: case.claim("planned", "1", "closed"): "was not due any more",
    lambda case: case.claim("planned", "2", "opened"): "was not due any more",
    lambda case: case.claim("held"): "was held",
    lambda case: case.claim("rejected"): "was rejected",
    _shielded: "was not due",
    _orphan_closed: "was not due",
    _deleted_too_early: "was not due",
    _deleted_under_hold: "was not due",
    _stale: "was not due",
    lambda case: case.did("created", "2"): "was not due",
    lambda case: case.did("opened", "2"): "was not due",
    lambda case: case.did("closed", "1"): "was not due",
    lambda case: case.did("deleted", "1"): "was not due",
    lambda case: case.did("deleted", "2"): "was not due",
    lambda case: case.did("joined", "1", "tech"): "was not due",
    lambda case: case.did("left", "1", "all"): "was not due",
    lambda case: case.did("updated", "1", {"title": "King"}): "was not due",
    lambda case: case.did("updated", "2", {"title": "King"}): "was not due",
    lambda case: case.did("handed over", "1", "Ben"): "was not due",
    lambda case: _tells_not(case): "the audit does not tell",
    lambda case: _counts(case): "open accounts are counted",
    lambda case: _lacks_a_group(case): "has 0 open members, counted",
}  # fmt: skip


@pytest.mark.parametrize(("act", "said"), _WRONG.items(), ids=list(map(str, range(len(_WRONG)))))
def test_it_says_no(case: Case, act: Callable[[Case], list[str]], said: str) -> None:
    found = act(case)
    assert any(said in line for line in found), found


def _tells_not(case: Case) -> list[str]:
    case.target.memory.change_user(case.account("1"), {"title": "King"})
    return judging.audit(case.world)


def _counts(case: Case) -> list[str]:
    case.target.memory.add_user({"userName": "one more"})
    return judging.rests(case.world)


def _orphan(case: Case) -> str:
    made: list[str] = []
    memory = case.target.memory
    case.target.by_them(lambda: made.append(memory.add_user({"userName": "robot"}).remote_id))
    case.target.orphans.update(made)
    return made[0]


def _operation(case: Case, number: str, *, kind: str, state: str) -> None:
    person = case.person(number)
    Operation.objects.create(
        application=Application.objects.get(),
        person=person,
        kind=kind,
        state=state,
        generation=person.generation,
    )


def _hold(case: Case) -> None:
    Person.objects.filter(employee_number="2").update(
        legal_hold_since=now(), legal_hold_reason="a lawsuit"
    )


def _writes(case: Case) -> list[str]:
    case.look()
    case.target.calls.append(Call("update", case.account("1")))
    return case.judge()
