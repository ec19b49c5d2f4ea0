"""Signing out everywhere (SAML Profiles 2.0, section 4.4): what somebody's browser has to carry
from application to application is carried, one after the other; what can be told without it is told
by notices at once. An application that does not send the browser back costs the others nothing:
they are told by notices after a while.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Q

from tenure.infra.clock import now
from tenure.saml import logout
from tenure.saml.bindings import to_address
from tenure.saml.building import new_id
from tenure.saml.errors import NotTrusted
from tenure.saml.names import POST, REDIRECT, SOAP_BINDING
from tenure.saml.requests import LogoutRequest, LogoutResponse
from tenure.saml.service import LogoutPlace, ServiceProvider
from tenure.signin.endings import close
from tenure.signin.models import Session
from tenure.signin.tokens import digest, new_short_token
from tenure.sso import endings
from tenure.sso.models import ApplicationSession, Protocol
from tenure.sso.policies import NotConfigured
from tenure.sso.saml import identity, notices
from tenure.sso.saml.answering import Posted
from tenure.sso.saml.models import Logout
from tenure.sso.saml.registered import NotReady, Registered, registered

#: So long a browser may be at one application before the others are told without it.
_LOST_AFTER: Final = timedelta(minutes=2)
_FOR_BROWSERS: Final = (REDIRECT, POST)


@dataclass(frozen=True, slots=True)
class Hop:
    """Where the browser goes next: an address, or a form that it posts to an application."""

    address: str = ""
    form: Posted | None = None
    at: Registered | None = None


@dataclass(frozen=True, slots=True)
class AtHome:
    """Every application was visited. `unconfirmed`: names of those that did not say that the
    session is over."""

    unconfirmed: tuple[str, ...] = ()


def begin(portal_sessions: Sequence[int]) -> tuple[Logout, str] | None:
    """Somebody signs out here: what their browser has to carry, before those sessions are ended
    (`told_by_browser`). None where there is nothing."""
    rows = [row for row in _open(portal_sessions) if _needs_browser(row)]
    return _keep(rows, {}) if rows else None


def told_by_browser(run: Logout) -> list[ApplicationSession]:
    """The sessions that this logout takes care of."""
    return list(ApplicationSession.objects.filter(sid__in=run.left))


@transaction.atomic
def asked_by_application(
    known: Registered,
    asked: LogoutRequest,
    *,
    binding: str,
    relay_state: str,
    browser: bool,
    signed: bool,
) -> tuple[Logout, str]:
    """An application says that the person signs out: their sessions there end, the sessions here
    that they were begun from, and with those every other one. Only what is `signed` proves that it
    was the application. Raises `NotTrusted` for a person who has no such session."""
    mine = sessions_named(known, asked)
    if not mine:
        raise NotTrusted(f"{known.application.name} has no such session here.")
    portal = [row.portal_session_id for row in mine if row.portal_session_id is not None]
    others = [row for row in _open(portal) if row.application_id != known.application.pk]
    carried = [row for row in others if browser and _needs_browser(row)]
    answer = {
        "application": known.application.slug,
        "id": asked.head.id,
        "relay_state": relay_state,
        "binding": binding,
    }
    run = _keep(carried, answer)
    because = f"signed out in {known.application.name}"
    with notices.told_otherwise([*mine, *carried]):
        endings.end(Q(pk__in=[row.pk for row in mine]), because, said_there=signed)
        close(Session.objects.filter(pk__in=portal, ended_at=None), because)
    return run


def sessions_named(known: Registered, asked: LogoutRequest) -> list[ApplicationSession]:
    """The open sessions that the request names."""
    rows = ApplicationSession.objects.filter(
        application=known.application,
        protocol=Protocol.SAML,
        subject=asked.subject.value,
        ended_at=None,
    )
    if asked.sessions:
        rows = rows.filter(sid__in=asked.sessions)
    return list(rows.select_related("person", "application"))


def is_open(token: str) -> bool:
    """Whether there is anything left to do."""
    return Logout.objects.filter(digest=digest(token), finished_at=None).exists()


def find(token: str) -> Logout | None:
    """Locked, in the caller's transaction. None for one that is over, or never was."""
    rows = Logout.objects.select_for_update()
    return rows.filter(digest=digest(token), finished_at=None).first()


def came_back(run: Logout, known: Registered, response: LogoutResponse, *, signed: bool) -> None:
    """The application where the browser was has answered: `signed` it is proof, for it came by the
    hands of whoever signs out. One that does not confirm is told without the browser, too. Raises
    `NotTrusted` for another one's answer, or to another request."""
    rows = ApplicationSession.objects.select_related("person", "application")
    session = rows.filter(sid=run.now_at).first()
    if (
        session is None
        or session.application_id != known.application.pk
        or response.in_response_to != run.request_id
    ):
        raise NotTrusted("This is the answer to something else.")
    if not logout.went_well(response):
        run.unconfirmed = [*run.unconfirmed, known.application.name]
        notices.tell([session])
    elif signed:
        notices.confirmed(session, response, asked_at=run.touched_at)
    run.left = [sid for sid in run.left if sid != run.now_at]
    run.now_at = run.request_id = ""
    run.touched_at = now()
    run.save()


