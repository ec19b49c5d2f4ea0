"""What every page of the portal has: the person who is signed in, their company, the frame.

A page is closed unless it says otherwise. Times are told in the person's own zone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import wraps
from typing import Any, Final, TypeAlias

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.shortcuts import render as django_render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.http import urlencode

from tenure.audit.services import acting
from tenure.people import selectors as people
from tenure.people.models import Company, Person
from tenure.people.services import company, company_read_once, zone_of
from tenure.requests import selectors as requests
from tenure.signin import again, going, sessions

View: TypeAlias = Callable[..., HttpResponse]
#: Section, what it is called, icon, name of its address.
NAVIGATION: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("apps", "Applications", "layout-grid", "portal:home"),
    ("requests", "Requests", "inbox", "portal:requests"),
    ("team", "Team", "users", "portal:team"),
    ("profile", "Profile", "user", "portal:profile"),
    ("security", "Security", "shield-check", "portal:security"),
)


class PortalRequest(HttpRequest):
    """A request of a person who is signed in."""

    person: Person
    company: Company


def signed_in(*, by_itself: bool = False, fresh: bool = False) -> Callable[[View], View]:
    """For people only. `by_itself`: the page asks, so it does not keep the session awake. `fresh`:
    they show their passkey first, unless they have just done so or come in."""

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            person = sessions.current_person(request, by_itself=by_itself)
            if person is None:
                return going.to_sign_in(request, back=request.path != reverse("portal:home"))
            if fresh and again.needed_for_keys(request, person):
                return _to_confirm(request)
            name = f"{person.display_name} (themselves)"
            with ExitStack() as frame:
                if request.method in ("GET", "HEAD"):
                    frame.enter_context(company_read_once())
                request.person, request.company = person, company()  # type: ignore[attr-defined]
                frame.enter_context(timezone.override(zone_of(person)))
                frame.enter_context(acting(name))
                response = view(request, *args, **kwargs)
            add_never_cache_headers(response)
            return response

        return wrapped

    return decorate


def render(
    request: PortalRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    section: str = "",
    status: int = 200,
) -> HttpResponse:
    """A whole page, in the frame."""
    frame = {
        "company": request.company,
        "person": request.person,
        "navigation": _navigation(request.person),
        "to_decide": len(requests.waiting_for(request.person)),
        "section": section,
    }
    return django_render(request, template, {**frame, **context}, status=status)


def missing(request: PortalRequest, words: str) -> HttpResponse:
    """There is no such thing, or none that this person has to do with: both look the same."""
    return render(request, "portal/missing.html", {"words": words}, status=404)


def _navigation(person: Person) -> list[tuple[str, str, str, str]]:
    """Without the team, of who leads nobody."""
    leads = people.leads(person)
    return [item for item in NAVIGATION if leads or item[0] != "team"]


def _to_confirm(request: HttpRequest) -> HttpResponse:
    """And from there back to the page; what a form asked for is asked for again there."""
    back = reverse("portal:security")
    if request.content_type == "application/json":
        return JsonResponse({"error": "Load the page again, and show your passkey."}, status=403)
    return redirect(f"{reverse('signin:confirm')}?{urlencode({'next': back})}")
