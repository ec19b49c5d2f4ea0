"""Somebody comes to go on to an application: who they are, whether they may, and the session that
begins there. The same for every protocol, and for the tile in the portal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest

from tenure.applications.models import Application
from tenure.audit.models import Action
from tenure.audit.services import acting, record
from tenure.configuration.document_sso import SingleSignOn
from tenure.core.sign_on import Cause, Decision, Standing, Verdict, decide
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.services import zone_of
from tenure.provisioning.questions.standing import ApplicationStanding, standing_in
from tenure.signin import sessions
from tenure.signin.models import Session
from tenure.signin.owners import may_come_in
from tenure.signin.places import Whereabouts, whereabouts
from tenure.signin.where import address_of, browser_of
from tenure.sso.models import ApplicationSession, Outcome, Protocol, SignOn
from tenure.sso.policies import policy_of
from tenure.sso.selectors import has_come_in


class JustEnded(ValueError):
    """Between the question whether they may and the answer, their session here ended."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who is signed in here wants to go on to an application. `standing` has their
    attributes, for claims and attribute statements."""

    person: Person
    session: Session
    application: Application
    protocol: Protocol
    sso: SingleSignOn
    standing: ApplicationStanding
    decision: Decision
    address: str | None
    browser: str

    @property
    def allowed(self) -> bool:
        return self.decision.verdict is Verdict.ALLOWED


def visit(
    request: HttpRequest,
    application: Application,
    protocol: Protocol,
    sso: SingleSignOn,
    *,
    proved_since: datetime | None = None,
    by_passkey: bool = False,
    by_itself: bool = False,
) -> Visit | None:
    """Who is signed in, and whether they may go on. None where nobody is. What the application
    asks for by itself: they must have proved who they are since an instant, or `by_passkey`."""
    row = sessions.person_session(request, by_itself=by_itself)
    if row is None or row.person is None:
        return None
    person, at = row.person, now()
    came_in = has_come_in(person, application)
    found = standing_in(person, application, at, came_in=came_in)
    place: ZoneInfo = zone_of(person)
    policy, address = policy_of(sso), address_of(request)
    where = whereabouts(address) if policy.countries else Whereabouts()
    who = Standing(
        may_come_in=may_come_in(person),
        due=found.given.due,
        why=found.given.why,
        stage=found.stage,
        local=at.astimezone(place),
        address=address,
        country=where.country,
        own_network=bool(where.network),
        passkey_at=row.passkey_at,
        detail=found.detail,
    )
    decision = decide(who, policy)
    if decision.verdict is Verdict.ALLOWED and _is_stale(row, proved_since, by_passkey):
        asked = "The application asks for a passkey, or for a sign-in that is not so long ago."
        decision = Decision(Verdict.CONFIRM, Cause.PASSKEY, asked)
    return Visit(
        person, row, application, protocol, sso, found, decision, who.address, browser_of(request)
    )


@transaction.atomic
def enter(who: Visit, *, subject: str, details: dict[str, object]) -> ApplicationSession:
    """They are let in: the sign-in is recorded, and their session at the application begins, or
    goes on where this browser has one already. Raises `ValueError` for a visit that is not
    allowed, `JustEnded` for one whose session has just ended."""
    if not who.allowed:
        raise ValueError(f"{who.person} may not go on to {who.application}: {who.decision.reason}")
    _write(who, Outcome.ALLOWED)
    at = now()
    # Locked: a session that has just been ended begins nothing any more.
    live = Session.objects.select_for_update().filter(pk=who.session.pk, ended_at=None).exists()
    if not live:
        raise JustEnded(f"The session of {who.person} has just ended.")
    mine = Q(portal_session=who.session, application=who.application, protocol=who.protocol)
    row = ApplicationSession.objects.filter(mine, ended_at=None).first()
    if row is None:
        row = _new(who, portal_session=who.session)
    row.subject, row.details = subject, {**row.details, **details}
    row.used_at = row.checked_at = at
    row.generation = who.person.generation
    row.save()
    return row


def enter_apart(who: Visit, *, subject: str, details: dict[str, object]) -> ApplicationSession:
    """A session at the application that goes on when the one here ends: of a device, or of what
    works for somebody while they are away. It ends with their access."""
    row = _new(who, portal_session=None)
    row.subject, row.details, row.generation = subject, details, who.person.generation
    row.save()
    return row


def _new(who: Visit, *, portal_session: Session | None) -> ApplicationSession:
    at = now()
    return ApplicationSession(
        person=who.person,
        application=who.application,
        portal_session=portal_session,
        protocol=who.protocol,
        began_at=at,
        used_at=at,
        checked_at=at,
    )


def _is_stale(row: Session, proved_since: datetime | None, by_passkey: bool) -> bool:
    if by_passkey and row.passkey_at is None:
        return True
    return proved_since is not None and (row.passkey_at or row.began_at) < proved_since


def refuse(who: Visit) -> None:
    """They are not let in: recorded, in the audit trail too."""
    _write(who, Outcome.REFUSED)
    with acting(f"{who.person.display_name} (themselves)"):
        record(
            Action.APPLICATION_SIGN_IN_REFUSED,
            subject_kind="person",
            subject_key=str(who.person.uid),
            subject_label=who.person.display_name,
            person=str(who.person.uid),
            application=who.application.slug,
            reason=who.decision.reason,
            after={"from": who.address, "browser": who.browser},
        )


def _write(who: Visit, outcome: Outcome) -> None:
    SignOn.objects.create(
        person=who.person,
        application=who.application,
        protocol=who.protocol,
        outcome=outcome,
        cause=who.decision.cause.value,
        reason=who.decision.reason,
        address=who.address,
        browser=who.browser,
    )
