"""Changing an application: its policy, its limits, whose accounts are whose, and whether it is
written to. Each form goes through the checks of the configuration document, and
whoever comes second is told what the first one changed."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from tenure.applications import selectors
from tenure.applications.models import Application
from tenure.applications.services import ApplicationInUse
from tenure.audit import selectors as audit
from tenure.audit.models import Action
from tenure.configuration import editing
from tenure.configuration.application_editing import NotTaken, change
from tenure.configuration.editing import Overtaken
from tenure.configuration.problems import ConfigurationError
from tenure.console import application_form, conflicts, removal, request_form, tried
from tenure.console.application_fields import Form
from tenure.console.page import ConsoleRequest, render, signed_in
from tenure.console.views import application_pages as pages
from tenure.core.model import ApplicationMode
from tenure.signin.permissions import Ability

_SECTION = "applications"


@require_POST
@signed_in(needs=Ability.CONFIGURE)
def edit(request: ConsoleRequest, slug: str) -> HttpResponse:
    """One of the forms of settings."""
    found = selectors.application(slug)
    if found is None:
        return pages.not_there(request)
    form = request_form.FORMS.get(request.POST.get("form", ""))
    base = conflicts.read(request.POST.get("base", ""))
    if form is None or base is None:
        messages.error(request, "Nothing was kept: open the page again, then change it.")
        return redirect("console:application", slug)
    given = request.POST.dict()
    wanted = request_form.settled(application_form.read(form, base, given))
    tab = "settings" if form in request_form.IN_SETTINGS else "provisioning"
    try:
        changes = change(slug, wanted, base=base, keys=form.keys)
    except Overtaken as error:
        return overtaken(request, found, base, error, wanted, form.keys, tab)
    except NotTaken as error:
        return _again(request, found, form, base, given, error)
    messages.success(request, "Saved." if changes else "Nothing was to be changed.")
    return redirect(f"{reverse(f'console:application_{tab}', args=[slug])}#{form.name}")


@require_POST
@signed_in(needs=Ability.CONFIGURE)
def mode(request: ConsoleRequest, slug: str) -> HttpResponse:
    """From only report to live, and back."""
    found = selectors.application(slug)
    if found is None:
        return pages.not_there(request)
    base = editing.plain(_SECTION, slug) or {}
    wanted = request.POST.get("mode", "")
    if wanted not in [one.value for one in ApplicationMode]:
        messages.error(request, "Nothing was changed: it is live, or it only reports.")
        return redirect("console:application_provisioning", slug)
    try:
        change(slug, {**base, "mode": wanted}, base=base, keys={"mode"})
    except (NotTaken, Overtaken) as error:
        messages.error(request, str(error))
        return redirect("console:application_provisioning", slug)
    if wanted == ApplicationMode.LIVE.value:
        messages.success(
            request, f"{found.name} is live. Nothing is sent before its plan is applied."
        )
        return redirect(f"{reverse('console:plan')}?application={slug}")
    messages.success(request, f"{found.name} only reports: nothing is written there.")
    return redirect("console:application_provisioning", slug)


@require_POST
@signed_in(needs=Ability.CONFIGURE)
def remove(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Forget an application that never had an account, once its name is typed."""
    found = selectors.application(slug)
    if found is None:
        return pages.not_there(request)
    if obstacles := removal.in_the_way(found):
        messages.error(request, " ".join(one.why for one in obstacles))
        return redirect("console:application_settings", slug)
    if request.POST.get("name", "").strip() != slug:
        messages.error(request, f"Nothing was removed: type {slug} to confirm.")
        return redirect("console:application_settings", slug)
    try:
        editing.edit(_SECTION, slug, None, seen=request.POST.get("version", ""))
    except (ApplicationInUse, ConfigurationError) as error:
        messages.error(request, str(error))
        return redirect("console:application_settings", slug)
    except Overtaken:
        messages.warning(request, "Somebody changed it just now. Look at it, then remove it.")
        return redirect("console:application_settings", slug)
    messages.success(request, f"{found.name} is removed.")
    return redirect("console:applications")


def _again(
    request: ConsoleRequest,
    found: Application,
    form: Form,
    base: dict[str, Any],
    given: dict[str, str],
    error: NotTaken,
) -> HttpResponse:
    """The tab with what was typed, and what is wrong with it."""
    errors, others = application_form.errors_by_field(form, error.problems)
    tab = "settings" if form in request_form.IN_SETTINGS else "provisioning"
    context = (
        pages.settings_context(found)
        if tab == "settings"
        else pages.provisioning_context(request, found)
    )
    context["base"] = conflicts.write(base)
    context["forms"] = [
        (one, application_form.shown(one, base, given=given, errors=errors))
        if one is form
        else (one, fields)
        for one, fields in context["forms"]
    ]
    context |= {"wrong": form.name, "others": others}
    return pages.show(request, found, tab, context, status=422)


def overtaken(
    request: ConsoleRequest,
    found: Application,
    base: dict[str, Any],
    by: Overtaken,
    wanted: dict[str, Any],
    keys: Any,
    tab: str,
) -> HttpResponse:
    """Somebody else was first: what it was, what they made of it, what you would."""
    theirs = by.now
    picked = [
        {k: v for k, v in (side or {}).items() if k in keys} for side in (base, theirs, wanted)
    ]
    last = audit.last_of("application", found.slug, Action.CONFIGURATION_CHANGED)
    context = {
        "application": found,
        "lines": conflicts.three_ways(*picked),
        "gone": theirs is None,
        "last": last,
        "back": reverse(f"console:application_{tab}", args=[found.slug]),
        "fields": [
            (name, value)
            for name in request.POST
            for value in request.POST.getlist(name)
            # What is secret is not sent back: it is kept for the next try.
            if name not in ("csrfmiddlewaretoken", "base", tried.FIELD)
            and not name.startswith("secret-")
        ],
        "tried": tried.keep(request, "secret-"),
        "base": conflicts.write(theirs),
    }
    return render(
        request, "console/application/conflict.html", context, section="applications", status=409
    )
