"""The step of setting up a source in which an administrator agrees that it is read."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from tenure.console import authorisation as authorisations
from tenure.console import source_setup, source_steps
from tenure.console.page import ConsoleRequest, missing, render, signed_in
from tenure.setup.authorizing import party_of
from tenure.signin.permissions import Ability


@require_safe
@signed_in(needs=Ability.CONFIGURE)
def authorisation(request: ConsoleRequest, slug: str) -> HttpResponse:
    """How it stands, what is asked for, and the way out to where one agrees."""
    definition = source_setup.definition(slug)
    party = party_of(slug)
    if definition is None or party is None:
        return missing(request, "source", section="sources", back="console:sources")
    entry = authorisations.entry_of(str(definition.get("catalogue") or ""))
    shown = authorisations.shown(party, entry)
    columns = source_steps.with_back(request, reverse("console:source_mapping", args=[slug]))
    if shown is None or not shown.how.by_hand:
        # Nobody has to agree: whether it works is seen by reading it.
        return redirect(columns)
    context = {
        "slug": slug,
        "name": definition["name"],
        "authorisation": replace(shown, authorise=source_steps.with_back(request, shown.authorise)),
        "next": columns,
        **source_steps.frame(request, slug, definition),
    }
    return render(request, "console/source_authorisation.html", context, section="sources")
