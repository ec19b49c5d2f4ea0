"""Handing over: when it is due, what it waits for, and that nothing is deleted before it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tenure.core import transfers
from tenure.core.model import (
    ApplicationPolicy,
    Change,
    Heir,
    LifecycleState,
    Observed,
    Operation,
    PersonFacts,
    RemovalAction,
)
from tenure.core.planner import plan_person

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
BO = Heir("7", "Bo Kovács")
ANNA = PersonFacts("1", "Anna Nagy", LifecycleState.LEFT, {}, left_at=NOW - timedelta(days=31))
FILES = ApplicationPolicy("files", transfers=True)
ACCOUNT = Observed("files", "9", "5", {"userName": "anna"}, True, heir=BO)


def plan(
    person: PersonFacts = ANNA,
    account: Observed = ACCOUNT,
    policy: ApplicationPolicy = FILES,
) -> tuple[Operation, ...]:
    return plan_person(person, {}, [account], {"files": policy}, NOW).operations


def kinds(steps: tuple[Operation, ...]) -> list[str]:
    return [step.kind.value for step in steps]


def test_it_comes_after_closing_and_says_to_whom() -> None:
    closing, handing = plan()
    assert (closing.kind.value, handing.kind.value) == ("disable", "transfer")
    assert closing.urgency < handing.urgency
    assert handing.attributes == {"owner": Change(None, "7")}
    assert handing.reason.endswith("what they own goes to their manager, Bo Kovács")


DELETES = replace(FILES, removal=RemovalAction.DELETE)
LATER = replace(FILES, delete_after=timedelta(days=30))
LONG_CLOSED = replace(ACCOUNT, active=False, disabled_at=NOW - timedelta(days=31))


@pytest.mark.parametrize(
    ("account", "policy", "expected"),
    [
        (ACCOUNT, DELETES, ["disable", "transfer"]),
        (replace(ACCOUNT, active=False), DELETES, ["transfer"]),
        (replace(ACCOUNT, active=False, transferred=True), DELETES, ["delete"]),
        # Nobody takes it: a person hands it over, and nothing is deleted before.
        (replace(ACCOUNT, heir=None), DELETES, ["disable", "transfer"]),
        (replace(ACCOUNT, active=False, heir=None), DELETES, ["transfer"]),
        (replace(ACCOUNT, active=False, heir=None), FILES, []),
        (LONG_CLOSED, LATER, ["transfer"]),
        (replace(LONG_CLOSED, transferred=True), LATER, ["delete"]),
        (replace(LONG_CLOSED, heir=None), LATER, ["transfer"]),
        (replace(ACCOUNT, last_owner="the last owner"), FILES, ["disable"]),
        (ACCOUNT, replace(FILES, removal=RemovalAction.KEEP), []),
        (ACCOUNT, replace(DELETES, transfers=False), ["delete"]),
    ],
)
def test_nothing_is_deleted_before_it(
    account: Observed, policy: ApplicationPolicy, expected: list[str]
) -> None:
    assert kinds(plan(account=account, policy=policy)) == expected


@pytest.mark.parametrize(
    "person",
    [
        replace(ANNA, state=LifecycleState.LEAVING),
        replace(ANNA, legal_hold=True),
        replace(ANNA, state=LifecycleState.ACTIVE),
    ],
)
def test_who_may_still_come_back_keeps_what_is_theirs(person: PersonFacts) -> None:
    assert "transfer" not in kinds(plan(person))
    assert transfers.waiting(person, [replace(ACCOUNT, heir=None)], {"files": FILES}, NOW) == (
        (),
        None,
    )


def test_without_an_heir_it_says_why_and_looks_again() -> None:
    alone = replace(ACCOUNT, heir=None, heirless="manager, Bo Kovács, who has left too")
    (told,), look = transfers.waiting(ANNA, [alone], {"files": FILES}, NOW)
    assert told.notice
    assert "is to go to their manager, Bo Kovács, who has left too. It stays closed" in told.message
    # Where it is to be deleted it is a step, for a person.
    assert transfers.waiting(ANNA, [alone], {"files": DELETES}, NOW)[0] == ()
    *_, handing = plan(account=alone, policy=DELETES)
    assert handing.attributes == {}
    assert handing.reason.endswith("Bo Kovács, who has left too: a person hands it over")
    assert look == NOW + timedelta(days=1)
    assert transfers.waiting(ANNA, [ACCOUNT], {"files": DELETES}, NOW) == ((), None)
