"""Applications: all of them, and one with its accounts, entitlements, mapping and settings. What
is secret is never read here; references to secrets are named by where they point."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from tenure.applications import selectors
from tenure.applications.credentials import standing
from tenure.applications.models import Application, Health
from tenure.console import look
from tenure.console.page import ConsoleRequest, missing, render, signed_in
from tenure.console.views.authorising import redirect_uri
from tenure.console.waiting import plural
from tenure.core.guard import Counted, guard_from, span
from tenure.core.model import ApplicationMode, RemovalAction, Situation
from tenure.people import selectors as people
from tenure.provisioning import selectors as provisioning
from tenure.provisioning import services
from tenure.rules import selectors as rule_selectors
from tenure.runs import selectors as runs
from tenure.runs.models import RunKind
from tenure.signin.permissions import Ability

_SECRET_NAME = re.compile(r"secret|token|password|passphrase|credential|api_?key|private", re.I)
_REFERENCE = re.compile(r"\$\{(env|file|box):([^}]*)\}")
_WHERE = {"env": "environment variable", "file": "file", "box": "the secrets box, as"}
_REMOVAL = {
    RemovalAction.DISABLE.value: "disabled",
    RemovalAction.DELETE.value: "deleted",
    RemovalAction.KEEP.value: "kept as it is",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of how an application is set up."""

    label: str
    value: str
    code: bool = False


@require_safe
@signed_in()
def applications(request: ConsoleRequest) -> HttpResponse:
    """All applications."""
    rows = selectors.applications()
    context = {"rows": rows, "cost": selectors.total_cost(rows)}
    return render(request, "console/applications.html", context, section="applications")


@require_safe
@signed_in()
def application(request: ConsoleRequest, slug: str) -> HttpResponse:
    """One application."""
    found = selectors.application(slug)
    if found is None:
        return _missing(request)
    situation = request.GET.get("situation", "")
    if situation not in look.SITUATIONS:
        situation = ""
    search = request.GET.get("q", "").strip()[:200]
    counts = selectors.situations(found)
    page = selectors.accounts_page(
        found, situation=situation, search=search, cursor=request.GET.get("at", ""), size=25
    )
    candidates = people.people_by_key(uid for a in page.rows for uid in a.candidates)
    failed = [item for item in provisioning.failed() if item.application == slug]
    context = {
        "application": found,
        "row": selectors.application_row(found),
        "stopped": found.health == Health.STOPPED,
        "report": found.mode == ApplicationMode.REPORT.value,
        "waiting": provisioning.waiting_for([found.pk]).get(found.pk, 0),
        "failed": failed[0] if failed else None,
        "held": next((i for i in provisioning.held() if i.application == slug), None),
        "situation": situation,
        "situations": [(s.value, look.SITUATIONS[s.value].word, n) for s, n in counts.items() if n],
        "total": sum(counts.values()) - counts[Situation.DELETED],
        "search": search,
        "page": page,
        "accounts": [
            (account, [candidates[u] for u in account.candidates if u in candidates])
            for account in page.rows
        ],
        "entitlements": selectors.entitlements(found),
        "rules": rule_selectors.rules_for(slug),
        "connection": _connection(found),
        "authorisation": standing(found),
        "redirect_uri": redirect_uri(),
        "policy": _policy(found),
        "last": runs.last_by_subject(RunKind.RECONCILE).get(slug),
        "tested": found.checks.exclude(finished_at=None).first(),
    }
    return render(request, "console/application.html", context, section="applications")


