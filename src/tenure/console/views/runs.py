"""Runs: all of them, and one with its progress while it goes on, what failed and why, and what it
had to complain about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from tenure.applications import selectors as applications
from tenure.console import look
from tenure.console import sent_again as answers
from tenure.console.page import ConsoleRequest, fragment, missing, render, signed_in
from tenure.console.waiting_item import plural
from tenure.core.model import OperationState
from tenure.people import selectors as people
from tenure.provisioning import services
from tenure.provisioning.decisions import steering
from tenure.provisioning.planning.ledger import hold_reasons
from tenure.provisioning.questions import selectors as provisioning
from tenure.provisioning.questions import sent_again
from tenure.provisioning.questions.going import Going, Wait, going, to_be_done
from tenure.provisioning.records.settling import WENT_ON
from tenure.runs import selectors
from tenure.runs.models import DRY_RUN, Run, RunKind, RunState
from tenure.runs.progress import Progress, progress
from tenure.signin.permissions import Ability
from tenure.sources import selectors as sources

#: What the counters of a run are called; others are shown by their own name.
_COUNTERS = {
    "rows": "Rows read",
    "added": "People added",
    "changed": "Changed",
    "renumbered": "Under new numbers",
    "unchanged": "Unchanged",
    "left": "Left",
    "ending": "Last day to come",
    "held": "Held",
    "would_add": "Would be added",
    "would_change": "Would change",
    "would_leave": "Would leave",
    "missing": "Missing",
    "errors": "Errors",
    "warnings": "Warnings",
    "seen": "Accounts seen",
    "new": "New",
    "linked": "Newly linked",
    "orphans": "Newly without owner",
    "orphans_in_all": "Without owner in all",
    "disputed": "Newly disputed",
    "ignored": "Newly ignored",
    "gone": "Gone",
    "drift": "Changed over there",
}
_BAD = frozenset({"errors", "held", "disputed"})
_CANCELLED = OperationState.CANCELLED
#: What a pause or a cancellation lets end: until then the page follows it.
_UNDER_WAY = (OperationState.STARTED, OperationState.UNKNOWN)
_WENT_ON = re.compile(rf"{WENT_ON} (\d+)")


@require_safe
@signed_in()
def runs(request: ConsoleRequest) -> HttpResponse:
    """All runs, the latest first."""
    kind = request.GET.get("kind", "")
    if kind not in RunKind.values:
        kind = ""
    page = selectors.runs_page(kind=kind, cursor=request.GET.get("at", ""))
    now = timezone.now()
    context = {
        "kind": kind,
        "kinds": RunKind.choices,
        "page": page,
        "rows": [(row, progress(row, now)) for row in page.rows],
        "names": _names(),
    }
    return render(request, "console/runs.html", context, section="runs")


@require_safe
@signed_in()
def run(request: ConsoleRequest, pk: int) -> HttpResponse:
    """One run."""
    found = selectors.run(pk)
    if found is None:
        return missing(request, "run", section="runs", back="console:runs")
    state = _state(request.GET)
    at = request.GET.get("at", "")
    issues_at = request.GET.get("issues", "")
    operations = provisioning.operations_page(found, state=state, cursor=at, size=50)
    context = {
        **_live(found),
        "whose": provisioning.whose(found),
        "state": state,
        "page": operations,
        "rejected": state == OperationState.REJECTED.value and bool(operations.rows),
        "uids": people.uids(op.person_id for op in operations.rows if op.person_id),
        "issues": selectors.issues_page(found, cursor=issues_at, size=100),
        "issue_counts": selectors.issue_counts([found])[found.pk],
        "changed": found.reason != DRY_RUN and sources.source(found.subject) is not None,
        "held_import": found.kind == RunKind.IMPORT.value and found.state == "held",
    }
    return render(request, "console/run.html", context, section="runs")


@require_safe
@signed_in(by_itself=True)
def live(request: ConsoleRequest, pk: int) -> HttpResponse:
    """The part of a run's page that changes while it goes on."""
    found = selectors.run(pk)
    if found is None:
        return HttpResponse(status=286)  # htmx: stop asking
    context = _live(found)
    # What can be done with it, and the list of its operations, are on the page itself.
    context["ended"] = not context["follows"]
    context["turned"] = request.GET.get("was", "") != found.state
    # The page fetches that list anew, as far as it was turned.
    query = urlsplit(request.headers.get("HX-Current-URL", "")).query
    context |= {"swapped": True, "state": _state(QueryDict(query))}
    context["list"] = reverse("console:run", args=[pk]) + (f"?{query}" if query else "")
    return fragment(request, "console/parts/run_live.html", context)


def _state(query: QueryDict) -> str:
    """The state that the list is filtered by; "" for none."""
    state = query.get("state", "")
    return state if state in look.OPERATION or state == sent_again.ANEW else ""


