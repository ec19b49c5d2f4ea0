"""The letters about requests. Each is queued in the transaction of what it tells."""

from __future__ import annotations

from django.urls import reverse
from django.utils.formats import date_format

from tenure.applications.models import Application
from tenure.core.approval import Approver, Route
from tenure.core.instants import zone_name
from tenure.people.services import zone_of
from tenure.requests.models import AccessRequest, State
from tenure.requests.routing import WORDS, Router
from tenure.requests.words import length, named
from tenure.signin import letters
from tenure.signin.models import Letter
from tenure.signin.sending import absolute


def tell_deciders(row: AccessRequest, route: Route, router: Router) -> bool:
    """Tell everybody who decides now and was not told yet. Returns whether anybody was told."""
    told, before = list(row.told), len(row.told)
    what = _what(row)
    subject, text = f"{row.person.display_name} asks for {what}", _asked(row, route, what)
    for person in router.people(route):
        if str(person.pk) not in told:
            told.append(str(person.pk))
            letters.notice(person, subject=subject, text=text, link=_where(row), do=_DECIDE)
    address = router.owner_address(row.application)
    if route.by is Approver.ADMINISTRATORS and address and address not in told:
        told.append(address)
        link = absolute(reverse("console:requests"))
        words = {"subject": subject, "text": text, "link": link, "do": _DECIDE}
        letters.queue(Letter.Kind.NOTICE, to=address, words=words)
    if len(told) > before:
        AccessRequest.objects.filter(pk=row.pk).update(told=told)
        row.told = told
    return len(told) > before


def remind(row: AccessRequest, route: Route, router: Router) -> None:
    """Once, to who decides: it will be over."""
    what = _what(row)
    subject = f"{row.person.display_name} still waits for {what}"
    for person in router.people(route):
        text = _asked(row, route, what)
        letters.notice(person, subject=subject, text=text, link=_where(row), do=_DECIDE)


def tell_answer(row: AccessRequest) -> None:
    """What became of it, to who asked."""
    what = _what(row)
    subject, text = _ANSWERS[State(row.state)]
    why = f"\n\n{row.answer}" if row.answer else ""
    until = ""
    if row.exception is not None and row.exception.until is not None:
        until = f" It is yours until {_day(row)}, and ends then by itself."
    by = row.decider.display_name if row.decider else "An administrator"
    letters.notice(
        row.person,
        subject=subject.format(what=what),
        text=f"{text.format(what=what, by=by)}{until}{why}",
        link=_where(row),
        do="Your request",
    )


def tell_end(row: AccessRequest) -> None:
    """What was given ends soon."""
    what = _what(row)
    letters.notice(
        row.person,
        subject=f"Your access to {what} ends soon",
        text=f"It ends on {_day(row)}, by itself. If you need it for longer, ask again.",
        link=absolute(reverse("portal:ask", args=[row.application])),
        do="Ask for longer",
    )


_DECIDE = "Approve or reject it"
_ANSWERS = {
    State.APPROVED: ("You get {what}", "{by} has approved your request for {what}."),
    State.REJECTED: ("Not approved: {what}", "{by} has not approved your request for {what}."),
    State.EXPIRED: (
        "Nobody answered: {what}",
        "Nobody answered your request for {what} in time, so it is over. You can ask again.",
    ),
    State.CLOSED: ("Closed: {what}", "Your request for {what} is closed."),
}


def _asked(row: AccessRequest, route: Route, what: str) -> str:
    instead = ""
    if route.instead_of is not None and route.people:
        missing = WORDS[route.instead_of]
        instead = f" You are asked as {WORDS[route.by]}, because {missing} cannot decide now."
    title = row.person.attributes.get("title")
    who = f"{row.person.display_name}{f' ({title})' if title else ''}"
    return "\n".join(
        [
            f"{who} asks for {what}, for {length(row.lasts)}.{instead}",
            "",
            f"Why: {row.reason}",
            "",
            f"Without an answer by {_until(row)} it is over.",
        ]
    )


def _what(row: AccessRequest) -> str:
    found = Application.objects.filter(slug=row.application).values_list("name", flat=True)
    return named(row, {row.application: found[0] if found else row.application})


def _where(row: AccessRequest) -> str:
    return absolute(reverse("portal:request", args=[row.uid]))


def _day(row: AccessRequest) -> str:
    until = row.exception.until if row.exception is not None else None
    assert until is not None
    at = until.astimezone(zone_of(row.person))
    return f"{date_format(at, 'j F Y, H:i')} {zone_name(at)}"


def _until(row: AccessRequest) -> str:
    return date_format(row.expires_at.astimezone(zone_of(row.person)), "j F Y")
