"""Accounts that were there before us, that nobody owns, that somebody else changes or deletes."""

from __future__ import annotations

import asyncio

import pytest

from tenure.applications.models import Account, Application
from tenure.audit.models import Action, Event
from tenure.connectors.memory import MemoryApplication
from tenure.figures import services as figures
from tenure.figures.models import Figure
from tenure.figures.services import FRESH, count_again
from tenure.infra.clock import now
from tenure.people.services import raise_generation
from tenure.provisioning import services
from tenure.provisioning.decisions import ownership
from tenure.provisioning.models import Operation, Remark
from tenure.provisioning.questions.explain import explain
from tenure.provisioning.questions.kept_open import kept_open
from tenure.provisioning.reconciliation import missing
from tenure.provisioning.reconciliation.first_reading import read_first
from tenure.provisioning.reconciliation.reconcile import ReconcileResult, reconcile_by_slug
from tenure.provisioning.records import settling
from tenure.runs.models import Run
from tests.provisioning.company import Company, apply, change, drain, linked, states


def reconcile(slug: str = "chat") -> ReconcileResult:
    return asyncio.run(reconcile_by_slug(slug))


def writes(memory: MemoryApplication) -> list[str]:
    reading = {"accounts", "read", "find", "entitlements", "check"}
    return [call.verb for call in memory.calls if call.verb not in reading]


@pytest.fixture(autouse=True)
def what_was_done_is_shown_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """These applications list at once what was just made, so a test need not wait for it."""
    monkeypatch.setattr(settling, "SHOWN_AFTER", 0)


@pytest.fixture
def plain(company: Company) -> Company:
    """Everybody has Chat, without groups."""
    company.application("chat")
    company.rule("everyone", "has(user.department)", {"chat": []})
    return company


def settings(**columns: object) -> None:
    Application.objects.update(**columns)


def remote(name: str) -> str:
    return linked()[name].remote_id


def test_first_contact_with_5000_accounts_is_a_plan_to_look_at(sales: Company) -> None:
    settings(ignore=['account.userName.startsWith("svc-")'])
    memory = sales.memories["chat"]
    for number in range(1, 4961):
        email = {"emails.work": f"P{number}@acme.example"} if number <= 2 else {}
        memory.add_user({"userName": f"P{number}@acme.example", "displayName": "Old", **email})
    for number in range(30):
        memory.add_user({"userName": f"left{number}@acme.example"})
    for number in range(8):
        memory.add_user({"userName": f"svc-{number}"})
    for number in range(1, 3):
        memory.add_user({"userName": f"second{number}", "emails.work": f"p{number}@acme.example"})
    sales.people(4980)
    services.store()
    drain()  # Nobody read it first: this does, and sends nothing.
    assert writes(memory) == []
    plan = services.preview()
    (contact,) = plan.as_json()["first_contact"]
    # Two people could own two accounts each, and are left alone until somebody decides.
    assert contact == {
        "application": "chat",
        "application_name": "Chat",
        "read": True,
        "reporting": False,
        "found": 5000,
        "adopted": 4958,
        "to_create": 20,
        "orphans": 30,
        "disputed": 4,
        "ignored": 8,
    }
    assert {line.state for line in plan.lines} == {"held"}
    assert "5000 accounts were here before" in plan.held_reasons[0]
    assert Event.objects.filter(action=Action.ACCOUNT_ADOPTED).count() == 4958
    apply()
    assert writes(memory) == []
    services.approve(application="chat", reason="looked at it")
    drain()
    assert len(memory.users) == 5020
    assert set(states()) <= {"done", "cancelled"}
    final = services.preview()
    assert (final.lines, final.first_contact) == ((), ())
    assert Event.objects.filter(action=Action.APPLICATION_TAKEN_OVER).count() == 1


def test_a_first_contact_in_report_mode_is_not_approved_unseen(plain: Company) -> None:
    """Nothing is stored in report mode: there is nothing that somebody could have looked at."""
    memory = plain.memories["chat"]
    for number in range(30):
        memory.add_user({"userName": f"left{number}@acme.example"})
    plain.application("tracker")
    Application.objects.filter(slug="chat").update(mode="report")
    assert read_first() == []
    (contact,) = services.preview(application="chat").first_contact
    assert contact.reporting
    with pytest.raises(LookupError, match="Chat is in report mode"):
        services.approve(application="chat", reason="looks right")
    assert services.approve(reason="whatever there is").taken_over == ()
    Application.objects.filter(slug="chat").update(mode="live")
    # Nothing is stored yet, so approving whatever is held is not about it; naming it is.
    assert services.approve(reason="whatever there is").taken_over == ()
    assert services.approve(application="chat", reason="looked at it").taken_over == ("Chat",)


