"""Whose the records of a source are: by what they are tied to people, when it is asked, and who may
be back. Checked as it is chosen, tried on the people who are here, and only then kept."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from tenure.configuration import editing
from tenure.console import source_edit, source_setup, source_steps, whose_form
from tenure.console.page import ConsoleRequest, fragment, missing, render, signed_in
from tenure.people import selectors as people
from tenure.people.models import Person
from tenure.readers.base import ReaderError
from tenure.setup import looking, source_drafts
from tenure.signin.permissions import Ability
from tenure.sources import selectors, whose
from tenure.sources.models import SourceRecord
from tenure.sources.whose import Record, Rules, Trial

#: With more people than this it is tried when somebody asks for it, not at every change.
_AT_ONCE: Final = 5_000
_PAGE = "console/source_whose.html"
_PART = "console/parts/source_trial.html"


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.CONFIGURE)
def edit(request: ConsoleRequest, slug: str) -> HttpResponse:
    """The form; what it would come to; and keeping what was looked at."""
    definition = source_setup.definition(slug)
    if definition is None or not definition.get("mapping"):
        return missing(request, "source", section="sources", back="console:sources")
    rules = whose_form.rules_in(definition)
    seen = editing.version(editing.plain("sources", slug))
    context: dict[str, Any] = {}
    if request.method == "POST":
        rules, seen = whose_form.from_given(request.POST), request.POST.get("seen", "")
        looked_at = request.POST.get("tried") == whose_form.digest(rules)
        if request.POST.get("do") == "save" and looked_at:
            error = _keep(slug, definition, rules, seen)
            if not error:
                messages.success(request, "Kept. It is in force for every record from now on.")
                return redirect(_onward(request, slug))
            context["not_kept"] = error
        elif request.POST.get("do") == "save":
            context["changed"] = True
        context |= _tried(slug, definition, rules, ask=True)
    else:
        context |= _tried(slug, definition, rules, ask="try" in request.GET)
    context |= {
        "slug": slug,
        "name": definition["name"],
        "drafted": source_drafts.draft(slug) is not None,
        "seen": seen,
        "same": whose_form.same_rows(rules),
        "groups": [
            ("suggest", "Then it is asked", whose_form.alike_rows(rules.suggest)),
            ("rehire", "Who may be back", whose_form.alike_rows(rules.rehire)),
        ],
        **whose_form.choices(definition),
        **source_steps.frame(request, slug, definition),
    }
    wrong = context.get("error") or context.get("not_kept")
    return render(request, _PAGE, context, section="sources", status=422 if wrong else 200)


@require_POST
@signed_in(needs=Ability.CONFIGURE, by_itself=True)
def check(request: ConsoleRequest, slug: str) -> HttpResponse:
    """What is chosen, while it is chosen. Nothing is kept."""
    definition = source_setup.definition(slug)
    if definition is None:
        return missing(request, "source", section="sources", back="console:sources")
    rules = whose_form.from_given(request.POST)
    return fragment(request, _PART, {"slug": slug, **_tried(slug, definition, rules, ask=False)})


def _tried(slug: str, definition: dict[str, Any], rules: Rules, *, ask: bool) -> dict[str, Any]:
    """What is wrong with the rules, or what they come to. `ask`: however long that takes."""
    error = source_setup.wrong(slug, {**definition, **whose_form.as_written(rules)})
    context: dict[str, Any] = {"error": error, "notes": _notes(rules)}
    if error:
        return context
    if not ask and Person.objects.count() > _AT_ONCE:
        return {**context, "later": True}
    try:
        trial = whose.attempt(slug, rules, _records(slug, definition))
    except (ReaderError, ValueError) as problem:
        return {**context, "unread": str(problem)}
    labels, _ = people.attribute_labels()
    return {
        **context,
        "trial": trial,
        "tried": whose_form.digest(rules),
        "tied": [(_label(by, labels), count) for by, count in trial.tied.most_common()],
        "kinds": _kinds(trial, labels),
        "sure": sum(trial.tied.values()),
    }


def _records(slug: str, definition: dict[str, Any]) -> list[Record]:
    """Those that were taken; of a source that was not read yet, its first rows."""
    source = selectors.source(slug)
    if source is not None and SourceRecord.objects.filter(source=source).exists():
        return whose.records_of(source)
    drafted = source_drafts.as_source(slug, definition)
    return whose.with_owners(slug, looking.mapped(drafted, limit=whose.LAST))


def _notes(rules: Rules) -> list[str]:
    """What is allowed, and seldom meant."""
    found = []
    if not rules.by_number:
        found.append(
            "The employee number ties nobody: a record whose number somebody else has is refused. "
            "Give its numbers a beginning of their own in the columns."
        )
    for names in rules.suggest:
        if set(names) < {"given_name", "family_name", "display_name", "preferred_name"}:
            found.append("Names alone are shared by many: it is asked about every namesake.")
            break
    return found


def _kinds(trial: Trial, labels: dict[str, str]) -> list[tuple[str, str, list[tuple[Any, str]]]]:
    """Outcome, its heading, and examples with by what, in words."""
    titles = {
        "moved": "Tied to somebody else than now",
        "asked": "Asked",
        "back": "May be back under a new number",
        "clash": "Refused: somebody else has the number",
        "new": "New people",
        "tied": "Tied",
    }
    return [
        (kind, title, [(one, _label(one.by, labels)) for one in trial.examples[kind]])
        for kind, title in titles.items()
        if kind in trial.examples
    ]


def _label(by: str, labels: dict[str, str]) -> str:
    words = by.replace(",", " ,").split(" ")
    return " ".join(labels.get(word, word) for word in words).replace(" ,", ",")


def _keep(slug: str, definition: dict[str, Any], rules: Rules, seen: str) -> str:
    """Into the draft, where one is begun, or the configuration. Returns what is wrong."""
    written = {**definition, **whose_form.as_written(rules)}
    if source_drafts.draft(slug) is not None:
        error = source_setup.wrong(slug, written)
        if not error:
            source_drafts.save(slug, written)
        return error
    return source_edit.save(slug, written, seen)


def _onward(request: ConsoleRequest, slug: str) -> str:
    if source_drafts.draft(slug) is not None:
        return source_steps.with_back(request, reverse("console:source_check", args=[slug]))
    return reverse("console:source", args=[slug])
