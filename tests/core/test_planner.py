"""The planner's promises, on random companies."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tenure.core.access import Rule, RuleBook
from tenure.core.decision import Decision, Policies, decide, weigh
from tenure.core.expressions import AttributeType, compile_condition, compile_value
from tenure.core.groups import Group, GroupBook
from tenure.core.mapping import AccountMapping, MappedAttribute
from tenure.core.model import (
    ApplicationPolicy,
    LifecycleState,
    Observed,
    OperationKind,
    PersonFacts,
    RemovalAction,
    Situation,
)
from tests.core import strategies as company
from tests.core.simulation import carry_out

NOW = company.NOW
GONE = st.sampled_from([LifecycleState.LEFT, LifecycleState.LEAVING])


def settle(
    person: PersonFacts, observed: list[Observed], policies: Policies
) -> tuple[list[Observed], Decision]:
    """Plan and carry out until nothing is left: a deletion follows a disabling at once where the
    policy says after no time. Two rounds are always enough."""
    decision = decide(person, observed, policies, NOW)
    for _ in range(2):
        observed = carry_out(observed, decision.operations, NOW)
        decision = decide(person, observed, policies, NOW)
    return observed, decision


@given(company.people(), company.accounts(), company.policies())
def test_planning_twice_says_the_same(
    person: PersonFacts, observed: list[Observed], policies: Policies
) -> None:
    assert decide(person, observed, policies, NOW) == decide(person, observed, policies, NOW)


@given(company.people(), company.accounts(), company.policies())
def test_after_it_is_carried_out_nothing_is_left_to_do(
    person: PersonFacts, observed: list[Observed], policies: Policies
) -> None:
    _, decision = settle(person, observed, policies)
    assert decision.operations == ()


class TestARuleThatCannotBeDecided:
    """It gives nothing and takes nothing, and is told; whoever has left loses everything."""

    RULE = Rule(
        "sales",
        "Sales",
        compile_condition('user.email.split("@")[1] == "acme.example"', company.SCHEMA),
        {"chat": frozenset({"group:sales"}), "wiki": frozenset()},
    )

    def decided(
        self,
        state: LifecycleState = LifecycleState.ACTIVE,
        email: str = "nowhere",
        active: bool = True,
    ) -> Decision:
        mappings = {
            slug: AccountMapping(
                slug, [MappedAttribute("userName", compile_value("user.email", company.SCHEMA))]
            )
            for slug in ("chat", "wiki")
        }
        applications = {
            slug: ApplicationPolicy(slug, managed_entitlements={"group:sales", "group:all"})
            for slug in ("chat", "wiki")
        }
        there = Observed(
            "chat",
            "1",
            "r1",
            {"userName": email},
            active=active,
            entitlements=frozenset({"group:sales", "group:all"}),
        )
        who = PersonFacts("1", "Anna", state, {"email": email}, left_at=NOW)
        policies = Policies(RuleBook([self.RULE]), mappings, applications)
        return decide(who, [there], policies, NOW)

    def test_what_it_may_give_stays_and_what_nothing_gives_goes(self) -> None:
        decision = self.decided()
        (step,) = decision.operations
        assert (step.kind, step.revoke) == (OperationKind.REVOKE, ("group:all",))
        assert [problem.application for problem in decision.problems] == ["chat", "wiki"]
        assert "The rule Sales cannot be decided for this person" in decision.problems[0].message
        assert "nowhere" not in decision.problems[0].message

    def test_it_opens_nothing(self) -> None:
        kinds = {step.kind for step in self.decided(active=False).operations}
        assert OperationKind.ENABLE not in kinds

    def test_a_missing_attribute_is_an_answer(self) -> None:
        (step,) = self.decided(email="").operations
        assert step.kind is OperationKind.DISABLE

    def test_whoever_has_left_loses_it(self) -> None:
        decision = self.decided(LifecycleState.LEFT)
        assert [step.kind for step in decision.operations] == [OperationKind.DISABLE]
        assert decision.problems == ()

    def test_a_group_that_cannot_be_decided_takes_nothing_either(self) -> None:
        schema = {**company.SCHEMA, "groups": AttributeType.STRINGS}
        rule = replace(self.RULE, condition=compile_condition('"field" in user.groups', schema))
        groups = GroupBook([Group("field", self.RULE.condition)])
        who = PersonFacts("1", "Anna", LifecycleState.ACTIVE, {"email": "nowhere"})
        policies = Policies(RuleBook([rule]), {}, {}, groups)
        due = weigh(who, policies, NOW, held={"chat": {"group:sales"}})
        assert due.access["chat"].entitlements == {"group:sales"}
        assert due.is_only_kept("chat")
        assert "chat" not in weigh(who, policies, NOW).access


@given(company.people(), company.accounts(), company.policies())
def test_no_rule_is_no_access(
    person: PersonFacts, observed: list[Observed], policies: Policies
) -> None:
    bare = replace(policies, rules=RuleBook([]))
    after, _ = settle(person, observed, bare)
    assert all(step.kind.removes for step in decide(person, observed, bare, NOW).operations)
    for account in after:
        keeps = policies.applications[account.application].removal is RemovalAction.KEEP
        assert keeps or account.active is False or account.situation is not Situation.LINKED


@given(company.people(GONE), company.accounts(), company.policies())
def test_who_has_left_gets_removals_only_and_first(
    person: PersonFacts, observed: list[Observed], policies: Policies
) -> None:
    for step in decide(person, observed, policies, NOW).operations:
        assert step.kind.removes
        assert step.urgency == 5
        assert not step.grant


@given(company.people(GONE), company.accounts(), company.policies())
def test_who_has_left_keeps_no_open_account(
    person: PersonFacts, observed: list[Observed], policies: Policies
) -> None:
    after, _ = settle(person, observed, policies)
    for account in after:
        if policies.applications[account.application].removal is RemovalAction.KEEP:
            continue
        if account.situation is Situation.LINKED:
            assert account.active is False
            assert not account.entitlements & company.GROUPS


@given(company.people(), company.accounts(), company.policies())
def test_what_is_not_ours_is_never_touched(
    person: PersonFacts, observed: list[Observed], policies: Policies
) -> None:
    decision = decide(person, observed, policies, NOW)
    foreign = {a.account for a in observed if a.situation is not Situation.LINKED}
    assert not foreign & {step.account for step in decision.operations}
    for step in decision.operations:
        assert "group:theirs" not in step.revoke
        assert "displayName" not in step.attributes or step.kind is OperationKind.CREATE


@given(company.people(), company.accounts(), company.policies())
def test_access_is_taken_before_it_is_given(
    person: PersonFacts, observed: list[Observed], policies: Policies
) -> None:
    urgencies = [step.urgency for step in decide(person, observed, policies, NOW).operations]
    assert urgencies == sorted(urgencies)


@given(company.people(), company.accounts(), company.policies())
def test_the_next_look_is_when_something_changes(
    person: PersonFacts, observed: list[Observed], policies: Policies
) -> None:
    after, decision = settle(person, observed, policies)
    if decision.next_look is None:
        return
    assert decision.next_look > NOW
    before = decision.next_look - timedelta(microseconds=1)
    assert decide(person, after, policies, before).operations == ()
    if person.state is not LifecycleState.LEAVING:
        then = decide(person, after, policies, decision.next_look)
        # Where an account could be theirs already, whose it is has to be decided first.
        assert then.operations or then.problems


def test_a_mapping_that_fails_leaves_the_account_alone() -> None:
    schema = company.SCHEMA
    policies = Policies(
        rules=RuleBook(
            [
                _rule('user.email == "a@acme.example"', {"chat": frozenset()}),
            ]
        ),
        mappings={
            "chat": AccountMapping(
                "chat",
                [
                    MappedAttribute("userName", compile_value("user.email", schema)),
                    MappedAttribute("title", compile_value("user.title", schema)),
                ],
            )
        },
        applications={"chat": ApplicationPolicy("chat")},
    )
    person = PersonFacts("1", "A", LifecycleState.ACTIVE, {"email": "a@acme.example"})
    account = Observed("chat", "7", "r7", {"userName": "a@acme.example"}, active=True)
    decision = decide(person, [account], policies, NOW)
    assert decision.operations == ()
    assert [p.attribute for p in decision.problems] == ["title"]
    assert "title" in decision.problems[0].message
    assert "has(user.title)" in decision.problems[0].message


def test_an_empty_user_name_is_a_problem_and_not_an_account() -> None:
    schema = company.SCHEMA
    policies = Policies(
        rules=RuleBook([_rule("true", {"chat": frozenset()})]),
        mappings={
            "chat": AccountMapping(
                "chat", [MappedAttribute("userName", compile_value('"" + ""', schema))]
            )
        },
        applications={"chat": ApplicationPolicy("chat")},
    )
    person = PersonFacts("1", "A", LifecycleState.ACTIVE, {})
    decision = decide(person, [], policies, NOW)
    assert decision.operations == ()
    assert "userName came out empty" in decision.problems[0].message


def test_reasons_read_like_sentences() -> None:
    policy = ApplicationPolicy("chat", lead=timedelta(days=7))
    policies = Policies(
        rules=RuleBook([_rule('user.department == "Sales"', {"chat": frozenset()}, "Sales tools")]),
        mappings={"chat": AccountMapping("chat", [])},
        applications={"chat": policy},
    )
    joiner = PersonFacts(
        "1",
        "A",
        LifecycleState.UPCOMING,
        {"department": "Sales"},
        starts=NOW + timedelta(days=3),
    )
    leaver = PersonFacts(
        "1", "A", LifecycleState.LEFT, {"department": "Sales"}, left_at=NOW, reason="resignation"
    )
    account = Observed("chat", "7", "r7", {}, active=True)
    assert [o.reason for o in decide(joiner, [], policies, NOW).operations] == [
        "joins 1 Apr 2026, rule Sales tools"
    ]
    assert [o.reason for o in decide(leaver, [account], policies, NOW).operations] == [
        "left 29 Mar 2026 12:00 UTC, reason: resignation"
    ]


def _rule(condition: str, gives: dict[str, frozenset[str]], name: str = "Rule"):  # type: ignore[no-untyped-def]
    from tenure.core.access import Rule

    return Rule("rule", name, compile_condition(condition, company.SCHEMA), gives)


@given(company.people(), company.accounts(), company.policies())
def test_who_has_not_come_in_yet_gets_nothing_new_and_keeps_what_is_there(
    person: PersonFacts, observed: list[Observed], policies: Policies
) -> None:
    waiting = decide(replace(person, admitted=False), observed, policies, NOW)
    usual = decide(person, observed, policies, NOW)
    assert not any(o.kind is OperationKind.CREATE for o in waiting.operations)
    kept = [o for o in usual.operations if o.kind is not OperationKind.CREATE]
    # What depends on an account that is not made waits with it.
    assert [o for o in waiting.operations if o in kept] == list(waiting.operations)


@given(company.people(), company.accounts(), company.policies())
def test_who_has_come_in_need_not_wait_for_the_first_day(
    person: PersonFacts, observed: list[Observed], policies: Policies
) -> None:
    early = replace(
        person, state=LifecycleState.UPCOMING, starts=NOW + timedelta(days=300), admitted=True
    )
    eager = decide(early, observed, policies, NOW)
    near = replace(early, starts=NOW, admitted=None)
    assert {(o.kind, o.application) for o in eager.operations} == {
        (o.kind, o.application) for o in decide(near, observed, policies, NOW).operations
    }
