"""Sources: where people come from, their health, and one of them with its imports: reading it now,
accepting what a guard holds, taking it out."""

from __future__ import annotations

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenure.audit import selectors as audit
from tenure.configuration import editing
from tenure.configuration.problems import ConfigurationError
from tenure.console import authorisation, source_kinds, whose_form
from tenure.console.page import ConsoleRequest, fragment, missing, render, signed_in
from tenure.console.reading import reading
from tenure.console.views import source_write_back
from tenure.console.views.tokens import address_of
from tenure.core.schedules import schedule_from
from tenure.infra.clock import now
from tenure.people import selectors as people
from tenure.readers.registry import PUSH, UPLOAD
from tenure.runs import selectors as runs
from tenure.runs.models import DRY_RUN, RunKind, RunState
from tenure.runs.progress import progress
from tenure.scim_server import tokens
from tenure.setup import guessing, looking, source_drafts, tasks, uploads
from tenure.signin.permissions import Ability
from tenure.signin.services import actor_name
from tenure.sources import selectors
from tenure.sources.authorizing import party
from tenure.sources.models import Source
from tenure.sources.trying import try_source
from tenure.sources.whose import rules_of
from tenure.vault import giving_back
from tenure.writeback import selectors as write_backs

_LISTED = 10


@require_safe
@signed_in()
def sources(request: ConsoleRequest) -> HttpResponse:
    """All sources in the order of their precedence, and those that were begun."""
    rows = selectors.sources()
    there = {row.source.slug for row in rows}
    drafts = source_drafts.drafts()
    context = {
        "rows": [(row, source_kinds.title(row.source.reader)) for row in rows],
        "drafts": [row for row in drafts if row.slug not in there],
        "changing": {row.slug for row in drafts if row.slug in there},
    }
    return render(request, "console/sources.html", context, section="sources")


@require_safe
@signed_in()
def source(request: ConsoleRequest, slug: str) -> HttpResponse:
    """One source."""
    found = Source.objects.filter(slug=slug).first()
    if found is None:
        if source_drafts.draft(slug) is not None:
            return redirect("console:source_mapping", slug)
        return missing(request, "source", section="sources", back="console:sources")
    labels, _ = people.attribute_labels()
    places = {name: place for place, name in enumerate(labels)}

    def order(name: str) -> int:
        return places.get(name, len(places))

    page = runs.runs_page(
        kind=RunKind.IMPORT, subject=slug, cursor=request.GET.get("at", ""), size=_LISTED
    )
    issues = runs.issue_counts(list(page.rows))
    row = next(row for row in selectors.sources() if row.source.pk == found.pk)
    context = {
        "source": found,
        "row": row,
        "kind": source_kinds.title(found.reader),
        "pushed": found.reader in (PUSH, UPLOAD),
        "file": looking.takes_file(found.reader),
        "upload": uploads.latest(slug),
        "settings": [(k, v) for k, v in found.settings.items()],
        "mapping": [
            (labels.get(name, name), text, guessing.column_of(text))
            for name, text in sorted(found.mapping.items(), key=lambda item: order(item[0]))
        ],
        "held": row.last if row.last and row.last.state == RunState.HELD.value else None,
        "page": page,
        "imports": [(run, progress(run, now()), issues.get(run.pk, {})) for run in page.rows],
        "dry": DRY_RUN,
        "changes": audit.changes_of("source", slug),
        "written": write_backs.standing(found),
        "takes": source_write_back.writable(found) != [],
        "tokens": tokens.tokens(slug) if found.reader in (PUSH, UPLOAD) else [],
        "taken": found.reader in (PUSH, UPLOAD),
        "address": address_of(found),
        "schedule": schedule_from(found.schedule),
        "at": now(),
        "draft": source_drafts.draft(slug),
        "authorisation": authorisation.shown(
            party(found), authorisation.entry_of(found.catalogue_entry)
        ),
        "whose": whose_form.in_words(rules_of(found), labels),
        **reading(slug),
    }
    return render(request, "console/source.html", context, section="sources")


