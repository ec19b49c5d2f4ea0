"""The audit trail, the latest first, filtered by what happened, to whom and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from tenure.applications import selectors as applications
from tenure.audit import selectors
from tenure.audit.models import Action, Event
from tenure.console.page import ConsoleRequest, render, signed_in
from tenure.people import selectors as people
from tenure.people.models import Person
from tenure.people.services import find_person

_MOST_CHANGES = 12


@dataclass(frozen=True, slots=True)
class Changed:
    """One value, from what to what."""

    name: str
    before: object
    after: object


@require_safe
@signed_in()
def audit(request: ConsoleRequest) -> HttpResponse:
    """A page of the trail."""
    action = request.GET.get("action", "")
    if action not in Action.values:
        action = ""
    application = request.GET.get("application", "")
    wanted = request.GET.get("person", "").strip()[:200]
    person, problem = _person(wanted)
    page = selectors.events(
        action=action,
        person=str(person.uid) if person else "",
        application=application,
        cursor=request.GET.get("at", ""),
    )
    owners = people.people_by_uid(event.person for event in page.rows if event.person)
    context = {
        "action": action,
        "actions": Action.choices,
        "application": application,
        "applications": applications.application_names(),
        "wanted": wanted,
        "person": person,
        "problem": problem,
        "page": page,
        "rows": [(e, owners.get(e.person), changes(e)) for e in page.rows],
        "filtered": bool(action or application or person),
    }
    return render(request, "console/audit.html", context, section="audit")


def changes(event: Event) -> list[Changed]:
    """What an event says of before and after, name by name, what did not change left out."""
    before = event.before if isinstance(event.before, Mapping) else {}
    after = event.after if isinstance(event.after, Mapping) else {}
    names = dict.fromkeys([*before, *after])
    rows = [Changed(str(n), before.get(n), after.get(n)) for n in names]
    return [row for row in rows if row.before != row.after][:_MOST_CHANGES]


def _person(wanted: str) -> tuple[Person | None, str]:
    if not wanted:
        return None, ""
    try:
        return people.person_by_uid(wanted) or find_person(wanted), ""
    except LookupError as error:
        return None, str(error)
