"""What somebody who has left owns in an application goes to their manager, where the application is
to do that: once the account is closed, and before anything is deleted.

Who may still come back (a grace, a legal hold) keeps what is theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from tenure.core.model import (
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

#: The name under which an operation says whose it becomes.
OWNER = "owner"
#: Whether the manager has an account by now is looked at again so often.
_AGAIN = timedelta(days=1)


def due(person: PersonFacts, account: Observed, policy: ApplicationPolicy) -> bool:
    """Whether anything is still to be handed over."""
    return (
        policy.transfers
        and policy.removal is not RemovalAction.KEEP
        and person.state is LifecycleState.LEFT
        and not person.legal_hold
        and not account.transferred
    )


def waiting(
    person: PersonFacts,
    observed: Sequence[Observed],
    policies: Mapping[str, ApplicationPolicy],
    now: datetime,
) -> tuple[tuple[Problem, ...], datetime | None]:
    """What cannot be handed over because nobody is there to take it, and when to look again."""
    stuck = [
        account
        for account in observed
        if account.situation is Situation.LINKED
        and account.application in policies
        and account.heir is None
        and due(person, account, policies[account.application])
    ]
    problems = tuple(_problem(person, account, policies[account.application]) for account in stuck)
    return problems, now + _AGAIN if stuck else None


def first(
    operation: Operation | None, handing: Operation | None, closing: Operation | None
) -> list[Operation]:
    """The steps of one removal while something is still to be handed over: `operation` is what
    would be done otherwise, `handing` the transfer if it can be made, `closing` what closes the
    account in place of deleting it, if it may be open."""
    steps = [operation] if operation is not None else []
    if operation is not None and operation.kind is OperationKind.DELETE:
        steps = [closing] if closing is not None else []
    return [*steps, handing] if handing is not None else steps


def _problem(person: PersonFacts, account: Observed, policy: ApplicationPolicy) -> Problem:
    deletes = policy.removal is RemovalAction.DELETE or policy.delete_after is not None
    waits = "It is not deleted before that" if deletes else "It stays closed, and theirs"
    return Problem(
        account.application,
        person.key,
        f"What {person.label} owns here is to go to their manager, who has no open account in "
        f"{account.application}. {waits}: name a manager in the source who has one, give theirs "
        "one by a rule, or take transfer_to out of the removal.",
        notice=not deletes,
    )
