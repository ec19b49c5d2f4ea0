"""What every page of the console has: who is signed in, what they may do, the frame around it.

A view is closed unless it says otherwise: nobody gets in without signing in, and a request that
changes something is refused unless the view names the ability that it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum
from functools import wraps
from typing import Any, TypeAlias
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.shortcuts import render as django_render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers

from tenure.applications import selectors as applications
from tenure.audit.services import acting
from tenure.console import commands
from tenure.people import selectors as people
from tenure.people.models import Company
from tenure.people.services import company, company_read_once
from tenure.provisioning.questions import selectors as provisioning
from tenure.requests import selectors as requests
from tenure.setup import steps
from tenure.signin import again, going, sessions
from tenure.signin.models import User
from tenure.signin.permissions import Ability, abilities, may
from tenure.signin.services import actor_name
from tenure.sso import by_hand as signing_out

View: TypeAlias = Callable[..., HttpResponseBase]
THEMES = ("system", "light", "dark")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Fresh(Enum):
    """When a passkey is shown again."""

    #: Before the page is shown: secrets are typed there, and are not sent twice.
    PAGE = "page"
    #: Before what a form asks for is done; then it is done as it was asked.
    FORM = "form"
    #: As a page, for one's own keys: who has just come in by any way need not.
    KEYS = "keys"


class ConsoleRequest(HttpRequest):
    """A request of somebody who is signed in."""

    administrator: User
    company: Company


@dataclass(frozen=True, slots=True)
class NavItem:
    """One line of the navigation. `waits`: what the number is of, where it waits for a person."""

    section: str
    label: str
    icon: str
    url: str
    number: int | None = None
    waits: str = ""


def signed_in(
    *,
    needs: Ability | None = None,
    sends: Ability | None = None,
    by_itself: bool = False,
    anybody_may_post: bool = False,
    fresh: Fresh | None = None,
) -> Callable[[View], View]:
    """For administrators only. `needs`: what their role must include, to see the page too. `sends`:
    what it must include to send a form of it; to read it is for everybody. `by_itself`: the page
    asks, so it does not keep the session awake. `fresh`: whoever has a passkey shows it first,
    unless they have just done so, or may only read."""

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            user = sessions.current(request, by_itself=by_itself)
            if user is None:
                return going.to_sign_in(request, back=request.path != reverse("console:overview"))
            asked = needs or (sends if request.method not in _SAFE else None)
            if request.method not in _SAFE and asked is None and not anybody_may_post:
                return HttpResponseNotAllowed(["GET", "HEAD"])
            request.administrator = user  # type: ignore[attr-defined]
            with ExitStack() as frame:
                if request.method in _SAFE:
                    frame.enter_context(company_read_once())
                request.company = company()  # type: ignore[attr-defined]
                frame.enter_context(timezone.override(_zone(request.company)))  # type: ignore[attr-defined]
                frame.enter_context(acting(actor_name(user)))
                if asked is not None and not may(user, asked):
                    response: HttpResponseBase = refused(request, asked)  # type: ignore[arg-type]
                elif sends is not None and not may(user, sends):
                    response = view(request, *args, **kwargs)
                elif fresh is not None and _stale(request, user, fresh):
                    response = _show_again(request, fresh)  # type: ignore[arg-type]
                else:
                    response = view(request, *args, **kwargs)
            add_never_cache_headers(response)
            return response

        return wrapped

    return decorate


def render(
    request: ConsoleRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    section: str = "",
    status: int = 200,
) -> HttpResponse:
    """A whole page, in the frame."""
    held, by_hand = provisioning.count_waiting()
    mine = abilities(request.administrator)
    frame = {
        "company": request.company,
        "administrator": request.administrator,
        "can": {ability.name.lower(): True for ability in mine},
        "work_items": _work(held, by_hand + signing_out.count()),
        "company_items": _company(),
        "section": section,
        "held_count": held,
        "guide": _guide(request, section),
        "theme": theme(request),
        "typed_keys": [command for command in commands.pages(mine) if command.keys],
    }
    return django_render(request, template, {**frame, **context}, status=status)


def fragment(request: ConsoleRequest, template: str, context: Mapping[str, Any]) -> HttpResponse:
    """A part of a page, without the frame."""
    can = {ability.name.lower(): True for ability in abilities(request.administrator)}
    return django_render(request, template, {"can": can, "company": request.company, **context})


def refused(request: ConsoleRequest, needs: Ability) -> HttpResponse:
    """The role does not include it."""
    return render(request, "console/refused.html", {"needs": needs.value}, status=403)


def missing(request: ConsoleRequest, what: str, *, section: str, back: str) -> HttpResponse:
    """There is no such thing."""
    context = {"what": what, "back": reverse(back)}
    return render(request, "console/missing.html", context, section=section, status=404)


def _stale(request: HttpRequest, user: User, fresh: Fresh) -> bool:
    if fresh is Fresh.KEYS:
        return again.needed_for_keys(request, user)
    asks = fresh is Fresh.PAGE or request.method not in _SAFE
    return asks and again.needed(request, user)


def _show_again(request: ConsoleRequest, fresh: Fresh) -> HttpResponse:
    """The passkey first. A form that holds no secrets is kept in the page and sent on by it."""
    safe = request.method in _SAFE
    resend = fresh is Fresh.FORM and not request.FILES
    before = urlsplit(request.headers.get("Referer", "")).path
    back = request.get_full_path() if safe else before or reverse("console:overview")
    if request.headers.get("HX-Request"):
        return going.go(request, before or reverse("console:overview"))
    own = "csrfmiddlewaretoken"
    every = request.POST.lists() if resend else []
    context = {
        "origin": settings.PASSKEY_ORIGIN,
        "back": back,
        "resend": resend,
        "fields": [(name, str(v)) for name, values in every if name != own for v in values],
    }
    return render(request, "console/again.html", context, status=200 if safe else 403)


def theme(request: HttpRequest) -> str:
    """`system`, `light` or `dark`, as chosen in this browser."""
    chosen = request.COOKIES.get("theme", "system")
    return chosen if chosen in THEMES else "system"


def _guide(request: ConsoleRequest, section: str) -> steps.Progress | None:
    """The first steps, for whoever is at them and looks at something else in between."""
    if section == "start" or not request.session.get("guide"):
        return None
    progress = steps.progress()
    return None if progress.finished else progress


def _work(held: int, by_hand: int) -> list[NavItem]:
    return [
        NavItem("overview", "Overview", "layout-dashboard", reverse("console:overview")),
        NavItem("people", "People", "users", reverse("console:people"), people.count_everybody()),
        NavItem(
            "applications",
            "Applications",
            "blocks",
            reverse("console:applications"),
            len(applications.application_names()),
        ),
        NavItem("catalogue", "Catalogue", "layout-grid", reverse("console:catalogue")),
        NavItem("rules", "Access rules", "key-round", reverse("console:rules")),
        NavItem("plan", "Plan", "list-checks", reverse("console:plan"), held or None, "held"),
        NavItem(
            "tasks",
            "Tasks",
            "hand",
            reverse("console:tasks"),
            by_hand or None,
            "to do",
        ),
        NavItem(
            "requests",
            "Requests",
            "inbox",
            reverse("console:requests"),
            requests.count_for_administrators() or None,
            "to decide",
        ),
        NavItem("runs", "Runs", "activity", reverse("console:runs")),
    ]


def _company() -> list[NavItem]:
    return [
        NavItem("sources", "Sources", "database", reverse("console:sources")),
        NavItem("licences", "Licences", "receipt", reverse("console:licences")),
        NavItem("signals", "Signals", "radio", reverse("console:signals")),
        NavItem("audit", "Audit trail", "scroll-text", reverse("console:audit")),
        NavItem("settings", "Settings", "settings", reverse("console:company")),
    ]


def _zone(row: Company) -> ZoneInfo:
    try:
        return ZoneInfo(row.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
