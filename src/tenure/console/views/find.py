"""One search for people, applications and rules; straight to it where there is only one."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from tenure.applications import selectors as applications
from tenure.console import commands
from tenure.console.page import ConsoleRequest, fragment, render, signed_in
from tenure.people import selectors as people
from tenure.people.searching import words
from tenure.rules import selectors as rules
from tenure.signin.permissions import abilities
from tenure.sources import selectors as sources

_MOST = 20
_MOST_IN_PALETTE = 6


@require_safe
@signed_in()
def find(request: ConsoleRequest) -> HttpResponse:
    """What was found."""
    search = request.GET.get("q", "").strip()[:200]
    wanted = words(search)
    found_people = people.people_page(search=search, size=_MOST) if wanted else None
    found_applications = [
        row.application
        for row in applications.applications()
        if _fits(wanted, row.application.name)
    ]
    found_rules = [rule for rule in rules.rules() if _fits(wanted, rule.name)]
    persons = found_people.rows if found_people else ()
    if len(persons) == 1 and not found_applications and not found_rules:
        return redirect("console:person", persons[0].uid)
    if len(found_applications) == 1 and not persons and not found_rules:
        return redirect("console:application", found_applications[0].slug)
    context = {
        "search": search,
        "people": persons,
        "more": bool(found_people and found_people.next),
        "applications": found_applications,
        "rules": found_rules,
    }
    return render(request, "console/find.html", context)


@require_safe
@signed_in()
def palette(request: ConsoleRequest) -> HttpResponse:
    """What the palette offers for what is typed: people, applications, rules, sources, pages and
    actions."""
    search = request.GET.get("q", "").strip()[:200]
    wanted = words(search)
    names = applications.application_names()
    found = people.people_page(search=search, size=_MOST_IN_PALETTE).rows if wanted else ()
    mine = abilities(request.administrator)
    context = {
        "search": search,
        "people": found,
        "applications": applications.named(
            [s for s, n in names.items() if _fits(wanted, n)][:_MOST_IN_PALETTE]
        ),
        "rules": [row for row in rules.rules() if _fits(wanted, row.name)][:_MOST_IN_PALETTE]
        if wanted
        else (),
        "sources": [item for item in sources.source_names().items() if _fits(wanted, item[1])][
            :_MOST_IN_PALETTE
        ],
        "pages": commands.fitting(commands.pages(mine), search),
        "actions": commands.fitting(commands.actions(mine), search),
    }
    return fragment(request, "console/parts/palette.html", context)


def _fits(wanted: list[str], name: str) -> bool:
    """Whether every word that is looked for begins a word of the name."""
    have = words(name)
    return bool(wanted) and all(any(word.startswith(w) for word in have) for w in wanted)
