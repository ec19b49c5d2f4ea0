"""What is written back into the records of a source: which names into which columns, how that
stands, and what a person decides about it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from tenure.catalogue.filling import complete_source
from tenure.configuration import editing
from tenure.console import source_edit
from tenure.console.page import ConsoleRequest, missing, render, signed_in
from tenure.console.waiting_item import plural
from tenure.people import selectors as people
from tenure.people.named import NAMES
from tenure.readers.base import ReaderError
from tenure.readers.registry import writable_columns
from tenure.signin.permissions import Ability
from tenure.sources import selectors as sources
from tenure.sources.models import Source
from tenure.writeback import previewing, selectors, steering
from tenure.writeback.models import WriteBack

_SHOWN = 200
_REASON = "Say why. The reason is kept in the audit trail."


@require_safe
@signed_in()
def write_back(request: ConsoleRequest, slug: str) -> HttpResponse:
    """All of it."""
    found = sources.source(slug)
    if found is None:
        return missing(request, "source", section="sources", back="console:sources")
    return _page(request, found)


@require_safe
@signed_in(needs=Ability.CONFIGURE)
def preview(request: ConsoleRequest, slug: str) -> HttpResponse:
    """The same, with what everybody's record lacks. Nothing is written."""
    found = sources.source(slug)
    if found is None:
        return missing(request, "source", section="sources", back="console:sources")
    try:
        told = previewing.preview(found)
    except ReaderError as error:
        messages.error(request, str(error))
        return redirect("console:source_write_back", slug)
    context = {
        "preview": told,
        "lacking": told.lacking[:_SHOWN],
        "more": max(0, len(told.lacking) - _SHOWN),
    }
    return _page(request, found, context)


@require_POST
@signed_in(needs=Ability.CONFIGURE)
def columns(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Which names go into which columns."""
    stored = editing.plain("sources", slug)
    if stored is None:
        return missing(request, "source", section="sources", back="console:sources")
    given = {name: request.POST.get(name, "").strip()[:200] for name in NAMES}
    values = {**stored, "write_back": {name: text for name, text in given.items() if text}}
    error = source_edit.save(slug, values, request.POST.get("seen", ""))
    if error:
        messages.error(request, f"Not kept. {error}")
    else:
        messages.success(request, "Saved. It is in force from the next import on.")
    return redirect("console:source_write_back", slug)


@require_POST
@signed_in(needs=Ability.CONFIGURE)
def steer(request: ConsoleRequest, slug: str) -> HttpResponse:
    """What is held is right or wrong; what failed is tried again; everybody gets what they lack."""
    found = sources.source(slug)
    if found is None:
        return missing(request, "source", section="sources", back="console:sources")
    do, reason = request.POST.get("do", ""), request.POST.get("reason", "").strip()[:1000]
    if do != "retry" and not reason:
        messages.error(request, f"Nothing was done. {_REASON}")
        return redirect("console:source_write_back", slug)
    try:
        match do:
            case "accept":
                told = f"{_records(steering.accept(found, reason=reason))} written now."
            case "reject":
                told = f"{_records(steering.reject(found, reason=reason))} forgotten."
            case "all":
                told = f"{_records(steering.write_all(found, reason=reason))} written now."
            case "retry":
                told = f"{_records(steering.retry(found, reason=reason))} tried now."
            case _:
                told = "Nothing was done."
        messages.success(request, told)
    except ReaderError as error:
        messages.error(request, str(error))
    return redirect("console:source_write_back", slug)


def _records(count: int) -> str:
    return f"{plural(count, 'record')} {'is' if count == 1 else 'are'}"


def _page(
    request: ConsoleRequest, found: Source, more: dict[str, Any] | None = None
) -> HttpResponse:
    state = request.GET.get("state", "")
    state = state if state in WriteBack.State.values else ""
    page = selectors.records(
        found, states=[state] if state else [], cursor=request.GET.get("at", ""), size=50
    )
    labels, _ = people.attribute_labels()
    stored = editing.plain("sources", found.slug)
    standing = selectors.standing(found)
    context = {
        "source": found,
        "standing": standing,
        "writable": writable(found),
        "names": [(name, labels.get(name, name), found.write_back.get(name, "")) for name in NAMES],
        "seen": editing.version(stored),
        "state": state,
        "states": [(s.value, s.label, standing.counts.get(s.value, 0)) for s in WriteBack.State],
        "page": page,
        "rows": [(row, _columns(found, row)) for row in page.rows],
        **(more or {}),
    }
    page_name = "console/source_write_back.html"
    return render(request, page_name, context, section="sources")


def _columns(source: Source, row: WriteBack) -> list[tuple[str, str, str]]:
    """(column, what was there, what is to be or is there)."""
    wanted = {source.write_back.get(name, name): text for name, text in row.wanted.items()}
    return [
        (column, row.was.get(column, ""), row.found.get(column, text))
        for column, text in wanted.items()
    ]


def writable(source: Source) -> list[str] | None:
    """The columns that the source takes back: none where it takes nothing; None: any."""
    try:
        settings = complete_source(source.catalogue_entry, source.reader, source.settings)
        found = writable_columns(source.reader, settings)
    except ReaderError:
        return []
    except (LookupError, ValueError):
        # Its settings are wrong, which is said elsewhere.
        return None
    return None if found is None else list(found)
