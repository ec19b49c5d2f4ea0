"""Provisioning's use cases: preview, store, approve, reject, terminate, stop and resume."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from tenure.applications import health
from tenure.applications.models import Application
from tenure.audit.models import Action
from tenure.audit.services import actor, record
from tenure.core.model import OperationState
from tenure.infra.clock import now
from tenure.people import services as people
from tenure.people.models import Person
from tenure.provisioning import correlating, first_contact, planning, settling
from tenure.provisioning.drafting import Scope
from tenure.provisioning.models import Operation
from tenure.provisioning.plan import Plan
from tenure.provisioning.planning import StoredPlan
from tenure.provisioning.tasks import queue_drain, queue_reconcile

__all__ = [
    "approve",
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


@transaction.atomic
def approve(
    *,
    reason: str,
    application: str | None = None,
    operations: Sequence[int] | None = None,
) -> int:
    """Let held operations go, by whoever is acting. Returns how many.

    One that is older than what is known of its person is planned anew before it is sent.
    """
    rows = _held(application, operations)
    slugs = list(rows.order_by().values_list("application__slug", flat=True).distinct())
    count = rows.update(
        state=OperationState.PLANNED.value, decided_by=actor()[:200], hold_reason=""
    )
    if count:
        _decided(Action.PLAN_APPROVED, count, slugs, reason)
    if operations is None:
        first_contact.approve(slugs if application is None else [application], reason=reason)
    for slug in slugs:
        queue_drain(slug)
    return count


@transaction.atomic
def reject(
    *,
    reason: str,
    application: str | None = None,
    operations: Sequence[int] | None = None,
) -> int:
    """Cancel held operations. They come back when the same is planned again: correct the source."""
    rows = _held(application, operations)
    slugs = list(rows.order_by().values_list("application__slug", flat=True).distinct())
    count = rows.update(
        state=OperationState.CANCELLED.value, decided_by=actor()[:200], finished_at=Now()
    )
    if count:
        _decided(Action.PLAN_REJECTED, count, slugs, reason)
    settling.close_runs(now())
    return count


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


def stop_writes(*, reason: str) -> None:
    """The emergency stop: nothing is sent anywhere until writes are resumed."""
    company = people.company()
    company.writes_stopped_at, company.writes_stopped_reason = now(), reason
    company.save(update_fields=["writes_stopped_at", "writes_stopped_reason"])
    record(
        Action.WRITES_STOPPED,
        subject_kind="company",
        subject_key="1",
        subject_label=company.name,
        reason=reason,
    )


def resume_writes(*, reason: str = "") -> None:
    """Go on after an emergency stop."""
    company = people.company()
    company.writes_stopped_at, company.writes_stopped_reason = None, ""
    company.save(update_fields=["writes_stopped_at", "writes_stopped_reason"])
    record(
        Action.WRITES_RESUMED,
        subject_kind="company",
        subject_key="1",
        subject_label=company.name,
        reason=reason,
    )
    for slug in Application.objects.values_list("slug", flat=True):
        queue_drain(slug)


def resume_application(slug: str) -> None:
    """Try a stopped application again at once."""
    application = Application.objects.get(slug=slug)
    health.resume(application)
    queue_drain(slug)


def _held(application: str | None, operations: Sequence[int] | None) -> QuerySet[Operation]:
    rows = Operation.objects.filter(state=OperationState.HELD.value)
    if application is not None:
        rows = rows.filter(application__slug=application)
    if operations is not None:
        rows = rows.filter(pk__in=operations)
    return rows


def _decided(action: Action, count: int, slugs: Sequence[str], reason: str) -> None:
    record(
        action,
        subject_kind="plan",
        subject_key=",".join(slugs)[:200],
        subject_label=f"{count} operations in {', '.join(slugs)}",
        reason=reason,
        after={"operations": count, "applications": list(slugs)},
    )
