"""What somebody who has left owns in an application goes to their manager, where the application is
to do that: once the account is closed, and before anything is deleted.

Who may still come back (a grace, a legal hold) keeps what is theirs. Where nobody is there to take
it and something is to be deleted, a person hands it over: a step, too, which names no heir.
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
#: What a step without an heir is to whoever does it, and how.
BY_HAND = (
    "There is nobody to whom it could be handed over by itself.",
    "Hand it over there to whom you think fit, then mark this as done. Once the source names a "
    "manager who has an open account there it goes by itself.",
)
_NOBODY = "manager, who has no open account here"


def due(person: PersonFacts, account: Observed, policy: ApplicationPolicy) -> bool:
    """Whether anything is still to be handed over."""
    return (
        policy.transfers
        and policy.removal is not RemovalAction.KEEP
        and person.state is LifecycleState.LEFT
        and not person.legal_hold
        and not account.transferred
        # The last owner's stays open, and everything theirs, until somebody else owns it.
        and not (account.last_owner and account.may_be_open)
    )


def waiting(
    person: PersonFacts,
    observed: Sequence[Observed],
    policies: Mapping[str, ApplicationPolicy],
    now: datetime,
) -> tuple[tuple[Problem, ...], datetime | None]:
    """What is not handed over because nobody is there to take it, and when to look again."""
    stuck = [
        account
        for account in observed
        if account.situation is Situation.LINKED
        and account.application in policies
        and account.heir is None
        and due(person, account, policies[account.application])
    ]
    problems = tuple(
        _problem(person, account) for account in stuck if not deletes(policies[account.application])
    )
    return problems, now + _AGAIN if stuck else None


def deletes(policy: ApplicationPolicy) -> bool:
    """Whether an account that is not due any more is deleted there some day."""
    return policy.removal is RemovalAction.DELETE or policy.delete_after is not None


def to_whom(account: Observed) -> str:
    """Of the account's owner, in the words of a reason."""
    if account.heir is not None:
        return f"what they own goes to their manager, {account.heir.name}"
    return f"what they own is to go to their {account.heirless or _NOBODY}: a person hands it over"


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


def _problem(person: PersonFacts, account: Observed) -> Problem:
    return Problem(
        account.application,
        person.key,
        f"What {person.label} owns here is to go to their {account.heirless or _NOBODY}. It stays "
        "closed, and theirs: name a manager in the source who has an open account here, or hand it "
        "over there by hand.",
        notice=True,
    )
