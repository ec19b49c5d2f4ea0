"""The list of people."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from tenure.applications import selectors as applications
from tenure.console import look
from tenure.console.page import ConsoleRequest, fragment, render, signed_in
from tenure.people import selectors


@require_safe
@signed_in()
def people(request: ConsoleRequest) -> HttpResponse:
    """People, searched and filtered. While somebody types, only the list is sent."""
    search = request.GET.get("q", "").strip()[:200]
    state = request.GET.get("state", "")
    if state not in look.PERSON:
        state = ""
    endless = request.GET.get("end") == "none"
    page = selectors.people_page(
        search=search, state=state, endless=endless, cursor=request.GET.get("at", "")
    )
    states = selectors.people_by_state()
    total = sum(states.values())
    if search or endless:
        count = selectors.count_people(search=search, state=state, endless=endless)
    else:
        count = states[next(s for s in states if s.value == state)] if state else total
    counts = applications.account_counts(person.pk for person in page.rows)
    context = {
        "search": search,
        "state": state,
        "endless": endless,
        "states": [(s.value, look.PERSON[s.value].word, n) for s, n in states.items()],
        "total": total,
        "count": count,
        "page": page,
        "rows": [(person, counts.get(person.pk, 0)) for person in page.rows],
    }
    if request.headers.get("HX-Target") == "people":
        return fragment(request, "console/parts/people.html", context)
    return render(request, "console/people.html", context, section="people")
