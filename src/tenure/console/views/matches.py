"""Who may be the same person: new records that may be somebody's who is known, and people who may
be here twice; and the answer to each. Two who are one are merged at a page of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenure.applications import selectors as applications
from tenure.console.page import ConsoleRequest, missing, render, signed_in
from tenure.infra.clock import now
from tenure.infra.jobs import is_queued, live_workers
from tenure.infra.paging import Page
from tenure.people import selectors as people
from tenure.people.models import Person
from tenure.provisioning.decisions.rehires import take_back
from tenure.runs.progress import progress
from tenure.signin.permissions import Ability
from tenure.signin.services import actor_name
from tenure.sources import answering, apart, pairing, selectors, tasks
from tenure.sources import matches as found
from tenure.sources.answering import AnswerRefused
from tenure.sources.matches import Match
from tenure.sources.models import PersonPair
from tenure.sources.selectors import Rehire

_SIZE = 25
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PARTS = (found.RECORDS, found.PEOPLE, found.UNSURE, found.ANSWERED)


@dataclass(frozen=True, slots=True)
class Line:
    """One attribute: of the one, and, by name, of each who it could be. `agree`: all have the
    same."""

    label: str
    one: object
    others: tuple[tuple[str, object], ...]
    agree: bool


@require_safe
@signed_in()
def matches(request: ConsoleRequest) -> HttpResponse:
    """All who wait for an answer; or those that somebody was not sure of, or answered."""
    counts = found.counts()
    part = request.GET.get("part", "")
    if part not in _PARTS:
        part = found.PEOPLE if counts.people and not counts.records else found.RECORDS
    shown, page = _shown(part, request.GET.get("at", ""))
    run, labels = found.last_look(), people.attribute_labels()[0]
    context = {
        "part": part,
        "parts": [
            (found.RECORDS, "New records", counts.records),
            (found.PEOPLE, "People", counts.people),
            (found.UNSURE, "Not sure", counts.unsure),
            (found.ANSWERED, "Answered", counts.answered),
        ],
        "shown": [_in_words(one, labels) for one in shown],
        "page": page,
        "run": run,
        "progress": progress(run, now()) if run else None,
        "queued": is_queued("find pairs"),
        "workers": len(live_workers()),
        "rules": pairing.rules().said(labels),
    }
    return render(request, "console/matches.html", context, section="people")


@require_POST
@signed_in(needs=Ability.MERGE)
def look(request: ConsoleRequest) -> HttpResponse:
    """Look for people who are here twice, as soon as a worker is free."""
    names = request.POST.get("names") == "on"
    if tasks.queue_find_pairs(actor=actor_name(request.administrator), names_too=names):
        messages.success(request, "It is looked for. What is found stands here in a moment.")
    else:
        messages.info(request, "A search waits already.")
    return redirect(f"{reverse('console:matches')}?part={found.PEOPLE}")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.DECIDE)
def match(request: ConsoleRequest, pk: int) -> HttpResponse:
    """A new record beside who it could be, and the answer."""
    row = selectors.rehire(pk)
    if row is None:
        return missing(request, "question", section="people", back="console:matches")
    reason, error = request.POST.get("reason", "").strip()[:1000], ""
    if request.method == "POST":
        try:
            answer = _answer_record(request, row, reason)
        except AnswerRefused as refusal:
            error = str(refusal)
        else:
            return _back(request) or answer
    counts = applications.account_counts(person.pk for person in row.candidates)
    question, labels = row.question, people.attribute_labels()[0]
    context = {
        "question": question,
        "name": selectors.name_in(question),
        "candidates": [
            (
                person,
                counts.get(person.pk, 0),
                _worded(question.found_by.get(str(person.pk), ""), labels),
            )
            for person in row.candidates
        ],
        "lines": _lines(question.row["attributes"], row.candidates),
        "reason": reason,
        "error": error,
    }
    status = 422 if error else 200
    return render(request, "console/match.html", context, section="people", status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.MERGE)
def pair(request: ConsoleRequest, pk: int) -> HttpResponse:
    """Two people side by side, and the answer. That they are one leads to what a merge comes to."""
    row = found.pair(pk)
    if row is None:
        return missing(request, "question", section="people", back="console:matches")
    reason, error = request.POST.get("reason", "").strip()[:1000], ""
    if request.method == "POST":
        try:
            answer = _answer_pair(request, row, reason)
        except AnswerRefused as refusal:
            error = str(refusal)
        else:
            return _back(request) or answer
    both = (row.one, row.other)
    counts = applications.account_counts(person.pk for person in both)
    context = {
        "pair": row,
        "same": _worded(row.found_by, people.attribute_labels()[0]),
        "both": [(p, counts.get(p.pk, 0), selectors.records_of(p)) for p in both],
        "lines": _lines(row.one.attributes, [row.other]),
        "reason": reason,
        "error": error,
    }
    status = 422 if error else 200
    return render(request, "console/pair.html", context, section="people", status=status)


def _shown(part: str, cursor: str) -> tuple[list[Match], Page[Any]]:
    """What stands on the page. Records and people are paged; of the others the first stand here."""
    if part == found.RECORDS:
        questions = found.records_page(part=part, cursor=cursor, size=_SIZE)
        return found.of_records(questions.rows), questions
    if part == found.PEOPLE:
        pairs = found.pairs_page(part=part, cursor=cursor, size=_SIZE)
        return found.of_pairs(pairs.rows), pairs
    questions = found.records_page(part=part, size=2 * _SIZE)
    pairs = found.pairs_page(part=part, size=2 * _SIZE)
    return [*found.of_records(questions.rows), *found.of_pairs(pairs.rows)], Page(())


def _in_words(one: Match, labels: Mapping[str, str]) -> Match:
    """With the labels of the attributes in which they are the same."""
    said = tuple(replace(each, same=_worded(each.same, labels)) for each in one.candidates)
    return replace(one, candidates=said)


def _worded(same: str, labels: Mapping[str, str]) -> str:
    return _NAME.sub(lambda name: labels.get(name[0], name[0]), same)


def _back(request: ConsoleRequest) -> HttpResponse | None:
    """To the list, where the answer was given there."""
    part = request.POST.get("part", "")
    return redirect(f"{reverse('console:matches')}?part={part}") if part in _PARTS else None


def _answer_record(request: ConsoleRequest, row: Rehire, reason: str) -> HttpResponse:
    """Carry it out, and say so. Returns where to go on."""
    question, wanted = row.question, request.POST.get("do", "")
    answering.needs(reason)
    if wanted == "undo":
        take_back(question, reason=reason)
        messages.success(request, "It is taken back, and waits for an answer again.")
        return redirect("console:match", question.pk)
    if wanted == "unsure":
        answering.unsure(question=question, reason=reason, now=now())
        messages.success(request, "It goes on waiting, with what you said.")
        return redirect("console:match", question.pk)
    if wanted == "other":
        who = answering.other(question=question, reason=reason, now=now())
    else:
        person = next((p for p in row.candidates if wanted == f"same-{p.pk}"), None)
        if person is None:
            raise AnswerRefused("Say which of them it is, or that it is somebody else.")
        who = answering.same(question=question, person=person, reason=reason, now=now())
    messages.success(request, f"{who.display_name} has the number {who.employee_number}.")
    return redirect("console:person", who.uid)


def _answer_pair(request: ConsoleRequest, row: PersonPair, reason: str) -> HttpResponse:
    one, other = row.one, row.other
    match request.POST.get("do", ""):
        case "other":
            apart.two(one=one, other=other, reason=reason, now=now())
            said = "They are two people. They are not asked about again."
        case "unsure":
            apart.unsure(one=one, other=other, reason=reason, now=now())
            said = "It goes on waiting, with what you said."
        case "undo":
            apart.take_back(one=one, other=other, reason=reason)
            said = "It is taken back, and waits for an answer again."
        case _:
            raise AnswerRefused("Say whether they are one, two, or that you are not sure.")
    messages.success(request, said)
    return redirect("console:pair", row.pk)


def _lines(one: dict[str, Any], candidates: list[Person]) -> list[Line]:
    """Every attribute that any of them has. Of sensitive ones only whether they are the same."""
    labels, sensitive = people.attribute_labels()
    lines = []
    for name, label in labels.items():
        told = one.get(name)
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
