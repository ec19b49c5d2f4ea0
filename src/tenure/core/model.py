"""The nouns of every decision, as frozen data.

The core decides and never does: nothing here or beside it knows Django, a network, a database or
a clock. Services load these shapes from tables, hand them to a plain function, and store what
comes back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, TypeAlias

#: One attribute's value, of a person or of an account. An empty string or an empty list is the
#: same as no value at all: it is never stored. Several values have no order.
Value: TypeAlias = str | int | float | bool | Sequence[str]
Attributes: TypeAlias = Mapping[str, Value]


class LifecycleState(StrEnum):
    """Where a person is in their working life."""

    UPCOMING = "upcoming"
    ACTIVE = "active"
    ON_LEAVE = "on_leave"
    SUSPENDED = "suspended"
    LEAVING = "leaving"
    LEFT = "left"


class Situation(StrEnum):
    """What an account in an application is to us."""

    LINKED = "linked"
    UNLINKED = "unlinked"
    UNMATCHED = "unmatched"
    DISPUTED = "disputed"
    IGNORED = "ignored"
    DELETED = "deleted"


class OperationKind(StrEnum):
    """One durable change to one account."""

    CREATE = "create"
    UPDATE = "update"
    DISABLE = "disable"
    ENABLE = "enable"
    #: What its owner has there becomes somebody else's.
    TRANSFER = "transfer"
    DELETE = "delete"
    GRANT = "grant"
    REVOKE = "revoke"

    @property
    def removes(self) -> bool:
        """Whether it takes access away: these go first, and guards count them."""
        return self in _REMOVALS


_REMOVALS = frozenset({OperationKind.DISABLE, OperationKind.DELETE, OperationKind.REVOKE})


class OperationState(StrEnum):
    """How far an operation has come. `started` is committed before anything is sent."""

    PLANNED = "planned"
    HELD = "held"
    STARTED = "started"
    DONE = "done"
    RETRYING = "retrying"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"
    #: A person said no: it is not planned again until what is due changes.
    REJECTED = "rejected"
    MANUAL = "manual"


#: Not settled yet: the account is spoken for until these are.
OPEN_STATES = frozenset(
    {
        OperationState.PLANNED,
        OperationState.HELD,
        OperationState.STARTED,
        OperationState.RETRYING,
        OperationState.UNKNOWN,
        OperationState.MANUAL,
    }
)


class RemovalAction(StrEnum):
    """What becomes of an account that is no longer due."""

    DISABLE = "disable"
    DELETE = "delete"
    KEEP = "keep"


class LeaveAction(StrEnum):
    """What becomes of an account while its owner is on leave. `FREE` disables it too, and gives
    back what costs money: licences, and every entitlement that has a price."""

    KEEP = "keep"
    DISABLE = "disable"
    FREE = "free"


class DriftAction(StrEnum):
    """What becomes of a change that somebody made in the application."""

    RESTORE = "restore"
    KEEP = "keep"
    REPORT = "report"


class OrphanAction(StrEnum):
    """What becomes of accounts that are nobody's. All but `report` waits for a person's yes."""

    REPORT = "report"
    DISABLE = "disable"
    DELETE = "delete"


class Recreate(StrEnum):
    """Whether an account that somebody deleted in the application is made again."""

    NEVER = "never"
    ASK = "ask"
    ALWAYS = "always"


class ApplicationMode(StrEnum):
    """Whether an application is written to at all."""

    REPORT = "report"
    LIVE = "live"


@dataclass(frozen=True, slots=True)
class Because:
    """One reason why something is due: the rule, its condition and the values it saw."""

    rule: str
    name: str
    condition: str
    saw: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Desired:
    """What the rules say that one person's account in one application should be.

    `attributes` holds every mapped attribute by its name in the application, None where it is to
    be empty; `on_create` names those that are written once and never compared again.
    `entitlements` are keys, `kind:name`.
    """

    application: str
    attributes: Mapping[str, Value | None]
    active: bool = True
    on_create: frozenset[str] = frozenset()
    entitlements: frozenset[str] = frozenset()
    because: tuple[Because, ...] = ()


#: The name, beside those of attributes, for whether an account is open.
ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class Heir:
    """The account that takes over what a leaver owned."""

    remote_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Observed:
    """What the application last said about one account."""

    application: str
    account: str
    remote_id: str
    attributes: Attributes
    active: bool | None
    entitlements: frozenset[str] = frozenset()
    situation: Situation = Situation.LINKED
    disabled_at: datetime | None = None
    #: Since when a person is asked to close it, which the application has no way to do for us.
    asked_at: datetime | None = None
    #: Attribute -> what our side last said it is; see `core.drift`.
    baseline: Mapping[str, Value | None] = field(default_factory=dict)
    #: Why it is never touched; "" where it may be.
    protected: str = ""
    #: Why it is never taken away, being the last that owns the application; "" for all others. What
    #: makes it one, as far as it is an entitlement.
    last_owner: str = ""
    owner_by: str = ""
    #: A tombstone of an account that somebody deleted in the application, not we.
    deleted_there: bool = False
    #: Who could take over what it owns: the open account of its owner's manager, if there is one;
    #: and where there is none, the manager and why, as in `manager, Bo Nagy, who has left too`.
    heir: Heir | None = None
    heirless: str = ""
    #: That was done already.
    transferred: bool = False
    #: What a request may have changed that got no answer: names of attributes, `active`, keys of
    #: entitlements. Access that is not sure counts as held where it is taken, and as not held where
    #: it is given.
    unsure: frozenset[str] = frozenset()

    @property
    def may_be_open(self) -> bool:
        return self.active is not False or ACTIVE in self.unsure

    @property
    def may_hold(self) -> frozenset[str]:
        return self.entitlements | self.unsure


@dataclass(frozen=True, slots=True)
class Price:
    """What one seat costs for one month, in one currency (ISO 4217)."""

    amount: Decimal
    currency: str


#: The name under which `ApplicationPolicy.drift` holds what goes for attributes it does not name.
DRIFT_DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class ApplicationPolicy:
    """How one application wants its accounts made and removed."""

    slug: str
    mode: ApplicationMode = ApplicationMode.LIVE
    removal: RemovalAction = RemovalAction.DISABLE
    delete_after: timedelta | None = None
    leave: LeaveAction = LeaveAction.KEEP
    lead: timedelta = timedelta(0)
    #: Ahead of the first day the account is made closed, and opened on that day.
    closed_ahead: bool = False
    #: Applications in which the person must have an account before one is made here.
    requires: tuple[str, ...] = ()
    #: Entitlements outside this set are not ours: whatever the account holds of them stays.
    managed_entitlements: frozenset[str] = frozenset()
    #: Attributes that the application compares without regard to case.
    caseless: frozenset[str] = frozenset()
    seat: Price | None = None
    entitlement_prices: Mapping[str, Price] = field(default_factory=dict)
    #: Attribute -> what becomes of drift in it; `DRIFT_DEFAULT` for every other attribute.
    drift: Mapping[str, DriftAction] = field(default_factory=dict)
    recreate: Recreate = Recreate.ASK
    orphans: OrphanAction = OrphanAction.REPORT
    #: What a leaver owns there goes to their manager before anything is deleted.
    transfers: bool = False
    #: Attributes of its accounts that are computed from sensitive ones: see `core.veiling`.
    sensitive: frozenset[str] = frozenset()

    @property
    def costly(self) -> frozenset[str]:
        """The managed entitlements that a person on leave can give back to save money."""
        licences = {key for key in self.managed_entitlements if key.startswith("licence:")}
        return frozenset(licences | (self.entitlement_prices.keys() & self.managed_entitlements))


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """What decisions need to know of a person. `key` is ours and opaque; `label` is for humans.

    `starts` is the instant of their first day's midnight in their own zone, `left_at` the instant
    from which they are gone, `reason` what was said about it.
    """

    key: str
    label: str
    state: LifecycleState
    attributes: Attributes
    starts: datetime | None = None
    left_at: datetime | None = None
    end_date: date | None = None
    reason: str = ""
    #: Nothing of theirs is deleted while it lasts, whatever any policy says.
    legal_hold: bool = False
    #: Whether they have come in, where accounts are made at that moment: False, nothing is made
    #: yet; True, the first day need not be near. None: the first day alone decides.
    admitted: bool | None = None

    def local(self, at: datetime) -> datetime:
        """By the person's own clock, as far as their dates tell of one."""
        known = self.left_at or self.starts
        return at.astimezone(known.tzinfo) if known else at


class Change(NamedTuple):
    """One attribute, from what to what. None is `no value`. There are more of these than of
    anything else."""

    before: Value | None
    after: Value | None


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of a plan, with its reason in one line that a person reads."""

    application: str
    person: str
    account: str | None
    kind: OperationKind
    reason: str
    attributes: Mapping[str, Change] = field(default_factory=dict)
    grant: tuple[str, ...] = ()
    revoke: tuple[str, ...] = ()
    #: Lower goes first. See `planner.URGENCY`.
    urgency: int = 50
    #: Whether an account that is made is open.
    active: bool = True
    #: Applications whose operations for this person have to be done first.
    after: tuple[str, ...] = ()
    #: Why it waits for a person's approval, whatever the guards say; "" where it does not.
    hold: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why nothing could be decided for a person in an application, and what to do about it.
    `notice`: it is as a policy says, and only told."""

    application: str
    person: str
    message: str
    attribute: str | None = None
    notice: bool = False
