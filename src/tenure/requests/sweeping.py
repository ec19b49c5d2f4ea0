"""What happens to requests by itself: who decides has changed, nobody answers, the end is near.
Level-triggered: all of it is read from what waits now."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Q

from tenure.applications.models import Application
from tenure.audit.models import Action
from tenure.audit.services import record_many
from tenure.provisioning.planning import plans
from tenure.provisioning.planning.drafting import Scope
from tenure.requests import mail
from tenure.requests.models import AccessRequest, State
from tenure.requests.routing import Router
from tenure.requests.words import entry

#: So long before the end of what was given its owner is told, where it was given for longer.
_AHEAD: Final = timedelta(days=3)


def sweep(at: datetime) -> int:
    """Bring all requests that wait up to `at`. Returns how many were changed or told of."""
    router = Router()
    rows = AccessRequest.objects.filter(state=State.WAITING).select_related("person__manager")
    looked = sum(_look(row, router, at) for row in rows.order_by("pk"))
    return looked + _tell_ends(at) + _take_back(at)


def _look(row: AccessRequest, router: Router, at: datetime) -> bool:
    """One that waits; locked only where something is to be done."""
    if row.application not in router.policies:
        return _over(row, State.CLOSED, "It cannot be asked for any more.", at)
    if row.expires_at <= at:
        return _over(row, State.EXPIRED, "", at)
    route = router.of(row)
    new = {str(person.pk) for person in router.people(route)} - set(row.told)
    if not route.people and (address := router.owner_address(row.application)):
        new |= {address} - set(row.told)
    half = row.asked_at + (row.expires_at - row.asked_at) / 2
    late = row.reminded_at is None and at >= half
    if not new and not late and route.by.value == row.route:
        return False
    with transaction.atomic():
        locked = _still_waiting(row)
        if locked is None:
            return False
        locked.route = route.by.value
        if late:
            locked.reminded_at = at
            if not new:
                mail.remind(locked, route, router)
        locked.save(update_fields=["route", "reminded_at"])
        mail.tell_deciders(locked, route, router)
    return True


def _over(row: AccessRequest, state: State, why: str, at: datetime) -> bool:
    with transaction.atomic():
        locked = _still_waiting(row)
        if locked is None:
            return False
        locked.state, locked.decided_at, locked.decided_by, locked.answer = state, at, "system", why
        locked.save()
        expired = state is State.EXPIRED
        action = Action.REQUEST_EXPIRED if expired else Action.REQUEST_CLOSED
        record_many([entry(action, locked, why or "nobody answered in time")])
        mail.tell_answer(locked)
    return True


def _still_waiting(row: AccessRequest) -> AccessRequest | None:
    rows = AccessRequest.objects.select_for_update(of=("self",), skip_locked=True)
    return rows.filter(pk=row.pk, state=State.WAITING).select_related("person__manager").first()


def _tell_ends(at: datetime) -> int:
    rows = AccessRequest.objects.filter(
        state=State.APPROVED,
        end_told_at=None,
        lasts__gt=_AHEAD,
        exception__ended_at=None,
        exception__until__range=(at, at + _AHEAD),
    ).exclude(exception__until__lte=F("decided_at") + _AHEAD)
    count = 0
    for key in rows.values_list("pk", flat=True):
        with transaction.atomic():
            open_ones = AccessRequest.objects.select_for_update(of=("self",), skip_locked=True)
            row = open_ones.filter(pk=key, end_told_at=None).first()
            if row is None:
                continue
            row.end_told_at = at
            row.save(update_fields=["end_told_at"])
            mail.tell_end(row)
            count += 1
    return count


def _take_back(at: datetime) -> int:
    """What is over is taken back now, also where other plans wait for a review: whoever approved it
    has decided about its end as well."""
    rows = AccessRequest.objects.filter(state=State.APPROVED, taken_back_at=None)
    over = rows.filter(Q(exception__until__lte=at) | Q(exception__ended_at__lte=at))
    count = 0
    for key in over.order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            row = over.select_for_update(of=("self",), skip_locked=True).filter(pk=key).first()
            if row is None:
                continue
            row.taken_back_at = at
            row.save(update_fields=["taken_back_at"])
            if Application.objects.filter(slug=row.application).exists():
                scope = Scope(application=row.application, person=row.person_id)
                plans.store(scope, reason="its time is over", decided=True)
            count += 1
    return count