def test_a_first_contact_of_which_another_plan_was_seen_is_not_approved(plain: Company) -> None:
    """More is held than was looked at: it is shown again, and nothing is taken over."""
    memory = plain.memories["chat"]
    for number in range(30):
        memory.add_user({"userName": f"left{number}@acme.example"})
    plain.people(3)
    drain()
    apply()
    assert states() == {"held": 3}
    seen = services.Seen(1, now())
    decided = services.approve(application="chat", reason="looks right", seen=seen)
    assert (decided.count, decided.again, decided.taken_over) == (0, 3, ())
    plain.person("4")
    apply()
    assert states() == {"held": 4}
    assert services.approve(application="chat", reason="looked at it").taken_over == ("Chat",)


def test_what_matching_asks_for_anew_is_read_before_anything_is_made(plain: Company) -> None:
    """Nothing changed there, and yet no account was read with it."""
    memory = plain.memories["chat"]
    for number in range(1, 4):
        memory.add_user({"userName": f"old{number}", "badge": f"p{number}@acme.example"})
    plain.person("9")
    apply()
    services.approve(application="chat", reason="looked at it")
    drain()
    before = len(memory.users)
    plain.people(3)
    rule = {"account": "badge", "person": "email"}
    settings(matching=[rule])
    # Whoever sends reads first ...
    services.store()
    drain()
    assert len(memory.users) == before
    assert sorted(linked()) == [f"p{number}@acme.example" for number in (1, 2, 3, 9)]
    # ... and so does whoever looks; nobody changed what was not asked for before.
    settings(matching=[rule], ignore=['account.employeeNumber == "7"'])
    memory.add_user({"userName": "svc", "employeeNumber": "7"})
    assert read_first() == []
    assert not Event.objects.filter(action=Action.ACCOUNT_DRIFTED).exists()
    assert Account.objects.get(user_name="svc").situation == "ignored"
    assert read_first() == []
    assert Run.objects.filter(kind="reconcile").count() == 3


def test_after_an_upgrade_nobody_knows_what_was_read_so_everything_is(plain: Company) -> None:
    """Who is protected by what was never asked for is not touched; what others changed is told."""
    for number in "123":
        plain.person(number, title="Lead")
    apply()
    memory, ids = plain.memories["chat"], {name: row.remote_id for name, row in linked().items()}
    memory.change_user(ids["p1@acme.example"], {"badge": "vip"})
    memory.change_user(ids["p2@acme.example"], {"title": "King"})
    settings(
        read_attributes=None,  # As an older version leaves it.
        protect=['account.badge == "vip"'],
        mapping=[
            *Application.objects.get().mapping,
            {"attribute": "department", "expression": "user.department"},
        ],
    )
    raise_generation()
    services.store()
    drain()
    departments = [user.attributes.get("department") for _, user in sorted(plain.users().items())]
    assert departments == [None, "Sales", "Sales"]
    assert Event.objects.get(action=Action.ACCOUNT_DRIFTED).before == {"title": "Lead"}
    assert "badge" in (Application.objects.get().read_attributes or [])


def test_people_who_come_after_the_reading_are_tied_before_anything_is_planned(
    plain: Company,
) -> None:
    memory = plain.memories["chat"]
    for number in range(1, 31):
        memory.add_user({"userName": f"p{number}@acme.example", "displayName": f"Person {number}"})
    assert read_first() == []
    assert services.preview().lines == ()
    people = plain.people(30)
    Application.objects.get()
    for person in people:
        change(person)
    plan = services.preview()
    assert plan.lines == ()
    assert plan.first_contact[0].adopted == 30
    services.store()
    assert Application.objects.get().taken_over_at is not None  # Everything agrees.
    assert writes(memory) == []


def test_an_application_with_hardly_anybody_in_it_is_not_held(plain: Company) -> None:
    plain.memories["chat"].add_user({"userName": "admin"})
    plain.people(3)
    apply()
    assert len(plain.users()) == 4


