"""Groups of people that access rules speak of: who is in them by what they are, and by name."""

from __future__ import annotations

import re
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from pydantic import ValidationError

from tenure.configuration import editing
from tenure.configuration.document import Group
from tenure.configuration.problems import ConfigurationError
from tenure.configuration.reading import explain
from tenure.console import conflicts, edit_effect, overtaken
from tenure.console.page import ConsoleRequest, fragment, missing, render, signed_in
from tenure.console.views.rules import AT_ONCE, in_words
from tenure.core.expressions import ExpressionError, compile_condition
from tenure.core.names import slug as slug_of
from tenure.people import selectors as people
from tenure.people.services import schema
from tenure.provisioning.questions import matching
from tenure.provisioning.questions.group_effects import effect_of_group, members
from tenure.rules import selectors
from tenure.rules.groups import GroupDefinition, group_definitions
from tenure.rules.models import AccessRule
from tenure.signin.permissions import Ability

_LABELS = {"name": "name", "when": "who by what they are", "people": "who by name"}
#: Addresses of pages here.
_TAKEN = frozenset({"new", "check", "effect"})
_LONGEST = 60_000
_FACES = 6


@require_safe
@signed_in()
def groups(request: ConsoleRequest) -> HttpResponse:
    """All of them, and which rules speak of them."""
    labels, _ = people.attribute_labels()
    rules = selectors.rules()
    rows = [
        (group, in_words(group.condition, schema(), labels), _speaking(group.slug, rules))
        for group in group_definitions()
    ]
    return render(request, "console/groups.html", {"rows": rows}, section="rules")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.CONFIGURE)
def group(request: ConsoleRequest, slug: str = "") -> HttpResponse:
    """A new one, or changing or removing one."""
    stored = editing.plain("groups", slug) if slug else None
    if slug and stored is None and request.method != "POST":
        return missing(request, "group", section="rules", back="console:groups")
    values = _shown(stored or {})
    seen, base = editing.version(stored), conflicts.write(stored)
    errors: dict[str, str] = {}
    if request.method == "POST":
        seen, base = request.POST.get("seen", ""), request.POST.get("base", "")
        values = {name: request.POST.get(name, "").strip()[:_LONGEST] for name in values}
        if request.POST.get("do") != "edit":
            review = request.POST.get("do") == "review"
            make = _review if review else _save
            answer = make(request, slug, values, seen, base)
            if isinstance(answer, HttpResponse):
                return answer
            errors = answer
    context = {
        "slug": slug,
        "values": values,
        "errors": errors,
        "seen": seen,
        "base": base,
        "rules": _speaking(slug, selectors.rules()) if slug else [],
        "later": people.count_everybody() > AT_ONCE,
    }
    if not context["later"]:
        context |= _who(values)
    status = 422 if errors else 200
    return render(request, "console/group.html", context, section="rules", status=status)


@require_POST
@signed_in(needs=Ability.CONFIGURE, by_itself=True)
def check(request: ConsoleRequest) -> HttpResponse:
    """Who is in it, while it is written."""
    values = {name: request.POST.get(name, "").strip()[:_LONGEST] for name in ("when", "people")}
    return fragment(request, "console/parts/group_check.html", _who(values))


@require_POST
@signed_in(needs=Ability.CONFIGURE, by_itself=True)
def effect(request: ConsoleRequest) -> HttpResponse:
    """What saving it would change, for a page that stands already."""
    values = {name: request.POST.get(name, "").strip()[:_LONGEST] for name in _LABELS}
    slug = request.POST.get("slug", "")
    return fragment(request, "console/parts/edit_effect.html", _effect(slug, values))


def _review(
    request: ConsoleRequest, slug: str, values: dict[str, str], seen: str, base: str
) -> HttpResponse | dict[str, str]:
    """What it would change, before it is saved; or what is wrong with it."""
    plain = {"name": values["name"], "when": values["when"] or None}
    numbers = _numbers(values["people"])
    before = conflicts.read(base) or {}
    try:
        item = Group.model_validate(plain | {"people": numbers})
        was = members(before.get("when") or "", before.get("people") or ())
        moved = was ^ members(values["when"], numbers)
    except ValidationError as error:
        return _misfits(error)
    except ExpressionError as error:
        return {"when": error.message}
    name = slug or slug_of(values["name"])
    context: dict[str, Any] = {
        "name": values["name"],
        "section_name": "Groups",
        "back": reverse("console:groups"),
        "action": request.path,
        "effect_at": reverse("console:group_effect"),
        "changed": conflicts.changed(before, editing.as_plain("groups", item, name)),
        "labels": _LABELS,
        "is_new": not slug,
        "fields": [*values.items(), ("slug", slug)],
        "seen": seen,
        "base": base,
        "count": len(moved),
        "later": len(moved) > edit_effect.AT_ONCE and request.POST.get("now") != "1",
    }
    if not context["later"]:
        context |= _effect(slug, values)
    return render(request, "console/edit_review.html", context, section="rules")


