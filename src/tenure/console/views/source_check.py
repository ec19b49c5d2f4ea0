"""What an import of a source that is set up would change; then it is saved and read."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenure.configuration import editing
from tenure.console import source_setup, source_steps
from tenure.console.page import ConsoleRequest, fragment, missing, render, signed_in
from tenure.core.expressions import ExpressionError
from tenure.people import selectors as people
from tenure.readers.base import ReaderError
from tenure.setup import authorizing, looking, source_drafts, tasks, uploads
from tenure.signin.permissions import Ability
from tenure.signin.services import actor_name

#: A dry run on more rows than this is made once the page stands.
_AT_ONCE = 1_500


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.CONFIGURE)
def check(request: ConsoleRequest, slug: str) -> HttpResponse:
    """What an import would change, and doing it."""
    definition = source_setup.definition(slug)
    if definition is None or not definition.get("mapping"):
        return redirect("console:source_mapping", slug)
    context: dict[str, Any] = {
        "slug": slug,
        "name": definition["name"],
        **source_steps.frame(request, slug, definition),
    }
    context["file"] = looking.takes_file(definition["reader"])
    if request.method == "POST":
        problem = source_setup.store(slug, definition, seen=request.POST.get("seen", ""))
        if not problem:
            return _stored(request, slug, definition)
        context["error"] = problem
    context["seen"] = editing.version(editing.plain("sources", slug))
    size = uploads.latest(slug)
    context["later"] = "now" not in request.GET and (size is None or size.size > 150 * _AT_ONCE)
    if not context["later"]:
        context |= _dry(slug, definition)
    status = 422 if context.get("error") else 200
    return render(request, "console/source_check.html", context, section="sources", status=status)


@require_safe
@signed_in(needs=Ability.CONFIGURE, by_itself=True)
def dry(request: ConsoleRequest, slug: str) -> HttpResponse:
    """The dry run, for the page that came first."""
    definition = source_setup.definition(slug)
    if definition is None:
        return missing(request, "source", section="sources", back="console:sources")
    return fragment(request, "console/parts/source_dry.html", _dry(slug, definition))


@require_POST
@signed_in(needs=Ability.CONFIGURE)
def discard(request: ConsoleRequest, slug: str) -> HttpResponse:
    """What was begun is forgotten, its file too."""
    authorizing.give_back(slug)
    source_drafts.discard(slug)
    messages.success(request, "What was begun is discarded.")
    return redirect("console:sources")


def _dry(slug: str, definition: dict[str, Any]) -> dict[str, Any]:
    try:
        result = looking.dry_run(source_drafts.as_source(slug, definition))
    except (ReaderError, ExpressionError, ValueError) as error:
        return {"failure": str(error)}
    labels, _ = people.attribute_labels()
    return {
        "result": result,
        "counts": result.counts,
        "changes": result.changes[:25],
        "hidden": max(0, len(result.changes) - 25) + result.more,
        "issues": result.issues[:12],
        "issues_hidden": max(0, len(result.issues) - 12),
        "labels": {**labels, "state": "State", "on_leave": "On leave"},
    }


def _stored(request: ConsoleRequest, slug: str, definition: dict[str, Any]) -> HttpResponse:
    with transaction.atomic():
        authorizing.in_force(slug)
        source_drafts.discard(slug, with_file=False)
        if request.POST.get("do") != "save":
            tasks.queue_import(
                slug, actor=actor_name(request.administrator), accept=request.POST.get("accept", "")
            )
    imports = "" if request.POST.get("do") == "save" else " Its people are being read now."
    messages.success(request, f"{definition['name']} is saved.{imports}")
    if request.POST.get("back") == "start":
        return redirect("console:start")
    return redirect("console:source", slug)
