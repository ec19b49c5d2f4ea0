"""An administrator's own passkeys, recovery codes and sessions."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from tenure.console.page import ConsoleRequest, Fresh, render, signed_in
from tenure.signin import keyring, recovery


@require_safe
@signed_in(fresh=Fresh.KEYS)
def security(request: ConsoleRequest) -> HttpResponse:
    """All of it."""
    context = keyring.shown(request, request.administrator)
    return render(request, "console/security.html", context, section="security")


@require_POST
@signed_in(anybody_may_post=True, fresh=Fresh.KEYS)
def options(request: ConsoleRequest) -> HttpResponse:
    """For a new passkey."""
    return keyring.options(request, request.administrator)


@require_POST
@signed_in(anybody_may_post=True, fresh=Fresh.KEYS)
def add(request: ConsoleRequest) -> HttpResponse:
    """A new passkey."""
    return keyring.add(request, request.administrator, reverse("console:security"))


@require_POST
@signed_in(anybody_may_post=True, fresh=Fresh.KEYS)
def change(request: ConsoleRequest) -> HttpResponse:
    """Rename, remove, sign out elsewhere."""
    try:
        messages.success(request, keyring.change(request, request.administrator))
    except (ValueError, LookupError) as error:
        messages.error(request, str(error))
    return redirect("console:security")


@require_POST
@signed_in(anybody_may_post=True, fresh=Fresh.KEYS)
def codes(request: ConsoleRequest) -> HttpResponse:
    """Ten new recovery codes, shown this once."""
    context = {"codes": recovery.make_codes(request.administrator)}
    return render(request, "console/codes.html", context, section="security")
