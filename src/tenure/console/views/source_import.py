"""One import: whom it made, changed or let leave, person by person with what was and what is, and
the rows that had a problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from tenure.audit import selectors as audit
from tenure.audit.models import Event
from tenure.console.page import ConsoleRequest, missing, render, signed_in
from tenure.people import selectors as people
from tenure.people.models import Person
from tenure.runs import selectors as runs
from tenure.runs.models import DRY_RUN, RunKind
from tenure.sources import selectors

_KINDS = (("added", "New", "added"), ("changed", "Changed", "changed"), ("left", "Left", "left"))
_STATE = "state"


@dataclass(frozen=True, slots=True)
class Told:
    """One person in one import. `lines`: (what it is called, what was, what is)."""

    name: str
    uid: str
    key: str
    kind: str
    lines: list[tuple[str, object, object]]


@require_safe
@signed_in()
def changes(request: ConsoleRequest, slug: str, pk: int) -> HttpResponse:
    """A page of them."""
    found = runs.run(pk)
    source = selectors.source(slug)
    if found is None or source is None or (found.kind, found.subject) != (RunKind.IMPORT, slug):
        return missing(request, "import", section="sources", back="console:sources")
    kind = request.GET.get("kind", "")
    kind = kind if kind in {name for name, _, _ in _KINDS} else ""
    page = audit.people_in(pk, kind=kind, cursor=request.GET.get("at", ""))
    issues = runs.issues_page(found, cursor=request.GET.get("issues", ""), size=50)
    labels, _ = people.attribute_labels()
    context: dict[str, Any] = {
        "source": source,
        "run": found,
        "kind": kind,
        "kinds": [(name, word, found.counters.get(key, 0)) for name, word, key in _KINDS],
        "page": page,
        "told": _told(pk, page.rows, labels),
        "issues": issues,
        "owners": people.people_by_number(issue.key for issue in issues.rows if issue.key),
        "dry": found.reason == DRY_RUN,
    }
    return render(request, "console/source_import.html", context, section="sources")


def _told(run: int, events: Sequence[Event], labels: Mapping[str, str]) -> list[Told]:
    uids = [event.person for event in events]
    states = audit.states_in(run, uids)
    owners = people.people_by_uid(uids)
    places = {name: place for place, name in enumerate(labels)}
    return [
        _one(event, states.get(event.person), owners.get(event.person), labels, places)
        for event in events
    ]


def _one(
    event: Event,
    state: Event | None,
    owner: Person | None,
    labels: Mapping[str, str],
    places: Mapping[str, int],
) -> Told:
    before, after = dict(event.before or {}), dict(event.after or {})
    if state is not None and state.pk != event.pk:
        before |= state.before or {}
        after |= state.after or {}
    new = event.before is None
    # What did not change is not in the event; what is hidden looks the same before and after.
    names = [name for name in {**after, **before} if not new or after[name] not in (None, "", [])]
    names.sort(key=lambda name: (name != _STATE, places.get(name, len(places)), name))
    left = after.get(_STATE) == "left"
    return Told(
        name=owner.display_name if owner else event.subject_label,
        uid=event.person if owner else "",
        key=(owner.employee_number or "") if owner else "",
        kind="added" if new else "left" if left else "changed",
        lines=[
            (
                labels.get(name, name.replace("_", " ").capitalize()),
                before.get(name),
                after.get(name),
            )
            for name in names
        ],
    )
