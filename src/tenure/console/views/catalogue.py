"""The catalogue: search, and one application's page in three tabs. What is shown of an application
is its entry; nothing is asked of the application itself. Adding it is in `catalogue_add`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from tenure.applications import selectors
from tenure.catalogue import filling, pages
from tenure.catalogue.entry import CATEGORIES, CHECKED, Entry
from tenure.catalogue.index import Listed, listed
from tenure.catalogue.loading import UnknownEntry
from tenure.catalogue.loading import entry as read_entry
from tenure.catalogue.search import filters, search
from tenure.configuration.proposing import block, prepare
from tenure.console.page import ConsoleRequest, fragment, missing, render, signed_in


@require_safe
@signed_in()
def catalogue(request: ConsoleRequest) -> HttpResponse:
    """Everything, or what is searched for. For htmx, only the tiles."""
    text = request.GET.get("q", "").strip()[:200]
    category = request.GET.get("category", "")
    wanted = [name for name in request.GET.getlist("can") if name in filters()]
    if category not in CATEGORIES:
        category = ""
    found = search(text, category=category, can=wanted)
    used = selectors.from_catalogue()
    context = {
        "shelves": _shelves(found, used, whole=bool(text)),
        "count": len(found),
        "search": text,
        "narrowed": bool(text or category or wanted),
    }
    if request.headers.get("HX-Request"):
        return fragment(request, "console/parts/catalogue.html", context)
    everything = listed()
    context |= {
        "total": len(everything),
        "automatic": sum(row.automatic for row in everything),
        "category": category,
        "categories": [
            (slug, title)
            for slug, title in CATEGORIES.items()
            if any(row.category == slug for row in everything)
        ],
        "filters": [(name, title, name in wanted) for name, title in filters().items()],
    }
    return render(request, "console/catalogue.html", context, section="catalogue")


@require_safe
@signed_in()
def entry(request: ConsoleRequest, slug: str, tab: str = "general") -> HttpResponse:
    """One application: General, Single sign-on or Provisioning."""
    found = _entry(slug)
    if found is None:
        return _missing(request)
    context = {
        "entry": found,
        "tab": tab,
        "category": CATEGORIES[found.category],
        "capabilities": pages.capabilities(found),
        "steps": getattr(found.instructions, tab),
        "sso_facts": pages.sso_facts(found),
        "provisioning_facts": pages.provisioning_facts(found),
        "about_sso": pages.ABOUT_SSO,
        "not_yet_provisioning": pages.NOT_YET_PROVISIONING,
        "checked": CHECKED[found.checked.how],
        "sources": [(source, pages.BY[source.by]) for source in found.sources],
        "used": selectors.from_catalogue().get(slug, ()),
        "example": _block(found) if tab == "provisioning" else "",
    }
    return render(request, "console/entry.html", context, section="catalogue")


def _shelves(
    found: Sequence[Listed], used: Mapping[str, object], *, whole: bool
) -> list[tuple[str, list[tuple[Listed, bool]]]]:
    """What was found: the best first where words were looked for, otherwise by category."""
    if whole:
        return [("", [(row, row.slug in used) for row in found])] if found else []
    return [
        (title, rows)
        for category, title in CATEGORIES.items()
        if (rows := [(row, row.slug in used) for row in found if row.category == category])
    ]


def _entry(slug: str) -> Entry | None:
    try:
        return read_entry(slug)
    except UnknownEntry:
        return None


def _missing(request: ConsoleRequest) -> HttpResponse:
    return missing(request, "entry", section="catalogue", back="console:catalogue")


def _block(found: Entry) -> str:
    return block(*prepare(found, answers=filling.examples(found)))
