"""Applications that need another one first: the mailbox before what is signed in to by it.

A required account is made and opened before the one that needs it, and deleted after it, however
much longer that one is kept. One that is made closed ahead of the first day is enough until then.
Closing waits for nothing: access ends everywhere at once, also where an account that is to be
deleted has to be there a while longer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace

from tenure.core.model import (
    ACTIVE,
    ApplicationMode,
    ApplicationPolicy,
    LifecycleState,
    Observed,
    Operation,
    OperationKind,
    PersonFacts,
    Problem,
    RemovalAction,
    Situation,
)
from tenure.core.planner import LEAVER_URGENCY, URGENCY

#: What is done in the required application first, and what waits for it.
OPENS = frozenset({OperationKind.CREATE, OperationKind.ENABLE})
_CLOSES = frozenset({OperationKind.DISABLE, OperationKind.DELETE})
_WAITS = OPENS | {OperationKind.UPDATE, OperationKind.GRANT}


def unmet(
    person: PersonFacts,
    operations: Sequence[Operation],
    observed: Sequence[Observed],
    policies: Mapping[str, ApplicationPolicy],
    *,
    due: Set[str],
    given: Set[str],
) -> tuple[tuple[Operation, ...], tuple[Problem, ...]]:
    """The operations with what each has to wait for. One whose requirement is not met is left out,
    and a problem says so: only a notice where time will meet it. `given`: the applications that the
    rules give, `due`: those of them that let the person in now."""
    concerned = {step.application for step in operations}
    concerned |= {account.application for account in observed if account.application in policies}
    if not operations or not any(policies[slug].requires for slug in concerned):
        return tuple(sorted(operations, key=_order)), ()
    opening = {
        step.application
        for step in operations
        if step.kind in OPENS and policies[step.application].mode is ApplicationMode.LIVE
    }
    closing = {step.application for step in operations if step.kind in _CLOSES}
    there = {
        account.application
        for account in observed
        if account.situation is Situation.LINKED
        and account.application not in closing
        and (
            (account.active is not False and ACTIVE not in account.unsure)
            or (account.application in due and _closed_ahead(person, account, policies))
        )
    }
    kept: list[Operation] = []
    problems: list[Problem] = []
    refused: set[str] = set()
    later = set(given - due) if person.state is LifecycleState.UPCOMING else set()
    for step in _in_order(operations, policies):
        required = policies[step.application].requires
        if step.kind in OPENS:
            lacking = [slug for slug in required if slug in refused or slug not in opening | there]
            if lacking:
                refused.add(step.application)
                if later >= set(lacking):
                    later.add(step.application)
                problems.append(_problem(person, step, lacking, later, due, policies))
                continue
        step = _waiting(step, required, opening, operations, policies)
        if step.kind is OperationKind.DELETE:
            needed = _still_needed(step, operations, observed, policies, due)
            if needed or step.after:
                kept += _meanwhile(step, observed)
                step = replace(step, revoke=())
            if needed:
                continue
        kept.append(step)
    kept.sort(key=_order)
    return tuple(kept), tuple(problems)


def _closed_ahead(
    person: PersonFacts, account: Observed, policies: Mapping[str, ApplicationPolicy]
) -> bool:
    """Whether it is closed because that is how it is made, until the first day."""
    policy = policies.get(account.application)
    upcoming = person.state is LifecycleState.UPCOMING
    return upcoming and policy is not None and policy.closed_ahead


def _still_needed(
    step: Operation,
    operations: Sequence[Operation],
    observed: Sequence[Observed],
    policies: Mapping[str, ApplicationPolicy],
    due: Set[str],
) -> bool:
    """Whether an account that requires this one is still to be deleted, later than now."""
    deleted = {other.application for other in operations if other.kind is OperationKind.DELETE}
    return any(
        step.application in policies[account.application].requires
        and account.application not in due | deleted
        and _is_deleted_later(account, policies[account.application])
        for account in observed
        if account.application in policies
    )


def _meanwhile(step: Operation, observed: Sequence[Observed]) -> list[Operation]:
    """What is taken at once with an account that is deleted later: the other application may stand
    still for as long as it likes."""
    is_open = any(a.account == step.account and a.may_be_open for a in observed)
    kind = OperationKind.DISABLE if is_open else OperationKind.REVOKE
    if not is_open and not step.revoke:
        return []
    urgency = LEAVER_URGENCY if step.urgency == LEAVER_URGENCY else URGENCY[kind]
    return [replace(step, kind=kind, urgency=urgency, after=())]


def _is_deleted_later(account: Observed, policy: ApplicationPolicy) -> bool:
    return (
        account.situation is Situation.LINKED
        and not account.protected
        and policy.mode is ApplicationMode.LIVE
        and policy.removal is not RemovalAction.KEEP
        and (policy.removal is RemovalAction.DELETE or policy.delete_after is not None)
    )


def _order(step: Operation) -> tuple[int, str]:
    return step.urgency, step.application


def _waiting(
    step: Operation,
    required: Sequence[str],
    opening: set[str],
    operations: Sequence[Operation],
    policies: Mapping[str, ApplicationPolicy],
) -> Operation:
    if step.kind in _WAITS:
        first = tuple(slug for slug in required if slug in opening)
    elif step.kind is OperationKind.DELETE:
        first = tuple(
            sorted(
                other.application
                for other in operations
                if other.kind is OperationKind.DELETE
                and step.application in policies[other.application].requires
            )
        )
    else:
        first = ()
    return replace(step, after=first) if first else step


def _in_order(
    operations: Sequence[Operation], policies: Mapping[str, ApplicationPolicy]
) -> list[Operation]:
    """Those of required applications first, so that a refusal reaches everything behind it."""

    def depth(slug: str, above: frozenset[str] = frozenset()) -> int:
        if slug in above or slug not in policies:
            return 0
        deeper = (depth(other, above | {slug}) for other in policies[slug].requires)
        return 1 + max(deeper, default=0)

    return sorted(operations, key=lambda step: depth(step.application))


def _problem(
    person: PersonFacts,
    step: Operation,
    lacking: Sequence[str],
    later: Set[str],
    due: Set[str],
    policies: Mapping[str, ApplicationPolicy],
) -> Problem:
    names = " and ".join(lacking)
    if later >= set(lacking):
        comes = "comes" if len(lacking) == 1 else "come"
        said = f"{step.application} waits for {names}, which {comes} nearer to the first day."
        return Problem(step.application, person.key, said, notice=True)
    if due >= set(lacking):
        # It is given: what keeps it is said of that application.
        shown = [s for s in lacking if policies[s].mode is ApplicationMode.REPORT]
        why = f" ({' and '.join(shown)}: report mode, nothing is written)" if shown else ""
        said = f"{step.application} waits for {names}, where they have no open account yet{why}."
        return Problem(step.application, person.key, said, notice=True)
    return Problem(
        step.application,
        person.key,
        f"{step.application} requires an open account in {names}, which this person does not get. "
        f"Give {names} by a rule too, or take it out of `requires`.",
    )
