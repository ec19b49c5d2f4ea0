"""The plan: what would be done and why, applying it, and deciding about what is held.

Working out a plan takes time with the number of people whose plan is out of date. A few are done
at once; for many the page comes first and asks for the lines by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from tenure.applications import selectors as applications
from tenure.console import plan_view
from tenure.console.page import ConsoleRequest, fragment, render, signed_in
from tenure.console.waiting_item import plural
from tenure.core.expressions import ExpressionError
from tenure.people import selectors as people
from tenure.people.models import PlanMode
from tenure.provisioning import services
from tenure.provisioning.questions import pausing
from tenure.provisioning.questions import selectors as provisioning
from tenure.provisioning.questions.selectors import AT_ONCE
from tenure.provisioning.records.plan import FirstContact, Plan, Seen
from tenure.signin.permissions import Ability

_LINES = 25
_LINES_OF_ONE = 500
#: A place in a plan has fewer.
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class _Asked:
    """What of the plan is shown: of one application ("": all), what a filter lets through, and of
    one application from which line on."""

    application: str
    only: str
    start: int

    @property
    def query(self) -> str:
        given: dict[str, str | int] = {"application": self.application, "only": self.only}
        given["from"] = self.start
        return urlencode({name: value for name, value in given.items() if value})


@require_safe
@signed_in()
def plan(request: ConsoleRequest) -> HttpResponse:
    """The plan, now or in a moment."""
    asked = _asked(request)
    lagging = provisioning.people_to_plan(asked.application or None)
    context: dict[str, Any] = {
        "application": asked.application,
        "only": asked.only,
        "lagging": lagging,
        "automatic": request.company.plan_mode == PlanMode.AUTOMATIC,
        "later": lagging > AT_ONCE and "now" not in request.GET,
        "query": asked.query,
    }
    if not context["later"]:
        context |= _worked_out(asked)
    return render(request, "console/plan.html", context, section="plan")


@require_safe
@signed_in(by_itself=True)
def lines(request: ConsoleRequest) -> HttpResponse:
    """The worked out plan, for the page that came first."""
    asked = _asked(request)
    context = {
        "application": asked.application,
        "only": asked.only,
        "query": asked.query,
        **_worked_out(asked),
    }
    return fragment(request, "console/parts/plan.html", context)


@require_safe
@signed_in(by_itself=True)
def under_way(request: ConsoleRequest) -> HttpResponse:
    """How much of what was let go is on the way still. When all of it is settled the plan is worked
    out anew; but not under the hands of somebody who is about to decide."""
    asked = _asked(request)
    only_of = asked.application or None
    waiting = provisioning.let_go(only_of)
    context = {
        "under_way": waiting.under_way - _kept(pausing.paused(only_of)),
        "again": not waiting.held,
        "query": asked.query,
    }
    return fragment(request, "console/parts/under_way.html", context)


@require_POST
@signed_in(needs=Ability.APPLY)
def apply(request: ConsoleRequest) -> HttpResponse:
    """Store the plan; what the guards let through goes at once."""
    application = request.POST.get("application", "")
    reason = request.POST.get("reason", "").strip()[:1000]
    try:
        stored = services.store(application=application or None, reason=reason)
    except (LookupError, ExpressionError) as error:
        messages.error(request, str(error))
        return redirect("console:plan")
    if not stored.released and not stored.held:
        messages.info(request, "Noted: nothing is to be done, everything is as it should be.")
        return redirect("console:plan")
    if stored.held:
        messages.warning(request, f"{plural(stored.held, 'operation')} held for approval.")
    return redirect("console:run", stored.run.pk)


@require_POST
@signed_in(needs=Ability.DECIDE)
def decide(request: ConsoleRequest) -> HttpResponse:
    """Approve or reject what is held: of one application, or the chosen operations of it."""
    application = request.POST.get("application", "")
    reason = request.POST.get("reason", "").strip()[:1000]
    decision = request.POST.get("decision", "")
    back = f"{reverse('console:plan')}?{urlencode({'application': application})}"
    if not reason or decision not in ("approve", "reject") or not application:
        messages.error(request, "Nothing was decided: say why. The reason is kept.")
        return redirect(back)
    chosen = [int(pk) for pk in request.POST.getlist("operation") if pk.isdecimal()]
    about = chosen or _filtered(application, request.POST.get("only", ""))
    try:
        seen = Seen.parse(request.POST.get("seen", ""))
    except ValueError:
        messages.error(request, "Nothing was decided: look at the plan again, then decide.")
        return redirect(back)
    do = services.approve if decision == "approve" else services.reject
    try:
        done = do(application=application, operations=about, reason=reason, seen=seen)
    except LookupError as error:
        messages.error(request, f"Nothing was decided: {error}")
        return redirect(back)
    what = plural(done.count, "operation")
    if decision == "approve":
        if done.count or not (done.never or done.taken_over):
            messages.success(request, f"{what} approved: on the way.")
        for why in done.never:
            messages.warning(request, f"Not approved: {why}")
        for name in done.taken_over:
            messages.info(request, f"{name} is taken over: the guards decide from here on.")
    else:
        messages.success(request, f"{what} rejected: not planned again until what is due changes.")
    if done.gone:
        messages.info(request, f"{plural(done.gone, 'operation')} not due any more.")
    if not done.never and (less := len(chosen) - done.count - done.gone - done.again) > 0:
        others = plural(less, "operation")
        messages.warning(request, f"{others} not held any more: somebody else has decided.")
    if done.again:
        more = plural(done.again, "operation")
        messages.warning(request, f"{more} held since you looked: decide about them too.")
        return redirect(back)
    return redirect("console:plan")


def _filtered(application: str, only: str) -> list[int] | None:
    """What is held and of the kinds that the filter lets through; None where that is all of it."""
    kinds = plan_view.kinds(only)
    if kinds is None:
        return None
    held = provisioning.held_kinds(application)
    found = [pk for pk, kind in held.items() if kind in kinds]
    return None if len(found) == len(held) else found


def _asked(request: ConsoleRequest) -> _Asked:
    application = request.GET.get("application", "")
    if application not in applications.application_names():
        application = ""
    only, start = request.GET.get("only", ""), request.GET.get("from", "")
    return _Asked(
        application,
        only if only in plan_view.FILTERS else "",
        int(start) if application and start.isdecimal() and len(start) < _DIGITS else 0,
    )


def _worked_out(asked: _Asked) -> dict[str, Any]:
    application, only = asked.application, asked.only
    try:
        found = services.preview()
    except ExpressionError as error:
        return {"failure": f"An expression in the configuration no longer compiles: {error}"}
    lines = plan_view.of_application(found, application)
    most = _LINES_OF_ONE if application else _LINES
    groups = plan_view.groups(
        found, application=application, only=only, most=most, start=asked.start
    )
    rows = applications.applications()
    every = {row.application.slug: row.application for row in rows}
    keys = [line.person_id for group in groups for line in group.lines if line.person_id]
    problems = plan_view.problems(found, application)
    keys += [one.person_id for one in problems if one.person_id]
    paused = pausing.paused(application or None)
    somebody, nobodys = plan_view.whom(lines)
    releasable, to_read = plan_view.releasable(lines), plan_view.to_read_first(found, lines)
    return {
        "plan": found,
        "lines": lines,
        "groups": groups,
        "chips": plan_view.chips(lines, only),
        "releasable": releasable,
        "to_read": to_read,
        "at_once": releasable - to_read,
        "under_way": plan_view.under_way(lines) - _kept(paused),
        "paused": paused,
        "by_hand": plan_view.by_hand(lines),
        "held": sum(group.held for group in plan_view.groups(found, application=application)),
        "people": somebody,
        "nobodys": nobodys,
        "group_count": len({line.application for line in lines}),
        "contacts": _contacts(found, application),
        "disputed": [
            row for row in rows if row.disputed and application in ("", row.application.slug)
        ],
        "problems": problems,
        "declined": [x for x in found.declined if application in ("", x.application)],
        "unread": [x for x in found.unread if not application or x.application == application],
        "colours": every,
        "uids": people.uids(keys),
        "at": timezone.now(),
        "nobody": not people.count_people(),
        "changed": people.count_lagging() if not lines and not application else 0,
    }


def _contacts(plan: Plan, application: str) -> list[tuple[FirstContact, bool]]:
    """First contacts, and whether there is nothing of them to be held and approved: then the
    application itself is."""
    concerned = {line.application for line in plan.lines}
    return [
        (one, one.read and not one.reporting and one.application not in concerned)
        for one in plan.first_contact
        if application in ("", one.application)
    ]


def _kept(paused: Iterable[pausing.Paused]) -> int:
    return sum(one.count for one in paused)
