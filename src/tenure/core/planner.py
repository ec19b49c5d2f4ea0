"""Desired and observed to the ordered operations between them, each with its reason.

Planning is a function of its arguments: planned twice it says the same, and planned again after
it was carried out it says nothing. Three promises hold whatever comes in, and property tests
keep them: no rule that holds = no access; who has left gets removals only; an account that is
not linked to its owner is never touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from tenure.core import transfers
from tenure.core.drift import weigh
from tenure.core.instants import told
from tenure.core.model import (
    ACTIVE,
    ApplicationPolicy,
    Because,
    Change,
    Desired,
    LeaveAction,
    LifecycleState,
    Observed,
    Operation,
    OperationKind,
    PersonFacts,
    RemovalAction,
    Situation,
)

#: Lower goes first. A leaver's come before everything, whatever is queued already; access is
#: taken before it is given; an account is made before it is changed before it is opened.
URGENCY: Mapping[OperationKind, int] = MappingProxyType(
    {
        OperationKind.REVOKE: 20,
        OperationKind.DISABLE: 25,
        OperationKind.TRANSFER: 28,
        OperationKind.DELETE: 30,
        OperationKind.CREATE: 45,
        OperationKind.UPDATE: 50,
        OperationKind.ENABLE: 52,
        OperationKind.GRANT: 55,
    }
)
LEAVER_URGENCY = 5

GONE = frozenset({LifecycleState.LEFT, LifecycleState.LEAVING})


@dataclass(frozen=True, slots=True)
class PersonPlan:
    """What to do for one person. `next_look` is when that changes by itself, None if never."""

    operations: tuple[Operation, ...] = ()
    next_look: datetime | None = None


def entitled(person: PersonFacts, policy: ApplicationPolicy, now: datetime) -> bool:
    """Whether the person's state lets the rules give them anything in this application now."""
    if person.state in GONE:
        return False
    if person.state is LifecycleState.UPCOMING and not person.admitted:
        return person.starts is not None and now >= person.starts - policy.lead
    return True


def plan_person(
    person: PersonFacts,
    desired: Mapping[str, Desired],
    observed: Sequence[Observed],
    policies: Mapping[str, ApplicationPolicy],
    now: datetime,
    *,
    withheld: Mapping[str, str] = MappingProxyType({}),
) -> PersonPlan:
    """Every operation for one person. `desired` holds what the rules give, whatever the state:
    the state is weighed here. At most one linked account for each application. `withheld` says
    of an application why the person is not to have it, where that is not for want of a rule."""
    accounts = {a.application: a for a in observed if a.situation is Situation.LINKED}
    operations: list[Operation] = []
    looks: list[datetime] = []
    for slug in sorted(desired.keys() | accounts.keys()):
        policy = policies.get(slug)
        if policy is None:
            continue
        wanted = desired.get(slug)
        account = accounts.get(slug)
        if wanted is not None and entitled(person, policy, now):
            operations.extend(_provide(person, wanted, account, policy))
            continue
        if wanted is not None and person.state is LifecycleState.UPCOMING and person.starts:
            looks.append(person.starts - policy.lead)
            if account is not None:
                operations.extend(_put_off(person, account, policy))
            continue
        if account is not None:
            operation, look = _remove(person, account, policy, now, withheld.get(slug, ""))
            operations.extend(_handing_over(person, account, policy, operation))
            looks.extend([look] if look else [])
    operations.sort(key=lambda o: (o.urgency, o.application))
    return PersonPlan(tuple(operations), min(looks, default=None))


def _provide(
    person: PersonFacts, wanted: Desired, account: Observed | None, policy: ApplicationPolicy
) -> Iterator[Operation]:
    """What makes the account what it should be: created, changed, opened or closed, granted."""
    if not may_be_there(person, policy):
        if account is not None:
            yield from _pause(person, account, policy)
        return
    is_open = wanted.active and _may_be_open(person, policy)
    if account is None:
        if wanted.active and person.admitted is not False:
            yield _create(person, wanted, is_open)
        return
    if not is_open and account.may_be_open:
        yield _operation(person, account, OperationKind.DISABLE, _state_reason(person))
    due = weigh(wanted, account, policy)
    if due.surplus:
        yield _operation(
            person, account, OperationKind.REVOKE, _lost_reason(wanted), revoke=sorted(due.surplus)
        )
    if due.changes:
        reason = f"{_counted(len(due.changes), 'attribute')} not as the person's"
        yield _operation(person, account, OperationKind.UPDATE, reason, attributes=due.changes)
    if is_open and due.open_it:
        by_others = account.baseline.get(ACTIVE) and ACTIVE not in account.unsure
        said = "closed there by somebody else; " if by_others else ""
        reason = f"{said}{_due_reason(wanted.because)}"
        yield _operation(person, account, OperationKind.ENABLE, reason)
    if due.lacking:
        lacking = sorted(due.lacking)
        yield _operation(
            person, account, OperationKind.GRANT, _due_reason(wanted.because), grant=lacking
        )


