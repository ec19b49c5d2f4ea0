"""A manager's team: who starts when, what is missing, who leaves. The teams of their people are
opened one by one."""

from __future__ import annotations

import uuid

from django.http import HttpResponse
from django.shortcuts import render as django_render
from django.views.decorators.http import require_safe

from tenure.people import reporting
from tenure.people import selectors as people
from tenure.portal import team as made
from tenure.portal.page import PortalRequest, missing, render, signed_in


@require_safe
@signed_in()
def team(request: PortalRequest) -> HttpResponse:
    """Those who report to this person, and who comes and goes beneath them."""
    found = made.team(request.person)
    context = {"members": found, "coming": made.coming_below(request.person)}
    return render(request, "portal/team.html", context, section="team")


@require_safe
@signed_in()
def below(request: PortalRequest, uid: uuid.UUID) -> HttpResponse:
    """The team of one of them: a part of the page, or a page of its own."""
    found = people.person_by_uid(str(uid))
    if found is None or not reporting.reports_to(found, request.person):
        return missing(request, "There is nobody of that kind in your team.")
    members = made.team(found, but=request.person)
    context = {"members": members, "leader": found}
    if request.headers.get("HX-Request"):
        return django_render(request, "portal/parts/team.html", context)
    return render(request, "portal/team_below.html", context, section="team")
