"""The first steps: a guide from nothing to the first accounts. What is done is told by what is
there, so it can be left and come back to; each step is a form or a link; none needs a script."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import available_timezones

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from tenure.applications import selectors as applications
from tenure.applications.models import Application
from tenure.catalogue.index import listed
from tenure.configuration import editing
from tenure.configuration.document import Application as Written
from tenure.configuration.document import Company
from tenure.configuration.problems import ConfigurationError
from tenure.console import plan_view
from tenure.console.page import ConsoleRequest, render, signed_in
from tenure.console.reading import reading
from tenure.console.source_kinds import about, offered, title
from tenure.core.expressions import ExpressionError
from tenure.core.model import ApplicationMode
from tenure.core.names import candidates
from tenure.people import selectors as people
from tenure.provisioning import services
from tenure.provisioning.questions import selectors as provisioning
from tenure.provisioning.questions.selectors import AT_ONCE
from tenure.rules import selectors as rules
from tenure.runs import selectors as runs
from tenure.runs.models import Run, RunKind, RunState
from tenure.setup import looking, sample, source_drafts, steps
from tenure.signin.permissions import Ability
from tenure.sources import selectors as sources

FORMATS = ("{first}.{last}", "{f}{last}", "{first}", "{last}.{first}")
_SOMEBODY = {"given_name": "Anna", "middle_name": "Maria", "family_name": "Kovács"}
#: What most companies begin with, as far as the catalogue has it.
_POPULAR = ("google-workspace", "microsoft-365", "slack", "github-organization", "gitlab", "scim")
_LINES = 6


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.CONFIGURE)
def start(request: ConsoleRequest) -> HttpResponse:
    """Where the guide stands, or the step that was chosen."""
    if not request.session.get("guide"):
        request.session["guide"] = True
    progress = steps.progress()
    first = progress.next
    wanted = request.GET.get("step", "")
    keys = [key for key, _ in steps.NAMES]
    at = wanted if wanted in keys else first.key if first else steps.LOOK
    context: dict[str, Any] = {"progress": progress, "at": at}
    status = 200
    if at == steps.COMPANY:
        answer = _company(request)
        if isinstance(answer, HttpResponse):
            return answer
        context |= answer
        status = 422 if answer["errors"] else 200
    elif at == steps.PEOPLE:
        context |= _people()
    elif at == steps.APPLICATION:
        context |= _application()
    elif at == steps.RULE:
        context |= {"rules": rules.rules(), "applications": list(Application.objects.all())}
    else:
        context |= _look(request)
    return render(request, "console/start.html", context, section="start", status=status)


@require_POST
@signed_in(needs=Ability.APPLY)
def go(request: ConsoleRequest) -> HttpResponse:
    """Switch the chosen applications from looking to writing, and carry the plan out."""
    chosen = [slug for slug in request.POST.getlist("live") if editing.plain("applications", slug)]
    try:
        with transaction.atomic():
            for slug in chosen:
                _go_live(slug)
    except (ConfigurationError, editing.Overtaken) as error:
        messages.error(request, f"Nothing was sent: {error}")
        return redirect(_step(steps.LOOK))
    try:
        done = services.store(reason="first steps")
    except ExpressionError as error:
        messages.error(request, str(error))
        return redirect(_step(steps.LOOK))
    steps.finish()
    request.session.pop("guide", None)
    if done.held:
        messages.warning(request, "A guard holds some of it: look at them, and decide.")
        return redirect("console:plan")
    messages.success(request, "It is under way.")
    return redirect("console:run", done.run.pk) if done.released else redirect("console:overview")


@require_POST
@signed_in(needs=Ability.CONFIGURE)
def leave(request: ConsoleRequest) -> HttpResponse:
    """The guide is not wanted any more."""
    steps.finish()
    request.session.pop("guide", None)
    messages.info(request, "The guide is closed. Everything in it has its own page.")
    return redirect("console:overview")


@require_POST
@signed_in(needs=Ability.CONFIGURE)
def make_sample(request: ConsoleRequest) -> HttpResponse:
    """A company to try everything with."""
    try:
        sample.make()
    except (sample.SampleRefused, ConfigurationError) as error:
        messages.error(request, str(error))
        return redirect("console:start")
    messages.success(request, "The sample company is here: sixty people, three applications.")
    return redirect(_step(steps.LOOK))


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.CONFIGURE)
def remove_sample(request: ConsoleRequest) -> HttpResponse:
    """All of the sample company goes, and nothing else."""
    kept = steps.row()
    if not kept.sample:
        return redirect("console:start")
    if request.method == "POST":
        try:
            gone = sample.remove()
        except (sample.SampleRefused, ConfigurationError) as error:
            messages.error(request, str(error))
            return redirect("console:sample_remove")
        messages.success(request, f"The sample company is gone, with its {gone} people.")
        return redirect("console:start")
    context = {"sample": kept.sample}
    return render(request, "console/sample_remove.html", context, section="start")


def _company(request: ConsoleRequest) -> HttpResponse | dict[str, Any]:
    stored = editing.plain("company") or {}
    name = stored.get("name", "")
    values = {
        "name": "" if name == "My company" else name,
        "domain": stored.get("domain", ""),
        "time_zone": stored.get("time_zone", "UTC"),
        "format": next(iter(stored.get("email_formats") or []), FORMATS[0]),
    }
    errors: dict[str, str] = {}
    seen = editing.version(stored)
    if request.method == "POST":
        values |= {key: request.POST.get(key, "").strip()[:300] for key in values}
        values["domain"] = values["domain"].removeprefix("@").lower()
        errors = _save_company(stored, values, request.POST.get("seen", ""))
        if not errors:
            steps.company_is_told()
            return redirect("console:start")
    return {
        "values": values,
        "errors": errors,
        "seen": seen,
        "zones": sorted(zone for zone in available_timezones() if "/" in zone or zone == "UTC"),
        "formats": [
            (form, example_of(form, values["domain"] or "company.example")) for form in FORMATS
        ],
    }


def _save_company(stored: dict[str, Any], values: dict[str, str], seen: str) -> dict[str, str]:
    errors = {}
    if not values["name"]:
        errors["name"] = "What is your company called?"
    if not values["domain"]:
        errors["domain"] = "Which domain have its e-mail addresses? Such as acme.example."
    if errors:
        return errors
    form = values["format"] or FORMATS[0]
    rest = [other for other in stored.get("email_formats") or [] if other != form]
    formats = [form, *rest] if rest else [form, form + "{n}"]
    given = {
        **stored,
        "name": values["name"],
        "domain": values["domain"],
        "time_zone": values["time_zone"],
        "email_formats": formats,
    }
    try:
        editing.edit("company", "", Company.model_validate(given), seen=seen)
    except ConfigurationError as error:
        for problem in error.problems:
            errors[problem.path.removeprefix("company.").split("[")[0]] = problem.message
    except editing.Overtaken:
        errors["name"] = "Somebody else changed the company meanwhile. Look again."
    return errors


def _people() -> dict[str, Any]:
    total = people.count_people()
    others = [kind for kind in offered() if not looking.takes_file(kind)]
    return {
        "total": total,
        "states": people.people_by_state() if total else {},
        "others": [(kind, title(kind), about(kind)) for kind in others],
        "drafts": source_drafts.drafts(),
        "reading": next((one for one in map(reading, sources.source_names()) if one["busy"]), None),
        "not_taken": _not_taken(),
        "upload_to": reverse("console:source_begin", args=["csv"]),
    }


def _not_taken() -> Run | None:
    """The last import, if rows of it were not taken."""
    last = runs.last_by_subject(RunKind.IMPORT).values()
    latest = max(last, key=lambda run: run.pk, default=None)
    return latest if latest is not None and latest.counters.get("errors") else None


def _application() -> dict[str, Any]:
    every = {row.slug: row for row in listed()}
    return {
        "applications": [row.application for row in applications.applications()],
        "popular": [every[slug] for slug in _POPULAR if slug in every],
        "count": len(every),
    }


def _look(request: ConsoleRequest) -> dict[str, Any]:
    rows = list(Application.objects.all())
    given = {slug for rule in rules.rules() if rule.enabled for slug in rule.gives}
    context: dict[str, Any] = {
        "applications": rows,
        "report": [row for row in rows if row.mode == ApplicationMode.REPORT.value],
        "given": given,
        "anybody": people.count_people(),
    }
    if not rows or not context["anybody"]:
        return context
    context["unread"] = _unread(rows)
    if context["unread"]:
        return context
    # The whole page is asked for once more, of which only this part is taken.
    patient = "now" in request.GET or request.headers.get("HX-Request")
    context["lagging"] = provisioning.people_to_plan()
    context["later"] = context["lagging"] > AT_ONCE and not patient
    if context["later"]:
        return context
    try:
        plan = services.preview()
    except ExpressionError as error:
        return {**context, "failure": str(error)}
    by_slug = {row.slug: row for row in rows}
    groups = plan_view.groups(plan, most=_LINES)
    return {
        **context,
        "plan": plan,
        "groups": groups,
        "colours": by_slug,
        "uids": people.uids(x.person_id for g in groups for x in g.lines if x.person_id),
        "count": len(plan.lines),
        "people_count": len({line.person for line in plan.lines}),
        "cost": {k: c.after - c.before for k, c in plan.cost.items() if c.after > Decimal(0)},
        "problems": plan_view.problems(plan, ""),
    }


def _unread(rows: list[Application]) -> list[tuple[Application, str]]:
    """Applications of which nobody knows yet who is in them, and what went wrong. They are read:
    a plan that does not know an account would make it once more."""
    found = []
    last = runs.last_by_subject(RunKind.RECONCILE)
    for row in rows:
        if row.reconciled_at is not None or row.connector == "manual":
            continue
        run = last.get(row.slug)
        failed = run is not None and run.state == RunState.FAILED.value
        why = row.stopped_reason or (run.message if run and failed else "")
        if not why:
            services.queue_reconcile(row.slug)
        found.append((row, why))
    return found


def _go_live(slug: str) -> None:
    plain = editing.plain("applications", slug)
    if plain is None or plain["mode"] == "live":
        return
    # As the document has it: entitlements are a list there.
    given = {
        **plain,
        "mode": "live",
        "entitlements": [{"key": key, **item} for key, item in plain["entitlements"].items()],
    }
    seen = editing.version(plain)
    editing.edit("applications", slug, Written.model_validate(given), seen=seen)


def example_of(form: str, domain: str, attributes: Mapping[str, str] = _SOMEBODY) -> str:
    """The address that a format makes of somebody; "" where it makes none."""
    try:
        local = next(candidates([form], attributes), "")
    except ValueError:
        return ""
    return f"{local}@{domain}" if local and domain else local


def _step(key: str) -> str:
    return f"{reverse('console:start')}?step={key}"