@require_POST
@signed_in(needs=Ability.RUNS)
def steer(request: ConsoleRequest, pk: int) -> HttpResponse:
    """Pause, resume or cancel a run, or send what failed in it again."""
    reason = request.POST.get("reason", "").strip()[:1000]
    try:
        match request.POST.get("do"):
            case "pause":
                messages.warning(request, f"Paused: {steering.pause(pk, reason=reason)}")
            case "resume":
                count = steering.resume(pk, reason=reason)
                messages.success(request, f"It goes on with {plural(count, 'operation')}.")
            case "cancel":
                messages.warning(request, f"Cancelled: {steering.cancel(pk, reason=reason)}")
            case "retry":
                cause = request.POST.get("cause") or None
                application = request.POST.get("application") or None
                done = services.retry_failed(application, run=pk, cause=cause)
                return answers.answer(request, done, redirect("console:run", pk))
    except (LookupError, steering.RunRefused) as error:
        messages.error(request, str(error))
    return redirect("console:run", pk)


def _live(row: Run) -> dict[str, Any]:
    executes = row.kind == RunKind.EXECUTE.value
    states, kinds = provisioning.totals(row) if executes else ({}, {})
    again = sent_again.sent_again(row) if states.get(OperationState.CANCELLED) else None
    counters = [] if executes else _counters(row)
    goes = going(row, timezone.now()) if executes else None
    row.total = to_be_done(row, states) if executes else row.total
    under_way = sum(states.get(state, 0) for state in _UNDER_WAY)
    return {
        "run": row,
        "name": _names().get(row.subject, row.subject),
        "progress": _progress(row, goes),
        "waits": _together(goes.waits) if goes else [],
        "states": _shown(states, again),
        "again": again,
        "under_way": under_way,
        "follows": row.state == RunState.RUNNING.value or bool(under_way),
        "resumable": executes and steering.can_resume(row),
        "steerable": executes and steering.can_hold_back(row),
        "went_on": _went_on(row),
        "counters": counters,
        "kinds": kinds,
        "failures": provisioning.failures(row) if executes else [],
        "held": states.get(OperationState.HELD, 0),
        "held_because": hold_reasons(row) if states.get(OperationState.HELD) else (),
        "by_hand": states.get(OperationState.MANUAL, 0),
        "tasks": _tasks(row),
        "executes": executes,
        "failed": states.get(OperationState.FAILED, 0),
        "good": _good(row, states),
    }


def _tasks(row: Run) -> str:
    """Where its tasks stand: of one application, if it is about one."""
    only = f"?application={row.subject}" if row.subject else ""
    return reverse("console:tasks") + only


def _together(waits: Sequence[Wait]) -> list[tuple[int, list[Wait], Wait]]:
    """(how many operations, for which applications, why): each reason once. When all writes are
    stopped every application waits for the same."""
    found: dict[tuple[str, object], list[Wait]] = {}
    for wait in waits:
        found.setdefault((wait.why, wait.until), []).append(wait)
    return [(sum(w.count for w in each), each, each[0]) for each in found.values()]


def _shown(
    states: dict[OperationState, int], again: sent_again.SentAgain | None
) -> list[tuple[str, look.Mark, int]]:
    """Operations by state; those that were planned anew after they had failed for themselves."""
    anew = again.count if again else 0
    found = [
        (s.value, look.OPERATION[s.value], states[s] - (anew if s is _CANCELLED else 0))
        for s in OperationState
        if states.get(s)
    ]
    if anew:
        found.append((sent_again.ANEW, look.ANEW, anew))
    return [one for one in found if one[2]]


def _went_on(row: Run) -> int | None:
    """The run in which this one goes on, where it says so."""
    found = _WENT_ON.search(row.message)
    return int(found[1]) if found else None


def _progress(row: Run, goes: Going | None) -> Progress:
    now = timezone.now()
    return progress(row, now, rate=goes.rate, waiting=goes.waiting) if goes else progress(row, now)


def _good(row: Run, states: dict[OperationState, int]) -> int | None:
    """Of a run that ended with failures, the share in percent of what was done."""
    every = sum(states.values())
    if row.state != "failed" or not every:
        return None
    return 100 * states.get(OperationState.DONE, 0) // every


def _counters(row: Run) -> list[tuple[str, int, bool]]:
    """(label, number, whether it is bad news), in a fixed order."""
    known = [name for name in _COUNTERS if name in row.counters]
    others = sorted(row.counters.keys() - _COUNTERS.keys())
    return [
        (_COUNTERS.get(name, name.capitalize()), row.counters[name], name in _BAD)
        for name in [*known, *others]
    ]


def _names() -> dict[str, str]:
    return {**sources.source_names(), **applications.application_names()}
