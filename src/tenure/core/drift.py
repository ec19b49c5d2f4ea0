"""What an account lacks and has too much of, where somebody else changes it as well.

Three values are weighed for each attribute: what it should be, what the application says, and the
baseline: what our side last said, when it was written or first agreed upon. Desired unlike the
baseline is a change of ours and is always provisioned; observed unlike the baseline is a change
made in the application, which the policy restores, keeps or reports.

Access is not left open by drift: an account that has to be closed is closed whatever the policy,
and entitlements are restored unless the policy names them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field

from tenure.core.diff import changes, same
from tenure.core.model import ACTIVE as ACTIVE
from tenure.core.model import (
    DRIFT_DEFAULT,
    ApplicationPolicy,
    Change,
    Desired,
    DriftAction,
    Observed,
    Value,
)

#: The name, beside those of attributes and `ACTIVE`, for what an account holds.
ENTITLEMENTS = "entitlements"

Baseline = Mapping[str, Value | None]


@dataclass(frozen=True, slots=True)
class Weighed:
    """What to do about one account that should be open, and what to leave as it is there.

    `left` is what somebody changed in the application and stays, with the action that says so;
    `agreed` what the baseline becomes without anything being sent.
    """

    changes: Mapping[str, Change]
    open_it: bool
    surplus: frozenset[str]
    lacking: frozenset[str]
    left: Mapping[str, tuple[Change, DriftAction]] = field(default_factory=dict)
    agreed: Baseline = field(default_factory=dict)


def action(policy: ApplicationPolicy, name: str) -> DriftAction:
    """What the policy says of drift in one attribute, in `active` or in `entitlements`."""
    default = DriftAction.RESTORE if name == ENTITLEMENTS else policy.drift.get(DRIFT_DEFAULT)
    return policy.drift.get(name) or default or DriftAction.RESTORE


def weigh(wanted: Desired, account: Observed, policy: ApplicationPolicy) -> Weighed:
    """Of an account that should be open. Carried out, and the baseline taken as agreed, the same
    again weighs nothing."""
    managed = policy.managed_entitlements
    differing = changes(
        wanted.attributes,
        account.attributes,
        ignore=wanted.on_create,
        caseless=policy.caseless,
        unsure=account.unsure,
    )
    surplus = (account.may_hold & managed) - wanted.entitlements
    lacking = (wanted.entitlements & managed) - (account.entitlements - account.unsure)
    open_it = account.active is False or ACTIVE in account.unsure
    if not policy.drift:
        return Weighed(differing, open_it, surplus, lacking)
    left: dict[str, tuple[Change, DriftAction]] = {}
    agreed: dict[str, Value | None] = {}
    for name in sorted(wanted.attributes.keys() - wanted.on_create):
        if action(policy, name) is not DriftAction.RESTORE and name not in account.unsure:
            _attribute(name, wanted, account, policy, differing, left, agreed)
    if action(policy, ACTIVE) is not DriftAction.RESTORE and ACTIVE not in account.unsure:
        open_it = _active(account, policy, left, agreed)
    if action(policy, ENTITLEMENTS) is not DriftAction.RESTORE:
        surplus, lacking = _entitlements(wanted, account, policy, surplus, lacking, left, agreed)
    return Weighed(differing, open_it, surplus, lacking, left, agreed)


def told(name: str, change: Change, *, hidden: bool = False) -> str:
    """A change that somebody made in the application, as a sentence's part: what is there, and
    what our side says; `hidden` without either."""
    if name == ACTIVE:
        return "the account was closed there"
    if hidden:
        return f"{name} (sensitive) is not there what it is here"
    return f"{name} is {_shown(change.before)} there, and {_shown(change.after)} here"


def sent(baseline: Baseline, changed: Mapping[str, Value | None]) -> dict[str, Value | None]:
    """The baseline after these values were written."""
    return {**baseline, **changed}


def held_by(baseline: Baseline) -> frozenset[str]:
    """The entitlements that our side last gave."""
    value = baseline.get(ENTITLEMENTS)
    return frozenset(value) if isinstance(value, (list, tuple)) else frozenset()


def _attribute(
    name: str,
    wanted: Desired,
    account: Observed,
    policy: ApplicationPolicy,
    differing: dict[str, Change],
    left: dict[str, tuple[Change, DriftAction]],
    agreed: dict[str, Value | None],
) -> None:
    """Takes out of `differing` what only the application changed."""
    should = wanted.attributes[name]
    known = name in account.baseline
    unchanged = not known or same(should, account.baseline[name], caseless=name in policy.caseless)
    if name in differing and unchanged:
        left[name] = (differing.pop(name), action(policy, name))
    if name not in differing and not (known and account.baseline[name] == should):
        # Both say the same, or it is seen for the first time: from here on it is told apart who
        # changes it.
        agreed[name] = should


def _active(
    account: Observed,
    policy: ApplicationPolicy,
    left: dict[str, tuple[Change, DriftAction]],
    agreed: dict[str, Value | None],
) -> bool:
    """Whether to open the account: not where it was closed there and not by us."""
    if account.active is False and account.baseline.get(ACTIVE, True) is not True:
        return True
    if account.active is False:
        left[ACTIVE] = (Change(False, True), action(policy, ACTIVE))
    if account.baseline.get(ACTIVE) is not True:
        agreed[ACTIVE] = True
    return False


def _entitlements(
    wanted: Desired,
    account: Observed,
    policy: ApplicationPolicy,
    surplus: frozenset[str],
    lacking: frozenset[str],
    left: dict[str, tuple[Change, DriftAction]],
    agreed: dict[str, Value | None],
) -> tuple[frozenset[str], frozenset[str]]:
    """What is really to be taken and given. Somebody added what our side never gave, or removed
    what it gave: that stays. What a rule gives or takes anew is ours and is provisioned."""
    given = held_by(account.baseline)
    # What our own request may have given or taken is nobody else's change.
    added, removed = surplus - given - account.unsure, (lacking & given) - account.unsure
    if added or removed:
        change = Change(
            sorted(account.entitlements & policy.managed_entitlements), sorted(wanted.entitlements)
        )
        left[ENTITLEMENTS] = (change, action(policy, ENTITLEMENTS))
    both = wanted.entitlements & policy.managed_entitlements & account.entitlements
    stale = given - wanted.entitlements - account.entitlements
    if both - given or stale:
        agreed[ENTITLEMENTS] = sorted((given | both) - stale)
    return surplus - added, lacking - removed


def _shown(value: Value | None) -> str:
    if value is None:
        return "empty"
    if isinstance(value, (str, bool, int, float)):
        return repr(value)
    return ", ".join(value) or "none"


def leftovers(
    weighed: Weighed, sensitive: Set[str] = frozenset()
) -> Iterator[tuple[DriftAction, str]]:
    """What stays as it is there, one sentence part for each, with the action that says so. Of
    `sensitive` attributes no value is told."""
    for name, (change, what) in weighed.left.items():
        yield what, told(name, change, hidden=name in sensitive)