@require_safe
@signed_in(by_itself=True)
def live(request: ConsoleRequest, slug: str) -> HttpResponse:
    """How far the import is that is under way; asked for by the page itself."""
    context = reading(slug)
    response = fragment(request, "console/parts/source_live.html", context)
    if not context["busy"]:
        # What it brought stands all over the page.
        response["HX-Refresh"] = "true"
    return response


@require_POST
@signed_in(needs=Ability.CONFIGURE)
def import_now(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Read it as soon as a worker is free; of a file that is handed in with the request, if one
    is. With a reason: what the guard held is taken."""
    found = Source.objects.filter(slug=slug).first()
    if found is None:
        return missing(request, "source", section="sources", back="console:sources")
    accept = request.POST.get("accept", "").strip()[:1000]
    if request.POST.get("do") == "accept" and not accept:
        messages.error(request, "Nothing was taken: say why it is right. The reason is kept.")
        return redirect("console:source", slug)
    file = request.FILES.get("file")
    if isinstance(file, UploadedFile) and file.file is not None:
        try:
            uploads.keep(slug, file.name or "upload", file.file, file.size or 0)
        except uploads.UploadRefused as error:
            messages.error(request, str(error))
            return redirect("console:source", slug)
    elif _needs_file(found):
        messages.error(request, "Choose the file that is to be read.")
        return redirect("console:source", slug)
    with transaction.atomic():
        queued = tasks.queue_import(slug, actor=actor_name(request.administrator), accept=accept)
    if not queued:
        messages.info(request, f"{found.name} is being read already.")
    return redirect("console:source", slug)


@require_POST
@signed_in(needs=Ability.RECONCILE)
def test(request: ConsoleRequest, slug: str) -> HttpResponse:
    """How far it can be read. Nothing is taken."""
    found = Source.objects.filter(slug=slug).first()
    if found is None:
        return missing(request, "source", section="sources", back="console:sources")
    checks = try_source(found)
    context = {"checks": checks, "slug": slug}
    if request.headers.get("HX-Request"):
        return fragment(request, "console/parts/source_checks.html", context)
    for check in checks:
        level = messages.success if check.ok else messages.error
        level(request, f"{check.what}: {check.detail}")
    return redirect("console:source", slug)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.CONFIGURE)
def remove(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Take it out of the configuration, as long as nobody is known from it alone."""
    found = Source.objects.filter(slug=slug).first()
    if found is None:
        return missing(request, "source", section="sources", back="console:sources")
    error, tokens = "", giving_back.words(party(found))
    if request.method == "POST":
        try:
            with transaction.atomic():
                editing.edit("sources", slug, None, seen=request.POST.get("seen", ""))
                source_drafts.discard(slug)
        except ConfigurationError as problem:
            error = " ".join(item.message for item in problem.problems)
        except editing.Overtaken:
            error = "Somebody changed it meanwhile. Look at it again."
        else:
            messages.success(request, f"{found.name} is removed. {tokens}".strip())
            return redirect("console:sources")
    context = {
        "source": found,
        "seen": editing.version(editing.plain("sources", slug)),
        "error": error,
        "tokens": tokens,
        "records": next(r.records for r in selectors.sources() if r.source.pk == found.pk),
    }
    status = 422 if error else 200
    return render(request, "console/source_remove.html", context, section="sources", status=status)


@require_POST
@signed_in(needs=Ability.CONFIGURE)
def move(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Before or after another one: the first that says something of an attribute owns it."""
    editing.move("sources", slug, -1 if request.POST.get("do") == "up" else 1)
    return redirect("console:sources")


def _needs_file(found: Source) -> bool:
    return looking.is_handed_in(found.reader, found.settings) and uploads.latest(found.slug) is None
