"""One operation as it is sent, and what became of it: what the sender and the tables both know.

It must not know either of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from tenure.connectors.base import (
    AlreadyExists,
    ConnectorError,
    NotBegun,
    NotFound,
    OutcomeUnknown,
    Rejected,
    RemoteAccount,
    RetryLater,
    StopApplication,
    Unsupported,
)
from tenure.core.model import OperationKind, Value
from tenure.infra.clock import now

#: In progress: when an account was asked for that may have been made, although nobody said so.
SENT = "sent"
#: In progress: what an earlier attempt may have made has another name than is wanted by now.
RENAMED = "renamed"
#: In progress: nothing is to be made any more; what may have been made is looked for, to be closed.
ONLY_LOOKS = "only_looks"
#: Attributes by which an account is searched for, the surest first.
IDENTIFYING = ("externalId", "userName", "login", "email")
#: In progress: {"at", "by"}: when it was first sent and not heard of, and by which of `UNHEARD`.
UNHEARD_OF = "unheard_of"
#: Why nothing was heard of what was sent.
UNHEARD = {
    "worker": "the worker that sent it, or its database, ended before what came of it was stored",
    "answer": "no answer said what came of it",
}
#: In progress: the operation that has to give up a name first; the values under which this one
#: makes way for others; and that it did. See `exchanging`.
BEHIND, BY_WAY_OF, MADE_WAY = "behind", "by_way_of", "made_way"


#: In progress: the application answered that there is no such account, when it was to be closed or
#: deleted.
WAS_GONE = "was_gone"
#: In evidence: what was sent to close an account, and that a read afterwards did not find it.
CLOSED_BY, NOT_THERE = "disable", "the account is not there"
IS_CLOSED = "the account is closed"
#: Kinds of operation after which nobody gets in.
CLOSES = (OperationKind.DISABLE.value, OperationKind.DELETE.value)


class Result(StrEnum):
    """What the engine does next with the operation."""

    DONE = "done"
    RETRY = "retry"
    UNKNOWN = "unknown"
    FAILED = "failed"
    STOPPED = "stopped"
    #: Not begun: a person stopped writes first, or the application does not accept us.
    PAUSED = "paused"
    MANUAL = "manual"
    NOT_MADE = "not_made"


@dataclass(slots=True)
class Work:
    """One operation to send. `unsure`: it may have been sent before, so look first. `outdated`:
    only look, for it is no longer wanted like this."""

    operation: int
    kind: OperationKind
    person: str
    external_id: str
    remote_id: str
    attributes: Mapping[str, Value | None]
    grant: tuple[str, ...]
    revoke: tuple[str, ...]
    progress: dict[str, Any] = field(default_factory=dict)
    unsure: bool = False
    #: It was sent, and nobody knows what became of that.
    unanswered: bool = False
    #: Whether an account that is made is open.
    active: bool = True
    #: What the account is called there, as far as is known: by which it can be searched for.
    names: Mapping[str, str] = field(default_factory=dict)
    outdated: bool = False
    #: Why nothing of this person's is deleted, "" where it may be.
    legal_hold: str = ""
    #: Sensitive values, as texts, that no message or log may have.
    private: frozenset[str] = frozenset()

    @property
    def has_account(self) -> bool:
        """Whether there is an account, as far as is known, that memberships are given to or taken
        from."""
        return bool(self.remote_id) and not self.outdated and WAS_GONE not in self.progress


@dataclass(slots=True)
class Outcome:
    """What became of one operation."""

    work: Work
    result: Result = Result.DONE
    message: str = ""
    after: float | None = None
    account: RemoteAccount | None = None
    adopted: bool = False
    evidence: dict[str, Any] | None = None
    #: Something was sent that may have been done, although nobody said so.
    may_be_done: bool = False
    #: Something else there has a value that this one was to get.
    taken: bool = False
    #: It was to be closed, and is not there: somebody deleted it.
    gone: bool = False
    #: A person has to delete it, and it was closed until then: what was read of that.
    closed: dict[str, Any] | None = None
    #: It was closed, and is not there any more, for that is what closing does there.
    removed: bool = False
    #: Whether it was there: made by an earlier attempt, or by somebody else (`adopted`); None where
    #: nobody looked.
    found: bool | None = None


class Taken(Rejected):
    """The name of an account that was to be made is another's."""


class Broken(ConnectorError):
    """A connector that did something else than its port promises."""


def broken(error: Exception) -> str:
    """What an administrator reads of an exception that nobody expected."""
    text = f"{type(error).__name__}: {error}".strip().removesuffix(":")[:300]
    return (
        f"The connector failed by itself ({text}). Whether anything was done there is not known. "
        "This is a fault of Tenure, or an answer that nobody expected: the log has where."
    )


def fail(outcome: Outcome, error: ConnectorError) -> None:
    """The error as what the engine does next."""
    outcome.message = str(error)
    outcome.taken = isinstance(error, AlreadyExists | Taken)
    if isinstance(error, OutcomeUnknown | Broken) and outcome.work.kind is OperationKind.CREATE:
        outcome.work.progress[SENT] = now().isoformat()
    match error:
        case AlreadyExists() if outcome.work.kind.removes:
            # No name or value is written that could be taken: something else is at it there.
            outcome.result = Result.RETRY
            outcome.message = f"It was in conflict with something else there. {error}"
        case RetryLater():
            outcome.result, outcome.after = Result.RETRY, error.after
        case OutcomeUnknown():
            outcome.result, outcome.may_be_done = Result.UNKNOWN, True
            at = now().isoformat()
            outcome.work.progress.setdefault(UNHEARD_OF, {"at": at, "by": "answer"})
        case NotBegun():
            outcome.result = Result.PAUSED
        case StopApplication():
            outcome.result = Result.STOPPED
        case Unsupported():
            outcome.result = Result.MANUAL
            outcome.message = f"{error}\n{error.instructions}".strip()
        case Broken():
            outcome.result, outcome.may_be_done = Result.FAILED, True
        case NotFound():
            outcome.result = Result.FAILED
            outcome.message = f"{error} Reconcile the application to see what became of it."
        case _:
            outcome.result = Result.FAILED


def made(outcome: Outcome, account: RemoteAccount) -> None:
    """The account is there."""
    outcome.account = account
    outcome.work.remote_id = account.remote_id
    outcome.work.progress["remote_id"] = account.remote_id
    outcome.work.progress.pop(SENT, None)


def was_there(outcome: Outcome, account: RemoteAccount) -> None:
    """It was not made just now. Whether one without the external id that we give to this person's
    was made by an earlier attempt of ours is not known."""
    outcome.found = True
    outcome.adopted = not (outcome.work.unsure and carries(account, outcome.work))


def found_out(outcome: Outcome) -> str:
    """How it was found out what came of something that was sent and not heard of, for whoever reads
    what happened; "" where everything was heard."""
    unheard = outcome.work.progress.get(UNHEARD_OF)
    if not unheard:
        return ""
    at = datetime.fromisoformat(unheard["at"]).astimezone(UTC)
    if outcome.work.kind is OperationKind.DELETE and outcome.work.outdated:
        then = "It was looked for, and it was gone"
    else:
        how = {True: "It was looked for, and it was there", None: "It was sent again"}
        then = how.get(outcome.found, "It was looked for, and sent again")
    return f"First sent {at:%-d %b %Y %H:%M:%S} UTC, and {UNHEARD[unheard['by']]}. {then}."


def carries(account: RemoteAccount, work: Work) -> bool:
    """Whether the account has the external id that we give to this person's."""
    return account.attributes.get("externalId") == work.external_id
