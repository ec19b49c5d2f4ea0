"""Which column of a source is which attribute, with real rows before and after.

People who are pushed come with the names of SCIM: for them there is a usual mapping.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from tenure.configuration import editing
from tenure.console import source_form, source_setup, source_steps
from tenure.console.page import ConsoleRequest, fragment, missing, render, signed_in
from tenure.people import selectors as people
from tenure.readers.base import ReaderError
from tenure.readers.encodings import WINDOWS, NotUtf8
from tenure.readers.files.reading import TOP
from tenure.readers.registry import PUSH, UPLOAD
from tenure.setup import guessing, looking, source_drafts
from tenure.signin.permissions import Ability


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.CONFIGURE)
def mapping(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Which column is which attribute, with the first rows before and after."""
    definition = source_setup.definition(slug)
    if definition is None:
        return missing(request, "source", section="sources", back="console:sources")
    context: dict[str, Any] = {
        "slug": slug,
        "name": definition["name"],
        **source_steps.frame(request, slug, definition),
    }
    context["file"] = looking.takes_file(definition["reader"])
    if definition["reader"] == PUSH or (
        definition["reader"] == UPLOAD and not definition.get("mapping")
    ):
        return _pushed(request, slug, definition, context)
    if source_steps.asks(slug, definition):
        return redirect(
            source_steps.with_back(request, source_steps.after_connection(slug, definition))
        )
    try:
        looked = looking.look(source_drafts.as_source(slug, definition))
    except ReaderError as error:
        context["failure"] = str(error)
        context["readings"] = _readings(error)
        context["names_line"] = _names_line(slug, definition)
        page = "console/source_mapping.html"
        return render(request, page, context, section="sources", status=422)
    context["names_line"] = _names_line(slug, definition)
    guessed = not definition.get("mapping")
    if request.method == "POST":
        definition |= source_form.from_given(request.POST, looked)
        do = request.POST.get("do", "")
        if do == "zeros":
            definition["mapping"] = source_form.with_zeros(looked, definition["mapping"])
        source_drafts.save(slug, definition)
        if do == "next" and not source_setup.wrong(slug, definition):
            return redirect(
                source_steps.with_back(request, reverse("console:source_check", args=[slug]))
            )
        guessed = False
    elif guessed:
        definition |= source_form.guess(looked)
    context |= _mapping(slug, definition, looked, guessed=guessed)
    context["blanks"] = [len(context["lines"]) + i for i in range(1)]
    if request.method == "POST":
        context["error"] = source_setup.wrong(slug, definition)
    status = 422 if context.get("error") else 200
    return render(request, "console/source_mapping.html", context, section="sources", status=status)


@require_POST
@signed_in(needs=Ability.CONFIGURE)
def written(request: ConsoleRequest, slug: str) -> HttpResponse:
    """How the file is written, chosen where that was seen: its encoding, or the line in which the
    names of the columns are. What was mapped before was of other columns."""
    definition = source_setup.definition(slug)
    if definition is None:
        return missing(request, "source", section="sources", back="console:sources")
    settings = dict(definition.get("settings", {}))
    encoding, header = request.POST.get("encoding", ""), request.POST.get("header", "")
    if encoding in WINDOWS:
        settings["encoding"] = encoding
    if header.isdecimal() and 0 < int(header) <= TOP:
        settings["header"] = int(header)
    source_drafts.save(slug, {**definition, "settings": settings, "mapping": {}})
    return redirect(source_steps.with_back(request, reverse("console:source_mapping", args=[slug])))


def _readings(error: ReaderError) -> list[tuple[str, str, str]]:
    """What stands in the file by each encoding that it may have: its name, for where, the text."""
    if not isinstance(error, NotUtf8):
        return []
    return [(one, WINDOWS[one], text) for one, text in error.readings.items()]


def _names_line(slug: str, definition: dict[str, Any]) -> int:
    return looking.names_line(source_drafts.as_source(slug, definition))


@require_POST
@signed_in(needs=Ability.CONFIGURE, by_itself=True)
def rows(request: ConsoleRequest, slug: str) -> HttpResponse:
    """The rows before and after anew, while the mapping is changed. Nothing is kept."""
    definition = source_setup.definition(slug)
    if definition is None:
        return missing(request, "source", section="sources", back="console:sources")
    try:
        looked = looking.look(source_drafts.as_source(slug, definition), limit=300)
    except ReaderError as error:
        return fragment(request, "console/parts/source_rows.html", {"failure": str(error)})
    definition |= source_form.from_given(request.POST, looked)
    context = _rows(slug, definition, looked)
    return fragment(request, "console/parts/source_rows.html", context)


def _pushed(
    request: ConsoleRequest, slug: str, definition: dict[str, Any], context: dict[str, Any]
) -> HttpResponse:
    """Whoever comes by themselves is not there yet. By SCIM they have its names, and the usual
    mapping is a good one; what a script sends is up to it, and this is what our example does."""
    usual = {
        "employee_number": 'row["number"]',
        "given_name": 'row["name.given"]',
        "family_name": 'row["name.family"]',
        "status": 'row["status"]',
    }
    scim = {
        "employee_number": 'row["enterprise.employeeNumber"]',
        "given_name": 'row["name.givenName"]',
        "family_name": 'row["name.familyName"]',
        "email": 'row["emails.work"]',
        "title": 'row["title"]',
        "department": 'row["enterprise.department"]',
        "status": 'row["active"]',
    }
    if definition["reader"] == PUSH:
        usual = scim
        definition["statuses"] = definition.get("statuses") or {"true": "active", "false": "left"}
    definition["mapping"] = definition.get("mapping") or usual
    problem = source_setup.store(
        slug, definition, seen=editing.version(editing.plain("sources", slug))
    )
    if problem:
        context["failure"] = problem
        page = "console/source_mapping.html"
        return render(request, page, context, section="sources", status=422)
    source_drafts.discard(slug)
    messages.success(request, f"{definition['name']} is added. Make a token for the other side.")
    return redirect("console:tokens")


def _mapping(
    slug: str, definition: dict[str, Any], looked: looking.Looked, *, guessed: bool
) -> dict[str, Any]:
    mapped = definition.get("mapping", {})
    values = source_form.status_values(looked, mapped)
    private = looking.private_columns(source_drafts.as_source(slug, definition), looked)
    return {
        "columns": source_form.rows(looked.veiled(private), mapped, guessed),
        "lines": source_form.lines(looked, mapped),
        "attributes": source_form.attributes(),
        "dates": "\n".join(map(guessing.example_of, definition.get("dates", ()))),
        "unsure_dates": source_form.unsure_dates(looked, mapped, definition.get("dates", [])),
        "lost_zeros": source_form.lost_zeros(looked, mapped),
        "statuses": [
            (place, value, definition.get("statuses", {}).get(value, ""))
            for place, value in enumerate(values)
        ],
        "meanings": source_form.MEANINGS,
        "absence": definition.get("absence", "ignore"),
        "guessed": guessed,
        **_rows(slug, definition, looked),
    }


def _rows(slug: str, definition: dict[str, Any], looked: looking.Looked) -> dict[str, Any]:
    source = source_drafts.as_source(slug, definition)
    labels, _ = people.attribute_labels()
    return {
        "mapped": looking.map_rows(source, looked),
        "more": looked.more,
        "labels": labels,
        "no_email": looking.needs_domain(source),
    }
