"""How people sign in to an application: what to enter there, its secrets, the last sign-ins with
the reasons of refusals, and what it was told of sessions that ended."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from tenure.applications import selectors
from tenure.applications.models import Application
from tenure.catalogue import pages
from tenure.catalogue.loading import UnknownEntry
from tenure.catalogue.loading import entry as read_entry
from tenure.configuration import editing
from tenure.configuration.document_sso import stored_settings
from tenure.console import single_sign_on as forms
from tenure.console.page import ConsoleRequest, Fresh, missing, render, signed_in
from tenure.signin.permissions import Ability
from tenure.sso import selectors as sso
from tenure.sso.oidc import clients
from tenure.sso.oidc.discovery import to_enter

_OVERTAKEN = (
    "Somebody else has changed it meanwhile. Nothing was stored; look at what is there now."
)


@require_safe
@signed_in()
def page(request: ConsoleRequest, slug: str) -> HttpResponse:
    """To read, for everybody. What is signed in to by SAML has a page of its own."""
    found = selectors.application(slug)
    if found is not None and "saml" in found.single_sign_on:
        return redirect("console:saml", slug)
    return _missing(request) if found is None else _page(request, found)


@require_POST
@signed_in(needs=Ability.CONFIGURE, fresh=Fresh.FORM)
def save(request: ConsoleRequest, slug: str) -> HttpResponse:
    """What the form says; or off."""
    found = selectors.application(slug)
    if found is None:
        return _missing(request)
    given = {name: str(value)[:20_000] for name, value in request.POST.items()}
    try:
        if given.get("do") == "off":
            forms.turn_off(slug, seen=given.get("seen", ""))
            messages.success(request, f"Nobody signs in to {found.name} from here any more.")
            return redirect("console:application_sso", slug)
        problems = forms.save(slug, given, seen=given.get("seen", ""))
    except editing.Overtaken:
        messages.error(request, _OVERTAKEN)
        return redirect("console:application_sso", slug)
    if problems:
        return _page(request, found, given=given, problems=problems)
    messages.success(request, f"How people sign in to {found.name} is stored.")
    return redirect("console:application_sso", slug)


@require_POST
@signed_in(needs=Ability.CONFIGURE, fresh=Fresh.FORM)
def secret(request: ConsoleRequest, slug: str) -> HttpResponse:
    """A new secret, shown this once; or one that works no more."""
    found = selectors.application(slug)
    if found is None:
        return _missing(request)
    try:
        if request.POST.get("do") == "revoke":
            number = request.POST.get("number", "")
            clients.revoke_secret(slug, int(number) if number.isdigit() else 0)
            messages.success(request, "That secret works no more.")
            return redirect("console:application_sso", slug)
        made = clients.make_secret(slug)
    except (LookupError, ValueError) as error:
        messages.error(request, str(error))
        return redirect("console:application_sso", slug)
    return _page(request, found, made=made)


def _page(
    request: ConsoleRequest,
    found: Application,
    *,
    given: dict[str, str] | None = None,
    problems: dict[str, str] | None = None,
    made: str = "",
) -> HttpResponse:
    plain = editing.plain("applications", found.slug)
    stored = stored_settings(found.single_sign_on)
    context: dict[str, Any] = {
        "application": found,
        "sso": stored,
        "by_oidc": stored is not None and stored.oidc is not None,
        "fields": forms.form_of((plain or {}).get("single_sign_on"), given, problems),
        "problems": problems or {},
        "problem": (problems or {}).get("", ""),
        "seen": (given or {}).get("seen") or editing.version(plain),
        "made": made,
        "sign_ons": sso.sign_ons(application=found, limit=15),
        "open": sso.open_sessions(application=found),
        "notices": sso.notices(application=found, limit=8),
        **_entry(found),
    }
    if stored is not None and stored.oidc is not None:
        client = clients.client_of(found)
        context |= {
            "client": client,
            "values": list(to_enter(client).items()),
            "secrets": clients.secrets_of(found),
        }
    status = 422 if problems else 200
    return render(
        request, "console/single_sign_on.html", context, section="applications", status=status
    )


def _entry(found: Application) -> dict[str, Any]:
    """What the catalogue says of the application's own side."""
    if not found.catalogue_entry:
        return {}
    try:
        entry = read_entry(found.catalogue_entry)
    except UnknownEntry:
        return {}
    return {
        "steps": entry.instructions.single_sign_on,
        "facts": pages.sso_facts(entry),
        "entry_name": entry.name,
    }


def _missing(request: ConsoleRequest) -> HttpResponse:
    return missing(request, "application", section="applications", back="console:applications")
