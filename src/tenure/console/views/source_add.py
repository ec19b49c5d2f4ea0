"""Adding a source, and changing one: its kind, where it is, which column is which attribute with
real rows before and after, what an import would change; then it is saved and read.

Until then it is a draft that anybody may come back to. Every step is a form of its own.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from pydantic import ValidationError

from tenure.configuration import editing
from tenure.configuration.document_sources import Source as Written
from tenure.configuration.problems import ConfigurationError
from tenure.console import schema_form, source_form
from tenure.console.page import ConsoleRequest, Fresh, fragment, missing, render, signed_in
from tenure.core.expressions import ExpressionError
from tenure.core.names import slug as slug_of
from tenure.people import selectors as people
from tenure.readers.base import ReaderError
from tenure.readers.registry import PUSH, kinds, reader_class
from tenure.setup import looking, source_drafts, steps, tasks, uploads
from tenure.signin.permissions import Ability
from tenure.signin.services import actor_name
from tenure.sources.models import Source
from tenure.vault.services import keep as keep_secret

_TITLES = {
    "csv": "CSV file",
    "excel": "Excel workbook",
    "ldap": "Directory",
    "sql": "Database",
    "rest": "REST interface",
    "push": "SCIM push",
}
_ABOUT = {
    "csv": "The export of an HR system, with one person a line.",
    "excel": "A sheet of a workbook (.xlsx), with one person a row.",
    "ldap": "Active Directory, OpenLDAP or another directory with people in it.",
    "sql": "A query of a database of your own.",
    "rest": "An HR system with an interface: it is asked, and says what changed.",
    "push": "Entra ID, Okta or an HR system sends people here by SCIM 2.0, as they change.",
}
_ICONS = {
    "csv": "file-spreadsheet",
    "excel": "file-spreadsheet",
    "ldap": "folder-tree",
    "sql": "database",
    "rest": "globe",
    "push": "radio",
}
#: A dry run on more rows than this is made once the page stands.
_AT_ONCE = 1_500


@require_safe
@signed_in(needs=Ability.CONFIGURE)
def choose(request: ConsoleRequest) -> HttpResponse:
    """Which kind of source."""
    found = [(kind, title(kind), about(kind), _ICONS.get(kind, "database")) for kind in offered()]
    # Files first: everybody has one.
    found.sort(key=lambda item: (not looking.takes_file(item[0]), item[1]))
    context = {"kinds": found, "drafts": source_drafts.drafts()}
    return render(request, "console/source_choose.html", context, section="sources")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.CONFIGURE, fresh=Fresh.PAGE)
def begin(request: ConsoleRequest, kind: str = "", slug: str = "") -> HttpResponse:
    """Its name, settings and secrets, or the file: of a new one, or of one that is there."""
    definition = _definition(slug) if slug else None
    if slug and definition is None:
        return missing(request, "source", section="sources", back="console:sources")
    kind = str(definition["reader"]) if definition else kind
    if kind not in kinds():
        return missing(request, "kind of source", section="sources", back="console:source_new")
    if request.method == "POST":
        answer = _begun(request, kind, slug, definition)
        if isinstance(answer, HttpResponse):
            return answer
        values, errors = answer
    else:
        values, errors = definition or {"name": "", "settings": {}, "secrets": {}}, {}
    reader = reader_class(kind)
    context = {
        "kind": kind,
        "title": title(kind),
        "about": about(kind),
        "slug": slug,
        "there": bool(slug and Source.objects.filter(slug=slug).exists()),
        "name": values.get("name", ""),
        "file": looking.takes_file(kind),
        "upload": uploads.latest(slug) if slug else None,
        "fields": schema_form.fields(reader.Settings, values.get("settings", {}), errors),
        "secrets": schema_form.secret_fields(reader.Secrets, values.get("secrets", {}), errors),
        "errors": errors,
        "back": request.GET.get("back", request.POST.get("back", "")),
    }
    status = 422 if errors else 200
    return render(request, "console/source_begin.html", context, section="sources", status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.CONFIGURE)
def mapping(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Which column is which attribute, with the first rows before and after."""
    definition = _definition(slug)
    if definition is None:
        return missing(request, "source", section="sources", back="console:sources")
    context: dict[str, Any] = {"slug": slug, "name": definition["name"], **_frame(request, slug)}
    context["file"] = looking.takes_file(definition["reader"])
    if definition["reader"] == PUSH:
        return _pushed(request, slug, definition, context)
    try:
        looked = looking.look(source_drafts.as_source(slug, definition))
    except ReaderError as error:
        context["failure"] = str(error)
        page = "console/source_mapping.html"
        return render(request, page, context, section="sources", status=422)
    guessed = not definition.get("mapping")
    if request.method == "POST":
        definition |= source_form.from_given(request.POST, looked)
        source_drafts.save(slug, definition)
        do = request.POST.get("do", "")
        if do == "next" and not _wrong(slug, definition):
            return redirect(_with_back(request, reverse("console:source_check", args=[slug])))
        guessed = False
    elif guessed:
        definition |= source_form.guess(looked)
    context |= _mapping(slug, definition, looked, guessed=guessed)
    context["blanks"] = [len(context["lines"]) + i for i in range(1)]
    if request.method == "POST":
        context["error"] = _wrong(slug, definition)
    status = 422 if context.get("error") else 200
    return render(request, "console/source_mapping.html", context, section="sources", status=status)


