"""Working lives through the database to the application: exceptions, holds, graces, undoing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from tenure.applications.models import Account, Application
from tenure.audit.models import Action, Event
from tenure.audit.services import acting
from tenure.cli import checking
from tenure.infra.clock import now
from tenure.people.decisions import DecisionRefused
from tenure.people.models import Company as CompanyRow
from tenure.people.models import Person
from tenure.people.selectors import unknown_zones
from tenure.people.services import company as company_row
from tenure.people.services import restand, zone_of
from tenure.provisioning import services
from tenure.provisioning.decisions import lives
from tenure.provisioning.models import Operation, RuleMemory
from tenure.provisioning.planning import plans
from tenure.provisioning.planning.drafting import Scope
from tenure.provisioning.questions.ahead import ahead
from tenure.provisioning.questions.explain import explain
from tenure.provisioning.questions.kept import kept_by_hold
from tenure.provisioning.questions.whatif import what_if
from tenure.provisioning.records import loading, names_held
from tenure.rules.exceptions import ExceptionRefused, end_those_over
from tenure.rules.models import AccessException, AccessRule, PeopleGroup
from tenure.rules.services import remove_rule
from tests.provisioning.company import Company, apply, change, drain, linked


def at_once(person: Person) -> Person:
    return Person.objects.get(pk=person.pk)


def test_a_termination_is_taken_back_and_the_same_account_opens_again(sales: Company) -> None:
    (person,) = sales.people(1)
    apply()
    before = linked()["p1@acme.example"].remote_id
    services.terminate_now(person, reason="the wrong Kim")
    drain()
    assert sales.open_users() == set()
    with acting("cleo"):
        lives.reinstate(person, reason="it was the other Kim")
    drain()
    assert sales.open_users() == {"p1@acme.example"}
    assert sales.members("sales") == {"p1@acme.example"}
    assert linked()["p1@acme.example"].remote_id == before
    assert len(sales.users()) == 1
    event = Event.objects.get(action=Action.PERSON_REINSTATED)
    assert (event.actor, event.reason) == ("cleo", "it was the other Kim")


def test_what_hr_ended_is_not_taken_back_here(sales: Company) -> None:
    (person,) = sales.people(1)
    Person.objects.filter(pk=person.pk).update(ended_by_source_at=now())
    with pytest.raises(DecisionRefused, match="source says that they leave"):
        lives.reinstate(person, reason="no")


def test_a_grace_of_the_company_defers_deleting_but_not_closing(company: Company) -> None:
    CompanyRow.objects.filter(pk=company_row().pk).update(leaver_grace=timedelta(days=14))
    company.application("chat", removal="delete")
    company.rule("everyone", "true", {"chat": []})
    (person,) = company.people(1)
    apply()
    services.terminate_now(person, reason="resignation")
    drain()
    assert company.users()["p1@acme.example"].active is False
    gone = at_once(person)
    assert gone.state == "leaving"
    assert gone.next_look_at is not None
    plan = plans.preview(Scope(everybody=True), now=gone.next_look_at)
    assert [line.kind for line in plan.lines] == ["delete"]


def test_a_suspension_closes_at_once_and_ends_with_everything_back(sales: Company) -> None:
    (person,) = sales.people(1)
    apply()
    lives.suspend(person, reason="laptop stolen")
    drain()
    assert sales.open_users() == set()
    assert sales.members("sales") == {"p1@acme.example"}
    with pytest.raises(DecisionRefused, match="suspended already"):
        lives.suspend(person, reason="again")
    lives.end_suspension(person, reason="found")
    drain()
    assert sales.open_users() == {"p1@acme.example"}


def test_a_legal_hold_stops_a_deletion_that_waits(company: Company) -> None:
    company.application("chat", removal="delete")
    company.rule("everyone", "true", {"chat": []})
    (person,) = company.people(1)
    apply()
    services.terminate_now(person, reason="resignation")
    assert Operation.objects.get(state="planned").kind == "delete"
    lives.hold(person, reason="case 17")
    assert Operation.objects.get(state="planned").kind == "disable"
    drain()
    assert company.users()["p1@acme.example"].active is False
    assert services.preview(person=at_once(person)).lines == ()
    lives.release(person, reason="case 17 closed")
    drain()
    assert company.users() == {}
    with pytest.raises(DecisionRefused, match="no legal hold"):
        lives.release(person, reason="twice")


def test_what_a_legal_hold_keeps_is_told_before_it_ends(company: Company) -> None:
    month = timedelta(days=30)
    company.application("chat", removal="disable", delete_after=month)
    company.application("mail", removal="delete")
    company.application("wiki", removal="delete", mode="report")
    company.rule("everyone", "true", {"chat": [], "mail": [], "wiki": []})
    (person,) = company.people(1)
    apply("chat", "mail")
    lives.hold(person, reason="case 17")
    assert kept_by_hold(at_once(person)).on_release.startswith("Nothing of theirs is due")
    services.terminate_now(person, reason="resignation")
    drain("chat")
    drain("mail")
    kept = kept_by_hold(at_once(person))
    assert kept.at_once == ("Mail",)
    assert [name for name, _ in kept.later] == ["Chat"]
    assert kept.on_release.startswith("Their accounts are deleted: at once in Mail; ")
    assert kept_by_hold(at_once(person), now=now() + month).at_once == ("Chat", "Mail")
    assert Person.objects.get(pk=person.pk).legal_hold_since is not None
    lives.release(person, reason="closed")
    assert [op.application.slug for op in Operation.objects.filter(state="planned")] == ["mail"]
    closed = Account.objects.get(application__slug="chat")
    assert [at for _, at in kept.later] == [names_held.deletion_of(closed, now())]


class TestExceptions:
    def test_one_is_given_and_ends_by_itself(self, sales: Company) -> None:
        sales.application("tracker", groups=["dev"])
        (person,) = sales.people(1)
        apply("chat", "tracker")
        with acting("cleo"):
            row, stored = lives.decide_exception(
                person,
                application="tracker",
                entitlement="group:dev",
                gives=True,
                reason="covers for Bo",
                until=now() + timedelta(days=3),
            )
        assert stored.applications == ("tracker",)
        drain("tracker")
        assert sales.members("dev", "tracker") == {"p1@acme.example"}
        assert row.decided_by == "cleo"
        assert row.until is not None
        looks = at_once(person).next_look_at
        assert looks is not None
        assert looks <= row.until
        AccessException.objects.filter(pk=row.pk).update(until=now() - timedelta(seconds=1))
        assert end_those_over(now()) == 1
        services.store()
        drain("tracker")
        assert sales.open_users("tracker") == set()
        assert Event.objects.filter(action=Action.EXCEPTION_ENDED).count() == 1

    def test_its_end_is_told_in_the_zone_of_the_person_even_in_one_that_is_no_more(
        self, sales: Company
    ) -> None:
        sales.application("tracker")
        (person,) = sales.people(1)
        AccessException.objects.create(
            person=person,
            application="tracker",
            gives=True,
            reason="r",
            decided_by="cleo",
            until=datetime(2099, 12, 30, 20, 0, tzinfo=UTC),
        )
        for place, told in (
            ("Asia/Tokyo", "31 Dec 2099 05:00 JST"),
            ("America/Sao_Paulo", "30 Dec 2099 17:00 UTC-3"),
            ("Atlantis/Capital", "30 Dec 2099 20:00 UTC"),
        ):
            Person.objects.filter(pk=person.pk).update(time_zone=place)
            found = loading.exceptions([person.pk], now())[person.pk][0]
            assert found.because().name == f"exception of cleo until {told}: r"

    def test_one_that_is_over_gives_nothing_even_before_it_is_recorded(
        self, sales: Company
    ) -> None:
        sales.application("tracker")
        (person,) = sales.people(1)
        AccessException.objects.create(
            person=person,
            application="tracker",
            gives=True,
            reason="r",
            decided_by="cleo",
            until=now() - timedelta(seconds=1),
        )
        plan = services.preview(person=person)
        assert {line.application for line in plan.lines} == {"chat"}

    def test_withholding_says_why_in_the_plan(self, sales: Company) -> None:
        (person,) = sales.people(1)
        apply()
        lives.decide_exception(person, application="chat", gives=False, reason="investigation")
        operation = Operation.objects.get(state="planned")
        assert operation.kind == "disable"
        assert "investigation" in operation.reason
        drain()
        assert sales.open_users() == set()

    def test_another_decision_replaces_it(self, sales: Company) -> None:
        (person,) = sales.people(1)
        lives.decide_exception(person, application="chat", gives=False, reason="one")
        lives.decide_exception(person, application="chat", gives=True, reason="two")
        assert AccessException.objects.get(ended_at__isnull=True).reason == "two"

    def test_what_does_not_exist_is_refused_and_nothing_is_kept(self, sales: Company) -> None:
        (person,) = sales.people(1)
        with pytest.raises(LookupError, match="wiki"):
            lives.decide_exception(person, application="wiki", gives=True, reason="r")
        with pytest.raises(LookupError, match="no entitlement 'group:nope'"):
            lives.decide_exception(
                person, application="chat", entitlement="group:nope", gives=True, reason="r"
            )
        with pytest.raises(ExceptionRefused, match="needs a reason"):
            lives.decide_exception(person, application="chat", gives=True, reason=" ")
        with pytest.raises(ExceptionRefused, match="over already"):
            lives.decide_exception(
                person, application="chat", gives=True, reason="r", until=now() - timedelta(1)
            )
        assert AccessException.objects.count() == 0
        assert Operation.objects.count() == 0


class TestGrace:
    def test_a_mover_keeps_what_a_rule_gave_for_its_grace(self, sales: Company) -> None:
        AccessRule.objects.filter(slug="sales").update(grace=timedelta(days=7))
        (person,) = sales.people(1)
        apply()
        assert RuleMemory.objects.get().lost_at is None
        change(person, department="Support")
        apply()
        assert sales.members("sales") == {"p1@acme.example"}
        (told,) = explain(person).applications
        assert any(because.rule == "sales" for because in told.because)
        assert [refusal.rule for refusal in told.not_because] == []
        lost = RuleMemory.objects.get().lost_at
        assert lost is not None
        looks = at_once(person).next_look_at
        assert looks is not None
        assert abs(looks - (lost + timedelta(days=7))) < timedelta(seconds=1)
        RuleMemory.objects.update(lost_at=lost - timedelta(days=7))
        Person.objects.update(next_look_at=now())
        apply()
        assert sales.members("sales") == set()
        assert RuleMemory.objects.count() == 0

    def test_a_rule_of_the_name_of_one_that_is_gone_owes_nobody_a_grace(
        self, sales: Company
    ) -> None:
        AccessRule.objects.filter(slug="sales").update(grace=timedelta(days=7))
        (person,) = sales.people(1)
        apply()
        remove_rule(slug="sales")
        apply()
        assert sales.members("sales") == set()
        sales.application("tracker")
        sales.rule("sales", 'user.department == "Board"', {"tracker": []})
        AccessRule.objects.filter(slug="sales").update(grace=timedelta(days=7))
        change(person, title="Clerk")
        apply("chat", "tracker")
        assert sales.users("tracker") == {}

    def test_looking_at_a_plan_remembers_nothing(self, sales: Company) -> None:
        AccessRule.objects.filter(slug="sales").update(grace=timedelta(days=7))
        sales.people(1)
        services.preview()
        assert RuleMemory.objects.count() == 0


def test_a_group_of_named_people_gives_access(sales: Company) -> None:
    sales.application("tracker")
    PeopleGroup.objects.create(slug="pilots", name="Pilots", people=["2"])
    sales.rule("pilots", '"pilots" in user.groups', {"tracker": []})
    sales.people(3)
    apply("chat", "tracker")
    assert sales.open_users("tracker") == {"p2@acme.example"}


def test_an_account_made_ahead_is_closed_until_the_first_day(company: Company) -> None:
    company.application("chat", lead=timedelta(days=7), closed_ahead=True)
    company.rule("everyone", "true", {"chat": []})
    (person,) = company.people(1)
    row = at_once(person)
    row.start_date = now().date() + timedelta(days=3)
    restand([row], now())
    row.save()
    apply()
    assert company.users()["p1@acme.example"].active is False
    assert Account.objects.get().disabled_at is not None
    row.start_date = date(2024, 1, 1)
    row.generation += 1
    restand([row], now())
    row.save()
    apply()
    assert company.open_users() == {"p1@acme.example"}


class TestRequirements:
    def company(self, company: Company, **more: object) -> None:
        company.application("mail", **more)
        company.application("chat", requires=["mail"], **more)
        company.rule("everyone", "true", {"mail": [], "chat": []})

    def test_the_mailbox_is_made_first(self, company: Company) -> None:
        self.company(company)
        company.people(3)
        services.store()
        drain("chat")
        assert company.users("chat") == {}
        drain("mail")
        assert len(company.users("mail")) == 3
        drain("chat")
        assert len(company.open_users("chat")) == 3

    def test_one_that_failed_keeps_the_other_waiting(self, company: Company) -> None:
        self.company(company)
        company.people(1)
        services.store()
        Operation.objects.filter(application__slug="mail").update(state="failed")
        drain("chat")
        assert company.users("chat") == {}
        assert Operation.objects.get(application__slug="chat").state == "planned"
        told = {one.application: one for one in explain(Person.objects.get()).applications}
        mail, chat = told["mail"], told["chat"]
        assert (mail.steps[0].kind, mail.steps[0].state) == ("create", "failed")
        assert (chat.steps[0].why, chat.steps[0].waits) == ("waits for Mail (create, failed)", True)

    def test_one_that_is_only_reported_is_said_to_be_what_is_waited_for(
        self, company: Company
    ) -> None:
        self.company(company)
        (person,) = company.people(1)
        Application.objects.filter(slug="mail").update(mode="report")
        (told,) = services.preview().problems
        assert told.notice
        assert (
            "waits for mail, where they have no open account yet (mail: report mode" in told.message
        )
        still = {one.application: one.still for one in explain(person).applications}
        assert "report mode" in still["mail"]
        assert not still["chat"]

    def test_a_reason_follows_what_somebody_is_by_now(self, company: Company) -> None:
        """Closing was held because their start moved; then the hire was cancelled."""
        company.application("mail", guard={"removals": {"percent": 0, "floor": 0}})
        company.rule("everyone", "true", {"mail": []})
        (person,) = company.people(1)
        apply("mail")

        def say(**dates: object) -> None:
            row = at_once(person)
            for name, value in dates.items():
                setattr(row, name, value)
            row.generation += 1
            restand([row], now())
            row.save()

        say(start_date=now().date() + timedelta(days=90))
        services.store()
        assert "does not start before" in Operation.objects.get(state="held").reason
        say(terminated_at=now())
        (line,) = services.preview().lines
        assert line.reason.startswith("left")
        services.store()
        assert Operation.objects.get(state="held").reason.startswith("left")

    def test_a_leaver_is_closed_everywhere_at_once_and_the_mailbox_deleted_last(
        self, company: Company
    ) -> None:
        self.company(company, removal="delete")
        (person,) = company.people(1)
        services.store()
        drain("mail")
        drain("chat")
        services.terminate_now(person, reason="r")
        services.stop_writes(reason="chat is moved", application="chat")
        drain("chat")
        drain("mail")
        assert len(company.users("mail")) == 1
        assert company.open_users("mail") == set()
        services.resume_writes(application="chat")
        drain("chat")
        drain("mail")
        assert company.users("chat") == {}
        assert company.users("mail") == {}
        assert Account.objects.filter(situation="deleted").exclude(evidence=None).count() == 2


def test_what_if_follows_a_status_and_a_new_name_as_an_import_would(sales: Company) -> None:
    settings = company_row()
    settings.domain, settings.on_rename = "acme.example", "change"
    settings.save()
    (person,) = sales.people(1)
    person.attributes |= {
        "given_name": "Ana",
        "family_name": "Kiss",
        "email": "ana.kiss@acme.example",
    }
    person.origins = {"display_name": "", "email": ""}
    person.save()
    apply()
    (left,) = what_if(at_once(person), {"status": "Terminated"}).effect.plan.lines
    assert left.kind == "disable"
    assert what_if(at_once(person), {"status": "active"}).effect.plan.lines == ()
    with pytest.raises(ValueError, match=r"active, .*, terminated, and not 'gone'"):
        what_if(at_once(person), {"status": "gone"})
    with pytest.raises(ValueError, match="nobody has the employee number 77"):
        what_if(at_once(person), {"manager": "77"})
    (renamed,) = what_if(at_once(person), {"family_name": "Nagy"}).effect.plan.lines
    assert renamed.attributes["userName"].after == "ana.nagy@acme.example"
    assert renamed.attributes["displayName"].after == "Ana Nagy"
    assert at_once(person).email == person.email


def test_what_if_shows_the_plan_and_keeps_nothing(sales: Company) -> None:
    (person,) = sales.people(1)
    apply()
    plan = what_if(at_once(person), {"department": "Support"}).effect.plan
    assert [(line.kind, line.revoke) for line in plan.lines] == [("revoke", ("group:sales",))]
    assert at_once(person).attributes["department"] == "Sales"
    assert services.preview().lines == ()
    with pytest.raises(LookupError, match="departmnet"):
        what_if(at_once(person), {"departmnet": "Support"})
    with pytest.raises(ValueError, match="start_date is a day"):
        what_if(at_once(person), {"start_date": "soon"})
    assert Application.objects.count() == 1


def test_what_if_says_why_nothing_changes(sales: Company) -> None:
    (person,) = sales.people(1)
    apply()

    def why(**given: str) -> str:
        answer = what_if(at_once(person), given)
        assert {stay.application for stay in answer.stays} <= {"chat"}
        return " ".join(reason for stay in answer.stays for reason in stay.reasons)

    def policy(**columns: object) -> None:
        Application.objects.update(**columns)

    assert why(location="Rome") == ""
    assert why(status="on_leave") == "Who is on leave keeps what they have here (leave: keep)."
    policy(removal="keep")
    assert "stays as it is here (removal: keep)" in why(status="terminated")
    policy(removal="delete")
    Person.objects.update(legal_hold_since=now())
    assert "Legal hold: the account is closed, and not deleted" in why(status="terminated")
    Person.objects.update(legal_hold_since=None)
    policy(removal="disable", mode="report")
    assert "in report mode: nothing is written" in why(status="terminated")
    policy(mode="live", health="stopped", stopped_reason="401", stopped_at=now())
    assert "Nothing is sent there now:" in why(status="terminated")
    policy(health="ok")
    mapping = [{"attribute": "userName", "expression": "user.location", "when": "create"}]
    policy(mapping=mapping)
    assert why(location="Rome").startswith("userName: written when an account is made")
    for key in ("group:sales", ""):
        AccessException.objects.create(
            person=person, application="chat", entitlement=key, gives=not key, decided_by="anna",
            reason="audit",
        )  # fmt: skip
    assert "group:sales: withheld by an exception." in why(department="Sales", location="Rome")
    AccessRule.objects.update(enabled=False)
    assert "Given by an exception of anna: audit." in why(location="Rome")


def test_what_is_to_come_follows_from_what_comes_before_it(company: Company) -> None:
    company.application("chat", lead=timedelta(days=7), delete_after=timedelta(days=30))
    company.rule("everyone", "true", {"chat": []})
    (person,) = company.people(1)
    apply()
    last = now().date() + timedelta(days=10)
    Person.objects.filter(pk=person.pk).update(end_date=last)
    turns = ahead(at_once(person))
    assert [(turn.state, [c.kind.value for c in turn.changes]) for turn in turns] == [
        ("left", ["disable"]),
        (None, ["delete"]),
    ]
    assert turns[1].at - turns[0].at == timedelta(days=30)
    # Somebody who is still to come: closed until then, and neither deleted nor opened twice.
    Person.objects.filter(pk=person.pk).update(end_date=None, start_date=last + timedelta(days=60))
    turns = ahead(at_once(person))
    assert [(turn.state, [c.kind.value for c in turn.changes]) for turn in turns] == [
        (None, ["enable"]),
        ("active", []),
    ]


def test_a_zone_that_was_dropped_keeps_no_clock_and_no_plan_from_going_on(sales: Company) -> None:
    """The time zone database was updated since it was stored: the company's own counts."""
    person = sales.person("1")
    Person.objects.filter(pk=person.pk).update(
        time_zone="Mars/Olympus", end_date=date(2024, 1, 31), next_look_at=now()
    )
    CompanyRow.objects.update(time_zone="Asia/Tokyo")
    apply()
    row = Person.objects.get(pk=person.pk)
    assert (zone_of(row).key, row.state) == ("Asia/Tokyo", "left")
    assert unknown_zones() == {"Mars/Olympus": 1}
    (line,) = checking._zones()
    assert line.warning
    assert "1 people are in 'Mars/Olympus'" in line.detail
    assert "Asia/Tokyo" in line.detail
