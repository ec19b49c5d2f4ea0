"""Access rules: all of them in their order, who gets an application and why, whom a condition
meets. Writing one is in `rule_edit`."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.core.cache import cache
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from tenure.applications import selectors as applications
from tenure.applications.models import Application
from tenure.configuration import editing
from tenure.console import completion
from tenure.console.page import ConsoleRequest, fragment, missing, refused, render, signed_in
from tenure.core.expressions import ExpressionError, Schema
from tenure.core.plain_conditions import read, spoken
from tenure.people import selectors as people
from tenure.people.models import Person
from tenure.provisioning.questions import access_list, matching
from tenure.rules import selectors
from tenure.rules.drafts import drafts
from tenure.rules.groups import group_definitions
from tenure.rules.models import AccessRule, RuleDraft
from tenure.signin.permissions import Ability, may

_LISTED = 50
#: Values of attributes are asked of everybody: for so many seconds the answer is kept.
_KEPT = 60
#: More people than that are gone through once the page stands.
AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Gift:
    """What a rule gives in one application, which may not exist yet."""

    slug: str
    application: Application | None
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A rule in the list. `rule` is None for a draft of one that is not there yet."""

    slug: str
    name: str
    description: str
    enabled: bool
    condition: str
    words: str
    gifts: list[Gift]
    rule: AccessRule | None = None
    draft: RuleDraft | None = None
    first: bool = False
    last: bool = False
    overlaps: list[tuple[str, int]] = field(default_factory=list)


@require_safe
@signed_in()
def rules(request: ConsoleRequest) -> HttpResponse:
    """All rules in their order, then drafts of new ones."""
    by_slug = _by_slug()
    schema, labels = matching.rule_schema(), people.attribute_labels()[0]
    rows, open_drafts = selectors.rules(), drafts()
    shown = [
        Shown(
            slug=rule.slug,
            name=rule.name,
            description=rule.description,
            enabled=rule.enabled,
            condition=rule.condition,
            words=in_words(rule.condition, schema, labels),
            gifts=gifts(rule.gives, by_slug),
            rule=rule,
            draft=open_drafts.pop(rule.slug, None),
            first=place == 0,
            last=place == len(rows) - 1,
        )
        for place, rule in enumerate(rows)
    ]
    shown += [_of_draft(draft, schema, labels, by_slug) for draft in open_drafts.values()]
    context = {
        "rows": shown,
        "gives": [row for row in by_slug.values() if any(row.slug in r.gives for r in rows)],
        "count": len(rows),
        "figures": {slug: (n, others) for slug, n, others in _figures(rows)}
        if "figures" in request.GET
        else {},
    }
    return render(request, "console/rules.html", context, section="rules")


@require_safe
@signed_in(by_itself=True)
def figures(request: ConsoleRequest) -> HttpResponse:
    """How many people meet each rule, and which overlap: asked for by the page once it stands."""
    shown = _figures(selectors.rules())
    return fragment(request, "console/parts/rule_figures.html", {"rows": shown})


def _figures(rows: list[AccessRule]) -> list[tuple[str, int | None, list[tuple[str, int]]]]:
    """Slug, how many meet it (None: it cannot be asked), with how many of which others."""
    found = matching.figures(rows)
    names = {row.slug: row.name for row in rows}
    return [
        (row.slug, found.people.get(row.slug), [(names[s], n) for s, n in found.overlaps(row.slug)])
        for row in rows
    ]


@require_POST
@signed_in(needs=Ability.CONFIGURE)
def move(request: ConsoleRequest, slug: str) -> HttpResponse:
    """One place up or down."""
    by = -1 if request.POST.get("do") == "up" else 1
    editing.move("rules", slug, by)
    return redirect("console:rules")


