"""Which accounts nobody can ever have used: made closed by us, and never open since."""

from __future__ import annotations

from collections.abc import Iterable

from tenure.applications.models import Account
from tenure.audit.models import Action, Event
from tenure.core.model import OperationKind, OperationState
from tenure.people.models import Person
from tenure.provisioning.models import Operation


def never_open(person: Person, accounts: Iterable[Account]) -> frozenset[int]:
    """Ids of those of their accounts of which that is certain. What was there before us may have
    been open then, and what was seen open once may have been used."""
    rows = [row.pk for row in accounts if row.active is False and row.adopted_at is None]
    if not rows:
        return frozenset()
    done = Operation.objects.filter(
        person=person, account__in=rows, state=OperationState.DONE.value
    ).values_list("account", "kind", "active")
    made_closed = {
        pk for pk, kind, active in done if kind == OperationKind.CREATE.value and not active
    }
    opened = {pk for pk, kind, _ in done if kind == OperationKind.ENABLE.value}
    left = {pk for pk in made_closed - opened if pk is not None}
    if not left:
        return frozenset()
    seen = Event.objects.filter(
        person=str(person.uid),
        action__in=[Action.ACCOUNT_DRIFTED, Action.ACCOUNT_DELETED_THERE],
        subject_key__in=[str(pk) for pk in left],
    ).values_list("subject_key", "before", "after")
    used = {
        int(key)
        for key, *said in seen
        if any(isinstance(one, dict) and one.get("active") is True for one in said)
    }
    return frozenset(left - used)
