"""Ending what people are signed in to, in the transaction of whatever ends it: with a session of
the portal, with somebody's access, with a passkey that was taken away, with a rule that no longer
gives the application. Applications are told by notices that are written here and sent later.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import BooleanField, ExpressionWrapper, F, Q

from tenure.applications.models import Application
from tenure.audit.models import Action
from tenure.audit.services import event, record_many
from tenure.infra.bulk import update_rows
from tenure.infra.clock import now
from tenure.people.models import Person, PlanMode
from tenure.people.services import company, lagging
from tenure.provisioning.questions.standing import Standings
from tenure.signin.endings import LONGEST
from tenure.signin.owners import may_come_in
from tenure.sso import global_revocation, protocols, revoking
from tenure.sso.models import ApplicationSession

#: Everybody who is signed in somewhere is checked again at the latest after so long: what ends by
#: the clock alone (an exception, a grace) raises no generation.
_LOOK_AGAIN: Final = timedelta(minutes=5)
_BATCH: Final = 2000
#: In the trail, of a session of which the application itself has said that it is over there. Who
#: signs out here has signed out of nothing else by that.
SAID_THERE: Final = "said_there"


@transaction.atomic
def end(which: Q, because: str, *, said_there: bool = False) -> int:
    """End these sessions at applications. `said_there`: the application has said, and proved that
    it is the application, that it has ended them. Returns how many."""
    rows = list(
        ApplicationSession.objects.select_for_update(of=("self",))
        .filter(which, ended_at=None)
        .select_related("person", "application")
        .order_by("pk")
    )
    if not rows:
        return 0
    at = now()
    ApplicationSession.objects.filter(pk__in=[row.pk for row in rows]).update(
        ended_at=at, ended_because=because[:200]
    )
    for name, handler in protocols.handlers().items():
        mine = [row for row in rows if row.protocol == name]
        if mine:
            handler.end(mine, because)
    record_many(
        [
            event(
                Action.APPLICATION_SESSION_ENDED,
                subject_kind="person",
                subject_key=str(row.person.uid),
                subject_label=row.person.display_name,
                person=str(row.person.uid),
                application=row.application.slug,
                reason=because,
                after={
                    "protocol": row.protocol,
                    "began_at": row.began_at.isoformat(),
                    **({SAID_THERE: True} if said_there else {}),
                },
            )
            for row in rows
        ]
    )
    return len(rows)


def end_all(because: str) -> int:
    """End every session at every application."""
    return end(Q(), because)


def portal_sessions_ended(sessions: Sequence[int], because: str) -> None:
    """For `signin.closings`: what was begun from these sessions ends with them."""
    end(Q(portal_session__in=list(sessions)), because)


def portal_session_replaced(old: int, new: int) -> None:
    """For `signin.closings`: the same person, in the same browser."""
    ApplicationSession.objects.filter(portal_session=old, ended_at=None).update(portal_session=new)


def keys_were_reset(person: Person, because: str) -> None:
    """For `signin.closings`: nothing that was issued is trusted any more."""
    end_people([person], because)


def end_access(people: Sequence[Person]) -> None:
    """For `people.endings`: their access has ended."""
    end_people(people, "access has ended")


@transaction.atomic
def end_people(people: Sequence[Person], because: str) -> int:
    """End all sessions at applications, and void all that was issued, of these people; where an
    application has a way to sign people out, that is asked for too."""
    count = end(Q(person__in=[person.pk for person in people]), because)
    for handler in protocols.handlers().values():
        handler.end_everything(people, because)
    revoking.of_people(people, because)
    global_revocation.of_people(people, because)
    return count


def end_lost(people: Sequence[int] | None = None) -> int:
    """End the sessions of those who are not to have the application any more: of these people, or
    of whoever has changed since they were looked at, and then of those who were not looked at
    lately, so many. Returns how many ended."""
    rows = ApplicationSession.objects.filter(ended_at=None)
    rows = rows.select_related("person", "application", "portal_session")
    if people is not None:
        found = list(rows.filter(person__in=people).order_by("checked_at", "pk"))
    else:
        changed = Q(generation__lt=F("person__generation"))
        if company().plan_mode == PlanMode.AUTOMATIC:
            # Their plan comes in a moment: whether guards hold what it takes is known then.
            changed &= ~lagging("person__")
        due = rows.filter(changed | Q(checked_at__lt=now() - _LOOK_AGAIN))
        first = ExpressionWrapper(changed, BooleanField())
        found = list(due.order_by(first.desc(), "checked_at", "pk")[:_BATCH])
    if not found:
        return 0
    at = now()
    standings = Standings([row.person for row in found], _applications(found), at)
    lost = {row.pk: why for row in found if (why := not_allowed(row, at, standings))}
    for row in found:
        if row.pk not in lost:
            row.checked_at, row.generation = at, row.person.generation
    update_rows([row for row in found if row.pk not in lost], ["checked_at", "generation"])
    global_revocation.of_sessions(
        [
            row
            for row in found
            # Not where only its time was over.
            if row.pk in lost and not standings.given(row.person, row.application, came_in=True).due
        ],
        "no longer given",
    )
    return sum(end(Q(pk=pk), why) for pk, why in lost.items())


def _applications(rows: Sequence[ApplicationSession]) -> list[Application]:
    return list({row.application_id: row.application for row in rows}.values())


def not_allowed(
    session: ApplicationSession, at: datetime | None = None, standings: Standings | None = None
) -> str:
    """Why this session may not go on; empty where it may. Asked whenever use is made of it."""
    if session.ended_at is not None:
        return session.ended_because or "it has ended"
    person, portal, moment = session.person, session.portal_session, at or now()
    if not may_come_in(person):
        return "access has ended"
    if portal is not None and portal.ended_at is not None:
        return "the session here has ended"
    if portal is not None and moment - portal.began_at > LONGEST:
        return "the session here has ended: it has lasted as long as one may"
    asked = standings or Standings([person], [session.application], moment)
    given = asked.given(person, session.application, came_in=True)
    return "" if given.due else given.why
