"""Operations on accounts that are nobody's: they have no person. Whether they are wanted is decided
elsewhere."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet

from tenure.applications.models import Account
from tenure.audit.services import record_many
from tenure.core.model import OperationState, Situation
from tenure.infra.clock import now
from tenure.provisioning.models import Operation
from tenure.provisioning.records import settling
from tenure.provisioning.records.stored import OPEN, REPLACED, with_owners


def operations() -> QuerySet[Operation]:
    """All of them, whatever became of them."""
    return Operation.objects.filter(person__isnull=True)


def is_nobodys(account: Account) -> bool:
    """Whether they may still be sent for it."""
    unmatched = account.situation == Situation.UNMATCHED.value
    return unmatched and not account.protected and not account.own


def leave_alone(accounts: Iterable[Account]) -> None:
    """They are somebody's now, gone, or not to be touched: nothing that waits for approval, is
    tried again, failed or was to be done by hand is wanted any more."""
    cancel(operations().filter(account__in=[row.pk for row in accounts]))


def cancel(rows: QuerySet[Operation]) -> list[Operation]:
    """Cancel what of these is not under way, and return it. What somebody else has in hand at this
    moment is left as it is: it is claimed, or another plan looks at it."""
    free = rows.filter(REPLACED).order_by("pk")
    found = with_owners(free.select_for_update(of=("self",), no_key=True, skip_locked=True))
    record_many(settling.replaced([row for row in found if row.state in OPEN]))
    Operation.objects.filter(pk__in=[row.pk for row in found]).update(
        state=OperationState.CANCELLED.value, finished_at=now(), sealed=""
    )
    return found