def _effect(slug: str, values: dict[str, str]) -> dict[str, Any]:
    name = slug or slug_of(values["name"])
    people = _numbers(values["people"])
    try:
        definition = GroupDefinition(name, values["name"], values["when"], people)
        return edit_effect.described(effect_of_group(name, definition), of="group")
    except ExpressionError as error:
        return {"failure": str(error)}


def _misfits(error: ValidationError) -> dict[str, str]:
    found = {str((one["loc"] or ("",))[0]): explain(dict(one)) for one in error.errors()}
    return {key or "when": message for key, message in found.items()}


def _save(
    request: ConsoleRequest, slug: str, values: dict[str, str], seen: str, base: str
) -> HttpResponse | dict[str, str]:
    remove = request.POST.get("do") == "remove"
    name = slug or slug_of(values["name"])
    plain = {"name": values["name"], "when": values["when"] or None}
    try:
        whole = plain | {"people": _numbers(values["people"])}
        item = None if remove else Group.model_validate(whole)
        if not name or name in _TAKEN:
            return {"name": "Give it another name, of letters or digits: rules call it by that."}
        if not slug and editing.plain("groups", name) is not None:
            return {"name": f"There is a group {name} already. Give this one another name."}
        editing.edit("groups", name, item, seen=seen)
    except ValidationError as error:
        return _misfits(error)
    except ConfigurationError as error:
        return _wrong(error, remove=remove)
    except editing.Overtaken as taken:
        mine = editing.as_plain("groups", item, name) if item else {}
        lines = conflicts.three_ways(conflicts.read(base), taken.now, mine)
        return overtaken.answer(
            request, values["name"] or name, lines, taken,
            kind="group", keep_url=request.path, labels=_LABELS, section="rules",
        )  # fmt: skip
    if remove:
        messages.success(request, f"{values['name']} is removed.")
    else:
        spoken = [rule.name for rule in _speaking(name, selectors.rules())]
        what = f"The plan is worked out anew for {', '.join(spoken)}." if spoken else (
            f'No rule speaks of it yet: write one with "{name}" in user.groups.'
        )  # fmt: skip
        messages.success(request, f"{values['name']} is saved. {what}")
    return redirect("console:groups")


def _wrong(error: ConfigurationError, *, remove: bool) -> dict[str, str]:
    """Said at the field; of a group that rules still speak of, at the top."""
    found: dict[str, str] = {}
    for problem in error.problems:
        part = problem.path.split(".")
        at = part[2].split("[")[0] if part[0] == "groups" and len(part) > 2 else ""
        message = problem.message
        if remove and part[0] == "rules":
            message = f"The rule {part[1]} still speaks of it. Change or remove that rule first."
        found.setdefault(at, message)
    return found


def _shown(stored: dict[str, Any]) -> dict[str, str]:
    return {
        "name": stored.get("name") or "",
        "when": stored.get("when") or "",
        "people": "\n".join(stored.get("people") or ()),
    }


def _numbers(text: str) -> list[str]:
    """Employee numbers, one a line or with commas."""
    return [one for one in re.split(r"[\s,;]+", text) if one]


def _speaking(slug: str, rules: list[AccessRule]) -> list[AccessRule]:
    """The rules that name it."""
    named = re.compile(rf"""["']{re.escape(slug)}["']""")
    return [r for r in rules if "user.groups" in r.condition and named.search(r.condition)]


def _who(values: dict[str, str]) -> dict[str, Any]:
    """Who is in it: what is wrong with the condition, how many and the first of them, and numbers
    that are nobody's."""
    numbers = _numbers(values["people"])
    by_number = people.people_by_number(numbers)
    unknown = [number for number in numbers if number not in by_number]
    context: dict[str, Any] = {"unknown": unknown, "empty": not numbers and not values["when"]}
    ids = {person.pk for person in by_number.values()}
    if values["when"]:
        try:
            ids |= set(matching.who_meets(compile_condition(values["when"], schema())))
        except ExpressionError as error:
            return {**context, "problem": error.message}
    first = matching.first_of(sorted(ids), limit=_FACES)
    return {**context, "count": len(ids), "first": first}
