"""One application, in tabs: how it stands, who has access and why, its accounts, what they hold and
what it costs, what ran, and how it is set up. To read; changing it is in `application_edit`."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from tenure.applications import pacing, selectors
from tenure.applications.authorizing import party
from tenure.applications.models import Account, Application, ConnectionCheck, Health
from tenure.configuration import editing
from tenure.console import (
    application_facts,
    application_form,
    authorisation,
    charts,
    conflicts,
    connection_form,
    look,
    removal,
    request_form,
)
from tenure.console.page import ConsoleRequest, fragment, missing, render, signed_in
from tenure.core.model import ApplicationMode, OperationKind, Situation
from tenure.infra.clock import now
from tenure.people import selectors as people
from tenure.people.models import Person
from tenure.people.services import find_person
from tenure.provisioning.decisions import byhand
from tenure.provisioning.planning import plans
from tenure.provisioning.planning.drafting import Scope
from tenure.provisioning.questions import mapping_preview
from tenure.provisioning.questions import selectors as provisioning
from tenure.provisioning.reconciliation import connection as checking
from tenure.provisioning.reconciliation import first_contact, regularly
from tenure.provisioning.records import veiling
from tenure.rules import exceptions
from tenure.rules import selectors as rule_selectors
from tenure.runs import selectors as runs
from tenure.runs.models import RunKind

#: For so many people a plan is worked out while one waits.
_AT_ONCE = 1500
#: Empty lines at the end of the mapping's form.
_SPARE = 2


@require_safe
@signed_in()
def overview(request: ConsoleRequest, slug: str) -> HttpResponse:
    """How it stands, and what it is told to do."""
    found = selectors.application(slug)
    if found is None:
        return not_there(request)
    # Addresses of before the tabs lead to where that is now.
    if request.GET.get("situation") or request.GET.get("q"):
        address = reverse("console:application_accounts", args=[slug])
        return redirect(f"{address}?{request.GET.urlencode()}")
    counts = selectors.situations(found)
    context = {
        "row": selectors.application_row(found),
        "situations": charts.split(_situations(slug, counts)),
        "unclear": counts[Situation.UNMATCHED] + counts[Situation.DISPUTED],
        "aspects": application_facts.aspects(found, _tested(found)),
        "policy": application_facts.policy(found),
        "rules": rule_selectors.rules_for(slug),
        "last_runs": runs.runs_page(subject=slug, size=5).rows,
        "first": takeover(found, counts),
        "authorisation": authorisation.shown(party(found)),
    }
    return show(request, found, "overview", context)


@require_safe
@signed_in(by_itself=True)
def new(request: ConsoleRequest, slug: str) -> HttpResponse:
    """How many accounts would be made there: worked out apart, for it takes a moment."""
    found = selectors.application(slug)
    if found is None:
        return HttpResponse(status=286)  # htmx: stop asking
    count = None
    if people.count_people() <= _AT_ONCE:
        plan = plans.preview(Scope(application=slug))
        count = plan.summary.get(OperationKind.CREATE.value, 0)
    context = {"application": found, "new": count}
    return fragment(request, "console/application/new.html", context)


@require_safe
@signed_in()
def provisioning_tab(request: ConsoleRequest, slug: str) -> HttpResponse:
    """From first look to live; what an account is made of; and what becomes of it."""
    found = selectors.application(slug)
    if found is None:
        return not_there(request)
    return show(request, found, "provisioning", provisioning_context(request, found))


def provisioning_context(request: ConsoleRequest, found: Application) -> dict[str, Any]:
    """What the tab shows when nothing was typed."""
    plain = editing.plain("applications", found.slug) or {}
    expressions = {item["attribute"]: item["expression"] for item in found.mapping}
    whens = {item["attribute"]: item.get("when", "always") for item in found.mapping}
    person, problem = chosen_person(request.GET.get("person", ""), found)
    lines = mapping_preview.lines(found, expressions, person)
    forms = [application_form.POLICY, application_form.LIMITS, application_form.MATCHING]
    if found.connector != regularly.BY_HAND:
        forms.insert(1, application_form.RECONCILE)
    return {
        "base": conflicts.write(plain),
        "forms": [(form, application_form.shown(form, plain)) for form in forms],
        "lines": [(line, whens[line.attribute]) for line in lines],
        "spare": range(_SPARE),
        "person": person,
        "person_problem": problem,
        "first": takeover(found, selectors.situations(found)),
        "policy": application_facts.policy(found),
    }


@require_safe
@signed_in()
def access(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Which rules and which exceptions give it, and to how many."""
    found = selectors.application(slug)
    if found is None:
        return not_there(request)
    context = {
        "row": selectors.application_row(found),
        "rules": rule_selectors.rules_for(slug),
        "exceptions": exceptions.in_application(slug),
    }
    return show(request, found, "access", context)


