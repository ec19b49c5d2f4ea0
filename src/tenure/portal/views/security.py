"""The person's own passkeys, recovery codes and sessions."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from tenure.portal.page import PortalRequest, render, signed_in
from tenure.signin import keyring, recovery
from tenure.sso import endings
from tenure.sso import selectors as sso


@require_safe
@signed_in(fresh=True)
def security(request: PortalRequest) -> HttpResponse:
    """All of it."""
    context = {
        **keyring.shown(request, request.person),
        "at_applications": sso.sessions_of(request.person),
    }
    return render(request, "portal/security.html", context, section="security")


@require_POST
@signed_in(fresh=True)
def options(request: PortalRequest) -> HttpResponse:
    """For a new passkey."""
    return keyring.options(request, request.person)


@require_POST
@signed_in(fresh=True)
def add(request: PortalRequest) -> HttpResponse:
    """A new passkey."""
    return keyring.add(request, request.person, reverse("portal:security"))


@require_POST
@signed_in(fresh=True)
def change(request: PortalRequest) -> HttpResponse:
    """Rename, remove, sign out elsewhere."""
    try:
        messages.success(request, keyring.change(request, request.person))
    except (ValueError, LookupError) as error:
        messages.error(request, str(error))
    return redirect("portal:security")


@require_POST
@signed_in()
def applications(request: PortalRequest) -> HttpResponse:
    """Sign out of one application, or of what goes on there without a browser."""
    which = Q(person=request.person, sid=request.POST.get("which", "")[:64])
    if endings.end(which, "ended by its owner"):
        messages.success(request, "You are signed out there.")
    else:
        messages.error(request, "That has ended already.")
    return redirect("portal:security")


@require_POST
@signed_in(fresh=True)
def codes(request: PortalRequest) -> HttpResponse:
    """Ten new recovery codes, shown this once."""
    context = {"codes": recovery.make_codes(request.person)}
    return render(request, "portal/codes.html", context, section="security")
