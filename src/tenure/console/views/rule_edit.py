"""Writing an access rule: checked while it is typed, its effect looked at, then kept as a draft or
published. Two who write the same rule see each other, and neither overwrites the other.

Every button sends the whole form, so that it works without any script.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from tenure.audit import selectors as audit
from tenure.configuration import editing
from tenure.configuration.document import Rule
from tenure.configuration.problems import ConfigurationError
from tenure.console import conflicts, rule_form, rule_page
from tenure.console.edit_effect import AT_ONCE as EFFECT_AT_ONCE
from tenure.console.edit_effect import described
from tenure.console.page import ConsoleRequest, fragment, missing, render, signed_in
from tenure.console.rule_form import RuleForm
from tenure.console.views.rules import AT_ONCE
from tenure.core.expressions import ExpressionError, compile_condition
from tenure.people import selectors as people
from tenure.provisioning.questions import matching
from tenure.provisioning.questions.rule_effects import effect_of_rule
from tenure.rules import drafts
from tenure.rules.models import AccessRule, RuleDraft
from tenure.signin.permissions import Ability


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.CONFIGURE)
def edit(request: ConsoleRequest, slug: str = "") -> HttpResponse:
    """The form, and what its buttons do."""
    schema = matching.rule_schema()
    stored = editing.plain("rules", slug) if slug else None
    draft = drafts.draft(slug) if slug else None
    if slug and stored is None and draft is None:
        return missing(request, "rule", section="rules", back="console:rules")
    if request.method != "POST":
        form = _opened(request, slug, stored, draft, schema)
        if draft is not None and "published" not in request.GET:
            return _page(request, form, seen=draft.base, base=draft.began, draft=draft)
        return _page(request, form, seen=editing.version(stored), base=stored, draft=draft)
    form = rule_form.from_given(request.POST, schema)
    form.slug = slug
    do = request.POST.get("do", "check")
    seen, base = request.POST.get("seen", ""), conflicts.read(request.POST.get("base", ""))
    if do in ("draft", "publish", "review"):
        return _save(request, form, do=do, seen=seen, base=base, draft=draft)
    form = rule_form.steps(form, do, schema)
    status = 422 if form.errors else 200
    return _page(request, form, seen=seen, base=base, draft=draft, status=status)


@require_POST
@signed_in(needs=Ability.CONFIGURE, by_itself=True)
def check(request: ConsoleRequest) -> HttpResponse:
    """Whether what stands in the form is right, and whom it meets."""
    form = rule_form.from_given(request.POST, matching.rule_schema())
    return fragment(request, "console/parts/rule_check.html", rule_page.checked(form))


@require_POST
@signed_in(needs=Ability.CONFIGURE, by_itself=True)
def rows(request: ConsoleRequest) -> HttpResponse:
    """The rows of the form anew, when another attribute was chosen, or a row added or dropped."""
    schema = matching.rule_schema()
    form = rule_form.from_given(request.POST, schema)
    form = rule_form.steps(form, request.POST.get("do", ""), schema)
    return fragment(request, "console/parts/rule_rows.html", rule_page.rows(form))


@require_POST
@signed_in(needs=Ability.CONFIGURE, by_itself=True)
def effect(request: ConsoleRequest) -> HttpResponse:
    """What publishing would change, for a page that stands already."""
    form = rule_form.from_given(request.POST, matching.rule_schema())
    slug = str(request.POST.get("rule", ""))
    return fragment(request, "console/parts/edit_effect.html", rule_page.effect_of_form(slug, form))


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.CONFIGURE)
def remove(request: ConsoleRequest, slug: str) -> HttpResponse:
    """What removing the rule would change, and doing it; a draft alone is discarded."""
    stored = editing.plain("rules", slug)
    draft = drafts.draft(slug)
    if request.method == "POST" and request.POST.get("do") == "discard":
        if drafts.discard(slug):
            messages.success(request, "The draft is discarded.")
        return redirect("console:rules")
    if stored is None:
        return missing(request, "rule", section="rules", back="console:rules")
    if request.method == "POST":
        try:
            with transaction.atomic():
                editing.edit("rules", slug, None, seen=request.POST.get("seen", ""))
                drafts.discard(slug)
        except editing.Overtaken:
            messages.warning(request, "Somebody changed this rule meanwhile. Look again.")
            return redirect("console:rule_remove", slug)
        messages.success(request, f"{stored['name']} is removed.")
        return redirect("console:rules")
    # The whole page is asked for once more, of which only the effect is taken.
    patient = "now" in request.GET or request.headers.get("HX-Request")
    count = people.count_everybody()
    context = {
        "slug": slug,
        "name": stored["name"],
        "seen": editing.version(stored),
        "draft": draft,
        "count": count,
        "later": count > EFFECT_AT_ONCE and not patient,
    }
    if not context["later"]:
        context |= described(effect_of_rule(slug, None), of="rule")
    return render(request, "console/rule_remove.html", context, section="rules")


def _save(
    request: ConsoleRequest,
    form: RuleForm,
    *,
    do: str,
    seen: str,
    base: dict[str, Any] | None,
    draft: RuleDraft | None,
) -> HttpResponse:
    schema = matching.rule_schema()
    rule = form.rule(schema)
    if rule is not None:
        _compile(form, rule)
    if rule is None or form.errors:
        return _page(request, form, seen=seen, base=base, draft=draft, status=422)
    slug = form.slug or rule_form.slug_for(rule.name, _taken)
    if do == "review":
        return _review(request, form, rule, slug, seen=seen, base=base, draft=draft)
    try:
        if do == "draft":
            number = request.POST.get("draft", "0")
            count = int(number) if number.isdecimal() else 0
            plain = editing.as_plain("rules", rule, slug)
            drafts.save_draft(slug=slug, definition=plain, base=seen, began=base, seen=count)
            messages.success(request, f"{rule.name} is kept as a draft. Nobody gets anything yet.")
            return redirect("console:rule", slug)
        with transaction.atomic():
            editing.edit("rules", slug, rule, seen=seen)
            drafts.discard(slug)
    except ConfigurationError as error:
        form.errors.update(_told(error, slug))
        return _page(request, form, seen=seen, base=base, draft=draft, status=422)
    except drafts.DraftOvertaken as overtaken:
        theirs = overtaken.now.definition if overtaken.now else None
        row = overtaken.now
        return _conflict(request, form, rule, slug, base=base, theirs=theirs, of_draft=row)
    except editing.Overtaken as overtaken:
        return _conflict(request, form, rule, slug, base=base, theirs=overtaken.now)
    messages.success(request, f"{rule.name} is in force. What follows from it is in the plan.")
    return redirect("console:start" if request.POST.get("back") == "start" else "console:rules")


def _review(
    request: ConsoleRequest,
    form: RuleForm,
    rule: Rule,
    slug: str,
    *,
    seen: str,
    base: dict[str, Any] | None,
    draft: RuleDraft | None,
) -> HttpResponse:
    met = matching.meets(rule.when)
    context: dict[str, Any] = {
        "form": form,
        "rule": rule,
        "slug": slug,
        "is_new": base is None,
        "seen": seen,
        "base": conflicts.write(base),
        "draft": draft,
        "fields": _fields(request),
        "changed": conflicts.changed(base, editing.as_plain("rules", rule, slug)),
        "later": len(met) > EFFECT_AT_ONCE and request.POST.get("now") != "1",
        "count": len(met),
        "back": request.POST.get("back", ""),
    }
    if not context["later"]:
        context |= rule_page.effect_of_form(slug, form)
    return render(request, "console/rule_review.html", context, section="rules")


def _conflict(
    request: ConsoleRequest,
    form: RuleForm,
    rule: Rule,
    slug: str,
    *,
    base: dict[str, Any] | None,
    theirs: Mapping[str, Any] | None,
    of_draft: RuleDraft | None = None,
) -> HttpResponse:
    """Somebody was quicker: what they changed, what you would change, and the choice."""
    mine = editing.as_plain("rules", rule, slug)
    last = audit.last_change("rule_draft" if of_draft else "rule", slug)
    context = {
        "name": rule.name,
        "slug": slug,
        "lines": conflicts.three_ways(base, theirs, mine),
        "gone": theirs is None,
        "who": of_draft.saved_by if of_draft else last.actor if last else "",
        "when": of_draft.saved_at if of_draft else last.at if last else None,
        "fields": _fields(request),
        "seen": request.POST.get("seen", "") if of_draft else editing.version(theirs),
        "base": conflicts.write(theirs),
        "draft_version": of_draft.version if of_draft else request.POST.get("draft", "0"),
        "do": request.POST.get("do", "publish"),
    }
    return render(request, "console/conflict.html", context, section="rules", status=409)


def _page(
    request: ConsoleRequest,
    form: RuleForm,
    *,
    seen: str,
    base: dict[str, Any] | None,
    draft: RuleDraft | None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "form": form,
        "seen": seen,
        "base": conflicts.write(base),
        "is_new": base is None,
        "draft": draft,
        "choices": rule_page.choices(form),
        "changes": audit.changes_of("rule", form.slug) if form.slug else [],
        "stale": draft is not None
        and draft.base != editing.version(editing.plain("rules", form.slug)),
        "back": request.GET.get("back", request.POST.get("back", "")),
        **rule_page.rows(form),
        **(rule_page.checked(form) if _at_once(request, form) else {"unchecked": True}),
    }
    return render(request, "console/rule.html", context, section="rules", status=status)


def _at_once(request: ConsoleRequest, form: RuleForm) -> bool:
    """Whether whom it meets is said with the page, or asked for by the page once it stands."""
    return request.method == "POST" or bool(form.slug and people.count_everybody() <= AT_ONCE)


def _opened(
    request: ConsoleRequest,
    slug: str,
    stored: dict[str, Any] | None,
    draft: RuleDraft | None,
    schema: Any,
) -> RuleForm:
    if draft is not None and "published" not in request.GET:
        return rule_form.from_rule(slug, draft.definition, schema)
    if stored is not None:
        return rule_form.from_rule(slug, stored, schema)
    given = request.GET.get("application", "")
    gives: dict[str, list[str]] = {given: []} if given else {}
    return rule_form.steps(RuleForm(gives=gives), "add", schema)


def _fields(request: ConsoleRequest) -> list[tuple[str, str]]:
    """What was typed, to be sent again by another page."""
    own = {"csrfmiddlewaretoken", "do", "seen", "base", "draft", "back", "now"}
    return [
        (name, str(value))
        for name, values in request.POST.lists()
        if name not in own
        for value in values
    ]


def _compile(form: RuleForm, rule: Rule) -> None:
    try:
        compile_condition(rule.when, matching.rule_schema())
    except ExpressionError as error:
        form.errors["when"] = str(error)


def _told(error: ConfigurationError, slug: str) -> dict[str, str]:
    """Problems by field of the form; what is not this rule's stands above it."""
    found: dict[str, str] = {}
    for problem in error.problems:
        path = problem.path.removeprefix(f"rules.{slug}.")
        name = path.split(".")[0] if path != problem.path else ""
        text = problem.message if name else f"{problem.path}: {problem.message}"
        found[name] = f"{found[name]} {text}" if name in found else text
    return found


def _taken(slug: str) -> bool:
    return AccessRule.objects.filter(slug=slug).exists() or drafts.draft(slug) is not None