@require_safe
@signed_in()
def accounts(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Its accounts: whose each is, and what is not clear."""
    found = selectors.application(slug)
    if found is None:
        return not_there(request)
    situation = request.GET.get("situation", "")
    if situation not in look.SITUATIONS:
        situation = ""
    search = request.GET.get("q", "").strip()[:200]
    counts = selectors.situations(found)
    page = selectors.accounts_page(
        found, situation=situation, search=search, cursor=request.GET.get("at", ""), size=50
    )
    candidates = people.people_by_key(uid for a in page.rows for uid in a.candidates)
    context = {
        "situation": situation,
        "situations": [(s.value, look.SITUATIONS[s.value].word, n) for s, n in counts.items() if n],
        "total": sum(counts.values()) - counts[Situation.DELETED],
        "search": search,
        "page": page,
        "names_veiled": "displayName" in veiling.veil([found]).of(found.slug),
        "accounts": [
            (account, [candidates[u] for u in account.candidates if u in candidates])
            for account in page.rows
        ],
    }
    return show(request, found, "accounts", context)


@require_safe
@signed_in()
def entitlements(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Groups and roles: who gives them, and how many hold them."""
    found = selectors.application(slug)
    if found is None:
        return not_there(request)
    giving: dict[str, list[Any]] = {}
    for rule in rule_selectors.rules_for(slug):
        for key in rule.gives.get(slug, ()):
            giving.setdefault(key, []).append(rule)
    context = {
        "entitlements": selectors.entitlements(found),
        "giving": giving,
    }
    return show(request, found, "entitlements", context)


@require_safe
@signed_in()
def licences(request: ConsoleRequest, slug: str) -> HttpResponse:
    """What its seats and licences cost, how many are left, and whose money is wasted."""
    found = selectors.application(slug)
    if found is None:
        return not_there(request)
    priced = [
        item
        for item in selectors.entitlements(found)
        if item.entitlement.kind == "licence" or item.entitlement.price is not None
    ]
    context = {
        "row": selectors.application_row(found),
        "licences": [(item, _left(item)) for item in priced],
        "idle": selectors.paid_for_nobody(found),
    }
    return show(request, found, "licences", context)


@require_safe
@signed_in()
def runs_tab(request: ConsoleRequest, slug: str) -> HttpResponse:
    """What ran here: reads, and plans that were carried out."""
    found = selectors.application(slug)
    if found is None:
        return not_there(request)
    page = runs.runs_page(subject=slug, cursor=request.GET.get("at", ""), size=25)
    executed = provisioning.executions(found, limit=25)
    return show(request, found, "runs", {"page": page, "executed": executed})


@require_safe
@signed_in()
def settings(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Its connection, its name and price, the emergency stop, and removing it."""
    found = selectors.application(slug)
    if found is None:
        return not_there(request)
    return show(request, found, "settings", settings_context(found))


def settings_context(found: Application) -> dict[str, Any]:
    """What the tab shows when nothing was typed."""
    plain = editing.plain("applications", found.slug) or {}
    tested = _tested(found)
    forms = request_form.IN_SETTINGS
    return {
        "base": conflicts.write(plain),
        "forms": [(form, application_form.shown(form, plain)) for form in forms],
        "connection": application_facts.connection(found),
        "reached": connection_form.shown(found, plain),
        "authorisation": authorisation.shown(party(found)),
        "tested": tested,
        "tested_well": tested is not None and checking.outcome(tested),
        "tested_trouble": _trouble(tested) if tested else "",
        "pace": [str(item) for item in pacing.told(found, now())],
        "version": editing.version(plain),
        "in_the_way": removal.in_the_way(found),
    }


def show(
    request: ConsoleRequest,
    found: Application,
    tab: str,
    context: dict[str, Any],
    *,
    status: int = 200,
) -> HttpResponse:
    """A tab, in the frame that all of them have."""
    failed = [item for item in provisioning.failed() if item.application == found.slug]
    frame = {
        "application": found,
        "tab": tab,
        "stopped": found.health == Health.STOPPED,
        "report": found.mode == ApplicationMode.REPORT.value,
        "waiting": provisioning.waiting_for([found.pk]).get(found.pk, 0),
        "failed": failed[0] if failed else None,
        "failing": byhand.failing(application=found.slug) if failed and failed[0].leavers else [],
        "held": next((i for i in provisioning.held() if i.application == found.slug), None),
        "by_hand": next((i for i in provisioning.by_hand() if i.application == found.slug), None),
        "last": runs.last_by_subject(RunKind.RECONCILE).get(found.slug),
        "next_read": regularly.next_readings().get(found.slug),
        "now": now(),
    }
    return render(
        request,
        f"console/application/{tab}.html",
        {**frame, **context},
        section="applications",
        status=status,
    )


def takeover(found: Application, counts: dict[Situation, int]) -> dict[str, int] | None:
    """The first look: what was there before us. None where there is nothing to take over."""
    waits = first_contact.held_back([found])
    if found.mode == ApplicationMode.LIVE.value and not waits and found.reconciled_at is not None:
        return None
    return {
        "read": found.reconciled_at is not None,
        **first_contact.whose(counts),
    }


def chosen_person(text: str, found: Application) -> tuple[Person | None, str]:
    """Who the mapping is shown for: who was asked for, or somebody who has an account here."""
    text = text.strip()[:200]
    if not text:
        return selectors.somebody_with(found), ""
    try:
        return people.person_by_uid(text) or find_person(text), ""
    except LookupError as error:
        return None, str(error)


def account_there(
    request: ConsoleRequest, slug: str, pk: int
) -> tuple[Application, Account] | HttpResponse:
    """An account and its application, or the page that says which of them is not there."""
    found = selectors.application(slug)
    if found is None:
        return not_there(request)
    account = selectors.account(found, pk)
    if account is None:
        return missing(request, "account", section="applications", back="console:applications")
    return found, account


def not_there(request: ConsoleRequest) -> HttpResponse:
    """There is no such application."""
    return missing(request, "application", section="applications", back="console:applications")


def _situations(slug: str, counts: dict[Situation, int]) -> list[tuple[str, int, str, str, bool]]:
    """Lines of a bar: what was removed is told beside it."""
    address = reverse("console:application_accounts", args=[slug])
    gone = Situation.DELETED
    marks = [(one, look.SITUATIONS[one.value], count) for one, count in counts.items() if count]
    return [
        (
            mark.word,
            count,
            "quiet" if one is gone or mark.meaning == "calm" else mark.meaning,
            f"{address}?situation={one.value}",
            one is not gone,
        )
        for one, mark, count in marks
    ]


def _tested(found: Application) -> ConnectionCheck | None:
    """The latest test of its connection that has ended."""
    return found.checks.exclude(finished_at=None).first()


def _trouble(check: ConnectionCheck) -> str:
    """The first step that fails, and what it says."""
    step = next((one for one in check.steps if one["outcome"] == "fails"), None)
    return f"{step['what']}: {step['detail']}" if step else check.message


def _left(item: selectors.EntitlementRow) -> int | None:
    seats = item.entitlement.seats
    return None if seats is None else seats - item.members
