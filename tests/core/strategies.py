"""Random companies for property tests: people in every state, rules, policies, accounts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from tenure.core.access import Rule, RuleBook
from tenure.core.decision import Policies
from tenure.core.expressions import AttributeType, compile_condition, compile_value
from tenure.core.mapping import AccountMapping, MappedAttribute
from tenure.core.model import (
    ApplicationPolicy,
    LeaveAction,
    LifecycleState,
    Observed,
    PersonFacts,
    RemovalAction,
    Situation,
)

NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
APPLICATIONS = ("chat", "tracker", "wiki")
DEPARTMENTS = ("Sales", "Engineering", "Support")
GROUPS = frozenset({"group:all", "group:sales", "group:tech"})
SCHEMA = {
    "department": AttributeType.STRING,
    "title": AttributeType.STRING,
    "email": AttributeType.STRING,
    "employment_type": AttributeType.STRING,
}

departments = st.sampled_from(DEPARTMENTS)
names = st.text(alphabet="abcŁőßп王", min_size=1, max_size=6)


@st.composite
def people(draw: st.DrawFn, states: st.SearchStrategy[LifecycleState] | None = None) -> PersonFacts:
    state = draw(st.sampled_from(list(LifecycleState)) if states is None else states)
    attributes = {"email": f"{draw(names)}@acme.example"}
    if draw(st.booleans()):
        attributes["department"] = draw(departments)
    if draw(st.booleans()):
        attributes["title"] = draw(names)
    gone = state in (LifecycleState.LEFT, LifecycleState.LEAVING)
    days = draw(st.integers(0, 60))
    return PersonFacts(
        key="1",
        label="Somebody",
        state=state,
        attributes=attributes,
        starts=NOW + timedelta(days=days) if state is LifecycleState.UPCOMING else None,
        left_at=NOW - timedelta(days=days) if gone else None,
    )


@st.composite
def policies(draw: st.DrawFn) -> Policies:
    rules = []
    for number in range(draw(st.integers(0, 4))):
        condition = draw(
            st.sampled_from(
                [
                    'user.department == "Sales"',
                    'user.department != "Sales"',
                    "has(user.title) && user.title.size() > 2",
                    'user.email.endsWith("@acme.example")',
                    # For a title of one letter it has no answer.
                    'user.title.substring(1, 2) == "b"',
                ]
            )
        )
        gives = draw(
            st.dictionaries(
                st.sampled_from(APPLICATIONS),
                st.frozensets(st.sampled_from(sorted(GROUPS))),
                max_size=3,
            )
        )
        rules.append(
            Rule(f"r{number}", f"Rule {number}", compile_condition(condition, SCHEMA), gives)
        )
    mapping = [
        MappedAttribute("userName", compile_value("user.email", SCHEMA)),
        MappedAttribute("title", compile_value('has(user.title) ? user.title : ""', SCHEMA)),
        MappedAttribute("displayName", compile_value("user.email", SCHEMA), on_create=True),
    ]
    return Policies(
        rules=RuleBook(rules),
        mappings={slug: AccountMapping(slug, mapping) for slug in APPLICATIONS},
        applications={
            slug: ApplicationPolicy(
                slug=slug,
                removal=draw(st.sampled_from(list(RemovalAction))),
                delete_after=draw(st.sampled_from([None, timedelta(0), timedelta(days=30)])),
                leave=draw(st.sampled_from(list(LeaveAction))),
                closed_ahead=draw(st.booleans()),
                lead=timedelta(days=draw(st.sampled_from([0, 7]))),
                managed_entitlements=GROUPS,
                caseless=frozenset({"userName"}),
            )
            for slug in APPLICATIONS
        },
    )


@st.composite
def accounts(draw: st.DrawFn) -> list[Observed]:
    made = []
    for slug in APPLICATIONS:
        if not draw(st.booleans()):
            continue
        active = draw(st.sampled_from([True, False, None]))
        made.append(
            Observed(
                application=slug,
                account=f"{slug}-1",
                remote_id=f"r-{slug}",
                attributes={"userName": "old@acme.example", "title": draw(names)},
                active=active,
                entitlements=draw(
                    st.frozensets(st.sampled_from([*sorted(GROUPS), "group:theirs"]))
                ),
                situation=draw(st.sampled_from([Situation.LINKED] * 3 + [Situation.DISPUTED])),
                disabled_at=NOW - timedelta(days=draw(st.integers(0, 60)))
                if active is False
                else None,
            )
        )
    return made
