"""Working lives the whole way: from a row of HR by import, plan and apply to the application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from tenure.applications.models import Account, Application
from tenure.audit.models import Action, Event
from tenure.connectors.memory import MemoryUser
from tenure.infra.clock import now
from tenure.people.models import Company as CompanyRow
from tenure.people.models import Person
from tenure.provisioning import services
from tenure.provisioning.decisions import byhand, rehires
from tenure.provisioning.models import Operation
from tenure.provisioning.questions.ahead import ahead
from tenure.provisioning.reconciliation.reconcile import reconcile_by_slug
from tenure.sources import answering
from tenure.sources.answering import AnswerRefused
from tenure.sources.models import RehireQuestion, Source
from tests.provisioning.company import Company, apply, drain, linked
from tests.sources import hr

EMAIL = "anna.nagy@acme.example"


def day(distance: int) -> str:
    """An ISO date so many days from today."""
    return (now().date() + timedelta(days=distance)).isoformat()


class World:
    """One source, and Chat in memory for everybody who is in it."""

    def __init__(self, company: Company, folder: Path) -> None:
        self.company = company
        self.folder = folder
        self.hr: Source = hr.source(absence="leave")

    def chat(self, **more: object) -> None:
        self.company.application("chat", groups=["all"], **more)
        self.company.rule("everyone", "true", {"chat": ["group:all"]})

    def says(self, *rows: str) -> None:
        """HR says this, and it is carried out."""
        hr.take(self.hr, self.folder, rows, accept="a test")
        apply()

    def anna(self, **more: str) -> None:
        self.says(hr.row(1, **{"given": "Anna", "family": "Nagy", **more}), hr.row(2))

    def remote(self) -> str:
        return linked()[EMAIL].remote_id

    @property
    def is_open(self) -> bool:
        """Whether Anna has an open account."""
        return EMAIL in self.company.open_users()

    @property
    def is_member(self) -> bool:
        return EMAIL in self.company.members("all")


@pytest.fixture
def world(company: Company, tmp_path: Path) -> World:
    return World(company, tmp_path)


class TestRehire:
    def test_the_same_account_is_opened_again_with_what_it_held(self, world: World) -> None:
        world.chat()
        world.anna()
        before = world.remote()
        world.anna(status="Terminated", end=day(-1))
        assert (world.is_open, world.is_member) == (False, False)
        world.anna(start=day(0))
        assert (world.is_open, world.is_member) == (True, True)
        assert world.remote() == before
        assert len(world.company.users()) == 2

    def test_one_that_was_deleted_is_made_anew_under_the_same_name(self, world: World) -> None:
        world.chat(removal="delete")
        world.anna()
        before = world.remote()
        world.anna(status="Terminated", end=day(-1))
        assert EMAIL not in world.company.users()
        world.anna(start=day(0))
        assert world.is_open
        assert world.remote() != before

    def test_who_was_terminated_by_hand_comes_back_with_a_new_first_day(self, world: World) -> None:
        world.chat()
        world.anna()
        before = world.remote()
        services.terminate_now(hr.person(1), reason="resignation")
        apply()
        world.anna(manager="2")
        assert hr.person(1).state == "left"
        world.anna(start=day(1))
        assert (hr.person(1).state, world.is_open) == ("upcoming", False)
        world.anna(start=day(0))
        assert (world.is_open, world.remote()) == (True, before)


class TestAnotherNumber:
    """Anna, 1, left, and comes as 3."""

    def ask(self, world: World) -> RehireQuestion:
        world.hr.rehire = [["given_name", "family_name"]]
        world.hr.save()
        world.chat(lead=timedelta(days=7))
        world.anna()
        gone = hr.row(1, given="Anna", family="Nagy", status="Terminated", end=day(-1))
        world.says(gone, hr.row(2))
        world.says(gone, hr.row(2), hr.row(3, given="Anna", family="Nagy", start=day(0)))
        assert len(world.company.users()) == 2
        return RehireQuestion.objects.get()

    def test_the_same_person_has_the_same_account_again(self, world: World) -> None:
        question = self.ask(world)
        before = world.remote()
        answering.same(question=question, now=now())
        apply()
        assert (world.is_open, world.is_member, world.remote()) == (True, True, before)
        assert len(world.company.users()) == 2
        assert linked()[EMAIL].person == hr.person(3)
        question.refresh_from_db()
        with pytest.raises(AnswerRefused, match=r"made or changed since \(Chat\)"):
            rehires.take_back(question)

    def test_somebody_else_has_an_account_of_their_own(self, world: World) -> None:
        question = self.ask(world)
        answering.other(question=question, now=now())
        apply()
        assert "a.nagy@acme.example" in world.company.open_users()
        assert not world.is_open
        question.refresh_from_db()
        with pytest.raises(AnswerRefused, match="cannot be taken back"):
            rehires.take_back(question)

    @pytest.mark.parametrize("answer", [answering.same, answering.other])
    def test_what_is_only_planned_is_taken_back(
        self, world: World, answer: Callable[..., Person]
    ) -> None:
        question = self.ask(world)
        answer(question=question, now=now())
        services.store()
        question.refresh_from_db()
        rehires.take_back(question, reason="a mistake")
        services.store()
        drain()
        assert not world.is_open
        assert len(world.company.users()) == 2
        assert RehireQuestion.objects.get().answer == ""


class TestContracts:
    def test_one_that_is_extended_after_it_ended_gives_everything_back(self, world: World) -> None:
        world.chat(delete_after=timedelta(days=30))
        world.anna(end=day(10))
        before = world.remote()
        world.anna(end=day(-1))
        assert (world.is_open, world.is_member) == (False, False)
        world.anna(end=day(90))
        assert (world.is_open, world.is_member) == (True, True)
        assert world.remote() == before
        assert Account.objects.get(remote_id=before).disabled_at is None

    def test_one_whose_end_is_taken_out_goes_on(self, world: World) -> None:
        world.chat()
        world.anna(end=day(-1), status="Terminated")
        assert not world.is_open
        world.anna()
        assert world.is_open


class TestAhead:
    """A hire for whom the account is made before the first day."""

    @pytest.mark.parametrize("closed", [True, False])
    def test_a_start_that_moves_away_closes_it_and_one_that_comes_near_opens_it(
        self, world: World, closed: bool
    ) -> None:
        world.chat(lead=timedelta(days=7), closed_ahead=closed)
        world.anna(start=day(3))
        before = world.remote()
        assert world.is_open is not closed
        world.anna(start=day(30))
        assert not world.is_open
        assert hr.person(1).state == "upcoming"
        assert len(world.company.users()) == 2
        world.anna(start=day(5))
        assert world.is_open is not closed
        world.anna(start=day(0))
        assert (world.is_open, world.is_member) == (True, True)
        assert world.remote() == before

    def test_a_start_that_moves_before_anything_was_made_only_waits(self, world: World) -> None:
        world.chat(lead=timedelta(days=7))
        world.anna(start=day(30))
        assert EMAIL not in world.company.users()
        world.anna(start=day(60))
        assert EMAIL not in world.company.users()
        look = hr.person(1).next_look_at
        assert look is not None
        assert look.date() == date.fromisoformat(day(53))
        world.anna(start=day(6))
        assert world.is_open

    def test_a_hire_that_is_cancelled_by_its_status_is_closed(self, world: World) -> None:
        world.chat(lead=timedelta(days=7))
        world.anna(start=day(3))
        assert world.is_open
        world.anna(start=day(3), status="Terminated")
        assert (world.is_open, world.is_member) == (False, False)
        assert hr.person(1).state == "left"

    def test_a_hire_that_is_gone_from_the_source_is_closed(self, world: World) -> None:
        world.chat(lead=timedelta(days=7), removal="delete")
        world.anna(start=day(3))
        assert world.is_open
        world.says(hr.row(2))
        assert EMAIL not in world.company.users()
        assert hr.person(1).state == "left"

    def test_one_that_is_cancelled_and_comes_after_all_has_the_same_account(
        self, world: World
    ) -> None:
        world.chat(lead=timedelta(days=7))
        world.anna(start=day(3))
        before = world.remote()
        world.says(hr.row(2))
        assert not world.is_open
        world.anna(start=day(4))
        assert world.is_open
        assert world.remote() == before


class TestRenames:
    def marry(self, world: World) -> None:
        world.anna()
        world.anna(family="Szabó")

    def test_login_and_address_follow_the_name_and_the_old_one_is_kept_as_alias(
        self, world: World
    ) -> None:
        CompanyRow.objects.update(on_rename="change")
        world.chat()
        application = Application.objects.get()
        aliases = "has(user.email_aliases) ? user.email_aliases : []"
        alias = "has(user.email_aliases) ? user.email_aliases[0] : ''"
        application.mapping += [
            {"attribute": "emails.work", "expression": "user.email"},
            {"attribute": "emails.other", "expression": alias},
            {"attribute": "aliases", "expression": aliases},
        ]
        application.save()
        self.marry(world)
        user = world.company.users()["anna.szabo@acme.example"]
        assert user.attributes["emails.work"] == "anna.szabo@acme.example"
        assert user.attributes["emails.other"] == EMAIL
        assert user.attributes["aliases"] == [EMAIL]
        assert user.attributes["displayName"] == "Anna Szabó"
        assert len(world.company.users()) == 2

    def test_an_application_that_keeps_logins_changes_the_rest(self, world: World) -> None:
        CompanyRow.objects.update(on_rename="change")
        world.chat(on_rename="keep")
        self.marry(world)
        user = world.company.users()[EMAIL]
        assert user.attributes["displayName"] == "Anna Szabó"
        assert hr.person(1).email == "anna.szabo@acme.example"

    def test_by_default_nothing_but_the_name_changes(self, world: World) -> None:
        world.chat()
        self.marry(world)
        assert world.company.users()[EMAIL].attributes["displayName"] == "Anna Szabó"


def test_a_new_namesake_never_gets_the_address_of_an_account_that_is_there(world: World) -> None:
    world.chat()
    world.says(hr.row(2))
    Application.objects.update(taken_over_at=now())
    world.company.memories["chat"].add_user({"userName": EMAIL})
    asyncio.run(reconcile_by_slug("chat"))
    world.anna()
    assert hr.person(1).email == "a.nagy@acme.example"
    assert {EMAIL, "a.nagy@acme.example"} <= set(world.company.users())


def settle() -> None:
    """All that can be sent. What waits for something that the lane of leavers is at, is sent by the
    next drain."""
    drain()
    drain()


class TestHandingOver:
    """What a leaver owns goes to their manager, Bo, once they are closed and before the end."""

    def leave(self, world: World, *, manager: str = "2", **more: object) -> None:
        world.chat(transfer_to="manager", **more)
        world.anna(manager=manager)
        user = world.company.users()[EMAIL]
        user.owns = {"the plan"}
        gone = {"given": "Anna", "family": "Nagy", "status": "Terminated", "end": day(-1)}
        world.says(hr.row(1, manager=manager, **gone), hr.row(2))
        settle()

    def bo(self, world: World) -> MemoryUser:
        return world.company.users()["given2.kovacs@acme.example"]

    def kinds(self, verbs: str) -> list[str]:
        wanted = verbs.split()
        found = Operation.objects.filter(kind__in=wanted, state="done").order_by("finished_at")
        return list(found.values_list("kind", flat=True))

    def test_it_is_closed_then_handed_over_then_deleted(self, world: World) -> None:
        self.leave(world, removal="delete")
        assert not world.is_open
        assert self.bo(world).owns == {"the plan"}
        assert EMAIL in world.company.users()
        event = Event.objects.get(action=Action.ACCOUNT_TRANSFERRED)
        assert "what they own goes to their manager, Given2 Kovács" in event.reason
        apply()
        assert EMAIL not in world.company.users()
        assert self.kinds("disable transfer delete") == ["disable", "transfer", "delete"]
        assert services.preview().lines == ()

    def test_without_deletion_it_is_handed_over_once(self, world: World) -> None:
        self.leave(world)
        assert self.bo(world).owns == {"the plan"}
        apply()
        assert self.kinds("transfer delete") == ["transfer"]
        assert services.preview().lines == ()

    def test_without_an_heir_a_person_hands_it_over(self, world: World) -> None:
        self.leave(world, manager="", removal="delete")
        assert not world.is_open
        apply()
        assert EMAIL in world.company.users()
        task = Operation.objects.get(state="manual")
        assert (task.kind, task.attributes) == ("transfer", {})
        assert "manager, and the source names none: a person hands it over" in task.reason
        assert "Hand it over there to whom you think fit" in task.error
        look = hr.person(1).next_look_at
        assert look is not None
        assert look <= now() + timedelta(days=1)
        boss = hr.person(2)
        Person.objects.filter(pk=hr.person(1).pk).update(manager=boss, next_look_at=now())
        apply()
        settle()
        apply()
        assert self.bo(world).owns == {"the plan"}
        assert EMAIL not in world.company.users()
        assert not Operation.objects.filter(state="manual").exists()

    def test_what_a_guard_holds_is_not_handed_over(self, world: World) -> None:
        self.leave(world, removal="delete", guard={"removals": {"percent": 0, "floor": 0}})
        assert world.is_open
        assert self.bo(world).owns == set()
        rows = Operation.objects.exclude(state="done").order_by("urgency")
        assert [(row.kind, row.state) for row in rows] == [
            ("disable", "held"),
            ("transfer", "held"),
        ]
        assert [line.state.value for line in services.preview().lines] == ["held", "held"]
        services.approve(reason="she left")
        settle()
        assert not world.is_open
        assert self.bo(world).owns == {"the plan"}

    def test_a_task_that_is_done_lets_the_deletion_go(self, world: World) -> None:
        self.leave(world, manager="", removal="delete")
        byhand.done(Operation.objects.get(state="manual").pk, note="Eva has it all")
        apply()
        assert EMAIL not in world.company.users()

    def test_a_manager_who_leaves_at_the_same_time_takes_nothing(self, world: World) -> None:
        world.chat(transfer_to="manager", removal="delete")
        world.anna(manager="2")
        world.company.users()[EMAIL].owns = {"the plan"}
        gone = {"status": "Terminated", "end": day(-1)}
        world.says(hr.row(1, manager="2", given="Anna", family="Nagy", **gone), hr.row(2, **gone))
        settle()
        apply()
        assert self.bo(world).owns == set()
        assert world.company.users()[EMAIL].owns == {"the plan"}
        said = Operation.objects.get(person=hr.person(1), state="manual").reason
        assert "their manager, Given2 Kovács, who has left too" in said

    def test_a_manager_who_left_since_it_was_planned_takes_nothing(self, world: World) -> None:
        world.chat(transfer_to="manager", removal="delete")
        world.anna(manager="2")
        gone = {"given": "Anna", "family": "Nagy", "status": "Terminated", "end": day(-1)}
        hr.take(
            world.hr, world.folder, [hr.row(1, manager="2", **gone), hr.row(2)], accept="a test"
        )
        services.store()
        assert Operation.objects.get(kind="transfer").attributes["owner"]["to"]
        Person.objects.filter(pk=hr.person(2).pk).update(state="left")
        settle()
        assert Operation.objects.get(kind="transfer", state="manual").attributes == {}
        assert self.bo(world).owns == set()

    def test_nothing_is_deleted_that_is_being_given_something(self, world: World) -> None:
        self.leave(world, removal="delete")
        under_way = Operation.objects.get(kind="transfer")
        Operation.objects.filter(pk=under_way.pk).update(
            state="retrying", not_before=now() + timedelta(hours=1)
        )
        Account.objects.filter(person=hr.person(1)).update(transferred_at=None)
        services.terminate_now(hr.person(2), reason="gone, too")
        settle()
        waits = Operation.objects.get(kind="transfer", person=hr.person(2))
        assert (waits.state, waits.attempts) == ("planned", 0)
        assert waits.not_before is not None
        assert not world.company.users()["given2.kovacs@acme.example"].active

    def test_within_the_grace_nothing_is_handed_over(self, world: World) -> None:
        CompanyRow.objects.update(leaver_grace=timedelta(days=14))
        self.leave(world, removal="delete")
        assert not world.is_open
        assert self.bo(world).owns == set()
        # What is to come says to whom, although nobody has left yet.
        turns = [change for turn in ahead(hr.person(1)) for change in turn.changes]
        assert [turn.kind.value for turn in turns] == ["transfer", "delete"]
        assert turns[0].reason.endswith("what they own goes to their manager, Given2 Kovács")

    def test_who_comes_back_and_leaves_again_hands_over_again(self, world: World) -> None:
        self.leave(world)
        world.anna(start=day(0), manager="2")
        assert world.is_open
        assert Account.objects.get(remote_id=world.remote()).transferred_at is None
        world.company.users()[EMAIL].owns = {"another"}
        services.terminate_now(hr.person(1), reason="again")
        settle()
        assert self.bo(world).owns == {"the plan", "another"}
