"""A plan as people and programs read it: the same shape for preview, dry run and real run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from tenure.core.model import Change, OperationKind, OperationState


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
        }


@dataclass(frozen=True, slots=True)
class ProblemLine:
    """A person for whom nothing could be planned in an application, and what to do about it."""

    application: str
    person: str
    person_name: str
    message: str
    #: It is as a policy says, and only told.
    notice: bool = False

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
    """What taking over an application means that was in use before us: of the accounts `found`
    there, how many were tied to their owners, are nobody's, need a decision or are ignored, and
    how many are still to be made. Not `read` yet: the other numbers say nothing."""

    application: str
    application_name: str
    read: bool
    found: int
    adopted: int
    to_create: int
    orphans: int
    disputed: int
    ignored: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Plan:
    """Lines are ordered by application, then by urgency."""

    lines: tuple[PlanLine, ...] = ()
    problems: tuple[ProblemLine, ...] = ()
    held_reasons: tuple[str, ...] = ()
    cost: Mapping[str, Cost] = field(default_factory=dict)
    first_contact: tuple[FirstContact, ...] = ()

    @property
    def held(self) -> bool:
        return bool(self.held_reasons)

    @property
    def summary(self) -> dict[str, int]:
        counts = Counter(line.kind.value for line in self.lines)
        return {kind.value: counts[kind.value] for kind in OperationKind if counts[kind.value]}

    def as_json(self) -> dict[str, Any]:
        return {
            "operations": [line.as_json() for line in self.lines],
            "summary": self.summary,
            "guard": {"held": self.held, "reasons": list(self.held_reasons)},
            "cost": {
                currency: {"before": str(cost.before), "after": str(cost.after)}
                for currency, cost in sorted(self.cost.items())
            },
            "problems": [problem.as_json() for problem in self.problems],
            "first_contact": [contact.as_json() for contact in self.first_contact],
        }
