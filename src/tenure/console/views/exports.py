"""Lists taken away as CSV, as they are filtered on their pages: accounts of an application, the
plan, runs, licences. People and the audit trail are beside their lists. Where a file names people,
who took it away is recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_safe

from tenure.applications import licensing, selectors
from tenure.applications.models import Account
from tenure.audit.models import Action
from tenure.audit.services import record
from tenure.console import look, plan_view
from tenure.console.page import ConsoleRequest, missing, signed_in
from tenure.core.expressions import ExpressionError
from tenure.core.holdings import held
from tenure.core.model import Situation
from tenure.infra.csv_export import download
from tenure.people.models import Person
from tenure.provisioning import services
from tenure.provisioning.records.plan import PlanLine
from tenure.runs import selectors as runs
from tenure.runs.models import Run, RunKind

_BATCH: Final = 2000
_ACCOUNTS: Final = (
    "User name", "Id there", "Owner", "Employee number", "Situation", "Open", "Holds", "Why",
    "Seen", "Closed",
)  # fmt: skip
_PLAN: Final = (
    "Application", "Person", "Employee number", "Work e-mail", "Account", "What", "Values", "Gets",
    "Loses", "Why", "State", "Held because",
)  # fmt: skip
_RUNS: Final = (
    "Number", "Kind", "About", "State", "Done", "Of", "Started", "Ended", "By", "Why", "Message",
)  # fmt: skip
_LICENCES: Final = (
    "Application", "What", "Open seats", "Seats bought", "Price of a seat", "Currency", "A month",
    f"Given back in {licensing.DAYS} days", "Saves a month", "Nobody's",
)  # fmt: skip


@require_safe
@signed_in()
def accounts(request: ConsoleRequest, slug: str) -> HttpResponseBase:
    """Whose the accounts of an application are."""
    found = selectors.application(slug)
    if found is None:
        return missing(request, "application", section="applications", back="console:applications")
    situation = request.GET.get("situation", "")
    situation = situation if situation in look.SITUATIONS else ""
    search = request.GET.get("q", "").strip()[:200]
    _taken(f"Accounts in {found.name}", {"situation": situation, "q": search}, application=slug)
    rows = selectors.accounts_in(found, situation=situation, search=search)
    every = rows.order_by("user_name", "id").iterator(chunk_size=_BATCH)
    return _file(f"accounts-{slug}", _ACCOUNTS, (_account(row) for row in every))


@require_safe
@signed_in()
def plan(request: ConsoleRequest) -> HttpResponseBase:
    """What would be done, every line of it."""
    application, only = request.GET.get("application", ""), request.GET.get("only", "")
    try:
        found = services.preview(application=application or None)
    except (ExpressionError, LookupError) as error:
        messages.error(request, f"The plan cannot be worked out. {error}")
        return redirect("console:plan")
    lines = plan_view.filtered(plan_view.of_application(found, application), only)
    _taken("Plan", {"application": application, "only": only}, application=application)
    return _file("plan", _PLAN, (_planned(line) for line in lines))


@require_safe
@signed_in()
def all_runs(request: ConsoleRequest) -> HttpResponseBase:
    """The runs, the latest first."""
    kind = request.GET.get("kind", "")
    rows = runs.of_kind(kind if kind in RunKind.values else "")
    every = rows.order_by("-id").iterator(chunk_size=_BATCH)
    return _file("runs", _RUNS, (_run(row) for row in every))


@require_safe
@signed_in()
def licences(request: ConsoleRequest) -> HttpResponseBase:
    """What seats cost, application by application and licence by licence."""
    return _file("licences", _LICENCES, _licences(licensing.licences()))


def _file(name: str, head: Iterable[str], rows: Iterable[list[Any]]) -> HttpResponseBase:
    return download(f"{name}-{timezone.localdate().isoformat()}.csv", list(head), rows)


def _taken(label: str, wanted: Mapping[str, str], *, application: str) -> None:
    record(
        Action.PEOPLE_EXPORTED,
        subject_kind="export",
        subject_key=label.lower()[:100],
        subject_label=label,
        application=application,
        after={"filter": {name: value for name, value in wanted.items() if value}},
    )


def _account(row: Account) -> list[Any]:
    owner: Person | None = row.person
    return [
        row.user_name,
        row.remote_id,
        owner.display_name if owner else "",
        owner.employee_number if owner else "",
        look.SITUATIONS[row.situation].word,
        row.active,
        held(row.entitlements) if row.situation == Situation.DELETED.value else row.entitlements,
        row.situation_reason,
        row.observed_at,
        row.disabled_at,
    ]


def _planned(line: PlanLine) -> list[Any]:
    values = [
        f"{name}: {_shown(change.before)} -> {_shown(change.after)}"
        for name, change in line.attributes.items()
    ]
    return [
        line.application_name,
        line.person_name,
        line.person,
        line.person_email,
        line.account,
        look.KINDS[line.kind.value][2],
        "; ".join(values),
        list(line.grant),
        list(line.revoke),
        line.reason,
        look.OPERATION[line.state.value].word,
        line.hold_reason,
    ]


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def _run(row: Run) -> list[Any]:
    return [
        row.pk,
        row.get_kind_display(),
        row.subject,
        row.get_state_display(),
        row.done,
        row.total,
        row.started_at,
        row.finished_at,
        row.actor,
        row.reason,
        row.message,
    ]


def _licences(rows: Iterable[licensing.Licence]) -> Iterator[list[Any]]:
    for row in rows:
        app = row.application
        month = row.cost.get(app.seat_currency)
        yield [
            app.name, "", row.seats, "", app.seat_price, app.seat_currency, month, row.reclaimed,
            row.saved, row.orphans,
        ]  # fmt: skip
        for item in row.entitlements:
            what = item.entitlement
            price = None if what.price is None else what.price * item.members
            yield [
                app.name, what.key, item.members, what.seats, what.price, what.currency, price,
                "", "", "",
            ]  # fmt: skip
