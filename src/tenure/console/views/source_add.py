"""Adding a source, and changing one: its kind, and where it is, with its secrets or its file.

It goes on in `source_mapping` and `source_check`; until then it is a draft that anybody may come
back to. Every step is a form of its own.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from tenure.catalogue import loading
from tenure.catalogue.index import listed_sources
from tenure.catalogue.source_entry import SOURCE_CATEGORIES, SourceEntry
from tenure.connectors.registry import TOKEN
from tenure.console import (
    schema_form,
    source_client,
    source_kinds,
    source_setup,
    source_specified,
    source_steps,
    tried,
    typed_secrets,
)
from tenure.console.authorisation import redirect_uri
from tenure.console.page import ConsoleRequest, Fresh, missing, render, signed_in
from tenure.console.views import source_from
from tenure.core.names import slug as slug_of
from tenure.readers.registry import kinds
from tenure.setup import looking, source_drafts, uploads
from tenure.signin.permissions import Ability
from tenure.sources.models import Source


@require_safe
@signed_in(needs=Ability.CONFIGURE)
def choose(request: ConsoleRequest) -> HttpResponse:
    """Which kind of source."""
    found = [
        (kind, source_kinds.title(kind), source_kinds.about(kind), source_kinds.icon(kind))
        for kind in source_kinds.offered()
        if kind not in source_kinds.ENTRY_OF
    ]
    # Files first: everybody has one.
    found.sort(key=lambda item: (not looking.takes_file(item[0]), item[1]))
    systems = [
        (label, [row for row in listed_sources() if row.category == category])
        for category, label in SOURCE_CATEGORIES.items()
        if category != "file"
    ]
    context = {"kinds": found, "systems": systems, "drafts": source_drafts.drafts()}
    return render(request, "console/source_choose.html", context, section="sources")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.CONFIGURE, fresh=Fresh.PAGE)
def begin(request: ConsoleRequest, kind: str = "", slug: str = "") -> HttpResponse:
    """Its name, settings and secrets, or the file: of a new one, or of one that is there."""
    definition = source_setup.definition(slug) if slug else None
    if slug and definition is None:
        return missing(request, "source", section="sources", back="console:sources")
    kind = str(definition["reader"]) if definition else kind
    if definition and kind == "rest" and (entry := _entry_of(definition)) is not None:
        return source_from.asked(request, entry, slug, definition)
    if kind not in kinds():
        return missing(request, "kind of source", section="sources", back="console:source_new")
    if definition is None and (entry_slug := source_kinds.ENTRY_OF.get(kind)):
        # The catalogue knows what to prepare there, and how it is authorised.
        address = reverse("console:source_from", args=[entry_slug])
        return redirect(source_steps.with_back(request, address))
    oauth = source_client.chosen(request, kind, definition or {})
    if request.method == "POST":
        tried.bring_back(request)
        answer = _begun(request, kind, slug, definition, oauth)
        if isinstance(answer, HttpResponse):
            return answer
        values, errors, later = answer
        oauth = values["oauth"] or {}
    else:
        values, errors = definition or {"name": "", "settings": {}, "secrets": {}}, {}
        later = False
    client = source_client.shown(request, kind, slug, oauth, errors)
    stored = values.get("settings", {})
    own = source_specified.forms(kind, stored)
    fields = schema_form.fields(own.settings, stored, errors)
    # Where there is more to tell than how it is read, what is seldom changed stands behind it.
    front = {*stored, *source_specified.SPECIFIED, *own.of_its_own(kind)}
    first = [
        f for f in fields if client is None or f.required or f.name.removeprefix("set-") in front
    ]
    more = [f for f in fields if f not in first]
    context = {
        "kind": kind,
        "title": source_kinds.title(kind),
        "about": source_kinds.about(kind),
        "slug": slug,
        "there": bool(slug and Source.objects.filter(slug=slug).exists()),
        "name": values.get("name", ""),
        "file": looking.takes_file(kind),
        "upload": uploads.latest(slug) if slug else None,
        "fields": first,
        "more": more,
        "more_wrong": any(f.error for f in more),
        "secrets": [
            one
            for one in schema_form.secret_fields(own.secrets, values.get("secrets", {}), errors)
            if not (oauth and one.name == f"secret-{TOKEN}")
        ],
        "client": client,
        "redirect_uri": redirect_uri(),
        "agreed": source_steps.by_hand({"oauth": oauth}),
        "errors": errors,
        "asked": " ".join(sorted(own.names)) if kind == "rest" else "",
        "later": later,
        "tried": tried.keep(request, "secret-", {f"secret-{name}" for name in errors}),
        "back": source_steps.came_from(request),
    }
    status = 422 if errors else 200
    return render(request, "console/source_begin.html", context, section="sources", status=status)


def _entry_of(definition: dict[str, Any]) -> SourceEntry | None:
    """The entry of the catalogue by whose specification it is read."""
    settings = definition.get("settings", {})
    if not definition.get("catalogue") or settings.keys() & {"spec", "spec_file"}:
        return None
    try:
        return loading.source(str(definition["catalogue"]))
    except loading.UnknownEntry:
        return None


def _begun(
    request: ConsoleRequest,
    kind: str,
    slug: str,
    definition: dict[str, Any] | None,
    oauth: dict[str, Any],
) -> HttpResponse | tuple[dict[str, Any], dict[str, str], bool]:
    """Keep what was typed and go on; or give it back with what is wrong, and whether it is that the
    specification, read just now, asks for more."""
    name = request.POST.get("name", "").strip()[:200]
    file = request.FILES.get("file")
    if not slug and kind == "csv" and _is_workbook(file):
        kind = "excel"
    posted = {key: str(value) for key, value in request.POST.items()}
    asked = source_specified.read(kind, posted)
    settings, errors = asked.settings, asked.errors
    if not name:
        name = source_kinds.title(kind) if looking.takes_file(kind) else ""
    if not name:
        errors["name"] = "It needs a name, such as Personio."
    new = not slug
    slug = slug or source_drafts.free(slug_of(name)[:60] or kind)
    secrets_of = asked.forms.secrets.model_fields
    wanted = {each: info.is_required() for each, info in secrets_of.items()}
    known = dict(definition.get("secrets", {})) if definition else {}
    if oauth:
        # It takes the place of the token.
        wanted.pop(TOKEN, None)
        known.pop(TOKEN, None)
    with transaction.atomic():
        if oauth and source_client.has_ways(kind):
            oauth, wrong = source_client.read(request, slug, oauth)
            errors |= wrong
        secrets, wrong = typed_secrets.taken(request, slug, wanted, known)
        errors |= wrong
        if isinstance(file, UploadedFile) and file.file is not None:
            try:
                uploads.keep(slug, file.name or "upload", file.file, file.size or 0)
            except uploads.UploadRefused as error:
                errors["file"] = str(error)
        elif looking.is_handed_in(kind, settings) and not uploads.latest(slug):
            errors["file"] = "Choose a file, or say where one is."
        values = {
            **(definition or {"mapping": {}}),
            "name": name,
            "reader": kind,
            "settings": settings,
            "secrets": secrets,
            "oauth": oauth or None,
        }
        if errors or asked.later:
            transaction.set_rollback(True)
            # What was not on the page is no mistake of whoever filled it in.
            told = {name: text for name, text in errors.items() if name not in asked.later}
            return values, told, bool(asked.later)
        source_drafts.save(slug, values)
    if not new and "file" not in request.FILES:
        messages.info(request, "Saved. It is in force once you have looked at what it changes.")
    return redirect(source_steps.with_back(request, source_steps.after_connection(slug, values)))


def _is_workbook(file: object) -> bool:
    name = (getattr(file, "name", "") or "").lower()
    return name.endswith((".xlsx", ".xlsm")) and "excel" in kinds()