def test_a_disputed_account_stops_a_second_one_until_somebody_decides(plain: Company) -> None:
    settings(
        matching=[
            {"account": "title", "person": "title"},
            {"account": "userName", "person": "email"},
        ]
    )
    one, two = plain.person("1", title="Twin"), plain.person("2", title="Twin")
    memory = plain.memories["chat"]
    memory.add_user({"userName": "twin", "title": "Twin"})
    apply()
    assert len(memory.users) == 1
    plan = services.preview()
    assert plan.lines == ()
    assert [p.message.startswith("No account is made") for p in plan.problems] == [True, True]
    with pytest.raises(LookupError, match="There is no account"):
        ownership.account_named("chat/nobody")
    ownership.link(ownership.account_named("chat/twin"), one, reason="asked him")
    apply()
    assert len(memory.users) == 2
    assert linked()["p1@acme.example"].person_id == one.pk
    assert linked()["p2@acme.example"].person_id == two.pk
    event = Event.objects.get(action=Action.ACCOUNT_ADOPTED)
    assert (event.reason, event.person) == ("asked him", str(one.uid))
    with pytest.raises(ownership.CannotDecide, match="Unlink it first"):
        ownership.link(ownership.account_named("chat/p1@acme.example"), two, reason="")


def test_what_is_unlinked_is_never_tied_to_the_same_person_again(plain: Company) -> None:
    memory = plain.memories["chat"]
    theirs = memory.add_user({"userName": "p1@acme.example", "displayName": "Person 1"})
    person = plain.person("1")
    apply()
    account = ownership.account_named("chat/p1@acme.example")
    ownership.unlink(account, reason="a namesake")
    assert reconcile().counters.get("linked", 0) == 0
    apply()
    failed = Operation.objects.get(state="failed")
    assert "not theirs" in failed.error
    assert Account.objects.get().situation == "unmatched"
    change(person, email="p1b@acme.example")
    apply()
    assert set(plain.users()) == {"p1@acme.example", "p1b@acme.example"}
    assert memory.users[theirs.remote_id].attributes["userName"] == "p1@acme.example"


def test_an_ignored_account_is_left_alone_and_can_be_released(plain: Company) -> None:
    settings(orphans="delete")
    memory = plain.memories["chat"]
    memory.add_user({"userName": "reception"})
    reconcile()
    row = ownership.account_named("chat/reception")
    ownership.ignore(row, reason="the front desk")
    apply()
    assert Operation.objects.count() == 0
    assert reconcile().counters.get("orphans", 0) == 0
    ownership.release(row, reason="")
    apply()
    assert Operation.objects.get().state == "held"


def test_create_never_takes_an_account_that_the_rules_do_not_tie(plain: Company) -> None:
    """The name is taken by somebody whom the only rule does not know."""
    settings(matching=[{"account": "title", "person": "title"}])
    plain.memories["chat"].add_user({"userName": "p1@acme.example", "title": "Stranger"})
    plain.person("1", title="Boss")
    apply()
    assert linked() == {}
    assert "No rule ties it to this person" in Operation.objects.get(state="failed").error


@pytest.mark.parametrize("policy", ["report", "disable", "delete"])
def test_orphans_are_touched_only_when_a_person_approves(plain: Company, policy: str) -> None:
    settings(orphans=policy)
    memory = plain.memories["chat"]
    for name in ("left", "svc-backup", "owner", "boss"):
        memory.add_user({"userName": name})
    settings(ignore=['account.userName.startsWith("svc-")'], protect=['account.userName == "boss"'])
    memory.own = plain.users()["owner"].remote_id
    plain.people(1)
    apply()
    expected = {"report": {}, "disable": {"disable": 1}, "delete": {"delete": 1}}[policy]
    assert services.preview().summary == expected
    apply()
    assert len(plain.open_users()) == 5
    assert services.approve(reason="he left in May").count == len(expected)
    drain()
    gone = {"report": set(), "disable": {"left"}, "delete": {"left"}}[policy]
    assert plain.open_users() == {"svc-backup", "owner", "boss", "p1@acme.example", "left"} - gone
    assert ("left" in plain.users()) is (policy != "delete")
    assert services.preview().lines == ()
    apply()
    assert "held" not in states()