@transaction.atomic
def next_hop(run: Logout, token: str) -> Hop | AtHome:
    """Where the browser goes now."""
    while run.left:
        session = (
            ApplicationSession.objects.filter(sid=run.left[0]).select_related("application").first()
        )
        hop = _hop(run, session, token) if session is not None else None
        if hop is not None:
            return hop
        run.left = run.left[1:]
    run.finished_at = run.touched_at = now()
    run.save()
    return AtHome(tuple(run.unconfirmed))


def answer_to(run: Logout, *, everywhere: bool) -> Hop | None:
    """The answer to the application that asked; None where none did, or it has no place for it."""
    asked: dict[str, Any] = run.asked_by
    if not asked:
        return None
    session = ApplicationSession.objects.filter(application__slug=asked["application"]).first()
    try:
        assert session is not None
        known = registered(session.application)
    except (NotConfigured, NotReady, AssertionError):
        return None
    place = _place(known.service, prefer=str(asked["binding"]))
    if place is None:
        return None
    pair = identity.pair_for(known.saml.key)
    address = place.answers or place.location
    made = logout.answer(
        in_response_to=str(asked["id"]),
        issuer=identity.places().entity_id,
        destination=address,
        at=now(),
        pair=pair if place.binding == POST else None,
        everywhere=everywhere,
    )
    relay = str(asked["relay_state"])
    if place.binding == POST:
        return Hop(form=Posted(address, made.xml, relay), at=known)
    return Hop(to_address(address, "SAMLResponse", made.xml, relay_state=relay, pair=pair))


def take_over_lost() -> int:
    """Browsers that did not come back: the applications that are left are told without them.
    Returns how many logouts."""
    count = 0
    for run in Logout.objects.filter(finished_at=None, touched_at__lt=now() - _LOST_AFTER):
        with transaction.atomic():
            locked = Logout.objects.select_for_update().filter(pk=run.pk, finished_at=None).first()
            if locked is None:
                continue
            rows = ApplicationSession.objects.filter(sid__in=locked.left)
            notices.tell(list(rows.select_related("application", "person")))
            locked.finished_at = now()
            locked.save(update_fields=["finished_at"])
            count += 1
    Logout.objects.filter(finished_at__lt=now() - timedelta(days=1)).delete()
    return count


def _hop(run: Logout, session: ApplicationSession, token: str) -> Hop | None:
    try:
        known = registered(session.application)
    except (NotConfigured, NotReady):
        return None
    place = _place(known.service)
    if place is None:
        return None
    pair = identity.pair_for(known.saml.key)
    made = logout.request(
        notices.subject_of(session, known.service.entity_id),
        [session.sid],
        issuer=identity.places().entity_id,
        destination=place.location,
        at=now(),
        pair=pair if place.binding == POST else None,
        by_themselves=True,
        id=new_id(),
    )
    run.now_at, run.request_id, run.touched_at = session.sid, made.id, now()
    run.save()
    if place.binding == POST:
        form = Posted(place.location, made.xml, token, field="SAMLRequest")
        return Hop(form=form, at=known)
    return Hop(
        to_address(place.location, "SAMLRequest", made.xml, relay_state=token, pair=pair), at=known
    )


def _place(service: ServiceProvider, prefer: str = "") -> LogoutPlace | None:
    found = [place for place in service.logout if place.binding in _FOR_BROWSERS]
    return next((place for place in found if place.binding == prefer), found[0] if found else None)


def _open(portal_sessions: Sequence[int]) -> list[ApplicationSession]:
    rows = ApplicationSession.objects.filter(
        portal_session__in=portal_sessions, protocol=Protocol.SAML, ended_at=None
    )
    return list(rows.select_related("application", "person").order_by("pk"))


def _needs_browser(session: ApplicationSession) -> bool:
    """Whether the application takes logouts by a browser only."""
    try:
        service = registered(session.application).service
    except (NotConfigured, NotReady):
        return False
    bindings = {place.binding for place in service.logout}
    return bool(bindings) and SOAP_BINDING not in bindings


def _keep(rows: Sequence[ApplicationSession], asked_by: dict[str, Any]) -> tuple[Logout, str]:
    token = new_short_token()
    run = Logout.objects.create(
        digest=digest(token),
        left=[row.sid for row in rows],
        asked_by=asked_by,
        touched_at=now(),
    )
    return run, token
