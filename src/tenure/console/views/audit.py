"""The audit trail, the latest first: searched, filtered by what happened, to whom, where and when,
and taken away as a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from tenure.applications import selectors as applications
from tenure.audit import selectors
from tenure.audit.models import Action, Event
from tenure.audit.selectors import Wanted
from tenure.audit.services import record
from tenure.console.page import ConsoleRequest, fragment, render, signed_in
from tenure.infra.csv_export import download
from tenure.infra.paging import Page
from tenure.people import selectors as people
from tenure.people.models import Person
from tenure.people.services import find_person

_MOST_CHANGES = 12
_BATCH = 2000
_FIELDS = ("q", "action", "application", "person", "from", "to")
_HEAD = (
    "When", "Action", "What happened", "About", "Kind", "Key", "Application", "By", "Why",
    "Changes", "Run", "Place in the chain",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Changed:
    """One value, from what to what."""

    name: str
    before: object
    after: object


@require_safe
@signed_in()
def audit(request: ConsoleRequest) -> HttpResponse:
    """A page of the trail. While somebody types, only the list is sent."""
    wanted, person, problem = _wanted(request)
    part = request.headers.get("HX-Target") == "events"
    patient, cursor = part or "now" in request.GET, request.GET.get("at", "")
    found = (selectors.events if patient else selectors.events_at_once)(wanted, cursor=cursor)
    page: Page[Event] = Page(()) if found is None else found
    owners = people.people_by_uid(event.person for event in page.rows if event.person)
    given = {name: request.GET.get(name, "").strip()[:200] for name in _FIELDS}
    context: dict[str, Any] = {
        "given": given,
        "from": given["from"],
        "action": wanted.action,
        "application": wanted.application,
        "person": person,
        "problem": problem,
        "later": found is None,
        "page": page,
        "rows": [(e, owners.get(e.person), changes(e)) for e in page.rows],
        "filtered": any(given.values()),
        "query": urlencode([(name, value) for name, value in given.items() if value]),
    }
    if part:
        answer = fragment(request, "console/parts/events.html", context)
        query = context["query"]
        answer["HX-Push-Url"] = reverse("console:audit") + (f"?{query}" if query else "")
        return answer
    context |= {"actions": Action.choices, "applications": applications.application_names()}
    return render(request, "console/audit.html", context, section="audit")


@require_safe
@signed_in()
def export(request: ConsoleRequest) -> StreamingHttpResponse:
    """The events that are asked for as CSV, the latest first. Who took them away is recorded."""
    wanted, _, problem = _wanted(request)
    given = {name: request.GET.get(name, "").strip()[:200] for name in _FIELDS}
    record(
        Action.AUDIT_EXPORTED,
        subject_kind="export",
        subject_key="audit",
        subject_label="Audit trail",
        after={"filter": {name: value for name, value in given.items() if value}},
    )
    day = timezone.localdate().isoformat()
    rows = iter(()) if problem else _lines(wanted)
    return download(f"audit-{day}.csv", _HEAD, rows)


def changes(event: Event) -> list[Changed]:
    """What an event says of before and after, name by name, what did not change left out."""
    before = event.before if isinstance(event.before, Mapping) else {}
    after = event.after if isinstance(event.after, Mapping) else {}
    names = dict.fromkeys([*before, *after])
    rows = [Changed(str(n), before.get(n), after.get(n)) for n in names]
    return [row for row in rows if row.before != row.after][:_MOST_CHANGES]


def _wanted(request: ConsoleRequest) -> tuple[Wanted, Person | None, str]:
    """What is asked for, the person whom it names, and what is wrong with it."""
    action = request.GET.get("action", "")
    person, problem = _person(request.GET.get("person", "").strip()[:200])
    since, until = _day(request.GET.get("from", "")), _day(request.GET.get("to", ""))
    wanted = Wanted(
        action=action if action in Action.values else "",
        person=str(person.uid) if person else "",
        application=request.GET.get("application", "")[:100],
        search=request.GET.get("q", "").strip()[:200],
        since=_begins(since),
        until=_begins(until + timedelta(days=1)) if until else None,
    )
    return wanted, person, problem


def _person(wanted: str) -> tuple[Person | None, str]:
    if not wanted:
        return None, ""
    try:
        return people.person_by_uid(wanted) or find_person(wanted), ""
    except LookupError as error:
        return None, str(error)


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        return None
    return day if 1900 < day.year < 9999 else None


def _begins(day: date | None) -> datetime | None:
    """The day's midnight in the company's zone."""
    return timezone.make_aware(datetime.combine(day, time.min)) if day else None


def _lines(wanted: Wanted) -> Iterator[list[Any]]:
    for event in wanted.rows().order_by("-id").iterator(chunk_size=_BATCH):
        changed = "; ".join(
            f"{item.name}: {'' if item.before is None else item.before} -> "
            f"{'' if item.after is None else item.after}"
            for item in changes(event)
        )
        yield [
            event.at,
            event.action,
            event.get_action_display(),
            event.subject_label,
            event.subject_kind,
            event.subject_key,
            event.application,
            event.actor,
            event.reason,
            changed,
            event.run,
            event.position,
        ]