def test_an_orphan_whose_deletion_was_refused_is_not_planned_again(plain: Company) -> None:
    """The plan counts it among what was rejected, and does not say that it waits."""
    settings(orphans="delete")
    for name in ("left", "printer"):
        plain.memories["chat"].add_user({"userName": name})
    reconcile()
    apply()
    printer = Operation.objects.get(account__user_name="printer")
    services.reject(operations=[printer.pk], reason="the print shop uses it")
    plan = services.preview()
    assert [(line.account, line.state.value) for line in plan.lines] == [("left", "held")]
    assert [line.account for line in plan.rejected] == ["printer"]
    assert [one.count for one in plan.declined] == [1]


def test_a_protected_account_is_never_touched_and_the_plan_says_so(plain: Company) -> None:
    people = plain.people(3)
    apply()
    plain.memories["chat"].own = remote("p1@acme.example")
    reconcile()
    ownership.protect(linked()["p2@acme.example"], reason="the last owner")
    settings(protect=['account.userName.startsWith("p3")'])
    for person in people:
        services.terminate_now(person, reason="dismissed")
    drain()
    assert len(plain.open_users()) == 3
    plan = services.preview()
    for person in people:
        change(person)
    plan = services.preview()
    assert plan.lines == ()
    assert len(plan.problems) == 3
    assert all(p.notice and "is protected" in p.message for p in plan.problems)
    assert "the last owner" in " ".join(p.message for p in plan.problems)


def test_an_account_that_is_there_is_told_of_and_not_a_later_one_that_is_gone(
    plain: Company,
) -> None:
    (person,) = plain.people(1)
    apply()
    Account.objects.create(
        application=Application.objects.get(),
        person=person,
        remote_id="twin",
        situation="deleted",
        deleted_at=now(),
    )
    (told,) = explain(person).applications
    assert told.account == linked()["p1@acme.example"]
    assert len(explain(person).accounts) == 2


