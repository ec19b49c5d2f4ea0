"""Reading requests: one's own, those that wait for somebody, all of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from tenure.core.approval import Approver
from tenure.people.models import Person
from tenure.requests.models import AccessRequest, State
from tenure.requests.routing import Router, described
from tenure.requests.services import NoSuchRequest, ends
from tenure.requests.words import length

#: Of what is over, so much is shown to a person.
_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Waiting:
    """One that waits, and who decides about it at this moment."""

    request: AccessRequest
    asks: str


def of_person(person: Person) -> list[AccessRequest]:
    """What they asked for, the latest first."""
    rows = AccessRequest.objects.filter(person=person)
    return list(rows.select_related("exception", "decider", "person__manager")[:_SHOWN])


def waiting_for(person: Person) -> list[Waiting]:
    """What this person is to decide about now, the oldest first."""
    waiting = AccessRequest.objects.filter(state=State.WAITING)
    among = list(waiting.order_by().values_list("application", flat=True).distinct())
    if not among:
        return []
    router = Router()
    rows = waiting.filter(
        Q(person__manager=person) | Q(application__in=router.slugs_of(person, among))
    ).exclude(person=person)
    found = []
    for row in rows.select_related("person__manager").order_by("pk"):
        route = router.of(row)
        if str(person.pk) in route.people:
            found.append(Waiting(row, described(route, router.people(route))))
    return found


def decided_by(person: Person) -> list[AccessRequest]:
    """What this person decided about, the latest first."""
    rows = AccessRequest.objects.filter(decider=person).order_by("-decided_at", "-pk")
    return list(rows.select_related("exception", "person")[:_SHOWN])


def seen_by(uid: uuid.UUID, person: Person) -> tuple[AccessRequest, bool, str]:
    """The request, whether this person decides about it now, and who does. Raises `NoSuchRequest`
    for everybody who neither asked, nor decides, nor decided."""
    rows = AccessRequest.objects.select_related("person__manager", "exception", "decider")
    row = rows.filter(uid=uid).first()
    if row is None:
        raise NoSuchRequest
    router = Router()
    route = router.of(row)
    decides = row.state == State.WAITING and str(person.pk) in route.people
    if not decides and person.pk not in (row.person_id, row.decider_id):
        raise NoSuchRequest
    to_them = row.person_id == person.pk
    return row, decides, described(route, router.people(route), to_them=to_them)


def everything(
    *, state: str = "", application: str = "", person: Person | None = None
) -> QuerySet[AccessRequest]:
    """All of them, the latest first; narrowed down where something is given."""
    rows = AccessRequest.objects.select_related("person__manager", "exception", "decider")
    if state:
        rows = rows.filter(state=state)
    if application:
        rows = rows.filter(application=application)
    return rows.filter(person=person) if person is not None else rows


def with_deciders(rows: Iterable[AccessRequest], *, to_them: bool = False) -> list[Waiting]:
    """Each with who decides about it now, nobody any more about what is decided. `to_them`: in
    words to who asked."""
    router = Router()
    found = []
    for row in rows:
        asks = ""
        if row.state == State.WAITING:
            route = router.of(row)
            asks = described(route, router.people(route), to_them=to_them)
        found.append(Waiting(row, asks))
    return found


def by_number(pk: int) -> AccessRequest:
    """Raises `LookupError`."""
    row = everything().filter(pk=pk).first()
    if row is None:
        raise LookupError(f"There is no request {pk}. `tenure request list --all` shows them.")
    return row


def for_administrators(*, limit: int | None = None) -> list[AccessRequest]:
    """Those that wait for an administrator, as of the last minute, the oldest first."""
    rows = AccessRequest.objects.filter(state=State.WAITING, route=Approver.ADMINISTRATORS.value)
    return list(rows.select_related("person").order_by("pk")[:limit])


def count_for_administrators() -> int:
    """How many that are."""
    rows = AccessRequest.objects.filter(state=State.WAITING, route=Approver.ADMINISTRATORS.value)
    return rows.count()


def as_json(found: Waiting) -> dict[str, Any]:
    """One request, for scripts."""
    row = found.request
    until = ends(row)
    return {
        "number": row.pk,
        "person": row.person.employee_number or str(row.person.uid),
        "name": row.person.display_name,
        "application": row.application,
        "entitlement": row.entitlement,
        "reason": row.reason,
        "lasts": length(row.lasts),
        "state": row.state,
        "waits_for": found.asks,
        "asked_at": row.asked_at,
        "expires_at": row.expires_at if row.state == State.WAITING else None,
        "decided_at": row.decided_at,
        "decided_by": row.decided_by,
        "answer": row.answer,
        "until": until,
    }
