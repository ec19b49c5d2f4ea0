"""What becomes of the requests, and of what was given on request, of those who leave: both belong
to the work that they leave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tenure.audit.models import Action
from tenure.audit.services import record_many
from tenure.core.model import LifecycleState
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.requests.models import AccessRequest, State
from tenure.requests.words import entry
from tenure.rules import exceptions

_GONE: Final = frozenset({LifecycleState.LEAVING.value, LifecycleState.LEFT.value})


def end_requests(people: Sequence[Person]) -> None:
    """In the transaction that ends their access. Somebody who is suspended keeps their requests:
    nobody decides about them until they are back."""
    gone = [person.pk for person in people if person.state in _GONE]
    if not gone:
        return
    at = now()
    rows = list(
        AccessRequest.objects.select_for_update(of=("self",))
        .filter(person__in=gone, state=State.WAITING)
        .select_related("person")
        .order_by("pk")
    )
    because = "they have left"
    AccessRequest.objects.filter(pk__in=[row.pk for row in rows]).update(
        state=State.CLOSED, decided_at=at, decided_by="system", answer=because
    )
    record_many([entry(Action.REQUEST_CLOSED, row, because) for row in rows])
    given = AccessRequest.objects.filter(
        person__in=gone, exception__isnull=False, exception__ended_at__isnull=True
    )
    exceptions.end_for_leavers(list(given.values_list("exception", flat=True)), at, because)
