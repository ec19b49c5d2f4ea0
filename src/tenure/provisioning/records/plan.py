"""A plan as people and programs read it: the same shape for preview, dry run and real run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias

from tenure.core.guard import Content
from tenure.core.model import Change, OperationKind, OperationState, Value

#: Person id, application slug, kind: at most one open operation has it.
Key: TypeAlias = tuple[int | None, str, OperationKind]
REPORT_MODE = "This application is in report mode: nothing is written."
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One operation. `person` is the employee number (or uid), `account` the user name there."""

    application: str
    application_name: str
    person: str
    person_name: str
    person_email: str
    account: str | None
    kind: OperationKind
    reason: str
    state: OperationState
    attributes: Mapping[str, Change] = field(default_factory=dict)
    grant: tuple[str, ...] = ()
    revoke: tuple[str, ...] = ()
    hold_reason: str = ""
    #: It closes an account that is open, and nobody has approved that yet.
    takes_access: bool = False
    operation_id: int | None = None
    person_id: int | None = None
    account_id: int | None = None
    active: bool = True
    held_at: datetime | None = None
    #: A person approved it: it does not count for a guard.
    decided: bool = False

    @property
    def key(self) -> Key:
        return self.person_id, self.application, self.kind

    @property
    def content(self) -> Content:
        return content(
            self.account_id, self.attributes, self.grant, self.revoke, active=self.active
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "application": self.application,
            "person": self.person,
            "person_name": self.person_name,
            "account": self.account,
            "kind": self.kind.value,
            "attributes": {
                name: {"from": change.before, "to": change.after}
                for name, change in self.attributes.items()
            },
            "entitlements": {"grant": list(self.grant), "revoke": list(self.revoke)},
            "reason": self.reason,
            "state": self.state.value,
            "hold_reason": self.hold_reason,
            "operation": self.operation_id,
        }


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody saw of what is held: so many operations, the last of them held at `until`. What
    is held once never changes: it gives way to another one, held later."""

    count: int
    until: datetime

    def __str__(self) -> str:
        return f"{self.count}-{(self.until - _EPOCH) // timedelta(microseconds=1)}"

    @classmethod
    def parse(cls, text: str) -> Seen:
        """From what `str` made of it. Raises `ValueError`."""
        count, _, until = text.partition("-")
        if not (count.isdecimal() and until.isdecimal() and len(until) <= 17):
            raise ValueError(
                f"{text!r} does not say what was seen. `tenure plan` prints it: --seen 12-17640…"
            )
        return cls(int(count), _EPOCH + timedelta(microseconds=int(until)))

    @classmethod
    def of(cls, held: Sequence[datetime | None]) -> Seen:
        """Of the instants at which operations were held."""
        return cls(len(held), max((at for at in held if at), default=_EPOCH))

    def includes(self, held_at: datetime | None) -> bool:
        return held_at is None or held_at <= self.until


@dataclass(frozen=True, slots=True)
class ProblemLine:
    """A person for whom nothing could be planned in an application, and what to do about it."""

    application: str
    person: str
    person_name: str
    message: str
    #: It is as a policy says, and only told.
    notice: bool = False
    person_id: int | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "application": self.application,
            "person": self.person,
            "person_name": self.person_name,
            "message": self.message,
            "notice": self.notice,
        }


@dataclass(frozen=True, slots=True)
class Cost:
    """What all seats of one currency cost a month, before and after the plan."""

    before: Decimal
    after: Decimal


@dataclass(frozen=True, slots=True)
class FirstContact:
    """What taking over an application means that was in use before us. Each of the accounts `found`
    there is counted once more: tied to its owner (`adopted`), nobody's, undecided (`disputed`) or
    ignored; `to_create` come on top. Not `read` yet: the numbers say nothing. `reporting`: it is in
    report mode, so nothing waits for approval yet."""

    application: str
    application_name: str
    read: bool
    reporting: bool
    found: int
    adopted: int
    to_create: int
    orphans: int
    disputed: int
    ignored: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Declined:
    """So many operations in one application are due and not planned: their run was `cancelled`
    before they were sent, or they were rejected. `by` whom, why and when."""

    application: str
    application_name: str
    count: int
    run: int | None
    cancelled: bool
    by: str
    reason: str
    at: datetime | None

    @property
    def words(self) -> str:
        due = f"{self.count:,} operation{'' if self.count == 1 else 's'} in {self.application_name}"
        due += f" {'is' if self.count == 1 else 'are'} due and not planned"
        by = f" by {self.by}" if self.by else ""
        why = f": {self.reason.rstrip('.')}" if self.reason else ""
        if self.cancelled:
            return f"{due}, since run {self.run} was cancelled{by}{why}."
        return f"{due}, since {'it was' if self.count == 1 else 'they were'} rejected{by}{why}."

    @property
    def after_all(self) -> str:
        """By which command they are sent after all."""
        if self.cancelled:
            return f"`tenure runs resume {self.run}` sends what is still due of it."
        return (
            "`tenure operations list --filter state=rejected` has their numbers, and "
            "`tenure approve --operation NUMBER --reason ...` sends one after all."
        )

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Unread:
    """An application whose accounts were not read with these attributes: they are not judged by
    them yet. No attributes: nobody knows with what they were read."""

    application: str
    application_name: str
    attributes: tuple[str, ...]

    @property
    def words(self) -> str:
        if not self.attributes:
            return (
                "What its accounts were last read with is not known. They are read anew before "
                "anything is sent, and this plan may change by that."
            )
        several = len(self.attributes) > 1
        return (
            f"Its accounts were never read with {' and '.join(self.attributes)}: here it is as if "
            f"none had {'them' if several else 'it'}. They are read with "
            f"{'them' if several else 'it'} before anything is sent, and this plan may change by "
            "that."
        )

    def as_json(self) -> dict[str, Any]:
        return {"application": self.application, "attributes": list(self.attributes)}


@dataclass(frozen=True, slots=True)
class Plan:
    """Lines are ordered by application, then by urgency."""

    lines: tuple[PlanLine, ...] = ()
    problems: tuple[ProblemLine, ...] = ()
    held_reasons: tuple[str, ...] = ()
    cost: Mapping[str, Cost] = field(default_factory=dict)
    first_contact: tuple[FirstContact, ...] = ()
    #: What a person has rejected and is still due: not planned until it changes.
    rejected: tuple[PlanLine, ...] = ()
    #: The same in numbers, also of people for whom nothing is planned anew now.
    declined: tuple[Declined, ...] = ()
    #: Application slug -> what is stored there and held now, for whoever decides about it.
    seen: Mapping[str, Seen] = field(default_factory=dict)
    #: Application name -> why nothing is sent there now, although it would be due.
    still: Mapping[str, str] = field(default_factory=dict)
    unread: tuple[Unread, ...] = ()

    @property
    def held(self) -> bool:
        return bool(self.held_reasons)

    @property
    def reported(self) -> dict[str, int]:
        """Application name -> operations that are shown only: it is in report mode."""
        reported = (x for x in self.lines if x.hold_reason == REPORT_MODE)
        return dict(Counter(line.application_name for line in reported))

    @property
    def seen_in_all(self) -> Seen | None:
        """Everything that is stored and held; None when nothing is."""
        if not self.seen:
            return None
        every = self.seen.values()
        return Seen(sum(item.count for item in every), max(item.until for item in every))

    @property
    def summary(self) -> dict[str, int]:
        counts = Counter(line.kind.value for line in self.lines)
        return {kind.value: counts[kind.value] for kind in OperationKind if counts[kind.value]}

    def as_json(self) -> dict[str, Any]:
        return {
            "operations": [line.as_json() for line in self.lines],
            "summary": self.summary,
            "guard": {
                "held": self.held,
                "reasons": list(self.held_reasons),
                "seen": str(self.seen_in_all) if self.seen else None,
            },
            "rejected": [line.as_json() for line in self.rejected],
            "declined": [one.as_json() for one in self.declined],
            "not_sent": dict(self.still),
            "cost": {
                currency: {"before": str(cost.before), "after": str(cost.after)}
                for currency, cost in sorted(self.cost.items())
            },
            "problems": [problem.as_json() for problem in self.problems],
            "first_contact": [contact.as_json() for contact in self.first_contact],
            "unread": [one.as_json() for one in self.unread],
        }


def content(
    account: int | None,
    attributes: Mapping[str, Change],
    grant: Sequence[str],
    revoke: Sequence[str],
    *,
    active: bool,
) -> Content:
    """What an operation does, in a form that compares equal however it was stored."""
    return Content(
        account=None if account is None else str(account),
        attributes={n: Change(_plain(c.before), _plain(c.after)) for n, c in attributes.items()},
        grant=frozenset(grant),
        revoke=frozenset(revoke),
        active=active,
    )


def _plain(value: Value | None) -> Value | None:
    """Several values as a tuple, whatever sequence they came in."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return tuple(value)
