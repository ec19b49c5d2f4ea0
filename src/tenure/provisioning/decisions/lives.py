"""Decisions about a person's working life, carried out at once: what they change is planned and
queued in the same transaction, and no guard holds what a person has just decided."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from django.db import transaction

from tenure.applications.finding import application_named
from tenure.applications.models import Application, Entitlement
from tenure.core.model import OperationKind, OperationState
from tenure.infra.machine_clock import now_for_all
from tenure.people import decisions
from tenure.people.models import Person
from tenure.provisioning.models import Operation
from tenure.provisioning.planning import plans
from tenure.provisioning.planning.drafting import Scope
from tenure.provisioning.planning.plans import StoredPlan
from tenure.rules import exceptions
from tenure.rules.models import AccessException


class _Decision(Protocol):
    def __call__(self, *, person: Person, reason: str, now: datetime) -> Person: ...


def reinstate(person: Person, *, reason: str) -> StoredPlan:
    """Take back a termination. Raises `DecisionRefused`."""
    return _carry_out(decisions.reinstate, person, reason)


def suspend(person: Person, *, reason: str) -> StoredPlan:
    """Close every account of theirs until the suspension ends. Raises `DecisionRefused`."""
    return _carry_out(decisions.suspend, person, reason)


def end_suspension(person: Person, *, reason: str) -> StoredPlan:
    """Open what is due again. Raises `DecisionRefused`."""
    return _carry_out(decisions.end_suspension, person, reason)


def hold(person: Person, *, reason: str) -> StoredPlan:
    """Legal hold: nothing of theirs is deleted. Deletions that wait are taken back."""
    return _carry_out(decisions.set_legal_hold, person, reason)


@transaction.atomic
def release(person: Person, *, reason: str) -> StoredPlan:
    """End a legal hold. What a person was to close by hand, because closing is deleting there, is
    ours again. Raises `DecisionRefused`."""
    Operation.objects.filter(
        person=person, state=OperationState.MANUAL.value, kind=OperationKind.DISABLE.value
    ).update(state=OperationState.PLANNED.value, error="")
    return _carry_out(decisions.end_legal_hold, person, reason)


@transaction.atomic
def decide_exception(
    person: Person,
    *,
    application: str,
    entitlement: str = "",
    gives: bool,
    reason: str,
    until: datetime | None = None,
) -> tuple[AccessException, StoredPlan]:
    """Give or withhold an application, or an entitlement in it, for one person. Raises
    `LookupError` for what does not exist, `ExceptionRefused` for what cannot be decided."""
    row = application_named(application)
    if entitlement:
        _managed(row, entitlement)
    at = now_for_all()
    made = exceptions.add_exception(
        person=person,
        application=row.slug,
        entitlement=entitlement,
        gives=gives,
        reason=reason,
        until=until,
        now=at,
    )
    return made, _planned(person, reason, at)


@transaction.atomic
def end_exception(exception: int, *, reason: str) -> tuple[AccessException, StoredPlan]:
    """The rules alone decide again. Raises `LookupError`."""
    at = now_for_all()
    ended = exceptions.end_exception(exception=exception, reason=reason, now=at)
    return ended, _planned(ended.person, reason, at)


@transaction.atomic
def _carry_out(decision: _Decision, person: Person, reason: str) -> StoredPlan:
    at = now_for_all()
    return _planned(decision(person=person, reason=reason, now=at), reason, at)


def _planned(person: Person, reason: str, at: datetime) -> StoredPlan:
    return plans.store(Scope(person=person.pk), now=at, reason=reason, decided=True)


def _managed(application: Application, key: str) -> None:
    known = Entitlement.objects.filter(application=application, managed=True)
    if not known.filter(key=key).exists():
        names = ", ".join(known.values_list("key", flat=True)) or "none"
        raise LookupError(
            f"{application.name} has no entitlement {key!r} that Tenure manages. Known: {names}."
        )
