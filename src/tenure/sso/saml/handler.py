"""SAML among the protocols of single sign-on: the tile, requests that waited, and ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from tenure.applications import selectors as applications
from tenure.applications.models import Application
from tenure.core.sign_on import Cause, Decision, Verdict
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.saml.assertions import SPENT_AFTER
from tenure.saml.errors import Answered
from tenure.saml.names import Status
from tenure.sso import pages, pending
from tenure.sso.entering import JustEnded, Visit, refuse, visit
from tenure.sso.models import ApplicationSession, Protocol
from tenure.sso.policies import NotConfigured
from tenure.sso.saml import answering, notices
from tenure.sso.saml.answering import Wanted
from tenure.sso.saml.posting import posted
from tenure.sso.saml.registered import NotReady, Registered, registered
from tenure.sso.saml.told import CannotTell


class SamlHandler:
    """See `protocols.Handler`."""

    def launch(self, request: HttpRequest, application: Application) -> HttpResponse:
        """To the application's own start where there is one, so that it asks; else an answer that
        nobody asked for (Profiles, section 4.1.5)."""
        try:
            known = registered(application)
        except NotReady as error:
            return pages.wrong(request, str(error), application=application, status=503)
        if known.sso.start:
            return redirect(known.sso.start)
        return _go_on(request, known, Wanted.unasked(known), request.path)

    def resume(self, request: HttpRequest, data: dict[str, Any], back: str) -> HttpResponse:
        """Somebody has signed in, or confirmed, or got their account."""
        wanted = Wanted.stored(data)
        application = applications.application(wanted.application)
        try:
            if application is None:
                raise NotConfigured("The application is gone.")
            known = registered(application)
        except (NotConfigured, NotReady) as error:
            return pages.wrong(request, str(error), application=application, status=503)
        if wanted.consumer not in {place.location for place in known.service.consumers}:
            words = "Its address was changed since this sign-in began. Open it again."
            return pages.wrong(request, words, application=application, status=410)
        return _go_on(request, known, wanted, back)

    def end(self, sessions: Sequence[ApplicationSession], because: str) -> None:
        """Each application that can be told without a browser is."""
        notices.tell(sessions)

    def end_everything(self, people: Sequence[Person], because: str) -> None:
        """Nothing but assertions is ever issued, which live for minutes: of those that may still be
        used the application is told once more, though the session here had ended before."""
        since = now() - SPENT_AFTER
        rows = ApplicationSession.objects.filter(
            person__in=[person.pk for person in people], protocol=Protocol.SAML, used_at__gt=since
        )
        notices.tell_once_more(list(rows.select_related("application", "person").order_by("pk")))


def _go_on(request: HttpRequest, known: Registered, wanted: Wanted, back: str) -> HttpResponse:
    who = visit(
        request,
        known.application,
        Protocol.SAML,
        known.sso,
        proved_since=wanted.at if wanted.force else None,
        # Somebody who came in by a recovery code uses their passkey where that much is asked for.
        by_passkey=answering.needs_a_passkey(wanted),
    )
    if who is None:
        if wanted.passive:
            return _turn_down(request, known, wanted, _passive("Nobody is signed in here."), back)
        return pages.sign_in_first(back)
    if not who.allowed:
        return _not_yet(request, known, wanted, who, back)
    try:
        answer = answering.let_in(known, who, wanted)
    except Answered as error:
        refuse(_refused(who, str(error)))
        return _turn_down(request, known, wanted, error, back)
    except CannotTell as error:
        return pages.instead(request, _refused(who, str(error)), back)
    except JustEnded:
        if wanted.passive:
            return _turn_down(request, known, wanted, _passive("Nobody is signed in here."), back)
        return pages.sign_in_first(back)
    pending.done(back)
    return posted(request, answer, known.application)


def _not_yet(
    request: HttpRequest, known: Registered, wanted: Wanted, who: Visit, back: str
) -> HttpResponse:
    """A page for the person; or, where the application wants none shown, an answer to it."""
    if not wanted.passive:
        return pages.instead(request, who, back)
    if who.decision.verdict is Verdict.REFUSED:
        refuse(who)
        error = Answered(
            "The person may not use the application now.",
            status=Status.RESPONDER,
            detail=Status.REQUEST_DENIED,
        )
        return _turn_down(request, known, wanted, error, back)
    error = _passive("The person would have to do something.")
    return _turn_down(request, known, wanted, error, back)


def _refused(who: Visit, reason: str) -> Visit:
    return replace(who, decision=Decision(Verdict.REFUSED, Cause.NONE, reason))


def _passive(why: str) -> Answered:
    return Answered(why, status=Status.RESPONDER, detail=Status.NO_PASSIVE)


def _turn_down(
    request: HttpRequest, known: Registered, wanted: Wanted, error: Answered, back: str
) -> HttpResponse:
    """The application has its answer, so the request waits no longer."""
    pending.done(back)
    answer = answering.turned_down(
        known,
        consumer=wanted.consumer,
        id=wanted.id,
        relay_state=wanted.relay_state,
        error=error,
    )
    return posted(request, answer, known.application)
