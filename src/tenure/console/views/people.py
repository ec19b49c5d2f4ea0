"""The list of people: searched, filtered, in the columns that somebody wants, kept under a name,
and taken away as a file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from tenure.applications import selectors as applications
from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.console import look, people_list, saved_views
from tenure.console.page import ConsoleRequest, fragment, render, signed_in
from tenure.console.people_list import BY_HAND, DEFAULT, PROBLEMS, Wanted
from tenure.infra.csv_export import download
from tenure.people import selectors
from tenure.people.models import Person
from tenure.sources import selectors as sources

#: People are counted no further than this: a list is not read to its end to say how long it is.
COUNTED = 2_000
_BATCH = 2000


@require_safe
@signed_in()
def people(request: ConsoleRequest) -> HttpResponse:
    """People, searched and filtered. While somebody types, only the list is sent."""
    wanted = people_list.read(request.GET)
    found = people_list.people(wanted)
    page = selectors.page_of(found, request.GET.get("at", ""))
    states = selectors.people_by_state()
    total = sum(states.values())
    columns = wanted.columns or DEFAULT
    labels = people_list.column_labels()
    views = saved_views.views_for(request.administrator)
    context = {
        "wanted": wanted,
        "query": wanted.query,
        "chips": _chips(wanted, states),
        "everybody": wanted.but(state=""),
        "total": total,
        # The numbers of the states are of everybody: beside another filter they would mislead.
        "counted": not wanted.narrowed_otherwise,
        "count": _count(wanted, states, found),
        "page": page,
        "rows": people_list.rows(page.rows, columns),
        "heads": [(name, labels[name]) for name in columns],
        "views": [(v, v.query == wanted.query, v.owner == request.administrator) for v in views],
        "kept": next((v for v in views if v.query == wanted.query), None),
    }
    if request.headers.get("HX-Target") == "people":
        answer = fragment(request, "console/parts/people.html", context)
        answer["HX-Push-Url"] = _address(wanted.query)
        return answer
    context |= {
        "departments": selectors.departments(),
        "sources": {**sources.source_names(), BY_HAND: "Added by hand"},
        "applications": applications.application_names(),
        "problems": PROBLEMS,
        "columns": [(name, label, name in columns) for name, label in labels.items()],
        "usual": not wanted.columns,
    }
    return render(request, "console/people.html", context, section="people")


@require_safe
@signed_in()
def export(request: ConsoleRequest) -> StreamingHttpResponse:
    """Everybody on the list as CSV, with its columns. Who took it away is recorded."""
    wanted = people_list.read(request.GET)
    columns = [name for name in (wanted.columns or DEFAULT) if name != "state"]
    labels = people_list.column_labels()
    head = ["Name", "Work e-mail", "Employee number", "State"]
    for name in columns:
        head += {"work": ["Job title", "Department"], "days": ["First day", "Last day"]}.get(
            name, [labels[name]]
        )
    record(
        Action.PEOPLE_EXPORTED,
        subject_kind="export",
        subject_key="people",
        subject_label="List of people",
        after={"filter": wanted.query, "columns": head},
    )
    day = timezone.localdate().isoformat()
    return download(f"people-{day}.csv", head, _lines(wanted, columns))


@require_POST
@signed_in(anybody_may_post=True)
def save_view(request: ConsoleRequest) -> HttpResponse:
    """Keep the list as it is under a name."""
    wanted = people_list.read(QueryDict(request.POST.get("query", "")[:2000]))
    try:
        row = saved_views.save_view(
            user=request.administrator,
            name=request.POST.get("name", ""),
            query=wanted.query,
            shared=request.POST.get("shared") == "yes",
        )
        messages.success(request, f"Kept as “{row.name}”.")
    except saved_views.CannotSave as error:
        messages.error(request, str(error))
    return _back(wanted.query)


@require_POST
@signed_in(anybody_may_post=True)
def remove_view(request: ConsoleRequest, pk: int) -> HttpResponse:
    """Forget a view of one's own."""
    try:
        name = saved_views.remove_view(user=request.administrator, pk=pk)
        messages.success(request, f"“{name}” is forgotten. Nobody on it was changed.")
    except LookupError as error:
        messages.error(request, str(error))
    return _back("")


def _chips(wanted: Wanted, states: dict[Any, int]) -> list[tuple[str, str, int, bool]]:
    """(address, word, how many in all, whether it is on) of each state that there is."""
    return [
        (wanted.but(state=state.value), look.PERSON[state.value].word, n, wanted.state == state)
        for state, n in states.items()
        if n or wanted.state == state
    ]


def _count(wanted: Wanted, states: dict[Any, int], found: Any) -> str:
    """How many are on the list; known already where only a state is asked for."""
    if not wanted.narrowed_otherwise:
        number = states[_state(states, wanted)] if wanted.state else sum(states.values())
        return f"{number:,}"
    number = selectors.count_up_to(found, COUNTED)
    return f"more than {COUNTED:,}" if number > COUNTED else f"{number:,}"


def _state(states: dict[Any, int], wanted: Wanted) -> Any:
    return next(state for state in states if state.value == wanted.state)


def _lines(wanted: Wanted, columns: list[str]) -> Iterator[list[Any]]:
    """The people by name, read as they are sent: never all of them at once."""
    found = people_list.people(wanted).select_related("manager").order_by("display_name", "id")
    everybody = found.iterator(chunk_size=_BATCH)
    while some := list(islice(everybody, _BATCH)):
        counts = applications.account_counts(p.pk for p in some) if "accounts" in columns else {}
        for person in some:
            line: list[Any] = [
                person.display_name,
                person.email,
                person.employee_number,
                look.PERSON[person.state].word,
            ]
            for name in columns:
                line += _values(person, name, counts)
            yield line


def _values(person: Person, name: str, counts: dict[int, int]) -> list[Any]:
    match name:
        case "work":
            return [person.attributes.get("title"), person.attributes.get("department")]
        case "days":
            return [person.start_date, person.end_date]
        case "manager":
            return [person.manager.display_name if person.manager else ""]
        case "accounts":
            return [counts.get(person.pk, 0)]
    return [person.attributes.get(name)]


def _address(query: str) -> str:
    return urlsplit(reverse("console:people"))._replace(query=query).geturl()


def _back(query: str) -> HttpResponse:
    return redirect(_address(query))
