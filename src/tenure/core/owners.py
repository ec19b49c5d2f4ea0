"""The last account that owns or administers an application is never taken away: then nobody could
make another one an owner there.
"""

from __future__ import annotations

from collections.abc import Collection

from tenure.core.model import OperationKind

#: How every such reason begins.
BEGINS = "The last owner of"
#: Attributes by which applications say what an account may do there.
_ROLES = frozenset({"role", "roles", "isAdmin"})


def reason(application: str) -> str:
    """Why an operation on it waits."""
    return (
        f"{BEGINS} {application} is never taken away, whoever approves it: nobody could let "
        "anybody in any more. Make somebody else an owner there and reconcile it: the next plan "
        "lets it go."
    )


def is_reason(text: str) -> bool:
    """Whether an operation waits for that."""
    return text.startswith(BEGINS)


def told_of(text: str) -> bool:
    """Whether a list of why something is held, where the application stands first, tells of it."""
    return is_reason(text.partition(": ")[2])


def takes(
    kind: OperationKind, revoked: Collection[str], attributes: Collection[str], by: str
) -> bool:
    """Whether an operation on an owner's account makes it none. `by` is the entitlement that makes
    it one, "" for none."""
    if kind in (OperationKind.DISABLE, OperationKind.DELETE):
        return True
    return (bool(by) and by in revoked) or (
        kind is OperationKind.UPDATE and not _ROLES.isdisjoint(attributes)
    )
