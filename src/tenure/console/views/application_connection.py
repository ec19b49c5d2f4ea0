"""How an application is reached, changed: its connector's settings, its credentials, the client by
which it is authorised. A secret that is entered is sealed in the transaction that keeps the rest,
so that neither is there without the other."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from tenure.applications import selectors
from tenure.applications.authorizing import party
from tenure.applications.models import Application, Health
from tenure.configuration.application_editing import NotTaken, change
from tenure.configuration.editing import Overtaken
from tenure.console import conflicts, connection_form, tried
from tenure.console.connection_form import Typed
from tenure.console.page import ConsoleRequest, Fresh, signed_in
from tenure.console.views import application_edit
from tenure.console.views import application_pages as pages
from tenure.provisioning.reconciliation import connection as checking
from tenure.provisioning.services import resume_application
from tenure.provisioning.tasks import queue_check
from tenure.signin.permissions import Ability
from tenure.vault.parties import standing
from tenure.vault.services import keep as keep_secret


@require_POST
@signed_in(needs=Ability.CONFIGURE, fresh=Fresh.PAGE)
def edit(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Keep what was typed, and test it where that was asked for."""
    found = selectors.application(slug)
    if found is None:
        return pages.not_there(request)
    tried.bring_back(request)
    base = conflicts.read(request.POST.get("base", ""))
    if base is None:
        messages.error(request, "Nothing was kept: open the page again, then change it.")
        return redirect("console:application_settings", slug)
    typed = connection_form.read(found, base, request.POST.dict())
    if typed.errors:
        return _again(request, found, base, typed.errors, [])
    try:
        changed = _keep(slug, base, typed)
    except Overtaken as overtaken:
        return application_edit.overtaken(
            request, found, base, overtaken, typed.wanted, connection_form.KEYS, "settings"
        )
    except NotTaken as error:
        return _again(request, found, base, *connection_form.errors_by_field(error.problems))
    return _kept(request, slug, typed, changed=changed)


@transaction.atomic
def _keep(slug: str, base: dict[str, Any], typed: Typed) -> bool:
    """Raises `Overtaken` and `NotTaken`; nothing is kept then, no secret either."""
    for name, text in typed.sealed.items():
        try:
            keep_secret(connection_form.box(slug, name), text)
        except ValueError as error:
            raise NotTaken({f"secrets.{name}": str(error)}) from error
    changes = change(slug, typed.wanted, base=base, keys=connection_form.KEYS)
    return bool(changes or typed.sealed)


def _kept(request: ConsoleRequest, slug: str, typed: Typed, *, changed: bool) -> HttpResponse:
    row = Application.objects.get(slug=slug)
    back = redirect(f"{reverse('console:application_settings', args=[slug])}#reached")
    if changed and row.health == Health.STOPPED:
        # What stopped it may be what was just mended.
        resume_application(slug)
    authorisation = standing(party(row))
    asks = authorisation is not None and authorisation.by_hand
    if asks and (typed.sealed or not (authorisation and authorisation.authorised)):
        messages.success(request, f"Saved. Authorise {row.name} again: the client is another one.")
        return back
    if request.POST.get("do") == "test":
        with transaction.atomic():
            queue_check(checking.begin(row, write=False))
        return redirect("console:connection", slug)
    if changed:
        messages.success(request, "Saved. Test the connection to see whether it works.")
    else:
        messages.success(request, "Nothing was to be changed.")
    return back


def _again(
    request: ConsoleRequest,
    found: Application,
    base: dict[str, Any],
    errors: dict[str, str],
    others: list[str],
) -> HttpResponse:
    """The tab with what was typed, and what is wrong with it."""
    context = pages.settings_context(found)
    form = connection_form.shown(found, base, given=request.POST.dict(), errors=errors)
    fields = {one.name for one in form.fields}
    others = [*others, *(text for name, text in errors.items() if name not in fields)]
    context |= {
        "base_reached": conflicts.write(base),
        "reached": form,
        "wrong": "reached",
        "others": others,
        "tried": tried.keep(request, "secret-", errors),
    }
    return pages.show(request, found, "settings", context, status=422)
