"""Provisioning's use cases: preview, store, approve, reject, terminate, stop and resume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction

from tenure.applications import health
from tenure.applications.finding import application_named
from tenure.applications.models import Application
from tenure.core.model import OperationState
from tenure.infra.clock import now
from tenure.infra.machine_clock import now_for_all
from tenure.people import services as people
from tenure.people.models import Person, PlanMode
from tenure.provisioning.decisions import approving
from tenure.provisioning.decisions.approving import Decided, reject
from tenure.provisioning.models import Operation
from tenure.provisioning.planning import plans
from tenure.provisioning.planning.drafting import Scope
from tenure.provisioning.planning.plans import StoredPlan
from tenure.provisioning.questions import selectors
from tenure.provisioning.reconciliation import correlating, first_contact
from tenure.provisioning.records.plan import Plan, Seen
from tenure.provisioning.records.stopping import resume_writes, stop_writes
from tenure.provisioning.records.waking import queue_drain, queue_reconcile
from tenure.runs.models import Run

__all__ = [
    "Decided",
    "Retried",
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


@dataclass(frozen=True, slots=True)
class Retried:
    """For how many people it is tried again, on how many accounts that are nobody's, and in which
    runs: one for each application."""

    people: int
    orphans: int
    runs: tuple[Run, ...]

    def __str__(self) -> str:
        """For whom, and for what."""
        people = "1 person" if self.people == 1 else f"{self.people} people"
        orphans = "1 account" if self.orphans == 1 else f"{self.orphans} accounts"
        told = [people] if self.people else []
        told += [f"{orphans} of nobody's"] if self.orphans else []
        return " and ".join(told)


def preview(*, application: str | None = None, person: Person | None = None) -> Plan:
    """What would be done and why. Reads only; states are brought up to now first by the clock,
    and accounts that are there to their owners."""
    people.tick(now())
    correlating.bring_up_to_date()
    return plans.preview(Scope(application=application, person=person.pk if person else None))


def store(
    *, application: str | None = None, person: Person | None = None, reason: str = ""
) -> StoredPlan:
    """Store the plan and queue what the guards let through, with what earlier runs left."""
    people.tick(now())
    correlating.bring_up_to_date()
    scope = Scope(application=application, person=person.pk if person else None)
    return plans.store(scope, reason=reason, take_over=True)


def approve(
    *,
    reason: str,
    application: str | None = None,
    operations: Sequence[int] | None = None,
    seen: Seen | None = None,
) -> Decided:
    """Let held operations go, by whoever is acting, as far as they are what was seen; where they
    are a first contact, that is over. Raises `LookupError` for an application that is named and
    not there, or in report mode."""
    people.tick(now())
    if application is not None and plans.in_report_mode(Scope(application=application)):
        raise LookupError(
            f"{application_named(application).name} is in report mode: nothing is written there, "
            "approved or not. `mode: live` in the configuration lets it go; what has to be "
            "approved is held then."
        )
    taken_over: tuple[str, ...] = ()
    with transaction.atomic():
        if operations is None:
            whose = first_contact.approved(application, seen)
            taken_over = first_contact.approve(whose, reason=reason)
        decided = approving.approve(
            reason=reason, application=application, operations=operations, seen=seen
        )
        if taken_over and decided.again and not decided.count:
            # Nobody has seen what is held: nothing was decided, about the application either.
            transaction.set_rollback(True)
            return decided
    return replace(decided, taken_over=taken_over)


@transaction.atomic
def terminate_now(person: Person, *, at: datetime | None = None, reason: str) -> StoredPlan | None:
    """The person is gone at `at` (None: now). What is due now is queued ahead of everything, and
    not held by any guard: a person has decided it. None when `at` is still to come."""
    moment = now_for_all()
    when = at or moment
    person = people.terminate(person, at=when, reason=reason, now=moment)
    if when > moment:
        return None
    return plans.store(Scope(person=person.pk), now=moment, reason=reason, decided=True)


def follow(people_ids: Sequence[int], *, reason: str) -> None:
    """They have just left, as a source says, or come in: where plans go ahead by themselves theirs
    does at once, guards permitting, and does not wait for the next sweep."""
    if people.company().plan_mode == PlanMode.AUTOMATIC:
        plans.store(Scope(people=frozenset(people_ids)), reason=reason, by_itself=True)


@transaction.atomic
def retry_failed(
    application: str | None = None, *, run: int | None = None, cause: str | None = None
) -> Retried:
    """Send failed operations again, of one application, or of one run, or those that met one
    `cause` (see `selectors.failures`): for each person, and each account that is nobody's, in each
    application where something failed, and nothing else."""
    rows = Operation.objects.filter(state=OperationState.FAILED.value)
    if cause is not None:
        rows = selectors.with_cause(rows, cause)
    if application is not None:
        rows = rows.filter(application__slug=application)
    if run is not None:
        rows = rows.filter(run=run)
    whose: dict[str, set[int]] = {}
    orphans: dict[str, set[int]] = {}
    failed = rows.values_list("application__slug", "person_id", "account_id").order_by().distinct()
    for slug, person, account in failed:
        if person is not None:
            whose.setdefault(slug, set()).add(person)
        elif account is not None:
            orphans.setdefault(slug, set()).add(account)
    stored = [
        plans.store(
            Scope(
                application=slug,
                people=frozenset(whose.get(slug, ())),
                orphans=frozenset(orphans.get(slug, ())),
            ),
            reason="retry",
        )
        for slug in sorted(whose.keys() | orphans.keys())
    ]
    return Retried(
        people=len(set().union(*whose.values())),
        orphans=len(set().union(*orphans.values())),
        runs=tuple(plan.run for plan in stored),
    )


def resume_application(slug: str) -> None:
    """Try a stopped application again at once."""
    application = Application.objects.get(slug=slug)
    health.resume(application)
    queue_drain(slug)