def _pause(
    person: PersonFacts, account: Observed, policy: ApplicationPolicy
) -> Iterator[Operation]:
    """Closed for a while, and nothing else changed; what costs money is given back if so wished."""
    frees = person.state is LifecycleState.ON_LEAVE and policy.leave is LeaveAction.FREE
    free = sorted(account.may_hold & policy.costly) if frees else []
    reason = _state_reason(person)
    if account.may_be_open:
        yield _operation(person, account, OperationKind.DISABLE, reason, revoke=free)
    elif free:
        yield _operation(person, account, OperationKind.REVOKE, reason, revoke=free)


def _put_off(
    person: PersonFacts, account: Observed, policy: ApplicationPolicy
) -> Iterator[Operation]:
    """Their first day moved away: what was made for it is closed, and deleted by no policy, for
    they are still to come."""
    if policy.removal is RemovalAction.KEEP:
        return
    surplus = sorted(account.may_hold & policy.managed_entitlements)
    kind = OperationKind.DISABLE if account.may_be_open else OperationKind.REVOKE
    if account.may_be_open or surplus:
        reason = f"does not start before {person.starts:%-d %b %Y}"
        yield _operation(person, account, kind, reason, revoke=surplus)


def unclosed_until(
    asked_at: datetime, left_at: datetime | None, policy: ApplicationPolicy
) -> datetime | None:
    """When a leaver's account is deleted that the application has no way to close, and that nobody
    closed by hand since they were `asked_at`: as if it had been closed then. None: never."""
    if policy.removal is not RemovalAction.DISABLE or policy.delete_after is None:
        return None
    return deletion_due(asked_at, left_at, policy.delete_after)


def deletion_due(disabled_at: datetime, left_at: datetime | None, after: timedelta) -> datetime:
    """When a closed account is deleted. Of a leaver it is counted from when they left, however
    long before that it was closed: on leave, suspended, or ahead of a first day."""
    return max(disabled_at, left_at or disabled_at) + after


def _remove(
    person: PersonFacts,
    account: Observed,
    policy: ApplicationPolicy,
    now: datetime,
    withheld: str,
) -> tuple[Operation | None, datetime | None]:
    """The step that takes an account away which is not due, and when the next one is."""
    reason = _removal_reason(person, withheld)
    surplus = sorted(account.may_hold & policy.managed_entitlements)
    if policy.removal is RemovalAction.KEEP:
        return None, None
    kept = person.state is LifecycleState.LEAVING or person.legal_hold
    if policy.removal is RemovalAction.DELETE and not kept:
        return _operation(person, account, OperationKind.DELETE, reason, revoke=surplus), None
    if account.may_be_open:
        closing = _operation(person, account, OperationKind.DISABLE, reason, revoke=surplus)
        if account.asked_at is None or kept or person.state is not LifecycleState.LEFT:
            return closing, None
        at = unclosed_until(account.asked_at, person.left_at, policy)
        if at is None or now < at:
            return closing, at
        asked = f"to be closed by hand since {person.local(account.asked_at):%-d %b %Y}, {reason}"
        return _operation(person, account, OperationKind.DELETE, asked, revoke=surplus), None
    if surplus:
        return _operation(person, account, OperationKind.REVOKE, reason, revoke=surplus), None
    if person.legal_hold or policy.delete_after is None or account.disabled_at is None:
        # The end of a hold is a change to the person, who is then planned anew.
        return None, None
    left_at = person.left_at if person.state in GONE else None
    due = deletion_due(account.disabled_at, left_at, policy.delete_after)
    if now < due:
        return None, due
    if person.state is LifecycleState.LEAVING:
        # Within the grace nothing is deleted; its end is a change of state, which is looked at.
        return None, None
    reason = f"disabled since {person.local(account.disabled_at):%-d %b %Y}, {reason}"
    return _operation(person, account, OperationKind.DELETE, reason), None


