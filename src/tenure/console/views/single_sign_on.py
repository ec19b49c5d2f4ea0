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
from tenure.configuration.document_sso import SingleSignOn, stored_settings
from tenure.console import single_sign_on as forms
from tenure.console.page import ConsoleRequest, Fresh, missing, render, signed_in
from tenure.console.views import saml
from tenure.people import selectors as people
from tenure.signin.permissions import Ability
from tenure.sso import selectors as sign_on
from tenure.sso.oidc import clients
from tenure.sso.oidc.discovery import to_enter
from tenure.sso.oidc.preview import preview

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
    """What the form says is stored, or tried on a person; or it is turned off. `policy`: only who
    is let in beyond the rules, by whichever protocol."""
    found = selectors.application(slug)
    if found is None:
        return _missing(request)
    given = {name: str(value)[:20_000] for name, value in request.POST.items()}
    do, seen = given.get("do", ""), given.get("seen", "")
    lines = forms.POLICY if do == "policy" else (*forms.CLIENT, *forms.POLICY)
    if do == "try":
        sso, problems = forms.wanted(slug, lines, given)
        return _page(request, found, given=given, problems=problems, tried=sso)
    try:
        if do == "off":
            forms.turn_off(slug, seen=seen)
            messages.success(request, f"Nobody signs in to {found.name} from here any more.")
            return redirect("console:application_sso", slug)
        problems = forms.save(slug, lines, given, seen=seen)
    except editing.Overtaken:
        messages.error(request, _OVERTAKEN)
        return redirect("console:application_sso", slug)
    if problems and "saml" in found.single_sign_on:
        return saml.page_of(request, found, policy=given, wrong=problems)
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
    tried: SingleSignOn | None = None,
) -> HttpResponse:
    plain = editing.plain("applications", found.slug)
    stored_form = (plain or {}).get("single_sign_on")
    stored = stored_settings(found.single_sign_on)
    context: dict[str, Any] = {
        "application": found,
        "sso": stored,
        "by_oidc": stored is not None and stored.oidc is not None,
        "fields": forms.form_of(forms.CLIENT, stored_form, given, problems),
        "policy": forms.form_of(forms.POLICY, stored_form, given, problems),
        "problems": problems or {},
        "problem": (problems or {}).get("", ""),
        "seen": (given or {}).get("seen") or editing.version(plain),
        "made": made,
        "sign_ons": sign_on.sign_ons(application=found, limit=15),
        "open": sign_on.open_sessions(application=found),
        "notices": sign_on.notices(application=found, limit=8),
        **_entry(found),
        **_preview(request, found, tried or stored, given),
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


def _preview(
    request: ConsoleRequest,
    found: Application,
    sso: SingleSignOn | None,
    given: dict[str, str] | None,
) -> dict[str, Any]:
    """What would be told of a person: by what is stored, or by what stands in the form. `who`:
    people of that name to choose from."""
    who = request.GET.get("who", "").strip()[:200]
    uid = (given or {}).get("person") or request.GET.get("person", "")
    person = people.person_by_uid(uid) if uid else None
    shown: dict[str, Any] = {
        "who": who,
        "people": people.people_page(search=who, size=6).rows if who else [],
    }
    if person is not None and sso is not None and sso.oidc is not None:
        shown["preview"] = preview(clients.Client(found, sso, sso.oidc), person)
        shown["not_stored"] = given is not None
    return shown


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