@require_POST
@signed_in(needs=Ability.CONFIGURE, by_itself=True)
def rows(request: ConsoleRequest, slug: str) -> HttpResponse:
    """The rows before and after anew, while the mapping is changed. Nothing is kept."""
    definition = _definition(slug)
    if definition is None:
        return missing(request, "source", section="sources", back="console:sources")
    try:
        looked = looking.look(source_drafts.as_source(slug, definition), limit=300)
    except ReaderError as error:
        return fragment(request, "console/parts/source_rows.html", {"failure": str(error)})
    definition |= source_form.from_given(request.POST, looked)
    context = _rows(slug, definition, looked)
    return fragment(request, "console/parts/source_rows.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.CONFIGURE)
def check(request: ConsoleRequest, slug: str) -> HttpResponse:
    """What an import would change, and doing it."""
    definition = _definition(slug)
    if definition is None or not definition.get("mapping"):
        return redirect("console:source_mapping", slug)
    context: dict[str, Any] = {"slug": slug, "name": definition["name"], **_frame(request, slug)}
    context["file"] = looking.takes_file(definition["reader"])
    if request.method == "POST":
        problem = _store(slug, definition, seen=request.POST.get("seen", ""))
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
    definition = _definition(slug)
    if definition is None:
        return missing(request, "source", section="sources", back="console:sources")
    return fragment(request, "console/parts/source_dry.html", _dry(slug, definition))


@require_POST
@signed_in(needs=Ability.CONFIGURE)
def discard(request: ConsoleRequest, slug: str) -> HttpResponse:
    """What was begun is forgotten, its file too."""
    source_drafts.discard(slug)
    messages.success(request, "What was begun is discarded.")
    return redirect("console:sources")


def offered() -> list[str]:
    """The kinds that somebody may want."""
    return [kind for kind in kinds() if kind != "memory"]


def title(kind: str) -> str:
    """What a kind of source is called."""
    return _TITLES.get(kind, kind.replace("_", " ").capitalize())


def about(kind: str) -> str:
    """What it is, in one sentence: of its own description."""
    if kind in _ABOUT:
        return _ABOUT[kind]
    text = (reader_class(kind).__doc__ or "").strip().split("\n\n")[0]
    return " ".join(text.split())


def _begun(
    request: ConsoleRequest, kind: str, slug: str, definition: dict[str, Any] | None
) -> HttpResponse | tuple[dict[str, Any], dict[str, str]]:
    """Keep what was typed and go on; or give it back with what is wrong."""
    name = request.POST.get("name", "").strip()[:200]
    file = request.FILES.get("file")
    if not slug and kind == "csv" and _is_workbook(file):
        kind = "excel"
    reader = reader_class(kind)
    posted = {key: str(value) for key, value in request.POST.items()}
    settings, errors = schema_form.settings(reader.Settings, posted)
    if not name:
        name = title(kind) if looking.takes_file(kind) else ""
    if not name:
        errors["name"] = "It needs a name, such as Personio."
    new = not slug
    slug = slug or _free(slug_of(name)[:60] or kind)
    secrets = dict(definition.get("secrets", {})) if definition else {}
    with transaction.atomic():
        errors |= _secrets(request, reader.Secrets, slug, secrets)
        if isinstance(file, UploadedFile) and file.file is not None:
            try:
                uploads.keep(slug, file.name or "upload", file.file, file.size or 0)
            except uploads.UploadRefused as error:
                errors["file"] = str(error)
        elif looking.takes_file(kind) and not settings.get("path") and not uploads.latest(slug):
            errors["file"] = "Choose a file, or say where one is on this machine."
        values = {
            **(definition or {"mapping": {}}),
            "name": name,
            "reader": kind,
            "settings": settings,
            "secrets": secrets,
        }
        if errors:
            transaction.set_rollback(True)
            return values, errors
        source_drafts.save(slug, values)
    if not new and "file" not in request.FILES:
        messages.info(request, "Kept. It is in force once you have looked at what it changes.")
    return redirect(_with_back(request, reverse("console:source_mapping", args=[slug])))


def _is_workbook(file: object) -> bool:
    name = (getattr(file, "name", "") or "").lower()
    return name.endswith((".xlsx", ".xlsm")) and "excel" in kinds()


def _secrets(
    request: ConsoleRequest, schema: Any, slug: str, secrets: dict[str, str]
) -> dict[str, str]:
    """A typed secret goes into the box, and what is kept is where it is."""
    errors = {}
    for name, info in schema.model_fields.items():
        text = schema_form.secret_text(request.POST.get(f"secret-{name}", ""))
        if text.startswith("${"):
            secrets[name] = text
        elif text:
            box = f"{slug}-{name}".replace("_", "-")
            try:
                keep_secret(box, text)
            except ValueError as error:
                errors[name] = str(error)
                continue
            secrets[name] = f"${{box:{box}}}"
        elif info.is_required() and name not in secrets:
            errors[name] = "This is needed."
    return errors


def _pushed(
    request: ConsoleRequest, slug: str, definition: dict[str, Any], context: dict[str, Any]
) -> HttpResponse:
    """People who are pushed come with the names of SCIM: the usual mapping is a good one."""
    usual = {
        "employee_number": 'row["enterprise.employeeNumber"]',
        "given_name": 'row["name.givenName"]',
        "family_name": 'row["name.familyName"]',
        "email": 'row["emails.work"]',
        "title": 'row["title"]',
        "department": 'row["enterprise.department"]',
        "status": 'row["active"]',
    }
    definition["mapping"] = definition.get("mapping") or usual
    definition["statuses"] = definition.get("statuses") or {"true": "active", "false": "left"}
    problem = _store(slug, definition, seen=editing.version(editing.plain("sources", slug)))
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
    return {
        "columns": source_form.rows(looked, mapped, guessed),
        "lines": source_form.lines(looked, mapped),
        "attributes": source_form.attributes(),
        "dates": "\n".join(definition.get("dates", ())),
        "unsure_dates": source_form.unsure_dates(looked, mapped, definition.get("dates", [])),
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
        "labels": labels,
    }


def _wrong(slug: str, definition: dict[str, Any]) -> str:
    """What is wrong with the definition, by the same checks as the document's."""
    try:
        written = Written.model_validate(_written(definition))
        with transaction.atomic():
            seen = editing.version(editing.plain("sources", slug))
            editing.edit("sources", slug, written, seen=seen)
            transaction.set_rollback(True)
    except ConfigurationError as error:
        return " ".join(problem.message for problem in error.problems)
    except ValidationError as error:
        return " ".join(str(one["msg"]) for one in error.errors())
    return ""


def _store(slug: str, definition: dict[str, Any], *, seen: str) -> str:
    """Put it in force. Returns what is wrong."""
    try:
        written = Written.model_validate(_written(definition))
        editing.edit("sources", slug, written, seen=seen)
    except ConfigurationError as error:
        return " ".join(problem.message for problem in error.problems)
    except ValidationError as error:
        return " ".join(str(one["msg"]) for one in error.errors())
    except editing.Overtaken:
        return "Somebody changed this source meanwhile. Look at it again before you go on."
    return ""


def _stored(request: ConsoleRequest, slug: str, definition: dict[str, Any]) -> HttpResponse:
    with transaction.atomic():
        source_drafts.discard(slug, with_file=False)
        if request.POST.get("do") != "save":
            tasks.queue_import(
                slug, actor=actor_name(request.administrator), accept=request.POST.get("accept", "")
            )
    messages.success(request, f"{definition['name']} is saved.")
    if request.POST.get("back") == "start":
        return redirect("console:start")
    return redirect("console:source", slug)


def _written(definition: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in definition.items() if name in Written.model_fields}


def _definition(slug: str) -> dict[str, Any] | None:
    """What is being set up; or what is in force, to be changed."""
    draft = source_drafts.draft(slug)
    if draft is not None:
        return dict(draft.definition)
    return editing.plain("sources", slug)


def _frame(request: ConsoleRequest, slug: str) -> dict[str, Any]:
    back = request.GET.get("back", request.POST.get("back", ""))
    return {"back": back, "draft": source_drafts.draft(slug) is not None, "steps": steps.NAMES}


def _with_back(request: ConsoleRequest, url: str) -> str:
    back = request.GET.get("back", request.POST.get("back", ""))
    return f"{url}?back=start" if back == "start" else url


def _free(slug: str) -> str:
    found, number = slug, 2
    while source_drafts.taken(found) or found in ("new", "uploads"):
        found, number = f"{slug}-{number}", number + 1
    return found