@require_safe
@signed_in()
def who_gets(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Everybody who should have an application, and by which rules or exceptions."""
    found = applications.application(slug)
    if found is None:
        return missing(request, "application", section="rules", back="console:rules")
    rule = request.GET.get("rule", "")
    context = {"application": found, "rule": rule, "later": _later(request)}
    if context["later"]:
        return render(request, "console/who_gets.html", context, section="rules")
    gets = access_list.who_gets(slug)
    page = access_list.page(gets, rule=rule, cursor=request.GET.get("at", ""), size=_LISTED)
    context |= {
        "gets": gets,
        "page": page,
        "rows": [(person, gets.reasons(person.pk)) for person in page.rows],
    }
    if request.headers.get("HX-Request"):
        return fragment(request, "console/parts/who_gets.html", context)
    return render(request, "console/who_gets.html", context, section="rules")


@require_safe
@signed_in()
def who_meets(request: ConsoleRequest) -> HttpResponse:
    """Everybody who meets a condition."""
    when = request.GET.get("when", "")[:8000]
    context: dict[str, object] = {"when": when, "name": request.GET.get("name", "")[:200]}
    context["words"] = in_words(when, matching.rule_schema(), people.attribute_labels()[0])
    context["later"] = _later(request)
    if context["later"]:
        return render(request, "console/who_meets.html", context, section="rules")
    try:
        reads = matching.reads(when)
        if reads & people.sensitive_attributes() and not may(request.administrator, Ability.SEE):
            return refused(request, Ability.SEE)
        ids = matching.meets(when)
    except ExpressionError as error:
        context["problem"] = str(error)
    else:
        page = access_list.people_page(ids, cursor=request.GET.get("at", ""), size=_LISTED)
        context |= {"count": len(ids), "page": page, "rows": [(person, ()) for person in page.rows]}
    if request.headers.get("HX-Request"):
        return fragment(request, "console/parts/who_meets.html", context)
    return render(request, "console/who_meets.html", context, section="rules")


@require_safe
@signed_in(by_itself=True)
def words(request: ConsoleRequest) -> HttpResponse:
    """What could come next in an expression."""
    before = request.GET.get("before", "")[-500:]
    schema, (labels, _) = matching.rule_schema(), people.attribute_labels()
    found = completion.suggestions(before, schema, {**labels, "groups": "Groups"}, values_of)
    return JsonResponse({"suggestions": [item.as_json() for item in found]})


def _later(request: ConsoleRequest) -> bool:
    """Whether everybody is gone through once the page stands: so many that one would wait."""
    asked = "now" in request.GET or bool(request.headers.get("HX-Request"))
    return not asked and people.count_everybody() > AT_ONCE


def values_of(name: str) -> list[tuple[str, int]]:
    """Values that people have, kept for a moment: a form asks for the same ones again and again."""
    if name == "groups":
        return [(group.slug, 0) for group in group_definitions()]
    key = f"values-{name}"
    found = cache.get(key)
    if not found:
        # That nobody has one yet is not kept: people may be on their way.
        found = people.values_of(name, limit=200)
        cache.set(key, found, _KEPT)
    return list(found)


def in_words(condition: str, schema: Schema, labels: dict[str, str]) -> str:
    """A condition that a form can show, in words; "" for any other."""
    plain = read(condition, schema)
    return spoken(plain, {**labels, "groups": "Groups"}) if plain is not None else ""


def gifts(gives: dict[str, list[str]], by_slug: dict[str, Application]) -> list[Gift]:
    """What a rule gives, application by application."""
    return [Gift(slug, by_slug.get(slug), tuple(keys)) for slug, keys in gives.items()]


def names_of(ids: list[int], limit: int = 8) -> list[Person]:
    """The first of these people."""
    return matching.first_of(ids, limit=limit)


def _of_draft(
    draft: RuleDraft, schema: Schema, labels: dict[str, str], by_slug: dict[str, Application]
) -> Shown:
    definition = draft.definition
    when = str(definition.get("when", ""))
    return Shown(
        slug=draft.slug,
        name=str(definition.get("name") or draft.slug),
        description=str(definition.get("description", "")),
        enabled=True,
        condition=when,
        words=in_words(when, schema, labels) if when else "",
        gifts=gifts(definition.get("give", {}), by_slug),
        draft=draft,
    )


def _by_slug() -> dict[str, Application]:
    return {row.slug: row for row in Application.objects.all()}
