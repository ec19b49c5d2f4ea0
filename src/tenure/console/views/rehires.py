"""A record under a new employee number, beside who it could be: the same person, or another?"""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from tenure.applications import selectors as applications
from tenure.console.page import ConsoleRequest, missing, render, signed_in
from tenure.infra.clock import now
from tenure.people import selectors as people
from tenure.people.models import Person
from tenure.provisioning.rehires import take_back
from tenure.signin.permissions import Ability
from tenure.sources import answering, selectors
from tenure.sources.answering import AnswerRefused
from tenure.sources.models import RehireQuestion
from tenure.sources.selectors import Rehire


@dataclass(frozen=True, slots=True)
class Line:
    """One attribute: of the record, and, by name, of each who it could be. `agree`: all have the
    same."""

    label: str
    record: object
    people: tuple[tuple[str, object], ...]
    agree: bool


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.DECIDE)
def rehire(request: ConsoleRequest, pk: int) -> HttpResponse:
    """Both side by side, and the answer."""
    found = selectors.rehire(pk)
    if found is None:
        return missing(request, "question", section="sources", back="console:sources")
    reason = request.POST.get("reason", "").strip()[:1000]
    error = ""
    if request.method == "POST":
        try:
            who = _do(request.POST.get("do", ""), found, reason)
        except AnswerRefused as refusal:
            error = str(refusal)
        else:
            if who is None:
                messages.success(request, "It is taken back, and waits for an answer again.")
                return redirect("console:rehire", pk)
            messages.success(request, f"{who.display_name} has the number {who.employee_number}.")
            return redirect("console:person", who.uid)
    counts = applications.account_counts(person.pk for person in found.candidates)
    context = {
        "question": found.question,
        "name": selectors.name_in(found.question),
        "candidates": [(person, counts.get(person.pk, 0)) for person in found.candidates],
        "lines": _lines(found.question, found.candidates),
        "reason": reason,
        "error": error,
    }
    status = 422 if error else 200
    return render(request, "console/rehire.html", context, section="sources", status=status)


def _do(wanted: str, found: Rehire, reason: str) -> Person | None:
    """Carry it out. Returns whose page to go to, None where it is asked again."""
    question = found.question
    if wanted == "other":
        return answering.other(question=question, reason=reason, now=now())
    if wanted == "undo":
        take_back(question, reason=reason)
        return None
    person = next((p for p in found.candidates if wanted == f"same-{p.pk}"), None)
    if person is None:
        raise AnswerRefused("Say which of them it is, or that it is somebody else.")
    return answering.same(question=question, person=person, reason=reason, now=now())


def _lines(question: RehireQuestion, candidates: list[Person]) -> list[Line]:
    labels, sensitive = people.attribute_labels()
    record = question.row["attributes"]
    lines = []
    for name, label in labels.items():
        told = record.get(name)
        theirs = [(person.display_name, person.attributes.get(name)) for person in candidates]
        if told is None and not any(value for _, value in theirs):
            continue
        same = [_plain(value) == _plain(told) for _, value in theirs]
        if name in sensitive:
            told = "not shown"
            theirs = [
                (person, "the same" if agrees else "not the same")
                for (person, _), agrees in zip(theirs, same, strict=True)
            ]
        lines.append(Line(label, told, tuple(theirs), all(same)))
    return lines


def _plain(value: object) -> str:
    return str(value or "").casefold()
