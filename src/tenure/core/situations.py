"""What stands in the way of an operation because of what an account is: one that is protected,
one that could be the person's and is not tied to them, one that somebody deleted there, one that
is nobody's. Decides from observed accounts alone; who owns an account is correlation's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tenure.core import drift, owners
from tenure.core.model import (
    ApplicationPolicy,
    Desired,
    DriftAction,
    LifecycleState,
    Observed,
    Operation,
    OperationKind,
    OrphanAction,
    PersonFacts,
    Problem,
    Recreate,
    Situation,
    Value,
)

ASKS_ORPHAN = "An account that is nobody's is touched only when a person approves it."


@dataclass(frozen=True, slots=True)
class Obstacles:
    """Applications in which no account may be made for a person now (`blocked`), those in which a
    person has to approve it (`held`: application -> why), and what to say about both."""

    blocked: frozenset[str] = frozenset()
    held: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


NONE = Obstacles()


def obstacles(
    person: PersonFacts,
    due: Iterable[str],
    observed: Sequence[Observed],
    policies: Mapping[str, ApplicationPolicy],
) -> Obstacles:
    """What keeps accounts from being made in the applications that are due. `observed` holds
    linked accounts, accounts that could be theirs, and tombstones, the latest last."""
    if all(account.situation is Situation.LINKED for account in observed):
        return NONE
    blocked: set[str] = set()
    held: dict[str, str] = {}
    problems: list[Problem] = []
    linked = {a.application for a in observed if a.situation is Situation.LINKED}
    for slug in due:
        if slug in linked or slug not in policies:
            continue
        theirs = [a for a in observed if a.application == slug]
        possible = [a for a in theirs if a.situation in (Situation.DISPUTED, Situation.UNLINKED)]
        if possible:
            blocked.add(slug)
            problems.append(Problem(slug, person.key, _could_be(possible)))
            continue
        tombstone = next((a for a in reversed(theirs) if a.situation is Situation.DELETED), None)
        if tombstone is None or not tombstone.deleted_there:
            continue
        recreate = policies[slug].recreate
        if recreate is Recreate.NEVER:
            blocked.add(slug)
            problems.append(Problem(slug, person.key, _stays_deleted(tombstone), notice=True))
        elif recreate is Recreate.ASK:
            held[slug] = (
                f"{_name(tombstone)} was deleted in the application by somebody else. It is made "
                "again only when a person approves it."
            )
    return Obstacles(frozenset(blocked), held, tuple(problems))


def permitted(
    operations: Iterable[Operation], observed: Sequence[Observed], held: Mapping[str, str]
) -> tuple[tuple[Operation, ...], tuple[Problem, ...]]:
    """The operations without those on protected accounts, and what is to be said about these.
    Creations in applications of `held` wait for a person."""
    protected = {a.account: a for a in observed if a.protected}
    last = {a.account: a for a in observed if a.last_owner}
    kept: list[Operation] = []
    refused: dict[str, list[Operation]] = {}
    for step in operations:
        if step.account in protected:
            refused.setdefault(step.account or "", []).append(step)
        elif step.account in last and owners.takes(
            step.kind, step.revoke, step.attributes, last[step.account].owner_by
        ):
            kept.append(replace(step, hold=last[step.account].last_owner))
        elif step.kind is OperationKind.CREATE and step.application in held:
            kept.append(replace(step, hold=held[step.application]))
        else:
            kept.append(step)
    problems = tuple(
        Problem(
            steps[0].application,
            steps[0].person,
            f"{_name(protected[key])} is protected ({protected[key].protected}) and is not "
            f"touched. Without that: {', '.join(step.kind.value for step in steps)} "
            f"({steps[0].reason}).",
            notice=True,
        )
        for key, steps in refused.items()
    )
    return tuple(kept), problems


def drifted(
    person: PersonFacts,
    due: Mapping[str, Desired],
    observed: Sequence[Observed],
    policies: Mapping[str, ApplicationPolicy],
) -> tuple[tuple[Problem, ...], dict[str, drift.Baseline]]:
    """Notices about what `report` leaves as it is, and account -> what its baseline becomes
    without anything being sent. `due` are the accounts that should be open."""
    if person.state in (LifecycleState.ON_LEAVE, LifecycleState.SUSPENDED):
        return (), {}
    notices: list[Problem] = []
    agreed: dict[str, Mapping[str, Value | None]] = {}
    for account in observed:
        policy = policies.get(account.application)
        wanted = due.get(account.application)
        if policy is None or wanted is None or not policy.drift:
            continue
        if account.situation is not Situation.LINKED:
            continue
        weighed = drift.weigh(wanted, account, policy)
        if weighed.agreed:
            agreed[account.account] = weighed.agreed
        told = drift.leftovers(weighed, policy.sensitive)
        said = [text for what, text in told if what is DriftAction.REPORT]
        if said:
            message = f"{_name(account)} was changed there and is left so: {'; '.join(said)}."
            notices.append(Problem(account.application, person.key, message, notice=True))
    return tuple(notices), agreed


def orphan_step(account: Observed, policy: ApplicationPolicy) -> OperationKind | None:
    """What the policy asks to do with an account that is nobody's, if anything is left to do."""
    if account.situation is not Situation.UNMATCHED or account.protected:
        return None
    match policy.orphans:
        case OrphanAction.DISABLE if account.active is not False:
            return OperationKind.DISABLE
        case OrphanAction.DELETE:
            return OperationKind.DELETE
    return None


def _could_be(accounts: Sequence[Observed]) -> str:
    names = ", ".join(_name(account) for account in accounts)
    which = "the account" if len(accounts) == 1 else "one of the accounts"
    return (
        f"No account is made: {which} {names} could be theirs, and whose it is has not been "
        "decided. `tenure accounts link ACCOUNT PERSON` ties it to its owner, `tenure accounts "
        "ignore ACCOUNT` says that it is nobody's."
    )


def _stays_deleted(tombstone: Observed) -> str:
    return (
        f"{_name(tombstone)} was deleted in the application by somebody else and is not made "
        "again (recreate: never). `tenure accounts again "
        f"{tombstone.application}/{_name(tombstone)}` makes it all the same."
    )


def _name(account: Observed) -> str:
    return str(account.attributes.get("userName") or account.remote_id)
