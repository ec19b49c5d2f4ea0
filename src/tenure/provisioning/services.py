"""Provisioning's use cases: preview, store, approve, reject, terminate, stop and resume."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from tenure.applications import health
from tenure.applications.models import Application
from tenure.core.model import OperationState
from tenure.infra.clock import now
from tenure.people import services as people
from tenure.people.models import Person, PlanMode
from tenure.provisioning import approving, correlating, first_contact, planning
from tenure.provisioning.approving import Decided, reject
from tenure.provisioning.drafting import Scope
from tenure.provisioning.models import Operation
from tenure.provisioning.plan import Plan, Seen
from tenure.provisioning.planning import StoredPlan
from tenure.provisioning.stopping import resume_writes, stop_writes
from tenure.provisioning.tasks import queue_drain, queue_reconcile

__all__ = [
    "Decided",
    "Seen",
    "approve",
    "follow",
    "preview",
    "queue_reconcile",
    "reject",
    "resume_application",
    "resume_writes",
    "retry_failed",
    "stop_writes",
    "store",
    "terminate_now",
]


def preview(*, application: str | None = None, person: Person | None = None) -> Plan:
    """What would be done and why. Reads only; states are brought up to now first by the clock,
    and accounts that are there to their owners."""
    people.tick(now())
    correlating.bring_up_to_date()
    return planning.preview(Scope(application=application, person=person.pk if person else None))


def store(
    *, application: str | None = None, person: Person | None = None, reason: str = ""
) -> StoredPlan:
    """Store the plan and queue what the guards let through, with what earlier runs left."""
    people.tick(now())
    correlating.bring_up_to_date()
    scope = Scope(application=application, person=person.pk if person else None)
    return planning.store(scope, reason=reason, take_over=True)


def approve(
    *,
    reason: str,
    application: str | None = None,
    operations: Sequence[int] | None = None,
    seen: Seen | None = None,
) -> Decided:
    """Let held operations go, by whoever is acting, as far as they are what was seen."""
    people.tick(now())
    if operations is None:
        held = [application] if application else first_contact.waiting()
        first_contact.approve(held, reason=reason)
    return approving.approve(
        reason=reason, application=application, operations=operations, seen=seen
    )


@transaction.atomic
def terminate_now(person: Person, *, at: datetime | None = None, reason: str) -> StoredPlan | None:
    """The person is gone at `at` (None: now). What is due now is queued ahead of everything, and
    not held by any guard: a person has decided it. None when `at` is still to come."""
    moment = now()
    when = at or moment
    person = people.terminate(person, at=when, reason=reason, now=moment)
    if when > moment:
        return None
    return planning.store(Scope(person=person.pk), now=moment, reason=reason, decided=True)


def follow(people_ids: Sequence[int], *, reason: str) -> None:
    """They have just left, as a source says: where plans go ahead by themselves theirs does at
    once, guards permitting, and does not wait for the next sweep."""
    if people.company().plan_mode == PlanMode.AUTOMATIC:
        planning.store(Scope(people=frozenset(people_ids)), reason=reason)


@transaction.atomic
def retry_failed(application: str | None = None) -> int:
    """Send failed operations again."""
    rows = Operation.objects.filter(state=OperationState.FAILED.value)
    if application is not None:
        rows = rows.filter(application__slug=application)
    affected = list(rows.values_list("person_id", flat=True).distinct())
    for pk in affected:
        if pk is not None:
            planning.store(Scope(person=pk, application=application), reason="retry")
    return len(affected)


def resume_application(slug: str) -> None:
    """Try a stopped application again at once."""
    application = Application.objects.get(slug=slug)
    health.resume(application)
    queue_drain(slug)
