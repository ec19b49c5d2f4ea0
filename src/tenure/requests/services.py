"""Asking for access, deciding about it, taking it back: the use cases.

Whoever changes a request locks its person first and then the request, as whatever ends a person's
access does: of two at once one wins, and the other one is told.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from tenure.audit.models import Action
from tenure.audit.services import acting, actor, record
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.provisioning.decisions import lives
from tenure.provisioning.planning.plans import StoredPlan
from tenure.requests import mail
from tenure.requests.models import AccessRequest, State
from tenure.requests.offers import Standing, offers
from tenure.requests.routing import WORDS, Router
from tenure.requests.words import entry, length
from tenure.rules.exceptions import ExceptionRefused
from tenure.signin.administrators import may_be
from tenure.signin.models import User
from tenure.signin.owners import may_come_in

#: Nobody has more requests waiting at once.
MOST_WAITING: Final = 20
LONGEST_REASON: Final = 1000
#: Nothing is given for less.
SHORTEST: Final = timedelta(hours=1)


class RequestRefused(ValueError):
    """It cannot be so; `str()` says why and what to do."""


class NoSuchRequest(LookupError):
    """There is none, or none that this person has to do with: both read the same."""

    def __init__(self) -> None:
        super().__init__(
            "There is no such request. It may have been decided, or passed on to somebody else."
        )


def ask(
    person: Person, *, application: str, entitlement: str = "", reason: str, lasts: timedelta
) -> AccessRequest:
    """Whoever decides is told. Raises `RequestRefused`; an application that may not be asked for
    reads the same as one that does not exist."""
    reason = _reason(reason, "Say what you need it for: whoever decides has to know.")
    at = now()
    with transaction.atomic():
        who = _locked_person(person.pk)
        if not may_come_in(who):
            raise RequestRefused("You cannot ask for anything at present.")
        router = Router()
        found = offers(who, at, router=router, only=[application])
        thing = found[0].thing(entitlement) if found else None
        if not found or thing is None:
            raise RequestRefused("That cannot be asked for. Choose something of the list.")
        if thing.waiting is not None:
            raise RequestRefused("You have asked for that already, and it waits for an answer.")
        _askable(thing.standing, "You have")
        policy = found[0].policy
        if not SHORTEST <= lasts <= policy.longest:
            raise RequestRefused(
                f"It can be had for {length(SHORTEST)} to {length(policy.longest)} at a time, and "
                f"you asked for {length(lasts)}."
            )
        rows = AccessRequest.objects.filter(person=who, state=State.WAITING)
        if rows.count() >= MOST_WAITING:
            raise RequestRefused("So much of yours waits already. Withdraw something first.")
        row = AccessRequest(
            person=who,
            application=application,
            entitlement=entitlement,
            reason=reason,
            lasts=lasts,
            asked_at=at,
            expires_at=at + policy.answer_within,
        )
        route = router.of(row)
        row.route = route.by.value
        try:
            with transaction.atomic():
                row.save()
        except IntegrityError:
            raise RequestRefused("You have asked for that already.") from None
        record(Action.REQUEST_MADE, **_details(row, reason))
        mail.tell_deciders(row, route, router)
        return row


@transaction.atomic
def withdraw(uid: uuid.UUID, person: Person) -> AccessRequest:
    """By who asked. Raises `NoSuchRequest`, and `RequestRefused` where it is decided."""
    row = _locked(AccessRequest.objects.filter(uid=uid, person=person))
    _must_wait(row)
    _settle(row, State.WITHDRAWN, Action.REQUEST_WITHDRAWN, "")
    return row


def decide_as_person(
    uid: uuid.UUID, person: Person, *, approve: bool, reason: str, lasts: timedelta | None = None
) -> tuple[AccessRequest, StoredPlan | None]:
    """By somebody who is asked at this very moment. Raises `NoSuchRequest` where they are not, and
    `RequestRefused`."""
    with transaction.atomic():
        row = _locked(AccessRequest.objects.filter(uid=uid))
        decider = Person.objects.get(pk=person.pk)
        router = Router()
        route = router.of(row)
        if str(decider.pk) not in route.people:
            if row.decider_id == decider.pk:
                _must_wait(row)
            raise NoSuchRequest
        row.decider = decider
        with acting(f"{decider.display_name} ({WORDS[route.by]})"):
            return _decide(row, approve=approve, reason=reason, lasts=lasts)


def decide_as_administrator(
    pk: int,
    *,
    approve: bool,
    reason: str,
    user: User | None = None,
    lasts: timedelta | None = None,
) -> tuple[AccessRequest, StoredPlan | None]:
    """By an administrator, `user` where it is one of the console; whoever else is asked. Raises
    `NoSuchRequest` and `RequestRefused`."""
    with transaction.atomic():
        row = _locked(AccessRequest.objects.filter(pk=pk))
        if user is not None and may_be(user, row.person):
            raise RequestRefused("This is your own request. Somebody else has to decide about it.")
        return _decide(row, approve=approve, reason=reason, lasts=lasts)


@transaction.atomic
def give_back(uid: uuid.UUID, person: Person) -> AccessRequest:
    """What was given on request is needed no more. Raises `NoSuchRequest`, `RequestRefused`."""
    row = _locked(AccessRequest.objects.filter(uid=uid, person=person))
    exception = row.exception
    if exception is None or exception.ended_at is not None:
        raise RequestRefused("There is nothing to give back: it has ended.")
    record(Action.ACCESS_GIVEN_BACK, **_details(row, ""))
    lives.end_exception(exception.pk, reason="given back by who asked for it")
    return row


def _decide(
    row: AccessRequest, *, approve: bool, reason: str, lasts: timedelta | None
) -> tuple[AccessRequest, StoredPlan | None]:
    _must_wait(row)
    if not approve:
        reason = _reason(reason, "Say why not: who asked reads it.")
        _settle(row, State.REJECTED, Action.REQUEST_REJECTED, reason)
        mail.tell_answer(row)
        return row, None
    at, given = now(), _length_of(row, lasts)
    if not may_come_in(row.person):
        raise RequestRefused(
            f"{row.person.display_name} is not let in at present. Approve it when they are back, "
            "or reject it."
        )
    found = offers(row.person, at, only=[row.application])
    thing = found[0].thing(row.entitlement) if found else None
    if not found or thing is None:
        raise RequestRefused("That cannot be asked for any more. Reject it, and say so.")
    _askable(thing.standing, f"{row.person.display_name} has")
    try:
        row.exception, stored = lives.decide_exception(
            row.person,
            application=row.application,
            entitlement=row.entitlement,
            gives=True,
            reason=f"asked for: {row.reason}",
            until=at + min(given, found[0].policy.longest),
        )
    except (LookupError, ExceptionRefused) as error:
        raise RequestRefused(str(error)) from error
    _settle(row, State.APPROVED, Action.REQUEST_APPROVED, reason.strip()[:LONGEST_REASON])
    mail.tell_answer(row)
    return row, stored


def _askable(standing: Standing, who: str) -> None:
    if standing is Standing.HELD:
        raise RequestRefused(f"{who} that already, without an end.")
    if standing is Standing.WITHHELD:
        raise RequestRefused(
            "That is withheld by a decision of an administrator: only they can change it."
        )


def _length_of(row: AccessRequest, lasts: timedelta | None) -> timedelta:
    if lasts is None:
        return row.lasts
    if not SHORTEST <= lasts <= row.lasts:
        raise RequestRefused(
            f"Give it for {length(SHORTEST)} to {length(row.lasts)}: more was not asked for."
        )
    return lasts


def _settle(row: AccessRequest, state: State, action: Action, reason: str) -> None:
    row.state, row.decided_at, row.decided_by, row.answer = state, now(), actor()[:200], reason
    row.save()
    record(action, **_details(row, reason))


def _details(row: AccessRequest, reason: str) -> dict[str, object]:
    made = entry(Action.REQUEST_MADE, row, reason)
    return {
        name: value
        for name, value in made._asdict().items()
        if name not in ("action", "actor", "run")
    }


def _must_wait(row: AccessRequest) -> None:
    if row.state != State.WAITING:
        by = f" by {row.decided_by}" if row.decided_by not in ("", "system") else ""
        raise RequestRefused(f"It is decided already: {row.get_state_display().lower()}{by}.")


def _locked(rows: QuerySet[AccessRequest]) -> AccessRequest:
    """The request, locked after its person; both as they are now."""
    row = rows.first()
    if row is None:
        raise NoSuchRequest
    person = _locked_person(row.person_id)
    found = AccessRequest.objects.select_for_update(of=("self",)).get(pk=row.pk)
    found.person = person
    return found


def _locked_person(pk: int) -> Person:
    row = (
        Person.objects.select_for_update(of=("self",), no_key=True)
        .select_related("manager")
        .get(pk=pk)
    )
    return row


def _reason(text: str, otherwise: str) -> str:
    if not text.strip():
        raise RequestRefused(otherwise)
    return text.strip()[:LONGEST_REASON]


def ends(row: AccessRequest) -> datetime | None:
    """Until when what was given is to be had; None where nothing is."""
    given = row.exception
    in_force = given is not None and given.ended_at is None and given.until is not None
    return given.until if in_force and given is not None else None
