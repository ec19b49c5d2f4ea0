"""The plan: what would be done and why, applying it, and deciding about what is held.

Working out a plan takes time with the number of people whose plan is out of date. A few are done
at once; for many the page comes first and asks for the lines by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
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


@require_safe
@signed_in()
def plan(request: ConsoleRequest) -> HttpResponse:
    """The plan, now or in a moment."""
    application, only = _asked(request)
    lagging = provisioning.people_to_plan(application or None)
    context: dict[str, Any] = {
        "application": application,
        "only": only,
        "lagging": lagging,
        "automatic": request.company.plan_mode == PlanMode.AUTOMATIC,
        "later": lagging > AT_ONCE and "now" not in request.GET,
        "query": _query(application, only),
    }
    if not context["later"]:
        context |= _worked_out(application, only)
    return render(request, "console/plan.html", context, section="plan")


@require_safe
@signed_in(by_itself=True)
def lines(request: ConsoleRequest) -> HttpResponse:
    """The worked out plan, for the page that came first."""
    application, only = _asked(request)
    context = {
        "application": application,
        "only": only,
        "query": _query(application, only),
        **_worked_out(application, only),
    }
    return fragment(request, "console/parts/plan.html", context)


@require_safe
@signed_in(by_itself=True)
def under_way(request: ConsoleRequest) -> HttpResponse:
    """How much of what was let go is on the way still. When all of it is settled the plan is worked
    out anew; but not under the hands of somebody who is about to decide."""
    application, only = _asked(request)
    waiting = provisioning.let_go(application or None)
    context = {
        "under_way": waiting.under_way - _kept(pausing.paused(application or None)),
        "again": not waiting.held,
        "query": _query(application, only),
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


def _asked(request: ConsoleRequest) -> tuple[str, str]:
    application = request.GET.get("application", "")
    if application not in applications.application_names():
        application = ""
    only = request.GET.get("only", "")
    return application, only if only in plan_view.FILTERS else ""


def _query(application: str, only: str) -> str:
    return urlencode({k: v for k, v in (("application", application), ("only", only)) if v})


def _worked_out(application: str, only: str) -> dict[str, Any]:
    try:
        found = services.preview()
    except ExpressionError as error:
        return {"failure": f"An expression in the configuration no longer compiles: {error}"}
    lines = plan_view.of_application(found, application)
    groups = plan_view.groups(
        found, application=application, only=only, most=_LINES_OF_ONE if application else _LINES
    )
    rows = applications.applications()
    every = {row.application.slug: row.application for row in rows}
    keys = [line.person_id for group in groups for line in group.lines if line.person_id]
    problems = plan_view.problems(found, application)
    keys += [one.person_id for one in problems if one.person_id]
    paused = pausing.paused(application or None)
    somebody, nobodys = plan_view.whom(lines)
    return {
        "plan": found,
        "lines": lines,
        "groups": groups,
        "chips": plan_view.chips(lines, only),
        "releasable": plan_view.releasable(lines),
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