@require_POST
@signed_in(needs=Ability.RECONCILE)
def reconcile(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Read the application's accounts soon."""
    found = selectors.application(slug)
    if found is None:
        return _missing(request)
    services.queue_reconcile(slug)
    messages.success(request, f"{found.name} is read as soon as a worker is free.")
    return redirect("console:application", slug)


@require_POST
@signed_in(needs=Ability.RETRY)
def resume(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Try a stopped application again at once."""
    found = selectors.application(slug)
    if found is None:
        return _missing(request)
    services.resume_application(slug)
    messages.success(request, f"{found.name} is tried again now.")
    return redirect("console:application", slug)


@require_POST
@signed_in(needs=Ability.STOP)
def writes(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Stop writes to one application, or resume them."""
    found = selectors.application(slug)
    if found is None:
        return _missing(request)
    reason = request.POST.get("reason", "").strip()[:1000]
    stop = request.POST.get("do") == "stop"
    if not reason:
        messages.error(request, "Nothing was changed: say why. The reason is kept.")
    elif stop and services.stop_writes(application=slug, reason=reason):
        messages.warning(request, f"Nothing is sent to {found.name} until somebody resumes it.")
    elif not stop and services.resume_writes(application=slug, reason=reason):
        messages.success(request, f"Writes to {found.name} go on. What waited is sent now.")
    else:
        messages.info(request, "Somebody else was quicker: nothing was changed.")
    return redirect("console:application", slug)


@require_POST
@signed_in(needs=Ability.RETRY)
def retry(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Send failed operations again."""
    found = selectors.application(slug)
    if found is None:
        return _missing(request)
    count = services.retry_failed(slug)
    messages.success(request, f"Operations of {plural(count, 'person', 'people')} are sent again.")
    return redirect("console:runs")


def _missing(request: ConsoleRequest) -> HttpResponse:
    return missing(request, "application", section="applications", back="console:applications")


def _connection(row: Application) -> list[Setting]:
    found = [Setting("Connector", row.connector, code=True)]
    if row.catalogue_entry:
        found.append(Setting("Catalogue", row.catalogue_entry))
    found += [Setting(_label(key), _public(key, value)) for key, value in row.settings.items()]
    found += [Setting(_label(key), _reference(text)) for key, text in row.secrets.items()]
    limits = [f"{_label(k)} {v}" for k, v in row.limits.items() if v is not None]
    if limits:
        found.append(Setting("Pace", ", ".join(limits)))
    return found


def _policy(row: Application) -> list[Setting]:
    guard = guard_from(row.guard)
    gone = _REMOVAL[row.removal]
    if row.removal == RemovalAction.DISABLE.value and row.delete_after is not None:
        gone += f", deleted after {look.duration(row.delete_after)}"
    found = [
        Setting("When access ends", gone),
        Setting("While on leave", _REMOVAL[row.leave]),
        *(
            Setting(f"Guard: {what}", f"{limit} in {span(limit.window)}")
            for what in Counted
            if not (limit := guard.of(what)).unlimited
        ),
        Setting(
            "Guard: failures",
            f"at most {float(guard.failures.percent):g} % of {guard.failures.least} or more in "
            f"{span(guard.failures.window)}",
        ),
    ]
    if row.lead:
        found.insert(0, Setting("Made", f"{look.duration(row.lead)} before the first day"))
    if row.seat_price is not None:
        price = f"{look.money(row.seat_price, row.seat_currency)} a month"
        found.append(Setting("A seat", price))
    return found


def _label(key: str) -> str:
    text = key.replace("_", " ").replace("-", " ").strip()
    return text[:1].upper() + text[1:]


def _public(key: str, value: Any) -> str:
    """A setting without anything secret: a name that sounds like one, a login in an address."""
    if _SECRET_NAME.search(key):
        return _reference(value) if isinstance(value, str) else "set"
    if isinstance(value, dict):
        return ", ".join(f"{_label(k)}: {_public(k, v)}" for k, v in value.items()) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_public(key, item) for item in value) or "none"
    text = str(value)
    return _without_login(text) if "@" in text and "://" in text else text


def _without_login(address: str) -> str:
    try:
        parts = urlsplit(address)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    except ValueError:
        return "set"


def _reference(text: str) -> str:
    found = _REFERENCE.fullmatch(text.strip())
    return f"from {_WHERE[found[1]]} {found[2]}" if found else "set"
