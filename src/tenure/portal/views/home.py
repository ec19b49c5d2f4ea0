"""The person's applications, as they come; and what HR says of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.shortcuts import render as django_render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.people.selectors import attribute_labels
from tenure.portal import tiles as made
from tenure.portal.page import PortalRequest, render, signed_in
from tenure.requests.offers import offers
from tenure.signin import recovery, sessions

#: Columns and workings of ours that a person need not read about themselves.
_HIDDEN: Final = frozenset({"user_name", "status", "manager"})
#: As many are found by looking.
_FEW: Final = 5


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is known of the person."""

    label: str
    value: object
    made_here: bool


@never_cache
@require_safe
def root(request: HttpRequest) -> HttpResponse:
    """The company's address: an administrator's console, everybody else's portal."""
    if sessions.current_person(request) is None and sessions.current(request) is not None:
        return redirect("console:overview")
    return redirect("portal:home")


@require_safe
@signed_in()
def home(request: PortalRequest) -> HttpResponse:
    """The applications, and what is still missing of one's own security."""
    found, more = _tiles(request.person), offers(request.person, now())
    context = {
        **found,
        "offers": more,
        "many": len(found["tiles"]) + len(more) > _FEW,
        "codes_left": recovery.codes_left(request.person),
        "first_time": "welcome" in request.GET,
    }
    return render(request, "portal/home.html", context, section="apps")


@require_safe
@signed_in(by_itself=True)
def tiles(request: PortalRequest) -> HttpResponse:
    """The tiles alone: the page asks while something is being made."""
    return django_render(request, "portal/parts/tiles.html", _tiles(request.person))


@require_safe
@signed_in(by_itself=True)
def here(request: PortalRequest) -> HttpResponse:
    """Every page asks now and then whether its person is still let in; if not, it goes."""
    return HttpResponse(status=204)


@require_safe
@signed_in()
def profile(request: PortalRequest) -> HttpResponse:
    """What HR says of the person. It is changed there."""
    context = {"facts": _facts(request.person)}
    return render(request, "portal/profile.html", context, section="profile")


def _tiles(person: Person) -> dict[str, Any]:
    found = made.tiles_of(person)
    return {
        "tiles": found,
        "ready": sum(tile.ready for tile in found),
        "live": any(tile.live for tile in found),
    }


def _facts(person: Person) -> list[Fact]:
    labels, sensitive = attribute_labels()
    names = [name for name in labels if name in person.attributes and name not in _HIDDEN]
    return [
        Fact(
            labels[name],
            "kept private" if name in sensitive else person.attributes[name],
            person.origins.get(name) == "",
        )
        for name in names
    ]
