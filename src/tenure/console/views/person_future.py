"""What may become of one person: what changes by itself and when, and what would change if HR said
something else. Both are asked for by the person's page, and are pages of their own without it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from tenure.console import plan_view
from tenure.console.page import ConsoleRequest, fragment, missing, render, signed_in
from tenure.core.expressions import AttributeType, ExpressionError
from tenure.people import selectors as people
from tenure.people.entered import as_entered
from tenure.people.local import NOT_ENTERED
from tenure.people.models import Person
from tenure.people.services import AttributeBook, attribute_book
from tenure.provisioning.questions import whatif
from tenure.provisioning.questions.ahead import ahead as turns_of

#: What is asked most often, first.
_FIRST = (
    "department",
    "title",
    "location",
    "manager",
    "employment_type",
    "status",
    "start_date",
    "end_date",
)


@dataclass(frozen=True, slots=True)
class Choice:
    """An attribute that may be otherwise. `now` is what it is, as it is entered."""

    name: str
    label: str
    kind: str
    now: str


@require_safe
@signed_in(by_itself=True)
def ahead(request: ConsoleRequest, uid: uuid.UUID) -> HttpResponse:
    """What changes on which day."""
    found = people.person_by_uid(str(uid))
    if found is None:
        return missing(request, "person", section="people", back="console:people")
    context: dict[str, Any] = {"person": found}
    try:
        context["turns"] = turns_of(found)
    except ExpressionError as error:
        context["problem"] = str(error)
    if request.headers.get("HX-Request"):
        return fragment(request, "console/parts/ahead.html", context)
    return render(request, "console/ahead.html", context, section="people")


@require_safe
@signed_in()
def what_if(request: ConsoleRequest, uid: uuid.UUID) -> HttpResponse:
    """What an attribute with another value would mean: what is done then and is not done now."""
    found = people.person_by_uid(str(uid))
    if found is None:
        return missing(request, "person", section="people", back="console:people")
    name, value = request.GET.get("attribute", ""), request.GET.get("value", "").strip()[:500]
    choices = choices_for(found, attribute_book())
    context: dict[str, Any] = {"person": found, "choices": choices, "attribute": name}
    context |= {"value": value, "asked": bool(name)}
    context["label"] = next((c.label for c in choices if c.name == name), name)
    if name:
        context |= _answer(found, name, value)
    if request.headers.get("HX-Target") == "what-if-answer":
        return fragment(request, "console/parts/what_if.html", context)
    return render(request, "console/what_if.html", context, section="people")


def choices_for(person: Person, book: AttributeBook) -> list[Choice]:
    """The attributes that may be asked about, those asked most first. Sensitive ones are shown by
    their name only."""
    names = [*_FIRST, *(n for n in book.labels if n not in _FIRST and n not in NOT_ENTERED)]
    return [
        Choice(
            name,
            book.labels[name],
            "date" if book.kinds[name] is AttributeType.DATE else "text",
            "" if name in book.sensitive else as_entered(person.attributes.get(name)),
        )
        for name in names
        if name in book.kinds
    ]


def _answer(found: Person, name: str, value: str) -> dict[str, Any]:
    try:
        answer = whatif.what_if(found, {name: value})
    except (LookupError, ValueError, ExpressionError) as error:
        return {"error": str(error)}
    effect = answer.effect
    return {
        "added": plan_view.groups(plan_view.only(effect.plan, effect.added), most=100),
        "dropped": plan_view.groups(plan_view.only(effect.plan, effect.dropped), most=100),
        "problems": effect.plan.problems,
        "stays": answer.stays,
    }
