"""What an application's accounts are made of: the mapping, tried on one person while it is typed,
what it changes in accounts looked at, then saved."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from tenure.applications import selectors
from tenure.applications.models import Account, Application
from tenure.configuration.application_editing import NotTaken, change
from tenure.configuration.editing import Overtaken
from tenure.console import application_form, conflicts, edit_effect
from tenure.console.page import ConsoleRequest, fragment, render, signed_in
from tenure.console.views import application_pages as pages
from tenure.console.views.application_edit import overtaken
from tenure.core.expressions import ExpressionError, compile_value
from tenure.core.model import Situation
from tenure.provisioning.questions import mapping_preview
from tenure.provisioning.questions.mapping_effects import effect_of_mapping
from tenure.provisioning.questions.matching import rule_schema
from tenure.signin.permissions import Ability

_LINES = ("attribute", "expression", "when")
_MOST = 200


@require_POST
@signed_in(needs=Ability.CONFIGURE)
def mapping(request: ConsoleRequest, slug: str) -> HttpResponse:
    """The mapping as a whole: saved, or what saving it would change."""
    found = selectors.application(slug)
    if found is None:
        return pages.not_there(request)
    base = conflicts.read(request.POST.get("base", ""))
    if base is None:
        messages.error(request, "Nothing was kept: open the page again, then change it.")
        return redirect("console:application_provisioning", slug)
    do = request.POST.get("do", "save")
    if do == "edit":
        return _again(request, found, {})
    wanted = dict(base)
    try:
        wanted["mapping"] = _typed(request)
        if do == "review":
            return _review(request, found, base, wanted["mapping"])
        changes = change(slug, wanted, base=base, keys={"mapping"})
    except Overtaken as error:
        return overtaken(request, found, base, error, wanted, {"mapping"}, "provisioning")
    except (NotTaken, ValueError) as error:
        problems = error.problems if isinstance(error, NotTaken) else {"": str(error)}
        return _again(request, found, problems)
    messages.success(
        request,
        "Saved. The plan says whose accounts change." if changes else "Nothing was to be changed.",
    )
    return redirect(f"{reverse('console:application_provisioning', args=[slug])}#mapping")


@require_POST
@signed_in(needs=Ability.CONFIGURE, by_itself=True)
def effect(request: ConsoleRequest, slug: str) -> HttpResponse:
    """What saving it would change, for a page that stands already."""
    try:
        context = _effect(slug, _typed(request))
    except ValueError as error:
        context = {"failure": str(error)}
    return fragment(request, "console/parts/edit_effect.html", context)


@require_POST
@signed_in(needs=Ability.CONFIGURE, by_itself=True)
def preview(request: ConsoleRequest, slug: str) -> HttpResponse:
    """What the mapping as it is typed gives for one person. Nothing is kept."""
    found = selectors.application(slug)
    if found is None:
        return HttpResponse(status=286)  # htmx: stop asking
    person, problem = pages.chosen_person(request.POST.get("person", ""), found)
    rows = list(zip(*(request.POST.getlist(name)[:_MOST] for name in _LINES), strict=False))
    expressions = {a.strip(): e.strip() for a, e, _ in rows if a.strip() and e.strip()}
    by_name = {x.attribute: x for x in mapping_preview.lines(found, expressions, person)}
    context = {
        "application": found,
        "person": person,
        "person_problem": problem,
        "results": [by_name.get(a.strip()) for a, e, _ in rows if a.strip() and e.strip()],
    }
    return fragment(request, "console/application/mapping_preview.html", context)


def _review(
    request: ConsoleRequest,
    found: Application,
    base: dict[str, Any],
    wanted: dict[str, dict[str, str]],
) -> HttpResponse:
    problems, schema = {}, rule_schema()
    for name, line in wanted.items():
        try:
            compile_value(line["value"], schema)
        except ExpressionError as error:
            problems[f"mapping.{name}"] = str(error)
    if problems:
        raise NotTaken(problems)
    rows = Account.objects.filter(application=found, situation=Situation.LINKED.value)
    count = rows.filter(person__isnull=False).count()
    before = dict(base.get("mapping") or {})
    gone = [(name, conflicts.said(before[name]), "") for name in before if name not in wanted]
    context: dict[str, Any] = {
        "name": found.name,
        "of_mapping": True,
        "section_name": "Applications",
        "back": reverse("console:applications"),
        "action": reverse("console:edit_mapping", args=[found.slug]),
        "effect_at": reverse("console:mapping_effect", args=[found.slug]),
        "changed": [*conflicts.changed(before, wanted), *gone],
        "fields": [
            (name, value) for name in (*_LINES, "person") for value in request.POST.getlist(name)
        ],
        "base": request.POST.get("base", ""),
        "count": count,
        "later": count > edit_effect.AT_ONCE and request.POST.get("now") != "1",
    }
    if not context["later"]:
        context |= _effect(found.slug, wanted)
    return render(request, "console/edit_review.html", context, section="applications")


def _effect(slug: str, wanted: dict[str, dict[str, str]]) -> dict[str, Any]:
    lines = [
        {"attribute": name, "expression": line["value"], "when": line["when"]}
        for name, line in wanted.items()
    ]
    try:
        return edit_effect.described(effect_of_mapping(slug, lines), of="mapping")
    except ExpressionError as error:
        return {"failure": str(error)}


def _typed(request: ConsoleRequest) -> dict[str, dict[str, str]]:
    return application_form.mapping(*(request.POST.getlist(name) for name in _LINES))


def _again(request: ConsoleRequest, found: Application, problems: dict[str, str]) -> HttpResponse:
    """The tab with what was typed, and what is wrong with it."""
    context = pages.provisioning_context(request, found)
    person, _ = pages.chosen_person(request.POST.get("person", ""), found)
    lines, told = [], set()
    for name, text, when in zip(*(request.POST.getlist(one) for one in _LINES), strict=False):
        if not name.strip() and not text.strip():
            continue
        path = f"mapping.{name.strip()}"
        path = next((p for p in problems if p == path or p.startswith(f"{path}.")), "")
        told.add(path)
        line = mapping_preview.Line(name, text, problem=problems.get(path, "") if path else "")
        if not problems:
            (line,) = mapping_preview.lines(found, {name: text}, person)
        lines.append((line, when))
    context["lines"] = lines
    context["base"] = request.POST.get("base", "")
    if problems:
        context |= {
            "wrong": "mapping",
            "others": [text for path, text in problems.items() if path not in told],
        }
    status = 422 if problems else 200
    return pages.show(request, found, "provisioning", context, status=status)