def _handing_over(
    person: PersonFacts, account: Observed, policy: ApplicationPolicy, operation: Operation | None
) -> list[Operation]:
    """The removal's step, with what has to be done before anything is deleted."""
    if not transfers.due(person, account, policy):
        return [operation] if operation is not None else []
    reason = _removal_reason(person, "")
    handing = closing = None
    if account.heir is not None or transfers.deletes(policy):
        heir = account.heir
        handing = _operation(
            person,
            account,
            OperationKind.TRANSFER,
            f"{reason}; {transfers.to_whom(account)}",
            attributes={transfers.OWNER: Change(None, heir.remote_id)} if heir else {},
        )
    if account.may_be_open:
        surplus = sorted(account.may_hold & policy.managed_entitlements)
        closing = _operation(person, account, OperationKind.DISABLE, reason, revoke=surplus)
    return transfers.first(operation, handing, closing)


def may_be_there(person: PersonFacts, policy: ApplicationPolicy) -> bool:
    """Whether anything is done for the person at present but closing what is open."""
    if person.state is LifecycleState.SUSPENDED:
        return False
    return not (person.state is LifecycleState.ON_LEAVE and policy.leave is not LeaveAction.KEEP)


def _may_be_open(person: PersonFacts, policy: ApplicationPolicy) -> bool:
    return not (person.state is LifecycleState.UPCOMING and policy.closed_ahead)


def _create(person: PersonFacts, wanted: Desired, is_open: bool) -> Operation:
    attributes = {
        name: Change(None, value)
        for name, value in sorted(wanted.attributes.items())
        if value is not None
    }
    return Operation(
        application=wanted.application,
        person=person.key,
        account=None,
        kind=OperationKind.CREATE,
        reason=_create_reason(person, wanted.because, is_open=is_open),
        attributes=attributes,
        grant=tuple(sorted(wanted.entitlements)),
        urgency=URGENCY[OperationKind.CREATE],
        active=is_open,
    )


def _operation(
    person: PersonFacts,
    account: Observed,
    kind: OperationKind,
    reason: str,
    *,
    attributes: Mapping[str, Change] = MappingProxyType({}),
    grant: Sequence[str] = (),
    revoke: Sequence[str] = (),
) -> Operation:
    leaver = person.state in GONE and kind.removes
    return Operation(
        application=account.application,
        person=person.key,
        account=account.account,
        kind=kind,
        reason=reason,
        attributes=dict(attributes),
        grant=tuple(grant),
        revoke=tuple(revoke),
        urgency=LEAVER_URGENCY if leaver else URGENCY[kind],
    )


def _counted(count: int, what: str) -> str:
    return f"{count} {what} is" if count == 1 else f"{count} {what}s are"


def _due_reason(because: Sequence[Because]) -> str:
    names = ", ".join(reason.name for reason in because)
    return f"rule{'s' if len(because) > 1 else ''} {names}"


def _create_reason(person: PersonFacts, because: Sequence[Because], *, is_open: bool) -> str:
    if person.state is LifecycleState.UPCOMING and person.starts is not None:
        closed = "" if is_open else "closed until then, "
        return f"joins {person.starts:%-d %b %Y}, {closed}{_due_reason(because)}"
    return _due_reason(because)


def _lost_reason(wanted: Desired) -> str:
    return f"no rule gives it any more; the account stays by {_due_reason(wanted.because)}"


def _state_reason(person: PersonFacts) -> str:
    return {
        LifecycleState.ON_LEAVE: "on leave",
        LifecycleState.SUSPENDED: "suspended",
        LifecycleState.UPCOMING: "opens on the first day",
    }.get(person.state, "not due at present")


def _removal_reason(person: PersonFacts, withheld: str) -> str:
    if person.state not in GONE:
        if withheld:
            return withheld
        return "no access rule gives this application any more"
    when = f" {told(person.left_at)}" if person.left_at else ""
    what = "leaves" if person.state is LifecycleState.LEAVING else "left"
    return f"{what}{when}" + (f", reason: {person.reason}" if person.reason else "")
