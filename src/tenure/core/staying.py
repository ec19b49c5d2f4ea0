"""Why nothing, or less than one might think, is done about an account: what keeps it as it is.

Planning says what is to be done; this says, of one person, what their state, an exception, a hold
or a policy leaves undone. It is asked where somebody looks at what would be if something were said
of a person, and must not decide anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from tenure.core.access import Access
from tenure.core.decision import Due, Policies, having_of, held
from tenure.core.diff import changes
from tenure.core.mapping import MappingProblem
from tenure.core.model import (
    ApplicationPolicy,
    Desired,
    LeaveAction,
    LifecycleState,
    Observed,
    PersonFacts,
    RemovalAction,
    Situation,
)
from tenure.core.planner import entitled, may_be_there

_AWAY = {LifecycleState.ON_LEAVE: "on leave", LifecycleState.SUSPENDED: "suspended"}


@dataclass(frozen=True, slots=True)
class Keeping:
    """Of one person in one application. `wish` is what would be due: where it is equal nothing
    speaks for another account. `reasons` are sentences."""

    wish: tuple[object, ...]
    reasons: tuple[str, ...]


def keeping(
    person: PersonFacts,
    due: Due,
    observed: Sequence[Observed],
    policies: Policies,
    now: datetime,
) -> dict[str, Keeping]:
    """Application slug -> what keeps it as it is, wherever they have something or could."""
    having = having_of(held(observed), policies)
    would = policies.rules.due(due.attributes, due.memory, now, having=having)
    linked = {a.application: a for a in observed if a.situation is Situation.LINKED}
    found = {}
    for slug in sorted(would.keys() | due.access.keys() | linked.keys()):
        policy = policies.applications.get(slug)
        if policy is None:
            continue
        given, account = due.access.get(slug), linked.get(slug)
        wanted = _wanted(person, due, policies, policy, given, now)
        reasons = [
            *_by_exception(due, slug, would.get(slug), given, account),
            *_by_state(person, policy, given, wanted, account, now),
        ]
        wish = (
            person.state,
            _held(would.get(slug)),
            _held(given),
            wanted.attributes if wanted else None,
        )
        found[slug] = Keeping(wish, tuple(reasons))
    return found


def _wanted(
    person: PersonFacts,
    due: Due,
    policies: Policies,
    policy: ApplicationPolicy,
    given: Access | None,
    now: datetime,
) -> Desired | None:
    """The account as it should be; None where none is due, or its mapping fails (a problem)."""
    if given is None or policy.slug not in policies.book:
        return None
    if not entitled(person, policy, now) or not may_be_there(person, policy):
        return None
    try:
        return policies.book.of(due.attributes).desired(given, active=True)
    except MappingProblem:
        return None


def _by_exception(
    due: Due, slug: str, would: Access | None, given: Access | None, account: Observed | None
) -> Iterator[str]:
    """What was decided for this person alone, and what a rule gives still in its grace."""
    if would is not None and given is None:
        yield f"Withheld by an {due.withheld.get(slug, 'exception')}."
    elif would is not None and given is not None:
        if lacking := sorted(would.entitlements - given.entitlements):
            yield f"{', '.join(lacking)}: withheld by an exception."
    elif given is not None and account is not None:
        names = [one.name for one in given.because if not one.rule]
        yield f"Given by an {' and an '.join(names)}."
    for one in given.because if given else ():
        if due.memory.get(one.rule) is not None:
            yield f"Given still, in its grace, by the rule {one.name}."


def _by_state(
    person: PersonFacts,
    policy: ApplicationPolicy,
    given: Access | None,
    wanted: Desired | None,
    account: Observed | None,
    now: datetime,
) -> Iterator[str]:
    if given is not None and entitled(person, policy, now):
        yield from _while_due(person, policy, wanted, account)
    elif given is not None and person.state is LifecycleState.UPCOMING:
        if person.starts is not None:
            yield f"Not before {person.starts - policy.lead:%-d %b %Y}: they are still to come."
    elif account is None:
        if given is not None:
            yield "The rules would give it, but they have left."
    elif policy.removal is RemovalAction.KEEP:
        yield "An account that is not due any more stays as it is here (removal: keep)."
    elif person.legal_hold and (policy.removal is RemovalAction.DELETE or policy.delete_after):
        yield "Legal hold: the account is closed, and not deleted before the hold ends."
    elif not account.may_be_open:
        yield "The account is closed already."


def _while_due(
    person: PersonFacts,
    policy: ApplicationPolicy,
    wanted: Desired | None,
    account: Observed | None,
) -> Iterator[str]:
    if not may_be_there(person, policy):
        yield f"Nothing is opened or changed here while they are {_AWAY[person.state]}."
        return
    if person.state is LifecycleState.ON_LEAVE and policy.leave is LeaveAction.KEEP:
        yield "Who is on leave keeps what they have here (leave: keep)."
    if account is None:
        if person.admitted is False:
            yield "It is made when they have come in for the first time."
        return
    if wanted is not None:
        once = {name: wanted.attributes[name] for name in sorted(wanted.on_create)}
        if fixed := changes(once, account.attributes, caseless=policy.caseless):
            yield (
                f"{' and '.join(fixed)}: written when an account is made, and not changed "
                "afterwards."
            )


def _held(access: Access | None) -> frozenset[str] | None:
    return access.entitlements if access else None