def test_what_conditions_keep_open_of_leavers_is_counted_ahead_where_there_is_much(
    plain: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = plain.people(3)
    apply()
    ownership.protect(linked()["p2@acme.example"], reason="the last owner")
    settings(protect=['account.userName.startsWith("p3")'])
    for person in people[1:]:
        services.terminate_now(person, reason="dismissed")

    def told() -> list[tuple[str, str]]:
        return [(row.account.user_name, row.why) for row in kept_open()]

    both = [
        ("p2@acme.example", "the last owner"),
        ("p3@acme.example", 'account.userName.startsWith("p3")'),
    ]
    assert told() == both
    monkeypatch.setattr(figures, "FEW", -2)
    assert told() == both
    services.terminate_now(people[0], reason="dismissed")
    settings(protect=['account.userName.startsWith("p")'])
    # Who is protected by a condition since then is known a moment later; why, and of whom it is
    # not so any more, at once.
    assert told() == [both[0], ("p3@acme.example", 'account.userName.startsWith("p")')]
    Figure.objects.update(counted_at=now() - FRESH)
    count_again()
    assert [name for name, _ in told()] == [f"p{number}@acme.example" for number in (1, 2, 3)]
    settings(protect=[])
    assert told() == both[:1]


@pytest.mark.parametrize(
    ("drift", "shown", "told"),
    [
        ({}, "Lead", 0),
        ({"default": "restore", "title": "keep"}, "King", 0),
        ({"default": "report"}, "King", 1),
    ],
)
def test_drift_is_as_the_policy_says_and_a_change_of_hr_gets_through(
    plain: Company, drift: dict[str, str], shown: str, told: int
) -> None:
    settings(drift=drift)
    person = plain.person("1", title="Lead")
    apply()
    apply()
    memory = plain.memories["chat"]
    memory.change_user(remote("p1@acme.example"), {"title": "King", "displayName": "P."})
    result = reconcile()
    assert len([i for i in result.issues if i.message.startswith("Changed there")]) == told
    plan = services.preview()
    assert len([p for p in plan.problems if p.notice and "is left so" in p.message]) == told
    apply()
    user = plain.users()["p1@acme.example"]
    assert user.attributes["title"] == shown
    assert (user.attributes["displayName"] == "P.") is ("default" in drift and told == 1)
    assert services.preview().lines == ()
    change(person, title="Head")
    apply()
    assert plain.users()["p1@acme.example"].attributes["title"] == "Head"
    reconcile()
    assert services.preview().lines == ()
    memory.change_user(remote("p1@acme.example"), {"title": "Queen"})
    reconcile()
    apply()
    now = plain.users()["p1@acme.example"].attributes["title"]
    assert now == ("Head" if not drift else "Queen")


@pytest.mark.parametrize(("policy", "count"), [("never", 0), ("ask", 0), ("always", 1)])
def test_what_somebody_deleted_there_is_made_again_by_policy_only(
    plain: Company, policy: str, count: int
) -> None:
    settings(recreate=policy)
    plain.people(1)
    apply()
    memory = plain.memories["chat"]
    memory.delete_user(remote("p1@acme.example"))
    reconcile()
    tombstone = Account.objects.get(situation="deleted")
    assert tombstone.evidence is not None
    assert tombstone.evidence["sent"] == "nothing"
    plan = services.preview()
    assert [p.notice for p in plan.problems] == ([True] if policy == "never" else [])
    assert plan.held is (policy == "ask")
    apply()
    assert len(memory.users) == count
    services.approve(reason="a mistake")
    drain()
    assert len(memory.users) == (0 if policy == "never" else 1)
    assert Account.objects.get(pk=tombstone.pk).situation == "deleted"
    if policy == "never":
        assert "`tenure accounts again chat/p1@acme.example`" in plan.problems[0].message
        ownership.again(ownership.tombstone_named("chat/P1@acme.example"), reason="a mistake")
        apply()
        assert len(memory.users) == 1


def test_what_is_left_as_it_is_is_said_by_every_plan_until_it_is_not_so(plain: Company) -> None:
    settings(recreate="never")
    plain.application("mail")
    plain.people(2)
    apply()
    plain.memories["chat"].delete_user(remote("p1@acme.example"))
    reconcile()
    apply()
    # Nobody has changed since, and it is still so.
    (told,) = services.preview().problems
    assert (told.person, told.application, told.notice) == ("1", "chat", True)
    assert services.preview(application="mail").problems == ()
    apply("chat")
    assert Remark.objects.count() == 1
    ownership.again(ownership.tombstone_named("chat/p1@acme.example"), reason="a mistake")
    apply()
    assert services.preview().problems == ()
    assert not Remark.objects.exists()


def test_what_we_deleted_ourselves_is_made_anew_without_asking(plain: Company) -> None:
    settings(removal="delete")
    person = plain.person("1")
    apply()
    change(person, department=None)
    apply()
    assert plain.users() == {}
    change(person, department="Sales")
    apply()
    assert plain.open_users() == {"p1@acme.example"}


def test_a_closed_account_that_is_not_listed_is_asked_for_and_still_there(
    plain: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain.people(2)
    apply()
    memory = plain.memories["chat"]
    hidden = memory.users.pop(remote("p1@acme.example"))
    real = MemoryApplication.user
    monkeypatch.setattr(
        MemoryApplication, "user", lambda s, i: hidden if i == hidden.remote_id else real(s, i)
    )
    assert reconcile().counters["gone"] == 0
    assert Account.objects.filter(situation="deleted").count() == 0


def test_most_accounts_of_a_small_company_that_are_not_listed_are_not_gone(
    sales: Company,
) -> None:
    """The token sees less than before, and finds them no more either: they would be made again."""
    sales.people(8)
    apply()
    memory = sales.memories["chat"]
    for key in list(memory.users)[:5]:
        memory.delete_user(key)
    result = reconcile()
    assert (result.counters["gone"], result.counters["missing"]) == (0, 5)
    assert "5 of 8 accounts are not listed any more" in result.issues[0].message


def test_an_application_in_which_nobody_is_left_is_not_believed(plain: Company) -> None:
    """Of a company that is smaller than what may be missing: the address is another tenant's."""
    plain.people(3)
    apply()
    memory = plain.memories["chat"]
    for key in list(memory.users):
        memory.delete_user(key)
    assert reconcile().counters["gone"] == 0
    assert len(linked()) == 3
    accepted = asyncio.run(reconcile_by_slug("chat", accept_missing=True))
    assert accepted.counters["gone"] == 3


def test_a_listing_that_lacks_too_many_is_not_believed(plain: Company) -> None:
    plain.people(60)
    apply()
    memory = plain.memories["chat"]
    for key in list(memory.users)[: missing.LIMIT.allowed(60) + 1]:
        memory.delete_user(key)
    result = reconcile()
    assert (result.counters["gone"], result.counters["missing"]) == (0, 21)
    assert "--accept-missing" in result.issues[0].message
    assert len(linked()) == 60
    accepted = asyncio.run(reconcile_by_slug("chat", accept_missing=True))
    assert accepted.counters["gone"] == 21
