"""Two sides change one account: ours always gets through, theirs as the policy says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.core.drift import ACTIVE, ENTITLEMENTS, Weighed, held_by, sent, weigh
from tenure.core.model import (
    ApplicationPolicy,
    Because,
    Desired,
    DriftAction,
    LifecycleState,
    Observed,
    PersonFacts,
    Value,
)
from tenure.core.planner import plan_person

GROUPS = frozenset({"group:a", "group:b", "group:c"})
values = st.sampled_from([None, "x", "X", "y", "z"])
groups = st.frozensets(st.sampled_from([*sorted(GROUPS), "group:theirs"]))
actions = st.sampled_from(DriftAction)
policies = st.dictionaries(
    st.sampled_from(["default", "title", "name", ACTIVE, ENTITLEMENTS]), actions
).map(lambda drift: ApplicationPolicy("chat", drift=drift, managed_entitlements=GROUPS))
desired = st.builds(
    lambda title, name, held: Desired(
        "chat", {"title": title, "name": name}, entitlements=held & GROUPS
    ),
    values,
    values,
    groups,
)


@st.composite
def observed(draw: st.DrawFn) -> Observed:
    given = {name: draw(values) for name in ("title", "name")}
    baseline: dict[str, Value | None] = {
        name: draw(values) for name in ("title", "name") if draw(st.booleans())
    }
    if draw(st.booleans()):
        baseline[ACTIVE] = draw(st.booleans())
    if draw(st.booleans()):
        baseline[ENTITLEMENTS] = sorted(draw(groups) & GROUPS)
    return Observed(
        "chat",
        "1",
        "r1",
        {name: value for name, value in given.items() if value is not None},
        active=draw(st.sampled_from([True, False, None])),
        entitlements=draw(groups),
        baseline=baseline,
    )


def carried_out(account: Observed, weighed: Weighed) -> Observed:
    """The account, and what is remembered of it, afterwards."""
    attributes = dict(account.attributes)
    baseline = sent(account.baseline, weighed.agreed)
    for name, change in weighed.changes.items():
        attributes.pop(name, None)
        if change.after is not None:
            attributes[name] = change.after
        baseline[name] = change.after
    if weighed.open_it:
        baseline[ACTIVE] = True
    if weighed.surplus or weighed.lacking:
        held = (held_by(baseline) | weighed.lacking) - weighed.surplus
        baseline[ENTITLEMENTS] = sorted(held)
    return replace(
        account,
        attributes=attributes,
        baseline=baseline,
        active=True if weighed.open_it else account.active,
        entitlements=(account.entitlements | weighed.lacking) - weighed.surplus,
    )


@given(desired, observed(), policies)
def test_carried_out_nothing_is_left_to_do(
    wanted: Desired, account: Observed, policy: ApplicationPolicy
) -> None:
    after = weigh(wanted, carried_out(account, weigh(wanted, account, policy)), policy)
    assert not after.changes
    assert not after.open_it
    assert not after.surplus
    assert not after.lacking
    assert not after.agreed


@given(desired, desired, observed(), policies)
def test_a_change_of_ours_always_gets_through(
    before: Desired, now: Desired, account: Observed, policy: ApplicationPolicy
) -> None:
    account = carried_out(account, weigh(before, account, policy))
    after = carried_out(account, weigh(now, account, policy))
    for name in ("title", "name"):
        if _text(before.attributes[name]) != _text(now.attributes[name]):
            assert _text(after.attributes.get(name)) == _text(now.attributes[name])
    given_anew = (now.entitlements - before.entitlements) & GROUPS
    taken = before.entitlements & account.entitlements - now.entitlements
    assert given_anew <= after.entitlements
    assert not taken & GROUPS & after.entitlements


@given(desired, observed(), policies, values, groups)
def test_what_is_changed_there_is_as_the_policy_says(
    wanted: Desired,
    account: Observed,
    policy: ApplicationPolicy,
    value: Value | None,
    held: frozenset[str],
) -> None:
    account = carried_out(account, weigh(wanted, account, policy))
    drifted = replace(
        account,
        attributes={n: v for n, v in {**account.attributes, "title": value}.items() if v},
        entitlements=held,
    )
    after = carried_out(drifted, weigh(wanted, drifted, policy))
    title = policy.drift.get("title") or policy.drift.get("default") or DriftAction.RESTORE
    expected = wanted.attributes["title"] if title is DriftAction.RESTORE else value
    assert _text(after.attributes.get("title")) == _text(expected)
    restored = policy.drift.get(ENTITLEMENTS, DriftAction.RESTORE) is DriftAction.RESTORE
    assert after.entitlements & GROUPS == (wanted.entitlements if restored else held) & GROUPS
    assert after.entitlements - GROUPS == held - GROUPS


@pytest.mark.parametrize("ours", [True, False])
def test_what_we_closed_is_opened_and_what_they_closed_is_kept(ours: bool) -> None:
    policy = ApplicationPolicy("chat", drift={"default": DriftAction.KEEP})
    account = Observed("chat", "1", "r", {}, active=False, baseline={ACTIVE: not ours})
    assert weigh(Desired("chat", {}), account, policy).open_it is ours


def test_opening_what_somebody_closed_there_says_so() -> None:
    person = PersonFacts("1", "A", LifecycleState.ACTIVE, {})
    because = (Because("all", "All", "true"),)
    wanted = {"chat": Desired("chat", {}, because=because)}
    policies = {"chat": ApplicationPolicy("chat")}
    account = Observed("chat", "1", "r", {}, active=False, baseline={ACTIVE: True})
    at = datetime(2026, 7, 1, tzinfo=UTC)
    (step,) = plan_person(person, wanted, [account], policies, at).operations
    assert step.reason == "closed there by somebody else; rule All"
    ours = replace(account, baseline={ACTIVE: False})
    (step,) = plan_person(person, wanted, [ours], policies, at).operations
    assert step.reason == "rule All"


def _text(value: object) -> object:
    return value or None
