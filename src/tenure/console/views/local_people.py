"""People who come from no source: adding one, and changing what was entered."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from tenure.console import conflicts
from tenure.console.page import ConsoleRequest, missing, render, signed_in
from tenure.console.views.catalogue_add import Field
from tenure.core.expressions import AttributeType
from tenure.infra.clock import now
from tenure.people import local, looks
from tenure.people import selectors as people
from tenure.people.entered import as_entered
from tenure.people.services import schema
from tenure.signin.permissions import Ability

#: Those that most people have, in the order in which they are entered.
_FIRST: Final = (
    "given_name", "family_name", "employee_number", "start_date", "end_date", "department",
    "title", "location", "manager", "employment_type", "email", "personal_email",
)  # fmt: skip
_HINTS: Final = {
    "start_date": "Empty: from now on.",
    "end_date": "Empty: until somebody ends it.",
    "manager": "The employee number of their manager.",
    "employee_number": "When a source brings this number, it takes over.",
    "email": "Empty: one is made of the name.",
    "personal_email": "Where the invitation goes before they have a work address.",
    "employment_type": "Such as employee or contractor.",
    "time_zone": "Such as Europe/Budapest. Empty: the company's.",
}


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.EDIT_PEOPLE)
def add(request: ConsoleRequest) -> HttpResponse:
    """Enter somebody."""
    reason = request.POST.get("reason", "").strip()[:1000]
    problems: dict[str, str] = {}
    if request.method == "POST":
        try:
            person = local.add_person(given=_given(request), reason=reason, now=now())
            messages.success(request, f"{person.display_name} is here. The plan says what is due.")
            return redirect("console:person", person.uid)
        except local.NotEntered as error:
            problems = error.problems
    context = {**_form(request.POST.dict(), problems), "reason": reason, "person": None}
    return _shown(request, context)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.EDIT_PEOPLE)
def edit(request: ConsoleRequest, uid: uuid.UUID) -> HttpResponse:
    """Change what was entered. What a source says is changed there."""
    found = people.person_by_uid(str(uid))
    if found is None:
        return missing(request, "person", section="people", back="console:people")
    if not local.is_local(found):
        text = "Their attributes come from a source: correct them there, and import again."
        messages.info(request, text)
        return redirect("console:person", found.uid)
    reason = request.POST.get("reason", "").strip()[:1000]
    problems: dict[str, str] = {}
    there = {name: as_entered(value) for name, value in found.attributes.items()}
    held = there
    if request.method == "POST":
        try:
            given, was = _given(request), conflicts.read(request.POST.get("base", ""))
            local.edit_person(person=found, given=given, reason=reason, now=now(), was=was)
            messages.success(request, "Saved. The plan says what follows from it.")
            return redirect("console:person", found.uid)
        except local.NotEntered as error:
            problems = error.problems
            # What they did not touch is shown as it is now.
            mine = {n: v for n, v in given.items() if was is None or v.strip() != was.get(n, "")}
            held = {**there, **mine}
    elif told := people.sensitive_attributes() & found.attributes.keys():
        looks.record(found, told, where="form to change the person")
    base = conflicts.write({name: there.get(name, "") for name in schema()})
    context = {**_form(held, problems), "reason": reason, "person": found, "base": base}
    return _shown(request, context)


def _given(request: ConsoleRequest) -> dict[str, str]:
    return {name: request.POST.get(name, "") for name in schema() if name in request.POST}


def _form(values: Mapping[str, Any], problems: Mapping[str, str]) -> dict[str, Any]:
    labels, _ = people.attribute_labels()
    kinds = schema()
    rest = [name for name in labels if name not in _FIRST and name not in local.NOT_ENTERED]

    def field(name: str) -> Field:
        return Field(
            name,
            labels[name],
            _HINTS.get(name, ""),
            str(values.get(name, "")),
            choices=("", "true", "false") if kinds[name] is AttributeType.BOOLEAN else (),
            error=problems.get(name, ""),
            kind="date" if kinds[name] is AttributeType.DATE else "text",
        )

    return {
        "first": [field(name) for name in _FIRST],
        "rest": [field(name) for name in rest],
        "problems": problems,
        "problem": problems.get("", ""),
        "reason_problem": problems.get("reason", ""),
        "open": any(name in problems for name in rest),
    }


def _shown(request: ConsoleRequest, context: Mapping[str, Any]) -> HttpResponse:
    status = 422 if context["problems"] else 200
    return render(request, "console/local.html", context, section="people", status=status)
