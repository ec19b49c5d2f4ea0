"""What a working life does to accounts: ahead of the first day, on leave, after a move, on hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.core.access import AccessException, Rule, RuleBook
from tenure.core.decision import Decision, Policies, decide, weigh
from tenure.core.expressions import AttributeType, compile_condition, compile_value
from tenure.core.groups import Group, GroupBook
from tenure.core.mapping import AccountMapping, MappedAttribute
from tenure.core.model import (
    ApplicationMode,
    ApplicationPolicy,
    LeaveAction,
    LifecycleState,
    Observed,
    PersonFacts,
    Price,
    RemovalAction,
)

NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SCHEMA = {
    "employee_number": AttributeType.STRING,
    "department": AttributeType.STRING,
    "country": AttributeType.STRING,
}
WITH_GROUPS = {**SCHEMA, "groups": AttributeType.STRINGS}
EUR = Price(Decimal("9.00"), "EUR")


def rule(
    slug: str, condition: str, gives: dict[str, list[str]], grace: timedelta = timedelta(0)
) -> Rule:
    return Rule(
        slug,
        slug.title(),
        compile_condition(condition, WITH_GROUPS),
        {name: frozenset(keys) for name, keys in gives.items()},
        grace,
    )


def policies(
    *rules: Rule, groups: GroupBook | None = None, **applications: ApplicationPolicy
) -> Policies:
    every = applications or {"chat": ApplicationPolicy("chat")}
    return Policies(
        rules=RuleBook(rules),
        mappings={slug: AccountMapping(slug, []) for slug in every},
        applications=every,
        groups=groups or GroupBook(),
    )


def person(state: LifecycleState = LifecycleState.ACTIVE, **more: object) -> PersonFacts:
    facts = PersonFacts("1", "Ada", state, {"employee_number": "7", "department": "Sales"})
    return replace(facts, **more)  # type: ignore[arg-type]


def account(slug: str = "chat", *held: str, active: bool = True, **more: object) -> Observed:
    return Observed(slug, f"{slug}-1", f"r-{slug}", {}, active, frozenset(held), **more)  # type: ignore[arg-type]


def told(decision: Decision) -> list[tuple[str, str]]:
    return [(step.application, step.kind.value) for step in decision.operations]


EVERYONE = rule("everyone", "has(user.department)", {"chat": []})


class TestAhead:
    policy = ApplicationPolicy("chat", lead=7 * DAY, closed_ahead=True)

    def test_an_account_is_made_closed_and_opened_on_the_first_day(self) -> None:
        joiner = person(LifecycleState.UPCOMING, starts=NOW + 3 * DAY)
        made = decide(joiner, [], policies(EVERYONE, chat=self.policy), NOW)
        assert told(made) == [("chat", "create")]
        assert made.operations[0].active is False
        closed = account(active=False)
        assert told(decide(joiner, [closed], policies(EVERYONE, chat=self.policy), NOW)) == []
        first_day = decide(person(), [closed], policies(EVERYONE, chat=self.policy), NOW)
        assert told(first_day) == [("chat", "enable")]

    def test_a_start_that_moves_away_closes_what_was_opened(self) -> None:
        later = person(LifecycleState.UPCOMING, starts=NOW + 30 * DAY)
        decision = decide(later, [account()], policies(EVERYONE, chat=self.policy), NOW)
        assert told(decision) == [("chat", "disable")]
        assert decision.next_look == NOW + 23 * DAY

    @pytest.mark.parametrize("removal", [RemovalAction.DISABLE, RemovalAction.DELETE])
    def test_nothing_is_deleted_of_somebody_who_is_still_to_come(
        self, removal: RemovalAction
    ) -> None:
        later = person(LifecycleState.UPCOMING, starts=NOW + 90 * DAY)
        policy = replace(
            self.policy,
            removal=removal,
            delete_after=30 * DAY,
            managed_entitlements=frozenset({"group:all"}),
        )
        base = policies(EVERYONE, chat=policy)
        opened = decide(later, [account("chat", "group:all")], base, NOW)
        assert [(s.kind.value, s.revoke, s.reason) for s in opened.operations] == [
            ("disable", ("group:all",), f"does not start before {NOW + 90 * DAY:%-d %b %Y}")
        ]
        closed = account(active=False, disabled_at=NOW)
        assert told(decide(later, [closed], base, NOW + 60 * DAY)) == []
        kept = policies(EVERYONE, chat=replace(policy, removal=RemovalAction.KEEP))
        assert told(decide(later, [account()], kept, NOW)) == []

    def test_a_cancelled_hire_loses_the_account_made_ahead(self) -> None:
        cancelled = person(LifecycleState.LEFT, left_at=NOW)
        closed = account("chat", "group:all", active=False)
        policy = replace(
            self.policy,
            removal=RemovalAction.DELETE,
            managed_entitlements=frozenset({"group:all"}),
        )
        assert told(decide(cancelled, [closed], policies(EVERYONE, chat=policy), NOW)) == [
            ("chat", "delete")
        ]


class TestDeletion:
    def test_it_is_counted_from_when_they_left_however_long_they_were_away_before(self) -> None:
        base = policies(EVERYONE, chat=ApplicationPolicy("chat", delete_after=30 * DAY))
        gone = person(LifecycleState.LEFT, left_at=NOW)
        closed = account(active=False, disabled_at=NOW - 300 * DAY)
        decision = decide(gone, [closed], base, NOW)
        assert (told(decision), decision.next_look) == ([], NOW + 30 * DAY)
        assert told(decide(gone, [closed], base, NOW + 30 * DAY)) == [("chat", "delete")]

    def test_an_account_that_nobody_closes_by_hand_is_deleted_when_a_closed_one_would_be(
        self,
    ) -> None:
        base = policies(EVERYONE, chat=ApplicationPolicy("chat", delete_after=30 * DAY))
        gone = person(LifecycleState.LEFT, left_at=NOW)
        unclosed = account(asked_at=NOW + DAY)
        decision = decide(gone, [unclosed], base, NOW + 2 * DAY)
        assert (told(decision), decision.next_look) == ([("chat", "disable")], NOW + 31 * DAY)
        assert told(decide(gone, [unclosed], base, NOW + 31 * DAY)) == [("chat", "delete")]
        # Asked years after they left: counted from then.
        late = account(asked_at=NOW + 300 * DAY)
        assert told(decide(gone, [late], base, NOW + 301 * DAY)) == [("chat", "disable")]

    @pytest.mark.parametrize(
        ("state", "more", "policy"),
        [
            (LifecycleState.LEAVING, {}, {"delete_after": 30 * DAY}),
            (LifecycleState.LEFT, {"legal_hold": True}, {"delete_after": 30 * DAY}),
            (LifecycleState.LEFT, {}, {}),
        ],
    )
    def test_who_may_come_back_or_is_to_be_kept_is_only_closed(
        self, state: LifecycleState, more: dict[str, object], policy: dict[str, timedelta]
    ) -> None:
        base = policies(EVERYONE, chat=ApplicationPolicy("chat", **policy))
        gone = person(state, left_at=NOW, **more)
        decision = decide(gone, [account(asked_at=NOW)], base, NOW + 300 * DAY)
        assert told(decision) == [("chat", "disable")]

    def test_who_only_lost_the_application_is_closed_by_hand(self) -> None:
        base = policies(chat=ApplicationPolicy("chat", delete_after=30 * DAY))
        decision = decide(person(), [account(asked_at=NOW)], base, NOW + 300 * DAY)
        assert told(decision) == [("chat", "disable")]


class TestLeave:
    held = ("group:all", "licence:pro", "group:priced", "group:theirs")
    policy = ApplicationPolicy(
        "chat",
        managed_entitlements=frozenset({"group:all", "licence:pro", "group:priced"}),
        entitlement_prices={"group:priced": EUR},
    )
    gives = rule("all", "true", {"chat": ["group:all", "licence:pro", "group:priced"]})

    @pytest.mark.parametrize(
        ("leave", "expected", "revoked"),
        [
            (LeaveAction.KEEP, [], ()),
            (LeaveAction.DISABLE, [("chat", "disable")], ()),
            (LeaveAction.FREE, [("chat", "disable")], ("group:priced", "licence:pro")),
        ],
    )
    def test_the_policy_says_what_stays(
        self, leave: LeaveAction, expected: list[tuple[str, str]], revoked: tuple[str, ...]
    ) -> None:
        policy = replace(self.policy, leave=leave)
        decision = decide(
            person(LifecycleState.ON_LEAVE),
            [account("chat", *self.held)],
            policies(self.gives, chat=policy),
            NOW,
        )
        assert told(decision) == expected
        assert tuple(key for step in decision.operations for key in step.revoke) == revoked

    def test_the_return_opens_and_gives_everything_back(self) -> None:
        policy = replace(self.policy, leave=LeaveAction.FREE)
        decision = decide(
            person(),
            [account("chat", "group:all", active=False)],
            policies(self.gives, chat=policy),
            NOW,
        )
        assert told(decision) == [("chat", "enable"), ("chat", "grant")]
        assert decision.operations[1].grant == ("group:priced", "licence:pro")


def test_a_mistake_in_a_mapping_keeps_nobody_inside() -> None:
    broken = AccountMapping(
        "chat", [MappedAttribute("country", compile_value("user.country", SCHEMA))]
    )
    policy = ApplicationPolicy("chat", managed_entitlements=frozenset({"group:old"}))
    base = replace(policies(EVERYONE, chat=policy), mappings={"chat": broken})
    held = account("chat", "group:old")
    suspended = decide(person(LifecycleState.SUSPENDED), [held], base, NOW)
    assert told(suspended) == [("chat", "disable")]
    assert suspended.problems == ()
    moved = decide(person(), [held], base, NOW)
    assert told(moved) == [("chat", "revoke")]
    assert "country" in moved.problems[0].message
    assert told(decide(person(), [], base, NOW)) == []


class TestLegalHold:
    def test_nothing_is_deleted_and_everything_is_closed(self) -> None:
        held = person(LifecycleState.LEFT, left_at=NOW - 90 * DAY, legal_hold=True)
        at_once = ApplicationPolicy("chat", removal=RemovalAction.DELETE)
        later = ApplicationPolicy("chat", delete_after=30 * DAY)
        closed = account(active=False, disabled_at=NOW - 60 * DAY)
        assert told(decide(held, [account()], policies(chat=at_once), NOW)) == [("chat", "disable")]
        assert told(decide(held, [closed], policies(chat=later), NOW)) == []
        free = replace(held, legal_hold=False)
        assert told(decide(free, [closed], policies(chat=at_once), NOW)) == [("chat", "delete")]
        assert told(decide(free, [closed], policies(chat=later), NOW)) == [("chat", "delete")]


class TestGrace:
    sales = rule("sales", 'user.department == "Sales"', {"chat": ["group:sales"]}, 7 * DAY)
    policy = ApplicationPolicy("chat", managed_entitlements=frozenset({"group:sales"}))
    moved = person(attributes={"employee_number": "7", "department": "Support"})

    def test_what_a_rule_gave_stays_for_its_grace_and_then_goes(self) -> None:
        base = policies(self.sales, chat=self.policy)
        held = account("chat", "group:sales")
        memory = decide(person(), [held], base, NOW).memory
        assert memory == {"sales": None}
        lost = decide(self.moved, [held], base, NOW, memory=memory)
        assert told(lost) == []
        assert lost.next_look == NOW + 7 * DAY
        assert lost.memory == {"sales": NOW}
        just_before = NOW + 7 * DAY - timedelta(microseconds=1)
        assert told(decide(self.moved, [held], base, just_before, memory=lost.memory)) == []
        over = decide(self.moved, [held], base, NOW + 7 * DAY, memory=lost.memory)
        assert told(over) == [("chat", "disable")]
        assert over.memory == {}

    def test_coming_back_within_the_grace_forgets_that_it_was_lost(self) -> None:
        base = policies(self.sales, chat=self.policy)
        assert decide(person(), [], base, NOW, memory={"sales": NOW - DAY}).memory == {
            "sales": None
        }

    def test_who_never_met_the_rule_gets_nothing_by_its_grace(self) -> None:
        assert told(decide(self.moved, [], policies(self.sales, chat=self.policy), NOW)) == []

    def test_a_leaver_has_no_grace(self) -> None:
        leaver = replace(self.moved, state=LifecycleState.LEFT, left_at=NOW)
        base = policies(self.sales, chat=self.policy)
        decision = decide(leaver, [account()], base, NOW, memory={"sales": None})
        assert told(decision) == [("chat", "disable")]

    def test_it_leaves_what_somebody_has_and_gives_nothing(self) -> None:
        """What the rule gives since they moved on, and an account that was never made."""
        now_more = rule("sales", self.sales.condition.source, {"chat": ["group:sales", "group:x"]},
                        7 * DAY)  # fmt: skip
        policy = ApplicationPolicy("chat", managed_entitlements=frozenset({"group:x"}))
        base = policies(now_more, chat=policy)
        memory = {"sales": NOW - DAY}
        assert (
            told(decide(self.moved, [account("chat", "group:sales")], base, NOW, memory=memory))
            == []
        )
        assert told(decide(self.moved, [], base, NOW, memory=memory)) == []

    def test_who_comes_back_elsewhere_has_no_grace_of_what_they_had_before(self) -> None:
        base = policies(self.sales, chat=self.policy)
        gone = person(LifecycleState.LEFT, left_at=NOW)
        left = decide(gone, [account()], base, NOW, memory={"sales": None})
        assert left.memory == {}
        closed = account(active=False)
        assert told(decide(self.moved, [closed], base, NOW + DAY, memory=left.memory)) == []

    def test_who_was_terminated_by_mistake_has_the_rest_of_their_grace(self) -> None:
        base = policies(self.sales, chat=self.policy)
        gone = replace(self.moved, state=LifecycleState.LEFT, left_at=NOW)
        left = decide(gone, [account()], base, NOW, memory={"sales": NOW - DAY})
        assert left.memory == {"sales": NOW - DAY}
        closed = account(active=False)
        back = decide(self.moved, [closed], base, NOW + DAY, memory=left.memory)
        assert told(back) == [("chat", "enable")]
        assert back.next_look == NOW + 6 * DAY

    def test_the_reason_says_until_when(self) -> None:
        base = policies(self.sales, chat=self.policy)
        access = weigh(self.moved, base, NOW, memory={"sales": NOW}).access["chat"]
        end = NOW + timedelta(days=7)
        assert access.because[0].name == f"Sales (until {end:%-d %b %Y %H:%M} UTC)"

    def test_and_in_the_zone_of_the_person(self) -> None:
        base = policies(self.sales, chat=self.policy)
        place = ZoneInfo("America/Sao_Paulo")
        late = datetime(2026, 3, 30, 1, 30, tzinfo=UTC)
        moved = replace(self.moved, starts=datetime(2020, 1, 1, tzinfo=place))
        access = weigh(moved, base, late, memory={"sales": late}).access["chat"]
        assert access.because[0].name == "Sales (until 5 Apr 2026 22:30 UTC-3)"


def exception(gives: bool, entitlement: str = "", until: datetime | None = None) -> AccessException:
    return AccessException("chat", entitlement, gives, "covers for Bo", "cleo", until)


class TestExceptions:
    policy = ApplicationPolicy("chat", managed_entitlements=frozenset({"group:a", "group:b"}))
    gives = rule("everyone", "true", {"chat": ["group:a"]})

    def test_a_day_counts_whole_and_a_time_is_told(self) -> None:
        midnight = datetime(2026, 4, 1, tzinfo=UTC)
        assert "until 31 Mar 2026: covers" in exception(True, until=midnight).because().name
        evening = exception(True, until=midnight - timedelta(hours=6)).because().name
        assert "until 31 Mar 2026 18:00 UTC: covers" in evening

    def test_one_gives_what_no_rule_gives_until_its_end(self) -> None:
        base = policies(chat=self.policy)
        until = NOW + 3 * DAY
        decision = decide(person(), [], base, NOW, exceptions=[exception(True, "group:b", until)])
        assert told(decision) == [("chat", "create")]
        assert decision.operations[0].grant == ("group:b",)
        assert decision.next_look == until
        assert "covers for Bo" in decision.operations[0].reason
        held = account("chat", "group:b")
        over = decide(person(), [held], base, until, exceptions=[exception(True, "group:b", until)])
        assert told(over) == [("chat", "disable")]

    def test_one_withholds_an_entitlement_or_all(self) -> None:
        base = policies(self.gives, chat=self.policy)
        held = account("chat", "group:a")
        part = decide(person(), [held], base, NOW, exceptions=[exception(False, "group:a")])
        assert told(part) == [("chat", "revoke")]
        whole = decide(person(), [held], base, NOW, exceptions=[exception(False)])
        assert told(whole) == [("chat", "disable")]
        assert whole.operations[0].reason == "exception of cleo: covers for Bo"

    @given(st.permutations([exception(True), exception(True, "group:b"), exception(False)]))
    def test_withholding_wins_in_any_order(self, exceptions: list[AccessException]) -> None:
        base = policies(self.gives, chat=self.policy)
        assert told(decide(person(), [], base, NOW, exceptions=exceptions)) == []

    def test_none_keeps_a_leaver_in(self) -> None:
        leaver = person(LifecycleState.LEFT, left_at=NOW)
        base = policies(chat=self.policy)
        decision = decide(leaver, [account()], base, NOW, exceptions=[exception(True)])
        assert told(decision) == [("chat", "disable")]


class TestGroups:
    book = GroupBook(
        [
            Group("dach", compile_condition('user.country in ["DE", "AT", "CH"]', SCHEMA)),
            Group("pilots", None, frozenset({"7"})),
        ]
    )

    def test_a_rule_speaks_of_a_condition_or_of_named_people(self) -> None:
        rules = (
            rule("dach", '"dach" in user.groups', {"chat": ["group:dach"]}),
            rule("pilots", '"pilots" in user.groups', {"chat": ["group:pilots"]}),
        )
        base = policies(*rules, groups=self.book)
        access = weigh(person(), base, NOW).access
        assert access["chat"].entitlements == {"group:pilots"}
        german = person(attributes={"employee_number": "8", "country": "DE"})
        assert weigh(german, base, NOW).access["chat"].entitlements == {"group:dach"}

    def test_who_is_in_no_group_gets_nothing_by_one(self) -> None:
        base = policies(rule("d", '!("dach" in user.groups)', {"chat": []}), groups=self.book)
        stranger = person(attributes={"employee_number": "9"})
        assert weigh(stranger, base, NOW).access == {}


class TestRequirements:
    both = rule("both", "true", {"mail": [], "chat": []})
    chat = ApplicationPolicy("chat", requires=("mail",))
    mail = ApplicationPolicy("mail")

    def test_what_is_required_comes_first(self) -> None:
        decision = decide(person(), [], policies(self.both, chat=self.chat, mail=self.mail), NOW)
        assert {(s.application, s.after) for s in decision.operations} == {
            ("mail", ()),
            ("chat", ("mail",)),
        }
        there = decide(
            person(), [account("mail")], policies(self.both, chat=self.chat, mail=self.mail), NOW
        )
        assert [(s.application, s.after) for s in there.operations] == [("chat", ())]

    @pytest.mark.parametrize("there", [False, True])
    def test_an_account_that_is_made_closed_is_enough_until_the_first_day(
        self, there: bool
    ) -> None:
        mail = ApplicationPolicy("mail", lead=14 * DAY, closed_ahead=True)
        chat = replace(self.chat, lead=7 * DAY)
        joiner = person(LifecycleState.UPCOMING, starts=NOW + 5 * DAY)
        accounts = [account("mail", active=False)] if there else []
        decision = decide(joiner, accounts, policies(self.both, chat=chat, mail=mail), NOW)
        assert ("chat", "create") in told(decision)
        assert decision.problems == ()

    def test_what_comes_nearer_to_the_first_day_is_waited_for(self) -> None:
        mail = ApplicationPolicy("mail", lead=DAY)
        chat = replace(self.chat, lead=7 * DAY)
        far = ApplicationPolicy("far", lead=7 * DAY, requires=("chat",))
        joiner = person(LifecycleState.UPCOMING, starts=NOW + 5 * DAY)
        rules = rule("r", "true", {"mail": [], "chat": [], "far": []})
        base = policies(rules, chat=chat, mail=mail, far=far)
        decision = decide(joiner, [account("mail", active=False)], base, NOW)
        assert told(decision) == []
        assert [(p.application, p.notice, p.message) for p in decision.problems] == [
            ("chat", True, "chat waits for mail, which comes nearer to the first day."),
            ("far", True, "far waits for chat, which comes nearer to the first day."),
        ]
        assert decision.next_look == NOW + 4 * DAY

    def test_closing_waits_for_nothing_and_deleting_for_those_behind(self) -> None:
        leaver = person(LifecycleState.LEFT, left_at=NOW)
        accounts = [account("mail"), account("chat")]
        closing = decide(leaver, accounts, policies(self.both, chat=self.chat, mail=self.mail), NOW)
        assert all(step.after == () for step in closing.operations)
        gone = RemovalAction.DELETE
        deleted = policies(
            self.both,
            chat=replace(self.chat, removal=gone),
            mail=replace(self.mail, removal=gone),
        )
        deleting = decide(leaver, accounts, deleted, NOW)
        assert [(s.application, s.kind.value, s.after) for s in deleting.operations] == [
            ("chat", "delete", ()),
            ("mail", "disable", ()),
            ("mail", "delete", ("chat",)),
        ]
        accounts = [replace(accounts[0], active=False), accounts[1]]
        closed = decide(leaver, accounts, deleted, NOW)
        assert told(closed) == [("chat", "delete"), ("mail", "delete")]

    @pytest.mark.parametrize("state", [LifecycleState.LEFT, LifecycleState.ACTIVE])
    def test_what_is_deleted_later_than_it_is_to_end_is_closed_at_once(
        self, state: LifecycleState
    ) -> None:
        """The account behind it is kept for three months: nobody is inside for so long."""
        whose = person(state, left_at=NOW if state is LifecycleState.LEFT else None)
        mail = replace(
            self.mail, removal=RemovalAction.DELETE, managed_entitlements=frozenset({"group:all"})
        )
        base = policies(
            rule("none", "false", {"mail": []}),
            chat=replace(self.chat, delete_after=90 * DAY),
            mail=mail,
        )
        held = account("mail", "group:all")
        closing = decide(whose, [held, account("chat")], base, NOW)
        assert sorted(told(closing)) == [("chat", "disable"), ("mail", "disable")]
        (step,) = [s for s in closing.operations if s.application == "mail"]
        assert step.revoke == ("group:all",)
        chat = account("chat", active=False, disabled_at=NOW)
        freeing = decide(whose, [replace(held, active=False), chat], base, NOW)
        assert told(freeing) == [("mail", "revoke")]
        closed = replace(held, active=False, entitlements=frozenset())
        assert told(decide(whose, [closed, chat], base, NOW)) == []

    def test_what_is_required_is_deleted_last_however_long_the_other_is_kept(self) -> None:
        gone = person(LifecycleState.LEFT, left_at=NOW)
        accounts = [
            account("mail", active=False, disabled_at=NOW),
            account("chat", active=False, disabled_at=NOW + timedelta(seconds=1)),
        ]
        mail, chat = replace(self.mail, delete_after=30 * DAY), self.chat
        for later, waits in ((90 * DAY, True), (30 * DAY, True), (None, False)):
            base = policies(self.both, chat=replace(chat, delete_after=later), mail=mail)
            decision = decide(gone, accounts, base, NOW + 30 * DAY)
            assert told(decision) == ([] if waits else [("mail", "delete")])
            if later:
                then = decide(gone, accounts, base, NOW + later + timedelta(seconds=1))
                assert {(s.application, s.after) for s in then.operations} == {
                    ("chat", ()),
                    ("mail", ("chat",)),
                }
                assert decision.next_look == NOW + later + timedelta(seconds=1)

    @pytest.mark.parametrize(
        ("mail", "said"),
        [
            (None, "requires an open account in mail, which this person does not get"),
            (
                ApplicationPolicy("mail", mode=ApplicationMode.REPORT),
                "waits for mail, where they have no open account yet (mail: report mode",
            ),
        ],
    )
    def test_what_nobody_is_going_to_meet_is_said(
        self, mail: ApplicationPolicy | None, said: str
    ) -> None:
        only_chat = rule("chat", "true", {"chat": []})
        base = (
            policies(only_chat, chat=self.chat, mail=self.mail)
            if mail is None
            else policies(self.both, chat=self.chat, mail=mail)
        )
        decision = decide(person(), [], base, NOW)
        assert ("chat", "create") not in told(decision)
        assert said in decision.problems[0].message

    def test_a_refusal_reaches_everything_behind_it(self) -> None:
        far = ApplicationPolicy("far", requires=("chat",))
        rules = rule("r", "true", {"chat": [], "far": []})
        decision = decide(
            person(), [], policies(rules, chat=self.chat, mail=self.mail, far=far), NOW
        )
        assert told(decision) == []
        assert sorted(p.application for p in decision.problems) == ["chat", "far"]
